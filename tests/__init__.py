"""Tests of CalciWatch; the folders mirror the packages they test."""
