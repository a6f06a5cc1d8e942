"""The ways a notification can leave the house; they do not know each other."""
