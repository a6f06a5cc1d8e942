"""Schema history of the monitoring app."""
