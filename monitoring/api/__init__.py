"""The HTTP API of facts and assessments."""
