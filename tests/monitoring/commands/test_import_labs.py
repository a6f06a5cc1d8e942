"""`manage.py import_labs`: the account of a file, a clear answer to every fault, never a stack trace."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from monitoring.models import Import, LabResult, Patient, QuarantinedItem, Unit

HEADER = "mrn,loinc,value,unit,taken_at,timing\n"
FILE = HEADER + "A1,2777-1,5.6,mg/dL,2024-03-05T07:30,pre\nA1,2777-1,x,mg/dL,2024-03-05T07:30,pre\n"


@pytest.fixture
def patient(unit_a: Unit) -> Patient:
    return Patient.objects.create(unit=unit_a, mrn="A1", family_name="Moreau", given_name="Jean")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "march.csv"
    path.write_text(FILE, encoding="utf-8")
    return path


def run(*arguments: Any) -> str:
    out = StringIO()
    call_command("import_labs", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_it_prints_the_account_and_the_first_refusals(patient: Patient, file: Path) -> None:
    printed = run(file, "--unit", "A", "--source", "lab")
    assert [line.split() for line in printed.splitlines()[1:4]] == [
        ["rows", "read", "2"],
        ["accepted", "1"],
        ["already", "known", "0"],
    ]
    assert "line 3, value “x”: Expected a plain number" in printed
    assert LabResult.objects.get().source == "A/lab"


def test_a_dry_run_says_the_same_and_stores_nothing(patient: Patient, file: Path) -> None:
    printed = run(file, "--unit", "A", "--dry-run", "--register-patients")
    assert "dry run: nothing was stored" in printed
    assert "not_a_number" in printed
    assert not Import.objects.exists()
    assert not LabResult.objects.exists()
    assert not QuarantinedItem.objects.exists()


def test_unknown_patients_wait_or_are_registered_when_asked(unit_a: Unit, file: Path) -> None:
    assert "unknown_patient" in run(file, "--unit", "A", "--dry-run")
    run(file, "--unit", "A", "--register-patients")
    assert Patient.objects.get().mrn == "A1"
    assert LabResult.objects.count() == 1


def test_as_of_moves_the_present(patient: Patient, file: Path) -> None:
    assert "future_time" in run(file, "--unit", "A", "--as-of", "2024-01-01", "--dry-run")
    assert "future_time" not in run(file, "--unit", "A", "--as-of", "2024-04-01", "--dry-run")


def test_a_mapping_file_is_used(patient: Patient, file: Path, tmp_path: Path) -> None:
    file.write_text("Nr;Test;Wert;Zeit\nA1;P;5,6;05.03.2024 07:30\n", encoding="utf-8")
    mapping = tmp_path / "mapping.json"
    mapping.write_text(
        json.dumps(
            {
                "source": "nord",
                "columns": {"mrn": "Nr", "code": "Test", "value": "Wert", "taken_at": "Zeit"},
                "constants": {"unit": "mg/dL"},
                "date_format": "DD.MM.YYYY HH:MM",
                "code_map": {"P": "2777-1"},
            }
        ),
        encoding="utf-8",
    )
    assert "accepted" in run(file, "--unit", "A", "--mapping", mapping)
    row = LabResult.objects.get()
    assert (row.value, row.source, row.taken_at.month) == (5.6, "A/nord", 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "The file was refused. The file is empty"),
        ("a,b\n1,2\n", "does not name the columns"),
        (HEADER.replace(",unit", "") + "A1,2777-1,5.6,2024-03-05,pre\n", "No column for unit"),
        ("z" * 2_000_000, "does not end"),
    ],
)
def test_a_refused_file_is_a_plain_error(unit_a: Unit, file: Path, content: str, words: str) -> None:
    file.write_text(content, encoding="utf-8")
    with pytest.raises(CommandError, match=words):
        run(file, "--unit", "A")
    assert Import.objects.get().status == "refused"


def test_other_faults_are_plain_errors(unit_a: Unit, file: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"There is no unit X; known are: A\."):
        run(file, "--unit", "X")
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        run(tmp_path / "nothing.csv", "--unit", "A")
    with pytest.raises(CommandError, match="cannot be read: Is a directory"):
        run(tmp_path, "--unit", "A")
    with pytest.raises(CommandError, match="is not a date"):
        run(file, "--unit", "A", "--as-of", "tomorrow")
    mapping = tmp_path / "mapping.json"
    for text, words in (("{", "not a JSON document"), ("[]", "JSON object"), ('{"colums": 1}', "“colums”")):
        mapping.write_text(text, encoding="utf-8")
        with pytest.raises(CommandError, match=words):
            run(file, "--unit", "A", "--mapping", mapping)
    mapping.write_bytes(b"\xff\xfe{}")
    with pytest.raises(CommandError, match="not a JSON document"):
        run(file, "--unit", "A", "--mapping", mapping)
    assert not Import.objects.exists()
