"""Tests of the project shell."""
