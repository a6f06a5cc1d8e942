"""The rules and the engine that judges them: pure functions of facts and a time."""
