"""Management commands of the project shell."""
