"""Works the stories into a simulated cohort: whose panels they take, and what these then say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from monitoring.clinical.analytes import BY_CODE, Timing
from monitoring.demo.telling import CALM, YEAR, Story
from monitoring.simulation import Cohort
from monitoring.simulation.laboratory import as_printed, as_text

# A story needs a patient who has been dialysed through the whole window, with a recent panel.
_LONG_ENOUGH_YEARS = 2.3
_RECENT_PANEL_DAYS = 15
_MONTH = 30.4375
# Of the simulated movement this share is left around the level a story asks for.
_WOBBLE = 0.3


def choose_seats(cohort: Cohort, stories: Sequence[Story]) -> dict[int, Story]:
    """The patients (by number) whose places the stories take, the first that fit, in order.

    Raises ValueError when the cohort has too few patients with enough panels.
    """
    newest = cohort.adequacy.groupby("patient")["taken_at"].max().reindex(cohort.patients.index)
    recent = newest >= pd.Timestamp(cohort.end) - pd.Timedelta(days=_RECENT_PANEL_DAYS)
    fitting = cohort.patients.index[recent & (cohort.patients["vintage_years"] >= _LONG_ENOUGH_YEARS)]
    if len(fitting) < len(stories):
        raise ValueError(f"{len(stories)} stories need as many patients with two years of panels; {len(fitting)} fit.")
    return {int(number): story for number, story in zip(fitting, stories, strict=False)}


def tell_in_numbers(cohort: Cohort, seats: Mapping[int, Story]) -> Cohort:
    """`cohort` in which the patients of `seats` live their stories, and nobody else has simulated findings."""
    patients = cohort.patients.copy()
    end = pd.Timestamp(cohort.end).tz_localize(None).normalize()
    for number, story in seats.items():
        patients.loc[number, "sex"] = story.sex
        # Half a year past the birthday, so that the age holds for a while.
        patients.loc[number, "birth_date"] = _years_before(end, story.age + 0.5)
        patients.loc[number, "dialysis_start"] = _years_before(end, story.dialysis_years)
        patients.loc[number, "ckd_onset"] = _years_before(end, story.ckd_years)
    readings = [_without_retold(cohort.readings, seats)]
    readings += [_retold(cohort, number, story) for number, story in seats.items()]
    together = pd.concat(readings, ignore_index=True).sort_values(
        ["patient", "taken_at", "analyte"], ignore_index=True, kind="stable"
    )
    return replace(
        cohort,
        patients=patients,
        readings=together,
        mistakes=cohort.mistakes.iloc[:0],
        treatments=_treatments(cohort, seats, end),
        prescriptions=_prescriptions(cohort, seats, end),
        findings=cohort.findings.iloc[:0],
    )


def _years_before(end: pd.Timestamp, years: float | None) -> pd.Timestamp:
    return pd.NaT if years is None else (end - pd.Timedelta(days=years * YEAR)).normalize()  # type: ignore[return-value]


def _told_analytes(story: Story) -> set[str]:
    return {*CALM, *story.usual, *story.last, *story.not_measured}


def _without_retold(readings: pd.DataFrame, seats: Mapping[int, Story]) -> pd.DataFrame:
    retold = pd.Series(False, index=readings.index)
    for number, story in seats.items():
        told = readings["analyte"].isin(_told_analytes(story)) & (readings["timing"] == Timing.PRE)
        retold |= (readings["patient"] == number) & told
    return readings[~retold]


def _retold(cohort: Cohort, number: int, story: Story) -> pd.DataFrame:
    """The retold results of one patient: PTH and ALP at every third panel from the newest, the rest at each."""
    panels = cohort.adequacy.loc[cohort.adequacy["patient"] == number, "taken_at"].sort_values()
    own = cohort.readings[(cohort.readings["patient"] == number) & (cohort.readings["timing"] == Timing.PRE)]
    pieces = []
    for analyte in sorted(_told_analytes(story)):
        seldom = analyte in ("pth", "alp")
        times = panels.iloc[::-1].iloc[::3].iloc[::-1] if seldom else panels
        if analyte in story.not_measured:
            latest = pd.Timestamp(cohort.end) - pd.Timedelta(days=story.not_measured[analyte] * _MONTH)
            times = times[times <= latest]
        simulated = own[own["analyte"] == analyte].set_index("taken_at")["value"]
        level = story.usual.get(analyte, CALM.get(analyte, float(simulated.median())))
        near = simulated.reindex(pd.DatetimeIndex(times), method="nearest")
        moved = near.to_numpy() / simulated.median() - 1
        values = level * (1 + _WOBBLE * np.clip(np.nan_to_num(moved), -0.25, 0.25))
        newest = story.last.get(analyte, ())
        if newest:
            values[-len(newest) :] = newest
        values = as_printed(values, analyte)
        pieces.append(
            pd.DataFrame(
                {
                    "patient": number,
                    "analyte": analyte,
                    "taken_at": times.to_numpy(),
                    "value": values,
                    "value_text": as_text(values, analyte),
                    "unit": BY_CODE[analyte].unit,
                    "timing": Timing.PRE.value,
                }
            )
        )
    retold = pd.concat(pieces, ignore_index=True)
    retold["taken_at"] = pd.DatetimeIndex(retold["taken_at"])
    return retold.astype({column: cohort.readings[column].dtype for column in retold.columns})


def _treatments(cohort: Cohort, seats: Mapping[int, Story], end: pd.Timestamp) -> pd.DataFrame:
    told = {number: story.treatments for number, story in seats.items() if story.treatments is not None}
    rows: list[dict[str, Any]] = [
        {
            "patient": number,
            "drug_class": drug.drug_class,
            "drug": drug.drug,
            "dose": drug.dose,
            "started_on": end - pd.Timedelta(days=drug.started),
            "stopped_on": pd.NaT if drug.stopped is None else end - pd.Timedelta(days=drug.stopped),
        }
        for number, drugs in told.items()
        for drug in drugs
    ]
    kept = cohort.treatments[~cohort.treatments["patient"].isin(told)]
    return _appended(kept, rows)


def _prescriptions(cohort: Cohort, seats: Mapping[int, Story], end: pd.Timestamp) -> pd.DataFrame:
    table = cohort.prescriptions.assign(sessions_per_week=3)  # as the sessions are laid out
    told = {number: story.baths for number, story in seats.items() if story.baths}
    rows: list[dict[str, Any]] = []
    for number, baths in told.items():
        current = table[table["patient"] == number].iloc[-1]
        starts = [end - pd.Timedelta(days=ago) for ago, _ in baths]
        for (_, calcium), start, stop in zip(baths, starts, [*starts[1:], pd.NaT], strict=True):
            changed = {"started_on": start, "ended_on": stop, "dialysate_calcium": calcium}
            rows.append({**{name: current[name] for name in table.columns}, **changed})
    return _appended(table[~table["patient"].isin(told)], rows)


def _appended(table: pd.DataFrame, rows: list[dict[str, Any]]) -> pd.DataFrame:
    if not rows:
        return table
    more = pd.DataFrame(rows)[list(table.columns)].astype(table.dtypes.to_dict())
    return pd.concat([table, more], ignore_index=True)
