"""The services that change facts, each in one transaction."""
