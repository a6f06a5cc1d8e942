"""Listens for changed facts and asks for the patients to be judged."""
