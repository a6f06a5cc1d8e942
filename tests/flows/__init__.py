"""The hard guarantees, with a real PostgreSQL, a real Redis and real workers."""
