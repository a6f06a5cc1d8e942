"""Tests of the API of alerts, one file per address."""
