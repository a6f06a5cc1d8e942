"""What is true of the patients: facts, how they arrive, and what the rules say of them."""
