"""The house style, where a machine can check it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import ROOT

PACKAGES = ("project", "monitoring", "alerts", "tests")
LONGEST_FILE = 400


def modules() -> Iterator[Path]:
    """Every module of ours but migrations."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


MODULES = [pytest.param(path, id=str(path.relative_to(ROOT))) for path in modules()]


@pytest.mark.parametrize("path", MODULES)
def test_a_module_opens_with_a_sentence(path: Path) -> None:
    if path.name == "__init__.py" and not path.stat().st_size:
        return
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert words, "it opens without a docstring"
    assert words.splitlines()[0].rstrip().endswith((".", "?", ",", ":", ";")), "its first line is no sentence"


@pytest.mark.parametrize("path", MODULES)
def test_nothing_is_imported_inside_a_function(path: Path) -> None:
    """But for AppConfig.ready(), before which models cannot be imported."""
    found = []
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if path.name == "apps.py" and function.name == "ready":
            continue
        found += [node.lineno for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not found, f"lines {found}"


@pytest.mark.parametrize("path", MODULES)
def test_a_file_is_short_enough_to_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", MODULES)
def test_no_module_is_named_for_nothing(path: Path) -> None:
    assert path.stem not in {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}
