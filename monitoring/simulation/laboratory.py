"""Turns the patients' true courses into results as a laboratory would print them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from monitoring.clinical.analytes import BY_CODE, Timing
from monitoring.simulation.adequacy import single_pool_kt_v, urea_ratio
from monitoring.simulation.draws import Bools, Floats, Ints, Streams
from monitoring.simulation.levels import Course
from monitoring.simulation.population import days_to_times, on_dialysis, panel_days
from monitoring.simulation.scenarios import Scenario

READING_COLUMNS = ("patient", "analyte", "taken_at", "value", "value_text", "unit", "timing")
_CODES = pd.Index(sorted(BY_CODE))
_TIMINGS = pd.Index([timing.value for timing in Timing])
UNITS = pd.Index(["", *dict.fromkeys(analyte.unit for analyte in BY_CODE.values())])

# The intervals of the guidelines (M20, KD06): minerals and dose monthly, PTH every three months, ALP at
# least yearly and more often with a raised PTH. Albumin comes with calcium, which cannot be read without it.
EVERY_MONTHS = {"pth": 3, "magnesium": 3, "crp": 3, "alp": 6, "vitamin_d_25oh": 12}
_OFTEN_ALP_ABOVE_PTH = 600.0  # pg/mL; then ALP goes with PTH
_LEAST_CRP = 1.0  # mg/L; below it the laboratory prints "<1.0"


@dataclass(frozen=True, slots=True)
class Grid:
    """The panels of a cohort: day and minute of each, and which of them were taken; (patients, months)."""

    days: Ints
    minutes: Ints
    taken: Bools
    phase: Ints


def printed_decimals(analyte: str) -> int:
    """Decimals with which a laboratory prints `analyte` in its canonical unit."""
    kept = BY_CODE[analyte]
    if kept.unit == kept.conventional_unit:
        return kept.conventional_decimals
    return kept.si_decimals if kept.unit == kept.si_unit else kept.decimals


def as_printed(values: Floats, analyte: str) -> Floats:
    """`values` rounded as printed, held within the entry limits of the analyte."""
    kept = BY_CODE[analyte]
    scale = 10 ** printed_decimals(analyte)
    low, high = np.ceil(float(kept.low) * scale), np.floor(float(kept.high) * scale)
    # Dividing the whole number gives the very float that the printed text would be read as.
    return np.asarray(np.clip(np.rint(values * scale), low, high) / scale)


def as_text(values: Floats, analyte: str, *, decimals: int | None = None) -> np.ndarray:
    """The printed text of already rounded `values`; a table of the distinct texts keeps it fast."""
    places = printed_decimals(analyte) if decimals is None else decimals
    distinct, where = np.unique(values, return_inverse=True)
    texts = np.array([f"{value:.{places}f}" for value in distinct], dtype=object)
    return np.asarray(texts[where])


def same_label(label: str, among: pd.Index[str], count: int) -> pd.Categorical[str]:
    """A column of `count` times `label`, one of the categories `among`."""
    codes = np.full(count, among.get_loc(label), dtype=np.int64)
    return pd.Categorical.from_codes(codes, categories=among)


def lay_out_panels(scenario: Scenario, people: pd.DataFrame, *, months: int, end_day: int, streams: Streams) -> Grid:
    """When each patient's monthly blood was due and whether it was taken (a month in twenty is skipped)."""
    rng = streams.named("panels")
    days = panel_days(people, months=months, end_day=end_day)
    late = rng.integers(-10, 11, days.shape)
    skipped = rng.random(days.shape) < scenario.skipped_months.value
    return Grid(
        days=days,
        minutes=people["shift_minute"].to_numpy()[:, np.newaxis] + late,
        taken=~skipped & on_dialysis(people, days, end_day),
        phase=rng.integers(0, 12, len(people)),
    )


def draw_readings(
    scenario: Scenario,
    people: pd.DataFrame,
    prescriptions: pd.DataFrame,
    course: Course,
    grid: Grid,
    streams: Streams,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All results of the cohort, and the sessions behind each measured dose.

    Readings: patient, analyte, taken_at (UTC, ns), value, value_text ("<1.0" for a censored CRP, whose
    value is then the limit), unit (UCUM), timing; sorted by patient, time and analyte. Total calcium is what
    the laboratory measures: corrected calcium is drawn from its anchors and Ca = cCa - 0.8 x (4 - albumin as
    printed); no corrected or ionised calcium is reported. Kt/V and URR come from the printed urea before and
    after, so that the three agree.
    Adequacy: patient, taken_at, ratio, hours, removed_litres, weight_kg, kt_v, urr.
    """
    quantities = scenario.quantities
    truth = {name: course.values(name, quantity) for name, quantity in quantities.items()}
    printed = {
        name: as_printed(values, name) for name, values in truth.items() if name not in ("calcium_corrected", "kt_v")
    }
    printed["calcium"] = as_printed(truth["calcium_corrected"] - 0.8 * (4 - printed["albumin"]), "calcium")

    rng = streams.named("adequacy")
    dry = people["dry_weight_kg"].to_numpy()[:, np.newaxis]
    # Volume removed, share of body weight: expert default, uncalibrated.
    removed = np.clip(0.030 + 0.010 * rng.standard_normal(grid.days.shape), 0.004, 0.07)
    weight_after = np.round(dry * (1 + 0.01 * rng.standard_normal(grid.days.shape)), 1)
    printed["weight"] = as_printed(weight_after * (1 + removed), "weight")
    hours = _hours_in_force(prescriptions, grid.days)
    dose = np.clip(truth["kt_v"], 0.4, 2.6)
    urea_after = as_printed(printed["urea"] * urea_ratio(dose, hours=hours, removed=removed), "urea")
    ratio = urea_after / printed["urea"]
    # Rounding of small ureas may reach the edge of the formula's domain.
    ratio = np.clip(ratio, 0.008 * hours + 0.05, 0.9)
    printed["kt_v"] = as_printed(single_pool_kt_v(ratio, hours=hours, removed=removed), "kt_v")
    printed["urr"] = as_printed(100 * (1 - ratio), "urr")

    month = np.arange(grid.days.shape[1])[np.newaxis, :]
    often = (np.median(truth["pth"], axis=1) > _OFTEN_ALP_ABOVE_PTH)[:, np.newaxis]
    due = {name: (month + grid.phase[:, np.newaxis]) % every == 0 for name, every in EVERY_MONTHS.items()}
    due["alp"] = due["alp"] | (often & due["pth"])
    pieces = []
    missing = streams.named("missing")
    for name in sorted(printed):
        kept = grid.taken & (missing.random(grid.days.shape) >= scenario.missing_results.value)
        if name in due:
            kept &= due[name]
        timing = Timing.POST if name in ("kt_v", "urr") else Timing.PRE
        pieces.append(_piece(name, printed[name], kept, grid, timing, after=hours if timing is Timing.POST else None))
        if name == "kt_v":
            pieces.append(_piece("urea", urea_after, kept, grid, Timing.POST, after=hours))
    readings = pd.concat(pieces, ignore_index=True)
    readings = readings.sort_values(["patient", "taken_at", "analyte"], ignore_index=True, kind="stable")

    patient, column = np.nonzero(grid.taken)
    adequacy = pd.DataFrame(
        {
            "patient": patient,
            "taken_at": days_to_times(grid.days[patient, column] + grid.minutes[patient, column] / 1440),
            "ratio": ratio[patient, column],
            "hours": hours[patient, column],
            "removed_litres": (removed * weight_after)[patient, column],
            "weight_kg": weight_after[patient, column],
            "kt_v": printed["kt_v"][patient, column],
            "urr": printed["urr"][patient, column],
        }
    )
    return readings, adequacy


def _piece(
    analyte: str, values: Floats, kept: Bools, grid: Grid, timing: Timing, *, after: Floats | None
) -> pd.DataFrame:
    patient, column = np.nonzero(kept)
    value = values[patient, column]
    text = as_text(value, analyte)
    if analyte == "crp":
        censored = value < _LEAST_CRP
        value = np.where(censored, _LEAST_CRP, value)
        text = np.where(censored, f"<{_LEAST_CRP:.1f}", text)
    days = grid.days[patient, column] + grid.minutes[patient, column] / 1440
    if after is not None:
        days = days + after[patient, column] / 24
    count = len(patient)
    return pd.DataFrame(
        {
            "patient": patient,
            "analyte": same_label(analyte, _CODES, count),
            "taken_at": days_to_times(days),
            "value": value,
            "value_text": text,
            "unit": same_label(BY_CODE[analyte].unit, UNITS, count),
            "timing": same_label(timing.value, _TIMINGS, count),
        }
    )


def _hours_in_force(prescriptions: pd.DataFrame, days: Ints) -> Floats:
    """Prescribed hours on each of `days` (patients, months): the later wins from its first day."""
    first = prescriptions.drop_duplicates("patient", keep="first")
    last = prescriptions.drop_duplicates("patient", keep="last")
    changed = (last["started_on"].to_numpy() - np.datetime64("1970-01-01", "s")) / np.timedelta64(1, "D")
    new = days >= changed[:, np.newaxis]
    minutes = np.where(new, last["minutes"].to_numpy()[:, np.newaxis], first["minutes"].to_numpy()[:, np.newaxis])
    return np.asarray(minutes / 60)
