"""`Idempotency-Key`: what is sent twice happens once, and a key stands for one request only."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from monitoring.models import Finding, IdempotentReply, Import, LabResult, Patient, QuarantinedItem, Unit
from monitoring.services import idempotency
from tests.builders import add_finding, add_patient
from tests.callers import API, give_role, machine, person, problem_of

pytestmark = pytest.mark.django_db


def mass(patient: Patient, **changes: Any) -> dict[str, Any]:
    return {"patient": str(patient.uuid), "kind": "mass", "site": "hip", "side": "right", **changes}


def post(client: Any, path: str, body: Any, key: str | None = "k-1", **options: Any) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(f"{API}/{path}", body, headers=headers, **options)


@pytest.fixture
def patient(unit_a: Unit) -> Patient:
    return add_patient(unit_a, mrn="A1")


def test_the_same_request_again_is_answered_as_before_and_does_nothing_more(unit_a: Unit, patient: Patient) -> None:
    client = machine(unit_a)
    first, again = (post(client, "findings", mass(patient)) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again["Location"] == first["Location"]
    assert again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert Finding.objects.count() == 1


def test_without_a_key_the_same_request_is_two(unit_a: Unit, patient: Patient) -> None:
    client = machine(unit_a)
    for _ in range(2):
        assert post(client, "findings", mass(patient), key=None).status_code == 201
    assert Finding.objects.count() == 2


@pytest.mark.parametrize(
    ("sentence", "path", "changes"),
    [
        ("another body", "findings", {"site": "knee"}),
        ("another address", "patients", {}),
    ],
)
def test_the_key_with_another_request_is_refused_and_nothing_happens(
    sentence: str, path: str, changes: dict[str, Any], unit_a: Unit, patient: Patient
) -> None:
    client = machine(unit_a)
    post(client, "findings", mass(patient))
    body = problem_of(post(client, path, mass(patient, **changes)), 422)
    assert body["code"] == "idempotency-key-reused", sentence
    assert Finding.objects.count() == 1


def test_the_order_of_the_fields_does_not_make_another_request(unit_a: Unit, patient: Patient) -> None:
    client = machine(unit_a)
    first = post(client, "findings", mass(patient))
    again = post(client, "findings", dict(reversed(mass(patient).items())))
    assert again.json() == first.json()


def test_two_callers_may_use_the_same_key(unit_a: Unit, alice: Any, patient: Patient) -> None:
    assert post(machine(unit_a), "findings", mass(patient)).status_code == 201
    answer = post(person(alice), "findings", mass(patient))
    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer
    assert Finding.objects.count() == 2


def test_a_refusal_that_changed_nothing_is_not_remembered_so_the_request_can_be_mended(
    unit_a: Unit, patient: Patient
) -> None:
    client = machine(unit_a)
    problem_of(post(client, "findings", mass(patient, site="hipp")), 400)
    assert post(client, "findings", mass(patient)).status_code == 201
    assert Finding.objects.count() == 1


def test_a_result_that_waits_is_kept_and_the_refusal_is_remembered(unit_a: Unit, patient: Patient) -> None:
    client = machine(unit_a)
    sent = {"unit": str(unit_a.uuid), "mrn": "A1", "code": "2777-1", "value": "5.6", "taken_at": "2026-03-02T07:00Z"}
    first, again = (post(client, "lab-results", sent) for _ in range(2))
    assert problem_of(first, 422) == problem_of(again, 422)
    assert again["Idempotency-Replayed"] == "true"
    assert QuarantinedItem.objects.count() == 1


def test_a_failure_leaves_nothing_behind_not_even_the_key(
    unit_a: Unit, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = machine(unit_a)
    client.raise_request_exception = False

    def fails(*args: Any, **kwargs: Any) -> None:
        add_finding(patient, "mass", "hip")
        raise RuntimeError("after something was written")

    with monkeypatch.context() as broken:
        broken.setattr("monitoring.api.findings.record_finding", fails)
        problem_of(post(client, "findings", mass(patient)), 500)
    assert not Finding.objects.exists()
    assert post(client, "findings", mass(patient)).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "k\u00e9y"])
def test_a_key_that_cannot_be_one_is_refused(key: str, unit_a: Unit, patient: Patient) -> None:
    body = problem_of(post(machine(unit_a), "findings", mass(patient), key=key), 400)
    assert body["code"] == "invalid-idempotency-key"
    assert not Finding.objects.exists()


def test_after_a_day_the_key_is_free_again_and_old_answers_are_cleared_away(unit_a: Unit, patient: Patient) -> None:
    client = machine(unit_a)
    for key in ("k-1", "k-2"):
        post(client, "findings", mass(patient), key=key)
    IdempotentReply.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    answer = post(client, "findings", mass(patient, site="knee"))
    assert (answer.status_code, answer.json()["site"]) == (201, "knee")
    assert IdempotentReply.objects.count() == 1


def test_the_key_is_free_again_even_while_too_many_old_answers_wait_to_be_cleared(
    unit_a: Unit, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "_CLEARED_AT_ONCE", 0)
    client = machine(unit_a)
    post(client, "findings", mass(patient))
    IdempotentReply.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    assert post(client, "findings", mass(patient, site="knee")).status_code == 201


def test_an_upload_is_the_same_by_its_content(alice: Any, unit_a: Unit, patient: Patient) -> None:
    give_role(alice, unit_a, "nurse")

    def upload(value: str) -> Any:
        content = f"mrn,loinc,value,unit,taken_at\nA1,2777-1,{value},mg/dL,2024-03-05T07:30\n".encode()
        form = {"file": SimpleUploadedFile("a.csv", content), "unit": str(unit_a.uuid)}
        return post(person(alice), "imports", form, format="multipart")

    first, again = upload("5.6"), upload("5.6")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert Import.objects.count() == 1
    problem_of(upload("6.6"), 422)
    assert LabResult.objects.count() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_sent_twice_at_the_same_moment_it_still_happens_once(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    client = machine(unit_a)
    barrier = threading.Barrier(4)
    answers: list[Any] = []

    def send() -> None:
        barrier.wait()
        answers.append(post(client, "findings", mass(patient)))
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json()["uuid"] for answer in answers}) == 1
    assert Finding.objects.count() == 1
