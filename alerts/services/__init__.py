"""The services that change alerts, each in one transaction with its events."""
