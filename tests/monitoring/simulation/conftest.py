"""Simulated cohorts that the tests of this folder share, one per scenario."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

import pandas as pd
import pytest

from monitoring.simulation import Cohort, scenario_named, simulate_cohort

END = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
PATIENTS, MONTHS, SEED = 5000, 24, 20261124


@cache
def _cohort(name: str) -> Cohort:
    return simulate_cohort(scenario_named(name), patients=PATIENTS, months=MONTHS, seed=SEED, end=END)


@cache
def _panels(name: str) -> pd.DataFrame:
    readings = _cohort(name).readings
    pre = readings[readings["timing"] == "pre"]
    wide = pre.pivot_table(index=["patient", "taken_at"], columns="analyte", values="value", observed=True)
    wide["cca"] = wide["calcium"] + 0.8 * (4 - wide["albumin"])
    wide["caxp"] = wide["cca"] * wide["phosphate"]
    return wide


@pytest.fixture(scope="session")
def cohort() -> Callable[[str], Cohort]:
    """The cohort of a scenario: 5,000 patients, 24 months."""
    return _cohort


@pytest.fixture(scope="session")
def panels() -> Callable[[str], pd.DataFrame]:
    """Its pre-dialysis results, one row a (patient, time) and one column an analyte, with cca and caxp."""
    return _panels
