"""The people of a simulated cohort and how they are dialysed and treated."""

from __future__ import annotations

import numpy as np
import pandas as pd

from monitoring.simulation.draws import Bools, Ints, Numbers, Streams, above_share, choose, leaning
from monitoring.simulation.levels import Course
from monitoring.simulation.scenarios import Scenario

DAYS_A_YEAR = 365.25
DAYS_A_MONTH = 30.4375

# Weekdays (Monday = 0) on which a schedule dialyses, and its midweek day, on which blood is taken.
SCHEDULES = ("mon-wed-fri", "tue-thu-sat")
_MIDWEEK = (2, 3)
_SHIFT_MINUTES = (7 * 60, 12 * 60 + 30, 17 * 60 + 30)

# Drugs by class with their usual doses; which drug of a class a patient has carries no meaning here.
DRUGS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("calcium_binder", (("calcium acetate", "1 g with meals"), ("calcium carbonate", "1.25 g with meals"))),
    (
        "other_binder",
        (("sevelamer carbonate", "1.6 g with meals"), ("lanthanum carbonate", "750 mg with meals")),
    ),
    ("active_vitamin_d", (("alfacalcidol", "0.5 ug with each session"), ("calcitriol", "0.25 ug daily"))),
    ("calcimimetic", (("cinacalcet", "60 mg daily"), ("etelcalcetide", "5 mg with each session"))),
    ("vitamin_k_antagonist", (("warfarin", "by INR"),)),
)


def days_to_times(days: Numbers) -> pd.Series[pd.Timestamp]:
    """UTC times (ns) from days since 1970-01-01; fractions are the time of the day, NaN is no time."""
    moments = np.full(days.shape, np.datetime64("NaT", "ns"))
    known = ~np.isnan(days)
    # Whole minutes first: a float number of nanoseconds would not be the same on every machine.
    moments[known] = (np.rint(days[known] * 1440).astype(np.int64) * 60_000_000_000).astype("M8[ns]")
    return pd.Series(pd.DatetimeIndex(moments).tz_localize("UTC"))


def days_to_dates(days: Numbers) -> pd.Series[pd.Timestamp]:
    """Midnights without a zone from days since 1970-01-01; NaN becomes NaT."""
    return pd.Series(pd.to_datetime(np.floor(days), unit="D"))


def draw_people(scenario: Scenario, course: Course, *, end_day: int, streams: Streams) -> pd.DataFrame:
    """One row a patient, index `patient` 0..n-1.

    Columns: birth_date, age (years at the end), sex, dialysis_start and ckd_onset as recorded (NaT where
    nobody knows), vintage_years and ckd_years (the truth behind them), dry_weight_kg, schedule,
    shift_minute (start of the session in minutes of the UTC day).
    """
    rng = streams.named("people")
    count = course.level.shape[0]
    age = scenario.age_mean.value + scenario.age_sd.value * course.score("age")
    female = rng.random(count) < scenario.female.value
    vintage = scenario.vintage_median.value * np.exp(scenario.vintage_sigma.value * rng.standard_normal(count))
    # Nobody has been dialysed for longer than most of a life, nor for less than a month.
    vintage = np.clip(vintage, 1 / 12, np.minimum(0.7 * age, 45))
    before = scenario.ckd_before_dialysis_median.value * np.exp(
        scenario.ckd_before_dialysis_sigma.value * rng.standard_normal(count)
    )
    ckd = np.minimum(vintage + before, age)
    # Dry weights: expert default, uncalibrated.
    weight = np.clip(np.where(female, 67.0, 78.0) + 15.0 * course.score("weight"), 35, 160)
    start_unknown = rng.random(count) < scenario.dialysis_start_unknown.value
    onset_unknown = rng.random(count) < scenario.ckd_onset_unknown.value
    schedule = rng.integers(0, 2, count)
    shift = rng.integers(0, 3, count)
    return pd.DataFrame(
        {
            "birth_date": days_to_dates(end_day - age * DAYS_A_YEAR),
            "age": np.floor(age).astype(np.int64),
            "sex": np.where(female, "female", "male"),
            "dialysis_start": days_to_dates(np.where(start_unknown, np.nan, end_day - vintage * DAYS_A_YEAR)),
            "ckd_onset": days_to_dates(np.where(onset_unknown, np.nan, end_day - ckd * DAYS_A_YEAR)),
            "vintage_years": vintage,
            "ckd_years": ckd,
            "dry_weight_kg": np.round(weight * 2) / 2,
            "schedule": np.asarray(SCHEDULES)[schedule],
            "shift_minute": np.asarray(_SHIFT_MINUTES)[shift],
        },
        index=pd.RangeIndex(count, name="patient"),
    )


def panel_days(people: pd.DataFrame, *, months: int, end_day: int) -> Ints:
    """Day of each monthly panel, (patients, months), oldest first: a midweek session, before `end_day`."""
    midweek = np.where(people["schedule"].to_numpy() == SCHEDULES[0], *_MIDWEEK)
    back = np.rint(np.arange(months - 1, -1, -1) * DAYS_A_MONTH).astype(np.int64)
    days = end_day - 1 - back[np.newaxis, :]
    # 1970-01-01 was a Thursday; step back to the last midweek session on or before the day.
    return np.asarray(days - ((days + 3) % 7 - midweek[:, np.newaxis]) % 7)


def on_dialysis(people: pd.DataFrame, days: Ints, end_day: int) -> Bools:
    """Which of `days` (patients, anything) lie after the patient's true start of dialysis."""
    started = end_day - people["vintage_years"].to_numpy()[:, np.newaxis] * DAYS_A_YEAR
    return np.asarray(days > started)


def draw_prescriptions(
    scenario: Scenario, people: pd.DataFrame, *, first_day: int, end_day: int, streams: Streams
) -> pd.DataFrame:
    """Dialysis prescriptions: one a patient, two where it changed within the window.

    Columns: patient, started_on, ended_on (NaT while current), sessions_per_week, minutes,
    dialysate_calcium and dialysate_bicarbonate (mmol/L). Ranges are half-open: the day of ending belongs
    to the next prescription. Sessions, minutes and changes: expert default, uncalibrated.
    """
    rng = streams.named("prescriptions")
    count = len(people)
    begun = np.maximum(end_day - people["vintage_years"].to_numpy() * DAYS_A_YEAR, first_day - 180)
    sessions = choose(rng, (2, 3, 4), (0.04, 0.93, 0.03), count)
    minutes = np.clip(15 * np.rint((240 + 22 * rng.standard_normal(count)) / 15), 180, 300)
    options, shares = tuple(scenario.bath_calcium), tuple(scenario.bath_calcium.values())
    calcium = choose(rng, options, shares, count)
    bicarbonate = scenario.bath_bicarbonate_mean.value + scenario.bath_bicarbonate_sd.value * rng.standard_normal(count)
    changed_on = np.floor(begun + rng.random(count) * (end_day - begun))
    changes = (rng.random(count) < 0.25) & (changed_on > begun + 30) & (changed_on < end_day - 7)
    first = pd.DataFrame(
        {
            "patient": people.index.to_numpy(),
            "started_on": days_to_dates(begun),
            "ended_on": days_to_dates(np.where(changes, changed_on, np.nan)),
            "sessions_per_week": sessions.astype(np.int64),
            "minutes": minutes.astype(np.int64),
            "dialysate_calcium": calcium,
            "dialysate_bicarbonate": np.clip(np.rint(bicarbonate), 28, 40),
        }
    )
    second = first[changes].copy()
    second["started_on"] = second["ended_on"]
    second["ended_on"] = pd.NaT
    second["minutes"] = np.clip(second["minutes"] + 15 * rng.choice((-1, 1, 2), len(second)), 180, 300)
    second["dialysate_calcium"] = choose(rng, options, shares, len(second))
    both: pd.DataFrame = pd.concat([first, second], ignore_index=True)
    return both.sort_values(["patient", "started_on"], ignore_index=True)


def draw_treatments(
    scenario: Scenario,
    people: pd.DataFrame,
    course: Course,
    *,
    first_day: int,
    end_day: int,
    streams: Streams,
) -> pd.DataFrame:
    """Drugs: columns patient, drug_class, drug, dose, started_on, stopped_on (NaT while taken).

    The scenario's shares hold at the end of the window; one patient in ten of the others stopped the class
    within it. Binders lean to high phosphate and calcimimetics to high PTH (expert default, uncalibrated);
    the drugs do not act on the simulated results.
    """
    rng = streams.named("treatments")
    count = len(people)
    binder = above_share(leaning(course.score("phosphate"), 0.5, rng), scenario.any_binder.value)
    with_calcium = rng.random(count) < scenario.calcium_binder_among_users.value
    taken = {
        "calcium_binder": binder & with_calcium,
        "other_binder": binder & ~with_calcium,
        "active_vitamin_d": rng.random(count) < scenario.active_vitamin_d.value,
        "calcimimetic": above_share(leaning(course.score("pth"), 0.7, rng), scenario.calcimimetic.value),
        "vitamin_k_antagonist": rng.random(count) < scenario.warfarin.value,
    }
    dialysed = end_day - people["vintage_years"].to_numpy() * DAYS_A_YEAR
    parts = []
    for drug_class, drugs in DRUGS:
        current = taken[drug_class]
        past = ~current & (rng.random(count) < 0.10)
        rows = np.flatnonzero(current | past)
        earliest = np.maximum(dialysed[rows], first_day - 365)
        started = np.floor(earliest + rng.random(len(rows)) * (end_day - earliest))
        stopped = np.floor(started + 1 + rng.random(len(rows)) * (end_day - started))
        stops = past[rows] & (stopped < end_day)
        which = rng.integers(0, len(drugs), len(rows))
        table = pd.DataFrame(
            {
                "patient": rows,
                "drug_class": drug_class,
                "drug": np.asarray([name for name, _ in drugs])[which],
                "dose": np.asarray([dose for _, dose in drugs])[which],
                "started_on": days_to_dates(started),
                "stopped_on": days_to_dates(np.where(stops, stopped, np.nan)),
            }
        )
        parts.append(table[current[rows] | stops])
    all_drugs: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return all_drugs.sort_values(["patient", "drug_class"], ignore_index=True, kind="stable")


def session_days(people: pd.DataFrame, *, months: int, end_day: int) -> Ints:
    """Day of every planned session, (patients, sessions), oldest first: three a week, all before `end_day`."""
    weeks = round(months * DAYS_A_MONTH / 7)
    offset = np.where(people["schedule"].to_numpy() == SCHEDULES[0], 0, 1)[:, np.newaxis]
    monday = end_day - (end_day + 3) % 7
    starts = monday - 7 * np.repeat(np.arange(weeks, 0, -1), 3)
    return np.asarray(starts[np.newaxis, :] + np.tile((0, 2, 4), weeks) + offset)


def session_times(people: pd.DataFrame, patient: Ints, days: Ints) -> pd.Series[pd.Timestamp]:
    """UTC start of the sessions of `patient` on `days`, by each patient's shift."""
    return days_to_times(days + people["shift_minute"].to_numpy()[patient] / 1440)


def draw_sessions(
    scenario: Scenario, people: pd.DataFrame, *, months: int, end_day: int, streams: Streams
) -> pd.DataFrame:
    """Sessions that were missed or shortened by 30 minutes or more; all others went as prescribed.

    Columns: patient, started_at, kind (missed, shortened), minutes_lost (of four hours). Three sessions a
    week are laid out; patients differ in how often they stay away (expert default, uncalibrated).
    """
    rng = streams.named("sessions")
    days = session_days(people, months=months, end_day=end_day)
    # A gamma of mean one spreads the habit: most patients come, a few stay away often.
    habit = rng.gamma(0.8, 1 / 0.8, len(people))[:, np.newaxis]
    chance = rng.random(days.shape)
    missed = chance < np.minimum(scenario.missed_sessions.value * habit, 0.5)
    shortened = ~missed & (rng.random(days.shape) < np.minimum(scenario.shortened_sessions.value * habit, 0.5))
    patient, column = np.nonzero((missed | shortened) & on_dialysis(people, days, end_day))
    is_missed = missed[patient, column]
    return pd.DataFrame(
        {
            "patient": patient,
            "started_at": session_times(people, patient, days[patient, column]),
            "kind": np.where(is_missed, "missed", "shortened"),
            "minutes_lost": np.where(is_missed, 240, 30 + 5 * rng.integers(0, 13, len(patient))),
        }
    )
