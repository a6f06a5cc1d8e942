"""`/imports`: a file is uploaded, every row accounted for, what waits is shown, and the report is there to download."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from kombu.exceptions import OperationalError

from monitoring.api import imports as views
from monitoring.models import Import, LabResult, Patient, QuarantinedItem, Unit
from tests.builders import add_patient
from tests.callers import API, give_role, machine, person, problem_of, queries_of

pytestmark = pytest.mark.django_db
HEADER = "mrn,loinc,value,unit,taken_at,timing,source_id\n"
GOOD = "A1,2777-1,5.6,mg/dL,2024-03-05T07:30,pre,L{}\n"
MIXED = (
    HEADER
    + GOOD.format(1)
    + GOOD.format(1)
    + "A1,2823-3,5.1,mmol/L,2024-03-05T07:30,pre,L3\n"
    + "ghost,2777-1,=5.6,mg/dL,2024-03-05T07:30,pre,L4\n"
)


@pytest.fixture
def patient(unit_a: Unit) -> Patient:
    return add_patient(unit_a, mrn="A1")


def upload(client: Any, unit: Unit, content: str | bytes = MIXED, **form: Any) -> Any:
    data = content.encode() if isinstance(content, str) else content
    file = SimpleUploadedFile("march.csv", data, content_type="text/csv")
    return client.post(f"{API}/imports", {"file": file, "unit": str(unit.uuid), **form}, format="multipart")


def test_a_small_file_is_read_at_once_and_every_row_accounted_for(alice: Any, unit_a: Unit, patient: Patient) -> None:
    answer = upload(person(alice), unit_a, source="lab")
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["status"], body["source"], body["filename"]) == ("finished", "lab", "march.csv")
    counts = [body[f"rows_{end}"] for end in ("read", "accepted", "duplicate", "quarantined", "not_kept")]
    assert counts == [4, 1, 1, 1, 1]
    assert person(alice).get(answer["Location"]).json() == body
    assert Import.objects.get().actor == alice


def test_the_same_file_again_changes_nothing(alice: Any, unit_a: Unit, patient: Patient) -> None:
    upload(person(alice), unit_a)
    body = upload(person(alice), unit_a).json()
    assert (body["rows_accepted"], body["rows_read"]) == (0, 4)
    assert LabResult.objects.count() == 1
    assert QuarantinedItem.objects.count() == 1


def test_what_waits_is_shown_with_its_place(alice: Any, unit_a: Unit, patient: Patient) -> None:
    body = upload(person(alice), unit_a).json()
    (row,) = person(alice).get(body["quarantine"]).json()["results"]
    assert (row["line"], row["status"]) == (5, "waiting")
    assert row["message"]
    assert "id" not in row
    assert person(alice).get(f"{body['quarantine']}?status=dismissed").json()["results"] == []
    assert len(person(alice).get(f"{body['quarantine']}?reason={row['reason']}").json()["results"]) == 1
    problem_of(person(alice).get(f"{body['quarantine']}?reson=x"), 400)


@pytest.mark.parametrize("accept", ["text/csv", "*/*", "text/csv, application/json"])
def test_the_report_tells_every_row_and_no_spreadsheet_runs_it(
    accept: str, alice: Any, unit_a: Unit, patient: Patient
) -> None:
    body = upload(person(alice), unit_a).json()
    answer = person(alice).get(body["report"], headers={"accept": accept})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [row["status"] for row in rows] == ["accepted", "already known", "not kept", "quarantined"]
    assert not any(cell.startswith("=") for row in rows for cell in row.values())


def test_a_refusal_of_the_report_is_a_problem_whatever_was_asked_for(alice: Any, unit_a: Unit) -> None:
    problem_of(person(alice).get(f"{API}/imports/{uuid4()}/report", headers={"accept": "text/csv"}), 404)


def test_a_mapping_may_come_with_the_file(alice: Any, unit_a: Unit, patient: Patient) -> None:
    mapping = {"columns": {"mrn": "pid", "code": "test", "value": "res", "unit": "u", "taken_at": "t"}}
    content = "pid,test,res,u,t\nA1,2777-1,5.6,mg/dL,2024-03-05T07:30\n"
    body = upload(person(alice), unit_a, content, mapping=json.dumps(mapping)).json()
    assert body["rows_accepted"] == 1


@pytest.mark.parametrize(
    ("sentence", "form", "status", "place"),
    [
        ("no JSON", {"mapping": "{"}, 400, "mapping"),
        ("no object", {"mapping": "[]"}, 400, "mapping"),
        ("very deep", {"mapping": "[" * 100_000}, 400, "mapping"),
        ("a key nobody knows", {"mapping": '{"colums": {}}'}, 422, None),
        ("a source that is too long", {"source": "x" * 61}, 400, "source"),
        ("a field nobody knows", {"units": "si"}, 400, "units"),
    ],
)
def test_a_wrong_form_is_refused_and_nothing_is_kept(
    sentence: str, form: dict[str, str], status: int, place: str | None, alice: Any, unit_a: Unit
) -> None:
    body = problem_of(upload(person(alice), unit_a, **form), status)
    if place:
        assert [error["place"] for error in body["errors"]] == [place], sentence
    assert not Import.objects.exists()


@pytest.mark.parametrize(
    ("sentence", "content"),
    [
        ("nothing", b""),
        ("no header", "A1,2777-1,5.6\n"),
        ("a picture", b"\x89PNG\r\n\x1a\n" + bytes(range(256))),
        ("a spreadsheet", b"PK\x03\x04" + b"\x00" * 200),
    ],
)
def test_a_file_that_is_none_is_refused_as_a_whole_but_kept(
    sentence: str, content: str | bytes, alice: Any, unit_a: Unit
) -> None:
    body = problem_of(upload(person(alice), unit_a, content), 422)
    assert body["code"] == "file-refused", sentence
    kept = person(alice).get(body["context"]["imported"]).json()
    assert (kept["status"], kept["message"]) == ("refused", body["detail"])
    assert Import.objects.count() == 1


def test_without_a_file_it_is_refused(alice: Any, unit_a: Unit) -> None:
    answer = person(alice).post(f"{API}/imports", {"unit": str(unit_a.uuid)}, format="multipart")
    assert problem_of(answer, 400)["errors"][0]["place"] == "file"
    problem_of(person(alice).post(f"{API}/imports", {"unit": str(unit_a.uuid)}, format="json"), 415)


def test_a_larger_file_is_left_to_a_worker_and_told_when_it_was_kept(
    alice: Any,
    unit_a: Unit,
    patient: Patient,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    sent: list[int] = []
    monkeypatch.setattr(views, "AT_ONCE_BYTES", 10)
    monkeypatch.setattr(views.process_import_task, "delay", sent.append)
    with django_capture_on_commit_callbacks(execute=True):
        answer = upload(person(alice), unit_a)
    assert (answer.status_code, answer.json()["status"]) == (202, "received")
    assert sent == [Import.objects.get().pk]
    assert not LabResult.objects.exists()
    problem_of(person(alice).get(answer.json()["report"]), 409)


def test_when_the_broker_is_away_the_file_is_kept_for_the_sweep(
    alice: Any,
    unit_a: Unit,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    def broken(import_id: int) -> None:
        raise OperationalError

    monkeypatch.setattr(views, "AT_ONCE_BYTES", 10)
    monkeypatch.setattr(views.process_import_task, "delay", broken)
    with django_capture_on_commit_callbacks(execute=True):
        assert upload(person(alice), unit_a).status_code == 202
    assert Import.objects.get().status == "received"


def test_bob_sees_nothing_of_it(alice: Any, bob: Any, unit_a: Unit, unit_b: Unit, patient: Patient) -> None:
    body = upload(person(alice), unit_a).json()
    assert person(bob).get(f"{API}/imports").json()["results"] == []
    for address in (f"{API}/imports/{body['uuid']}", body["quarantine"], body["report"]):
        problem_of(person(bob).get(address), 404)
    problem_of(upload(person(bob), unit_a), 400)


def test_a_manager_reads_imports_and_may_not_upload(alice: Any, unit_a: Unit, patient: Patient) -> None:
    upload(machine(unit_a), unit_a)
    give_role(alice, unit_a, "manager")
    assert len(person(alice).get(f"{API}/imports").json()["results"]) == 1
    problem_of(upload(person(alice), unit_a), 403)


def test_no_answer_reads_the_files_as_received(alice: Any, unit_a: Unit, patient: Patient) -> None:
    client = person(alice)
    body = upload(client, unit_a).json()
    result = LabResult.objects.get()
    for path in ("imports", f"imports/{body['uuid']}", "lab-results", f"lab-results/{result.uuid}"):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"{API}/{path}").status_code == 200
        assert not any('"monitoring_import"."content"' in query["sql"] for query in queries), path


def test_imports_are_listed_newest_first_without_reading_the_files(alice: Any, unit_a: Unit, patient: Patient) -> None:
    client = person(alice)
    upload(client, unit_a, source="first")
    one = queries_of(client, f"{API}/imports")
    for name in ("second", "third"):
        upload(client, unit_a, source=name)
    assert queries_of(client, f"{API}/imports") == one
    rows = client.get(f"{API}/imports").json()["results"]
    assert [row["source"] for row in rows] == ["third", "second", "first"]
    assert client.get(f"{API}/imports?status=refused").json()["results"] == []
