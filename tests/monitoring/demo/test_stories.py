"""The stories as data: they can be told on any day, and say what they mean to say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from monitoring.clinical.analytes import BY_CODE
from monitoring.clinical.findings import FindingKind
from monitoring.clinical.sites import Site
from monitoring.demo.founding import FOUNDING_PATIENT
from monitoring.demo.numbers import choose_seats, tell_in_numbers
from monitoring.demo.people import FAMILY_NAMES, LOGINS, UNITS, DemoUnit, mrn_of
from monitoring.demo.stories import STORIES
from monitoring.demo.telling import Story, ToldFinding, screen_answers
from monitoring.simulation import Cohort, scenario_named, simulate_cohort

ALL = [FOUNDING_PATIENT, *(story for stories in STORIES.values() for story in stories)]
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def told(unit: DemoUnit, now: datetime) -> tuple[Cohort, Cohort, dict[int, Story]]:
    cohort = simulate_cohort(scenario_named(unit.scenario), patients=unit.patients, months=24, seed=unit.seed, end=now)
    seats = choose_seats(cohort, STORIES[unit.code])
    return cohort, tell_in_numbers(cohort, seats), seats


def results(cohort: Cohort, number: int, analyte: str) -> pd.DataFrame:
    """The pre-dialysis results of an analyte of one patient, oldest first."""
    table = cohort.readings
    return table[(table["patient"] == number) & (table["analyte"] == analyte) & (table["timing"] == "pre")]


def newest(cohort: Cohort, number: int, analyte: str, count: int) -> list[str]:
    rows = results(cohort, number, analyte)
    return rows["value_text"].tail(count).tolist()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.code)
@pytest.mark.parametrize("days", range(0, 366, 33))
def test_the_stories_find_their_places_on_any_day(unit: DemoUnit, days: int) -> None:
    now = NOON + timedelta(days=days)
    _, cohort, seats = told(unit, now)
    assert len(seats) == len(STORIES[unit.code])
    assert (cohort.readings["taken_at"] < pd.Timestamp(now)).all()
    newest_of = cohort.readings.groupby("patient")["taken_at"].max()
    assert (pd.Timestamp(now) - newest_of[list(seats)] < pd.Timedelta(days=16)).all()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.code)
def test_the_newest_results_are_those_of_the_story(unit: DemoUnit) -> None:
    _, cohort, seats = told(unit, NOON)
    for number, story in seats.items():
        for analyte, values in story.last.items():
            found = [float(text) for text in newest(cohort, number, analyte, len(values))]
            assert found == list(values), (story.key, analyte)


def test_a_measurement_that_stopped_is_not_there() -> None:
    _, cohort, seats = told(UNITS[1], NOON)
    number = next(number for number, story in seats.items() if story.not_measured)
    pth = results(cohort, number, "pth")
    assert len(pth) > 0
    assert pth["taken_at"].max() < pd.Timestamp(NOON) - pd.Timedelta(days=200)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.code)
def test_nobody_else_is_touched(unit: DemoUnit) -> None:
    before, after, seats = told(unit, NOON)
    for table in ("readings", "treatments"):
        old, new = (
            getattr(cohort, table)[~getattr(cohort, table)["patient"].isin(seats)].reset_index(drop=True)
            for cohort in (before, after)
        )
        pd.testing.assert_frame_equal(old, new)
    assert after.findings.empty
    assert after.mistakes.empty


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.code)
def test_the_levels_of_a_story_are_calm_before_it(unit: DemoUnit) -> None:
    _, cohort, seats = told(unit, NOON)
    for number, story in seats.items():
        rows = results(cohort, number, "phosphate")["value"]
        quiet = rows.iloc[: len(rows) - len(story.last.get("phosphate", ()))]
        assert quiet.std() < 0.4, story.key
        assert len(rows) > 15, story.key


def test_too_few_fitting_patients_are_refused() -> None:
    cohort = simulate_cohort(scenario_named("uk"), patients=3, months=24, seed=1, end=NOON)
    with pytest.raises(ValueError, match="stories need as many patients"):
        choose_seats(cohort, STORIES["NORTH"])


def test_names_and_numbers_are_clearly_invented() -> None:
    assert len(set(FAMILY_NAMES)) == len(FAMILY_NAMES)
    assert mrn_of(1) == "DEMO-0001"
    names = [story.family_name for story in ALL]
    assert len(set(names)) == len(names)


def test_there_is_a_login_for_each_role_of_each_unit_and_one_for_everything() -> None:
    roles = {(login.unit, login.role) for login in LOGINS}
    assert roles == {("", "")} | {(unit.code, role) for unit in UNITS for role in ("nurse", "nephrologist", "manager")}


@pytest.mark.parametrize("story", ALL, ids=lambda story: story.key)
def test_a_story_refers_to_its_own_lesions_and_kept_analytes(story: Story) -> None:
    own = {lesion.key for lesion in story.lesions}
    named = {finding.lesion for finding in story.findings if finding.lesion}
    named |= {key for study in story.studies for key in study.lesions}
    named |= {histology.lesion for histology in story.histologies}
    assert named <= own
    assert set(story.usual) | set(story.last) | {result.analyte for result in story.results} <= set(BY_CODE)
    assert story.tells.endswith(".")


# --- the founding patient as data -------------------------------------------------------------------------


def test_the_founding_patient_has_no_mineral_but_a_normal_calcium() -> None:
    analytes = {result.analyte for result in FOUNDING_PATIENT.results}
    assert analytes == {"calcium", "alp", "crp", "urea", "creatinine"}
    assert all(result.timing == "unknown" for result in FOUNDING_PATIENT.results)


def test_the_founding_patient_is_suspected_not_confirmed() -> None:
    assert {lesion.certainty for lesion in FOUNDING_PATIENT.lesions} == {"suspected"}
    assert all(lesion.closed is None for lesion in FOUNDING_PATIENT.lesions)
    assert not FOUNDING_PATIENT.histologies
    assert not FOUNDING_PATIENT.procedures
    assert {study.modality for study in FOUNDING_PATIENT.studies} == {"CT"}


def test_the_founding_patient_was_examined_after_his_pictures_were_made() -> None:
    examined = max(finding.noted for finding in FOUNDING_PATIENT.findings)
    assert all(study.performed > examined for study in FOUNDING_PATIENT.studies)


def test_the_founding_patient_has_long_kidney_disease_and_unknown_dialysis() -> None:
    assert FOUNDING_PATIENT.ckd_years == 26
    assert FOUNDING_PATIENT.dialysis_years is None


# --- the chairside screen ---------------------------------------------------------------------------------

PAIN = ToldFinding(kind=FindingKind.PAIN, site=Site.HIP, noted=40, onset=58)
GONE = ToldFinding(kind=FindingKind.MASS, site=Site.HIP, noted=200, resolved=100)
ANSWERS = [
    ("nothing found, everything no", (), 10, set()),
    ("pain noted later than asked is not known yet", (PAIN,), 45, set()),
    ("pain of less than six weeks is not lasting", (PAIN,), 30, set()),
    ("pain of six weeks is", (PAIN,), 16, {"lasting_pain"}),
    ("a mass that is there is a lump", (GONE,), 150, {"lump"}),
    ("a mass that is gone is none", (GONE,), 50, set()),
    ("a weak limb", (ToldFinding(kind=FindingKind.LIMB_WEAKNESS, site=Site.GENERAL, noted=9),), 5, {"weakness"}),
    ("an ulcer", (ToldFinding(kind=FindingKind.ULCER, site=Site.HIP, noted=9),), 5, {"skin"}),
    ("a stiff neck", (ToldFinding(kind=FindingKind.STIFFNESS, site=Site.NECK, noted=9),), 5, {"stiff_joint"}),
]


@pytest.mark.parametrize("sentence, findings, asked, yes", ANSWERS, ids=[row[0] for row in ANSWERS])
def test_answers(sentence: str, findings: tuple[ToldFinding, ...], asked: float, yes: set[str]) -> None:
    answers = screen_answers(findings, asked)
    assert len(answers) == 5
    assert {question for question, answer in answers.items() if answer == "yes"} == yes
