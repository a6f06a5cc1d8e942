"""Tests of how the whole is built: what may know what, and the house style."""
