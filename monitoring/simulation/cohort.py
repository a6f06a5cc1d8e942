"""A whole simulated cohort: people, results, treatments, sessions and findings of one scenario."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from monitoring.simulation.complaints import draw_findings
from monitoring.simulation.draws import Streams
from monitoring.simulation.laboratory import draw_readings, lay_out_panels
from monitoring.simulation.levels import draw_course
from monitoring.simulation.mistakes import as_sent, draw_mistakes
from monitoring.simulation.population import (
    DAYS_A_MONTH,
    draw_people,
    draw_prescriptions,
    draw_sessions,
    draw_treatments,
    on_dialysis,
    session_days,
    session_times,
)
from monitoring.simulation.scenarios import Scenario


@dataclass(frozen=True, slots=True)
class Cohort:
    """The tables of a cohort; every table but `patients` refers to it by the column `patient` (0..n-1).

    `readings` are the true results. `mistakes` are the 3 % that were delivered wrongly, with the label of
    what went wrong: `readings_as_sent` puts them in, whoever wants clean data leaves them out.
    """

    scenario: Scenario
    seed: int
    months: int
    end: datetime
    patients: pd.DataFrame
    readings: pd.DataFrame
    adequacy: pd.DataFrame
    treatments: pd.DataFrame
    prescriptions: pd.DataFrame
    sessions: pd.DataFrame
    findings: pd.DataFrame
    mistakes: pd.DataFrame

    def readings_as_sent(self) -> pd.DataFrame:
        """The readings with the mistakes of delivery in place, and the column `mistake` ("" where right)."""
        return as_sent(self.readings, self.mistakes)

    def attendance(self, *, days: int) -> pd.DataFrame:
        """All planned sessions of the last `days`: patient, started_at, kind (attended, missed, shortened),
        minutes_lost."""
        end_day = _day_of(self.end)
        weeks = session_days(self.patients, months=max(1, round(days / DAYS_A_MONTH) + 1), end_day=end_day)
        within = (weeks >= end_day - days) & on_dialysis(self.patients, weeks, end_day)
        patient, column = np.nonzero(within)
        planned = pd.DataFrame(
            {"patient": patient, "started_at": session_times(self.patients, patient, weeks[patient, column])}
        )
        told = planned.merge(self.sessions, on=["patient", "started_at"], how="left")
        return told.fillna({"kind": "attended", "minutes_lost": 0}).astype({"minutes_lost": np.int64})


def simulate_cohort(scenario: Scenario, *, patients: int, months: int, seed: int, end: datetime) -> Cohort:
    """Invent a cohort of `patients` followed for `months` until `end` (which no time reaches).

    A cross-section at `end`: those who began dialysis within the window have results only since then. The
    same (scenario, patients, months, seed) gives the same numbers on any machine; `end`, whose UTC day
    alone counts, moves the dates. The tables and their columns are those of `draw_people`, `draw_readings`,
    `draw_treatments`, `draw_prescriptions`, `draw_sessions`, `draw_findings` and `draw_mistakes`.

    Raises ValueError for sizes below one, a negative seed or a naive `end`.
    """
    if patients < 1 or months < 1:
        raise ValueError(f"A cohort needs at least one patient and one month, not {patients} and {months}.")
    if seed < 0:
        raise ValueError(f"The seed must not be negative: {seed}.")
    if end.utcoffset() is None:
        raise ValueError("The end of the cohort needs a time zone.")
    end_day = _day_of(end)
    streams = Streams(scenario.name, patients=patients, months=months, seed=seed)
    course = draw_course(scenario, patients=patients, months=months, streams=streams)
    people = draw_people(scenario, course, end_day=end_day, streams=streams)
    grid = lay_out_panels(scenario, people, months=months, end_day=end_day, streams=streams)
    first_day = int(grid.days.min())
    prescriptions = draw_prescriptions(scenario, people, first_day=first_day, end_day=end_day, streams=streams)
    readings, adequacy = draw_readings(scenario, people, prescriptions, course, grid, streams)
    return Cohort(
        scenario=scenario,
        seed=seed,
        months=months,
        end=end,
        patients=people,
        readings=readings,
        adequacy=adequacy,
        treatments=draw_treatments(scenario, people, course, first_day=first_day, end_day=end_day, streams=streams),
        prescriptions=prescriptions,
        sessions=draw_sessions(scenario, people, months=months, end_day=end_day, streams=streams),
        findings=draw_findings(scenario, people, course, grid.days, end_day=end_day, streams=streams),
        mistakes=draw_mistakes(scenario, readings, streams=streams),
    )


def _day_of(end: datetime) -> int:
    return int(np.floor(end.timestamp() / 86_400))
