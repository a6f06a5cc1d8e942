"""Tests of the API of patients and facts, one file per address."""
