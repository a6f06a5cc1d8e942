"""README names every setting, and every make target it speaks of exists."""

from __future__ import annotations

import re
from pathlib import Path

from django.urls import resolve

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_variable_that_the_settings_read_is_in_the_table() -> None:
    read = set()
    for path in (ROOT / "project").rglob("*.py"):
        read |= set(re.findall(r'\benv\.\w+\(\s*"([A-Z_]+)"', path.read_text(encoding="utf-8")))
    assert len(read) > 20
    assert {name for name in read if f"`{name}`" not in README} == set()


def test_every_make_target_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)\b`?", README)) - {"s"} <= targets


def test_every_file_it_links_to_exists() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_every_address_it_names_is_served() -> None:
    for path in re.findall(r"(?:GET|POST) (/api/v1/[a-z-]+/?)", README):
        assert resolve(path)
