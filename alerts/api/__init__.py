"""The HTTP API of alerts and their event feed."""
