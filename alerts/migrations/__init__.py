"""Schema history of the alerts app."""
