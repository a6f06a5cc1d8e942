"""`manage.py simulate_cohort`: a file in the import format, or a unit full of invented people."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command

from monitoring.ingest.csv_file import examine_csv, read_csv
from monitoring.ingest.mapping import DEFAULT_MAPPING
from monitoring.ingest.normalise import Conventions, Normaliser
from monitoring.ingest.raw import NormalisedResult, RawResult, Refusal
from monitoring.models import Finding, LabResult, Patient, Prescription, SessionRecord, Treatment, Unit

SMALL = ["--patients", "12", "--months", "6", "--seed", "5", "--end", "2026-11-01"]
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("simulate_cohort", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def read_through_ingest(content: bytes) -> list[Any]:
    """What the service's own CSV reader makes of the file."""
    stream = io.BytesIO(content)
    layout = examine_csv(stream, DEFAULT_MAPPING)
    stream.seek(0)
    judge = Normaliser(Conventions(zone=ZoneInfo("Europe/London"), now=NOW))
    return [
        judge.normalise(row) if isinstance(row, RawResult) else row
        for row in read_csv(stream, layout)
    ]  # fmt: skip


# --- as a file --------------------------------------------------------------------------------------------


def test_the_file_has_the_columns_of_the_import() -> None:
    rows = list(csv.DictReader(io.StringIO(run(*SMALL))))
    assert list(rows[0]) == ["mrn", "analyte", "value", "unit", "taken_at", "timing", "source_id"]
    assert {row["mrn"] for row in rows} >= {"SIM-000000", "SIM-000011"}
    assert {row["timing"] for row in rows} == {"pre", "post"}
    assert len({row["source_id"] for row in rows}) == len(rows)


def test_the_same_arguments_give_the_same_file_and_another_seed_another() -> None:
    assert run(*SMALL) == run(*SMALL)
    assert run(*SMALL) != run(*SMALL, "--seed", "6")


def test_the_import_accepts_every_row_of_a_file_without_mistakes() -> None:
    outcomes = read_through_ingest(run(*SMALL).encode())
    assert len(outcomes) > 300
    assert {type(outcome) for outcome in outcomes} == {NormalisedResult}


def test_the_import_holds_some_rows_of_a_file_with_mistakes() -> None:
    outcomes = read_through_ingest(run(*SMALL, "--patients", "60", "--mistakes").encode())
    held = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert 0.005 < len(held) / len(outcomes) < 0.03
    assert {str(outcome.reason) for outcome in held} >= {"missing_unit", "probable_unit_swap"}


def test_a_file_is_written_where_asked(tmp_path: Path) -> None:
    target = tmp_path / "cohort.csv"
    assert run(*SMALL, "--output", str(target)) == ""
    assert target.read_text().startswith("mrn,analyte,value,unit,taken_at,timing,source_id\n")


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--patients", "0"], "at least one patient"),
        (["--end", "2999-01-01"], "future"),
        (["--output", "/nowhere/at/all.csv", *SMALL], "Could not write"),
        (["--scenario", "mars"], "invalid choice"),
        (["--unit", "A", "--mistakes"], "--mistakes is for files"),
        (["--unit", "A", "--output", "x.csv"], "not allowed with"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        run(*arguments)


# --- into a unit ------------------------------------------------------------------------------------------


@pytest.fixture
def north(db: None) -> Unit:
    return Unit.objects.create(code="N", name="North", time_zone="America/New_York", display_units="si")


def test_a_unit_is_filled_and_its_patients_are_due(north: Unit) -> None:
    said = run(*SMALL, "--unit", "N")
    patients = Patient.objects.filter(unit=north)
    assert patients.count() == 12
    assert all(patient.facts_version > patient.evaluated_version for patient in patients)
    assert "12 patients" in said
    assert str(LabResult.objects.count()) in said
    for facts in (Prescription, Treatment, SessionRecord, Finding):
        assert facts.objects.exists(), facts


def test_results_are_sent_in_the_units_of_the_unit_and_kept_in_canonical_ones(north: Unit) -> None:
    run(*SMALL, "--unit", "N")
    phosphate = LabResult.objects.filter(analyte="phosphate", timing="pre").first()
    assert phosphate is not None
    assert phosphate.unit_sent == "mmol/L"
    assert phosphate.code_sent == "14879-1"
    assert phosphate.value == pytest.approx(float(phosphate.value_text) / 0.3229, abs=0.0001)


def test_simulated_clock_times_are_local_times_of_the_unit(north: Unit) -> None:
    run(*SMALL, "--unit", "N")
    zone = ZoneInfo("America/New_York")
    hours = {result.taken_at.astimezone(zone).hour for result in LabResult.objects.filter(timing="pre")}
    assert hours <= {6, 7, 12, 17}


def test_nothing_lies_in_the_future_or_was_known_before_it_was_taken(north: Unit) -> None:
    run(*SMALL, "--unit", "N")
    for result in LabResult.objects.all():
        assert result.taken_at <= result.received_at < NOW


def test_a_missed_session_delivers_nothing(north: Unit) -> None:
    run(*SMALL, "--patients", "40", "--unit", "N")
    missed = SessionRecord.objects.filter(missed=True)
    assert missed.exists()
    assert set(missed.values_list("delivered_minutes", flat=True)) == {0}
    assert SessionRecord.objects.filter(missed=False).count() > 5 * missed.count()


def test_invented_people_are_never_put_among_real_ones(north: Unit) -> None:
    Patient.objects.create(unit=north, mrn="1", family_name="Real", given_name="Person")
    with pytest.raises(CommandError, match="without patients"):
        run(*SMALL, "--unit", "N")
    assert Patient.objects.count() == 1
    assert not LabResult.objects.exists()


@pytest.mark.django_db
def test_an_unknown_unit_is_named() -> None:
    with pytest.raises(CommandError, match="'NOPE'"):
        run(*SMALL, "--unit", "NOPE")
