"""The entries of the catalogue, one module per family of rules."""
