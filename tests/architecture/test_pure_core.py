"""The pure core runs without the frameworks around it."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.services import ROOT

# What DESIGN calls pure; packages count with everything in them.
PURE = (
    "monitoring.errors",
    "monitoring.clinical",
    "monitoring.rules",
    "monitoring.ingest",
    "monitoring.simulation",
    "monitoring.demo",
    "monitoring.charts",
    "alerts.lifecycle",
    "alerts.reconcile",
    "alerts.policy",
)
BLOCKED = ("django", "rest_framework", "celery", "psycopg", "redis", "structlog")

IMPORT_WITHOUT_FRAMEWORKS = """
import importlib, sys

class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ImportError(f"the pure core imported {name}")

BLOCKED = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Wall())
for name in sys.argv[2:]:
    importlib.import_module(name)
"""


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def existing_pure_modules() -> list[str]:
    """Every pure module there is, those in packages included."""
    names = []
    for name in PURE:
        base = ROOT.joinpath(*name.split("."))
        if base.is_dir():
            names += [module_name(path) for path in sorted(base.rglob("*.py"))]
        elif base.with_suffix(".py").exists():
            names.append(name)
    return names


def test_the_pure_core_imports_with_the_frameworks_blocked() -> None:
    names = existing_pure_modules()
    assert len(names) > 10
    answer = subprocess.run(
        [sys.executable, "-c", IMPORT_WITHOUT_FRAMEWORKS, ",".join(BLOCKED), *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr


def test_the_wall_of_this_test_does_stop_a_framework() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", IMPORT_WITHOUT_FRAMEWORKS, ",".join(BLOCKED), "project.urls"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "the pure core imported" in answer.stderr


@pytest.mark.parametrize("name", [name for name in PURE if existing_pure_modules()])
def test_each_pure_module_is_under_contract(name: str) -> None:
    base = ROOT.joinpath(*name.split("."))
    if not base.is_dir() and not base.with_suffix(".py").exists():
        return
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    pure = next(contract for contract in contracts if contract["name"].startswith("The pure core"))
    assert name in pure["source_modules"]
