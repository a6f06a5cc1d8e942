"""What we do about what the rules say: alerts, their life cycle, and who is told."""
