"""Reads of the monitoring app: set-based, without side effects."""
