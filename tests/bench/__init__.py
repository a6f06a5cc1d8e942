"""Benchmarks: what is claimed about speed is measured here, against the obvious way, in one run."""
