"""What a cohort promises beside its distributions: repeatable, consistent, honest about mistakes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from monitoring.clinical.analytes import BY_CODE
from monitoring.clinical.findings import FindingKind
from monitoring.clinical.sites import Side, Site
from monitoring.simulation import SCENARIOS, Cohort, scenario_named, simulate_cohort
from monitoring.simulation.adequacy import single_pool_kt_v, urea_ratio
from monitoring.simulation.laboratory import printed_decimals
from monitoring.simulation.levels import OTHER_CORRELATIONS, level_correlation, movement_correlation
from monitoring.simulation.scenarios import Figure, Quantity
from monitoring.simulation.sources import SOURCES, UNCALIBRATED
from tests.monitoring.simulation.conftest import END, MONTHS, PATIENTS

TABLES = (
    "patients", "readings", "adequacy", "treatments", "prescriptions", "sessions", "findings", "mistakes",
)  # fmt: skip


def small(scenario: str = "uk", **changed: Any) -> Cohort:
    sizes: dict[str, Any] = {"patients": 80, "months": 12, "seed": 7, "end": END} | changed
    return simulate_cohort(scenario_named(scenario), **sizes)


def fingerprint(cohort: Cohort) -> list[int]:
    return [int(pd.util.hash_pandas_object(getattr(cohort, table).astype(str)).sum()) for table in TABLES]


# --- repeatable -------------------------------------------------------------------------------------------


def test_same_arguments_give_the_same_tables() -> None:
    assert fingerprint(small()) == fingerprint(small())


@pytest.mark.parametrize("changed", [{"seed": 8}, {"patients": 81}, {"months": 13}, {"scenario": "us"}])
def test_another_argument_gives_other_results(changed: dict[str, Any]) -> None:
    assert fingerprint(small(**changed))[1] != fingerprint(small())[1]


def test_the_numbers_do_not_depend_on_the_hash_seed_of_the_process() -> None:
    script = (
        "import datetime, pandas as pd\n"
        "from monitoring.simulation import scenario_named, simulate_cohort\n"
        "c = simulate_cohort(scenario_named('high'), patients=20, months=4, seed=3,"
        " end=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))\n"
        "tables = (c.readings, c.findings, c.mistakes)\n"
        "print([int(pd.util.hash_pandas_object(t.astype(str)).sum()) for t in tables])"
    )
    root = Path(__file__).parents[3]
    answers = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            cwd=root, capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("0", "12345")
    }  # fmt: skip
    assert len(answers) == 1


def test_the_end_moves_the_dates_and_not_the_numbers() -> None:
    later = small(end=END + timedelta(days=7))
    now = small()
    assert (later.readings["value"] == now.readings["value"]).all()
    assert ((later.readings["taken_at"] - now.readings["taken_at"]) == pd.Timedelta(days=7)).all()


def test_a_large_cohort_is_quick() -> None:
    started = time.process_time()
    simulate_cohort(scenario_named("us"), patients=2000, months=24, seed=1, end=END)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_one_patient_and_one_month_are_enough(scenario: str) -> None:
    tiny = small(scenario, patients=1, months=1)
    assert len(tiny.patients) == 1
    assert len(tiny.readings_as_sent()) == len(tiny.readings)


@pytest.mark.parametrize(
    "changed",
    [{"patients": 0}, {"months": 0}, {"seed": -1}, {"end": datetime(2026, 1, 1)}],  # noqa: DTZ001 - the naive one
)
def test_senseless_arguments_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        small(**changed)


def test_an_unknown_scenario_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'mars'.*uk, us, high, morocco"):
        scenario_named("mars")


# --- consistent -------------------------------------------------------------------------------------------


def test_results_are_kept_analytes_in_their_canonical_units(cohort: Callable[[str], Cohort]) -> None:
    pairs = cohort("uk").readings[["analyte", "unit"]].drop_duplicates()
    assert {analyte: BY_CODE[analyte].unit for analyte in pairs["analyte"]} == dict(pairs.to_numpy())


def test_the_value_is_what_its_text_says(cohort: Callable[[str], Cohort]) -> None:
    readings = cohort("uk").readings.head(60_000)
    uncensored = readings[~readings["value_text"].str.startswith("<")]
    assert (uncensored["value_text"].astype(float) == uncensored["value"]).all()


@pytest.mark.parametrize(
    "analyte, decimals", [("calcium", 1), ("urea", 1), ("pth", 0), ("kt_v", 2), ("bicarbonate", 0)]
)
def test_texts_have_the_decimals_of_a_laboratory(cohort: Callable[[str], Cohort], analyte: str, decimals: int) -> None:
    assert printed_decimals(analyte) == decimals
    texts = cohort("uk").readings.query("analyte == @analyte")["value_text"]
    after_the_point = texts.str.partition(".")[2].str.len()
    assert set(after_the_point) == {decimals}


def test_only_a_low_crp_is_censored(cohort: Callable[[str], Cohort]) -> None:
    readings = cohort("uk").readings
    censored = readings[readings["value_text"].str.startswith("<")]
    assert set(censored["analyte"]) == {"crp"}
    assert set(censored["value_text"]) == {"<1.0"}


@pytest.mark.parametrize("analyte", [a for a in BY_CODE if a not in ("calcium_corrected", "calcium_ionised")])
def test_true_results_lie_within_the_entry_limits(cohort: Callable[[str], Cohort], analyte: str) -> None:
    values = cohort("high").readings.query("analyte == @analyte")["value"]
    kept = BY_CODE[analyte]
    assert len(values) > 0
    assert values.between(float(kept.low), float(kept.high)).all()


def test_nothing_happens_after_the_end_or_before_dialysis(cohort: Callable[[str], Cohort]) -> None:
    held = cohort("uk")
    started = held.patients["dialysis_start"].dt.tz_localize("UTC")
    for table, column in (("readings", "taken_at"), ("findings", "noted_at"), ("sessions", "started_at")):
        rows = getattr(held, table)
        assert (rows[column] < pd.Timestamp(held.end)).all(), table
        began = pd.Series(pd.DatetimeIndex(started.reindex(rows["patient"])), index=rows.index)
        assert ((rows[column] > began) | began.isna()).all(), table


def test_minerals_come_monthly_and_pth_each_quarter(cohort: Callable[[str], Cohort]) -> None:
    readings = cohort("uk").readings
    for analyte, low, high in (
        ("phosphate", 28, 35),
        ("pth", 84, 98),
        ("alp", 84, 189),
        ("vitamin_d_25oh", 357, 371),
    ):
        taken = readings.query("analyte == @analyte")
        gap = taken.groupby("patient")["taken_at"].diff().dt.days.median()
        assert low <= gap <= high, analyte


def test_a_raised_pth_brings_more_alkaline_phosphatases(cohort: Callable[[str], Cohort]) -> None:
    readings = cohort("uk").readings
    pth = readings.query("analyte == 'pth'").groupby("patient")["value"].median()
    number = readings.query("analyte == 'alp'").groupby("patient").size().reindex(pth.index, fill_value=0)
    assert number[pth > 800].mean() > 1.6 * number[pth < 400].mean()


def test_some_months_and_some_results_are_missing(cohort: Callable[[str], Cohort]) -> None:
    held = cohort("uk")
    long_dialysed = held.patients.index[held.patients["vintage_years"] > 2.2]
    panels = held.adequacy[held.adequacy["patient"].isin(long_dialysed)]
    assert len(panels) / (len(long_dialysed) * MONTHS) == pytest.approx(0.95, abs=0.005)
    phosphates = held.readings.query("analyte == 'phosphate'")
    given = phosphates[phosphates["patient"].isin(long_dialysed)]
    assert len(given) / len(panels) == pytest.approx(0.975, abs=0.005)


def test_dose_follows_from_the_sessions_by_daugirdas(cohort: Callable[[str], Cohort]) -> None:
    sessions = cohort("uk").adequacy
    expected = single_pool_kt_v(
        sessions["ratio"].to_numpy(),
        hours=sessions["hours"].to_numpy(),
        removed=(sessions["removed_litres"] / sessions["weight_kg"]).to_numpy(),
    )
    assert np.abs(sessions["kt_v"] - expected).max() <= 0.005 + 1e-9
    assert np.abs(sessions["urr"] - 100 * (1 - sessions["ratio"])).max() <= 0.5 + 1e-9


def test_urea_before_and_after_give_the_printed_reduction(cohort: Callable[[str], Cohort]) -> None:
    readings = cohort("uk").readings.head(60_000).copy()
    readings["day"] = readings["taken_at"].dt.floor("D")
    urea = readings.query("analyte == 'urea'").pivot_table(
        index=["patient", "day"], columns="timing", values="value", observed=True
    )
    urr = readings.query("analyte == 'urr'").set_index(["patient", "day"])["value"]
    both = urea.dropna().join(urr, how="inner")
    assert len(both) > 1000
    assert np.abs(both["value"] - 100 * (1 - both["post"] / both["pre"])).max() <= 0.5 + 1e-9


def test_the_dose_formula_gives_the_textbook_pair() -> None:
    """A URR of 70 % in four hours with 3 % of weight removed is a spKt/V of about 1.4."""
    dose = single_pool_kt_v(np.array([0.30]), hours=np.array([4.0]), removed=np.array([0.03]))
    assert dose[0] == pytest.approx(1.4, abs=0.05)


@pytest.mark.parametrize("kt_v", [0.4, 0.9, 1.2, 1.5, 2.6])
def test_the_ratio_is_the_inverse_of_the_dose(kt_v: float) -> None:
    hours, removed = np.array([3.0, 4.0, 5.0]), np.array([0.004, 0.03, 0.07])
    ratio = urea_ratio(np.full(3, kt_v), hours=hours, removed=removed)
    assert single_pool_kt_v(ratio, hours=hours, removed=removed) == pytest.approx(np.full(3, kt_v), abs=1e-9)
    assert ((ratio > 0) & (ratio < 1)).all()


def test_prescriptions_neither_overlap_nor_leave_gaps(cohort: Callable[[str], Cohort]) -> None:
    table = cohort("uk").prescriptions
    follows = table["patient"].eq(table["patient"].shift(-1))
    assert (table["ended_on"][follows] == table["started_on"].shift(-1)[follows]).all()
    assert table["ended_on"][~follows].isna().all()


def test_stopped_treatments_were_started_before(cohort: Callable[[str], Cohort]) -> None:
    stopped = cohort("uk").treatments.dropna(subset="stopped_on")
    assert len(stopped) > 0
    assert (stopped["stopped_on"] > stopped["started_on"]).all()


def test_nobody_takes_two_kinds_of_binder(cohort: Callable[[str], Cohort]) -> None:
    treatments = cohort("uk").treatments.query("stopped_on.isna()")
    binders = treatments[treatments["drug_class"].str.endswith("_binder")]
    assert not binders["patient"].duplicated().any()


def test_findings_speak_the_clinical_vocabulary(cohort: Callable[[str], Cohort]) -> None:
    findings = cohort("high").findings
    assert set(findings["kind"]) == {FindingKind.PAIN, FindingKind.LOSS_OF_MOTION, FindingKind.MASS}
    assert set(findings["site"]) <= set(Site)
    assert set(findings["side"]) <= set(Side)
    assert (findings["size_mm"].notna() == (findings["kind"] == "mass")).all()
    assert (findings["resolved_at"].dropna() > findings["noted_at"][findings["resolved_at"].notna()]).all()
    assert (findings["onset"].dt.tz_localize("UTC") <= findings["noted_at"]).all()


def test_ckd_begins_before_dialysis_and_either_may_be_unknown(cohort: Callable[[str], Cohort]) -> None:
    people = cohort("uk").patients
    both = people.dropna(subset=["dialysis_start", "ckd_onset"])
    assert (both["ckd_onset"] <= both["dialysis_start"]).all()
    assert people["dialysis_start"].isna().mean() == pytest.approx(0.03, abs=0.01)
    assert people["ckd_onset"].isna().mean() == pytest.approx(0.25, abs=0.02)


# --- honest about mistakes ----------------------------------------------------------------------------------


def test_the_true_results_contain_no_mistake(cohort: Callable[[str], Cohort]) -> None:
    readings = cohort("uk").readings
    assert "mistake" not in readings.columns
    assert "" not in set(readings["unit"])
    assert set(readings["timing"]) == {"pre", "post"}


def test_three_in_a_hundred_results_are_delivered_wrongly(cohort: Callable[[str], Cohort]) -> None:
    held = cohort("uk")
    assert len(held.mistakes) / len(held.readings) == pytest.approx(0.03, abs=0.003)
    shares = held.mistakes["mistake"].value_counts(normalize=True)
    assert set(shares.index) == {"wrong_unit", "no_unit", "post_as_pre", "no_timing"}
    assert shares.min() > 0.2
    assert not held.mistakes["reading"].duplicated().any()


def test_what_was_sent_differs_from_the_truth_only_where_labelled() -> None:
    held = small(patients=400)
    sent = held.readings_as_sent()
    right = sent["mistake"] == ""
    columns = ["value", "value_text", "unit", "timing"]
    pd.testing.assert_frame_equal(sent.loc[right, columns], held.readings.loc[right, columns])
    shown = ["value_text", "unit", "timing"]
    as_told, as_true = (table.loc[~right, shown].astype(str) for table in (sent, held.readings))
    unchanged = sent.loc[~right][(as_told == as_true).all(axis=1)]
    # A panel drawn too late changes nothing in what a session does not move.
    assert set(unchanged["mistake"]) <= {"post_as_pre"}


MISTAKES = [
    # sentence, mistake, analyte, ratio of sent to true value
    ("calcium in mmol/L under mg/dL", "wrong_unit", "calcium", 0.2495),
    ("phosphate in mmol/L under mg/dL", "wrong_unit", "phosphate", 0.3229),
    ("albumin in g/L under g/dL", "wrong_unit", "albumin", 10),
    ("creatinine in umol/L under mg/dL", "wrong_unit", "creatinine", 88.42),
    ("BUN in mg/dL under mmol/L", "wrong_unit", "urea", 1 / 0.357),
    ("a missing unit leaves the number alone", "no_unit", "phosphate", 1),
    ("missing timing leaves the number alone", "no_timing", "phosphate", 1),
    ("phosphate after the session is below half", "post_as_pre", "phosphate", 0.45),
    ("urea after the session is about a third", "post_as_pre", "urea", 0.32),
]


@pytest.mark.parametrize("sentence, mistake, analyte, ratio", MISTAKES)
def test_what_a_mistake_does(
    cohort: Callable[[str], Cohort], sentence: str, mistake: str, analyte: str, ratio: float
) -> None:
    held = cohort("uk")
    rows = held.mistakes.query("mistake == @mistake and analyte == @analyte and timing != 'post'")
    assert len(rows) > 10
    true = held.readings["value"].loc[rows["reading"]].to_numpy()
    assert np.median(rows["value"].to_numpy() / true) == pytest.approx(ratio, rel=0.03), sentence
    assert (rows["unit"] == ("" if mistake == "no_unit" else BY_CODE[analyte].unit)).all()
    assert (rows["timing"] == ("unknown" if mistake == "no_timing" else "pre")).all()


def test_a_late_panel_is_late_as_a_whole(cohort: Callable[[str], Cohort]) -> None:
    held = cohort("uk")
    late = held.mistakes.query("mistake == 'post_as_pre'")
    panels = late.groupby(["patient", "taken_at"]).size()
    true = held.readings.query("timing == 'pre'").groupby(["patient", "taken_at"]).size()
    assert (true.loc[panels.index] == panels).all()


# --- sources ------------------------------------------------------------------------------------------------


def cited(scenario_name: str) -> list[str]:
    scenario = SCENARIOS[scenario_name]
    texts = [scenario.bath_calcium_source]
    for each in fields(scenario):
        value = getattr(scenario, each.name)
        if isinstance(value, Figure):
            texts.append(value.source)
    for quantity in scenario.quantities.values():
        assert isinstance(quantity, Quantity)
        assert is_dataclass(quantity)
        texts += [quantity.source, quantity.variation_source]
    texts += [figure.source for figure in scenario.phosphate_with.values()]
    return texts + [source for *_, source in OTHER_CORRELATIONS]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_figure_carries_a_source_or_says_that_it_has_none(scenario: str) -> None:
    for text in cited(scenario):
        keys = text.partition(" (")[0].partition(";")[0].split(", ")
        assert text.startswith(UNCALIBRATED) or all(key in SOURCES for key in keys), text


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_parts_of_the_variance_leave_room_between_patients(scenario: str) -> None:
    for name, quantity in SCENARIOS[scenario].quantities.items():
        assert 0.3 < quantity.icc < 1, name
    phosphate = SCENARIOS[scenario].phosphate
    assert 0.43 < phosphate.icc < 0.71  # what the generator's line gives for its scenarios


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_correlations_describe_a_possible_population(scenario: str) -> None:
    for matrix in (level_correlation(SCENARIOS[scenario]), movement_correlation(SCENARIOS[scenario])):
        assert np.allclose(matrix, matrix.T)
        assert np.linalg.eigvalsh(matrix).min() > 0.01


def test_the_fixture_is_as_large_as_the_tolerances_assume(cohort: Callable[[str], Cohort]) -> None:
    assert len(cohort("uk").patients) == PATIENTS
    assert cohort("uk").end.tzinfo is UTC
