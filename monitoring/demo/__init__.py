"""The invented units, people and stories of the demonstration, as data without Django."""
