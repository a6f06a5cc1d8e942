"""`/findings`: recorded by who cares for the patient, changed and taken back by the physician, never overwritten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from monitoring.models import Finding, Lesion, Patient, Unit
from tests.builders import NOW, add_finding, add_patient
from tests.callers import API, give_role, machine, person, problem_of, queries_of, utc

pytestmark = pytest.mark.django_db
MASS = {"kind": "mass", "site": "hip", "side": "right"}


@pytest.fixture
def patient(unit_a: Unit) -> Patient:
    return add_patient(unit_a)


@pytest.fixture
def physician(alice: Any, unit_a: Unit) -> Any:
    """Alice as nephrologist of unit A."""
    give_role(alice, unit_a, "nephrologist")
    return person(alice)


def test_alice_records_a_mass_noted_now(alice: Any, patient: Patient) -> None:
    before = timezone.now()
    answer = person(alice).post(f"{API}/findings", {**MASS, "patient": str(patient.uuid), "size_mm": 45})
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert person(alice).get(answer["Location"]).json() == body
    assert (body["kind"], body["site"], body["side"], body["status"]) == ("mass", "hip", "right", "present")
    assert utc(body["noted_at"]) >= before
    assert (body["onset"], body["growing"]) == (None, None)
    stored = Finding.objects.get()
    assert stored.recorded_by == alice
    patient.refresh_from_db()
    assert patient.facts_version == 2


@pytest.mark.parametrize(
    ("sentence", "changes", "place"),
    [
        ("a kind nobody knows", {"kind": "lump"}, "kind"),
        ("a site nobody knows", {"site": "hipp"}, "site"),
        ("no site", {"site": None}, "site"),
        ("a misspelt field", {"onsett": "2026-01-01"}, "onsett"),
        ("a status nobody may set here", {"status": "resolved"}, "status"),
        ("noted at a time without offset", {"noted_at": "2026-03-02T09:00:00"}, "noted_at"),
        ("noted on a day", {"noted_at": "2026-03-02"}, "noted_at"),
        ("noted in a hundred years", {"noted_at": "2126-03-02T09:00:00Z"}, "noted_at"),
        ("begun after it was noted", {"noted_at": "2026-03-02T09:00:00Z", "onset": "2026-03-05"}, "onset"),
        ("smaller than nothing", {"size_mm": -1}, "size_mm"),
        ("larger than a patient", {"size_mm": 20_000}, "size_mm"),
        ("perhaps growing", {"growing": "perhaps"}, "growing"),
        ("a lesion nobody knows", {"lesion": str(uuid4())}, "lesion"),
        ("a patient nobody knows", {"patient": str(uuid4())}, "patient"),
    ],
)
def test_what_cannot_be_taken_is_named_and_nothing_is_stored(
    sentence: str, changes: dict[str, Any], place: str, alice: Any, patient: Patient
) -> None:
    sent = {**MASS, "patient": str(patient.uuid), **changes}
    body = problem_of(person(alice).post(f"{API}/findings", sent), 400)
    assert [error["place"] for error in body["errors"]] == [place], sentence
    assert not Finding.objects.exists()


def test_a_lesion_of_another_patient_is_not_seen(alice: Any, unit_a: Unit, patient: Patient) -> None:
    other = add_patient(unit_a)
    lesion = Lesion.objects.create(patient=other, site="hip", side="right", recorded_at=NOW)
    sent = {**MASS, "patient": str(patient.uuid), "lesion": str(lesion.uuid)}
    problem_of(person(alice).post(f"{API}/findings", sent), 400)
    assert person(alice).post(f"{API}/findings", {**sent, "patient": str(other.uuid)}).status_code == 201


def test_bob_cannot_record_for_alices_patient_and_cannot_tell_that_there_is_one(bob: Any, patient: Patient) -> None:
    theirs = problem_of(person(bob).post(f"{API}/findings", {**MASS, "patient": str(patient.uuid)}), 400)
    nobodys = problem_of(person(bob).post(f"{API}/findings", {**MASS, "patient": str(uuid4())}), 400)
    assert theirs["errors"][0]["message"] == nobodys["errors"][0]["message"]
    assert not Finding.objects.exists()


def test_a_change_makes_a_new_one_and_keeps_the_old(physician: Any, patient: Patient) -> None:
    old = add_finding(patient, "mass", "hip", "right")
    answer = physician.patch(f"{API}/findings/{old.uuid}", {"size_mm": 60, "growing": True})
    assert answer.status_code == 200, answer.content
    new = answer.json()
    assert (new["size_mm"], new["growing"], new["supersedes"]) == (60, True, str(old.uuid))
    assert answer["Content-Location"] == f"{API}/findings/{new['uuid']}"
    past = physician.get(f"{API}/findings/{old.uuid}").json()
    assert (past["size_mm"], past["superseded_by"]) == (None, new["uuid"])
    assert past["retired_at"] is not None
    listed = physician.get(f"{API}/findings?patient={patient.uuid}").json()["results"]
    assert [row["uuid"] for row in listed] == [new["uuid"]]


def test_saying_the_same_again_makes_no_new_one(physician: Any, patient: Patient) -> None:
    mass = add_finding(patient, "mass", "hip", "right")
    version = Patient.objects.get().facts_version
    answer = physician.patch(f"{API}/findings/{mass.uuid}", {"site": "hip"})
    assert answer.json()["uuid"] == str(mass.uuid)
    assert Finding.objects.count() == 1
    assert Patient.objects.get().facts_version == version


def test_what_somebody_else_has_replaced_is_a_conflict(physician: Any, patient: Patient) -> None:
    mass = add_finding(patient, "mass", "hip", "right")
    physician.patch(f"{API}/findings/{mass.uuid}", {"size_mm": 60})
    body = problem_of(physician.patch(f"{API}/findings/{mass.uuid}", {"size_mm": 70}), 409)
    assert body["code"] == "finding-replaced"
    assert Finding.objects.count() == 2


def test_a_finding_that_is_gone_keeps_its_past(physician: Any, patient: Patient) -> None:
    mass = add_finding(patient, "mass", "hip", "right", days_ago=30)
    answer = physician.post(f"{API}/findings/{mass.uuid}/resolve", {"resolved_at": "2026-03-01T08:00:00Z"})
    assert answer.status_code == 200, answer.content
    assert (answer.json()["status"], answer.json()["resolved_at"]) == ("resolved", "2026-03-01T08:00:00Z")


@pytest.mark.parametrize(
    ("sentence", "resolved_at", "status"),
    [
        ("gone before it was noted", "2020-01-01T00:00:00Z", 422),
        ("gone in a hundred years", "2126-01-01T00:00:00Z", 400),
        ("gone at a time without offset", "2026-03-01T08:00:00", 400),
    ],
)
def test_an_impossible_end_is_refused(
    sentence: str, resolved_at: str, status: int, physician: Any, patient: Patient
) -> None:
    mass = add_finding(patient, "mass", "hip", "right")
    problem_of(physician.post(f"{API}/findings/{mass.uuid}/resolve", {"resolved_at": resolved_at}), status)
    mass.refresh_from_db()
    assert mass.status == "present", sentence


def test_a_finding_that_was_never_true_is_taken_back(physician: Any, patient: Patient) -> None:
    mass = add_finding(patient, "mass", "hip", "right")
    answer = physician.post(f"{API}/findings/{mass.uuid}/withdraw", {})
    assert (answer.status_code, answer.json()["status"]) == (200, "withdrawn")
    statuses = physician.get(f"{API}/findings?patient={patient.uuid}&status=present").json()["results"]
    assert statuses == []


@pytest.mark.parametrize("path", ["", "/resolve", "/withdraw"])
def test_a_nurse_adds_findings_but_does_not_change_them(path: str, alice: Any, patient: Patient) -> None:
    mass = add_finding(patient, "mass", "hip", "right")
    client = person(alice)
    answer = (client.post if path else client.patch)(f"{API}/findings/{mass.uuid}{path}", {})
    assert "nephrologist" in problem_of(answer, 403)["detail"]
    assert Finding.objects.get().status == "present"


@pytest.mark.parametrize("path", ["", "/resolve", "/withdraw"])
def test_a_key_of_another_unit_gets_404(path: str, unit_b: Unit, patient: Patient) -> None:
    mass = add_finding(patient, "mass", "hip", "right")
    client = machine(unit_b)
    problem_of((client.post if path else client.patch)(f"{API}/findings/{mass.uuid}{path}", {}), 404)
    problem_of(client.get(f"{API}/findings/{mass.uuid}"), 404)
    assert client.get(f"{API}/findings?patient={patient.uuid}").json()["results"] == []


def test_filters_and_the_order_of_the_list(alice: Any, unit_a: Unit, patient: Patient) -> None:
    other = add_patient(unit_a)
    for days, kind in ((1, "mass"), (3, "pain"), (2, "mass")):
        add_finding(patient, kind, "hip", days_ago=days)
    add_finding(other, "mass", "neck", days_ago=0)
    client = person(alice)
    rows = client.get(f"{API}/findings?patient={patient.uuid}").json()["results"]
    assert [utc(row["noted_at"]) for row in rows] == [NOW - timedelta(days=days) for days in (1, 2, 3)]
    masses = client.get(f"{API}/findings?patient={patient.uuid}&kind=mass").json()["results"]
    assert len(masses) == 2
    assert len(client.get(f"{API}/findings?unit={unit_a.uuid}").json()["results"]) == 4
    problem_of(client.get(f"{API}/findings?kind=lump"), 400)


def test_the_number_of_queries_does_not_depend_on_the_number_of_findings(alice: Any, patient: Patient) -> None:
    client = person(alice)
    add_finding(patient, "mass", "hip")
    one = queries_of(client, f"{API}/findings")
    for days in range(1, 10):
        add_finding(patient, "pain", "hip", days_ago=days)
    assert queries_of(client, f"{API}/findings") == one
