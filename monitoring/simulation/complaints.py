"""Pain, stiff joints and, rarely, masses of a simulated cohort, as episodes with a beginning and an end."""

from __future__ import annotations

import numpy as np
import pandas as pd

from monitoring.clinical.findings import FindingKind
from monitoring.clinical.sites import Side, Site
from monitoring.simulation.draws import Bools, Ints, Streams
from monitoring.simulation.levels import Course
from monitoring.simulation.population import (
    DAYS_A_MONTH,
    DAYS_A_YEAR,
    days_to_dates,
    days_to_times,
    on_dialysis,
)
from monitoring.simulation.scenarios import Scenario

FINDING_COLUMNS = ("patient", "kind", "site", "side", "onset", "noted_at", "resolved_at", "size_mm")

# A complaint present this month is present next month with this probability: pain lasts about half a
# year, loss of motion longer (expert default, uncalibrated).
_PAIN_STAYS, _STIFFNESS_STAYS = 0.85, 0.95
_MASS_SITES = (Site.HIP, Site.SHOULDER, Site.ELBOW, Site.WRIST_HAND, Site.KNEE, Site.BUTTOCK)
_MASS_SITE_SHARES = (0.35, 0.25, 0.18, 0.10, 0.06, 0.06)  # expert default, uncalibrated
_MASS_WITH_LOSS_OF_MOTION = 0.75  # loss of motion in three quarters of published cases


def draw_findings(
    scenario: Scenario, people: pd.DataFrame, course: Course, days: Ints, *, end_day: int, streams: Streams
) -> pd.DataFrame:
    """Findings noted at the monthly visits `days` (patients, months), sorted by patient and time.

    Columns: patient, kind, site, side, onset (date), noted_at and resolved_at (UTC, NaT while present),
    size_mm (masses only). Masses begin within the window, at the scenario's incidence, more often with
    high phosphate; masses from before it are not simulated.
    """
    seen = on_dialysis(people, days, end_day)
    first_side = (Side.LEFT, Side.RIGHT)
    parts = []
    for site, share in (
        (Site.HIP, scenario.hip_pain.value),
        (Site.SHOULDER, scenario.shoulder_pain.value),
        (Site.NECK, scenario.neck_pain.value),
    ):
        rng = streams.named(f"pain {site}")
        present = _stay_or_go(rng, days.shape, share, _PAIN_STAYS) & seen
        sides = (Side.MIDLINE,) if site is Site.NECK else first_side
        parts.append(_episodes(FindingKind.PAIN, (site,), sides, present, days, end_day, rng))
    rng = streams.named("loss of motion")
    stiff = _stay_or_go(rng, days.shape, scenario.loss_of_motion.value, _STIFFNESS_STAYS) & seen
    parts.append(
        _episodes(FindingKind.LOSS_OF_MOTION, (Site.SHOULDER, Site.HIP), first_side, stiff, days, end_day, rng)
    )
    parts.extend(_masses(scenario, course, seen, days, streams.named("masses")))
    found = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return found.sort_values(["patient", "noted_at", "kind"], ignore_index=True, kind="stable")[list(FINDING_COLUMNS)]


def _stay_or_go(rng: np.random.Generator, shape: tuple[int, ...], share: float, stays: float) -> Bools:
    """Two-state chain by month with `share` of patients affected at any time."""
    begins = share * (1 - stays) / (1 - share)
    chance = rng.random(shape)
    present = np.empty(shape, dtype=bool)
    present[:, 0] = chance[:, 0] < share
    for month in range(1, shape[1]):
        present[:, month] = chance[:, month] < np.where(present[:, month - 1], stays, begins)
    return present


def _episodes(
    kind: FindingKind, sites: tuple[Site, ...], sides: tuple[Side, ...],
    present: Bools, days: Ints, end_day: int, rng: np.random.Generator,
) -> pd.DataFrame:  # fmt: skip
    """One row per run of months in `present`."""
    padded = np.pad(present, ((0, 0), (1, 1)))
    patient, first = np.nonzero(padded[:, 1:] & ~padded[:, :-1])
    _, past = np.nonzero(padded[:, :-1] & ~padded[:, 1:])  # row-major, so runs come in the same order
    months = present.shape[1]
    ended = past < months
    noted = days[patient, first] + 0.45
    resolved = np.where(ended, days[patient, np.minimum(past, months - 1)] + 0.45, np.nan)
    # The complaint began some time before it was noted; one that was there at the first visit, longer ago.
    before = rng.exponential(np.where(first == 0, 180.0, DAYS_A_MONTH / 2))
    return pd.DataFrame(
        {
            "patient": patient,
            "kind": kind.value,
            "site": np.asarray([site.value for site in sites])[rng.integers(0, len(sites), len(patient))],
            "side": np.asarray([side.value for side in sides])[rng.integers(0, len(sides), len(patient))],
            "onset": days_to_dates(noted - before),
            "noted_at": days_to_times(noted),
            "resolved_at": days_to_times(resolved),
            "size_mm": np.full(len(patient), np.nan),
        }
    )


def _masses(
    scenario: Scenario, course: Course, seen: Bools, days: Ints, rng: np.random.Generator
) -> list[pd.DataFrame]:
    monthly = scenario.mass_per_100_patient_years.value / 100 * DAYS_A_MONTH / DAYS_A_YEAR
    # Relative hazard of mean one (ECH: the products of cases and of others overlap widely).
    hazard = np.exp(0.5 * course.score("phosphate") - 0.125)[:, np.newaxis]
    hits = (rng.random(days.shape) < monthly * hazard) & seen
    hits &= np.cumsum(hits, axis=1) == 1
    patient, month = np.nonzero(hits)
    noted = days[patient, month] + 0.45
    count = len(patient)
    masses = pd.DataFrame(
        {
            "patient": patient,
            "kind": FindingKind.MASS.value,
            "site": np.asarray([site.value for site in _MASS_SITES])[
                rng.choice(len(_MASS_SITES), size=count, p=_MASS_SITE_SHARES)
            ],
            "side": np.asarray([Side.LEFT.value, Side.RIGHT.value])[rng.integers(0, 2, count)],
            "onset": days_to_dates(noted - rng.exponential(60.0, count)),
            "noted_at": days_to_times(noted),
            "resolved_at": days_to_times(np.full(count, np.nan)),
            "size_mm": np.rint(rng.uniform(15, 90, count)),
        }
    )
    stiff = masses[rng.random(count) < _MASS_WITH_LOSS_OF_MOTION].copy()
    stiff["kind"] = FindingKind.LOSS_OF_MOTION.value
    stiff["size_mm"] = np.nan
    return [masses, stiff]
