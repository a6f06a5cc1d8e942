"""Schema history of the project shell."""
