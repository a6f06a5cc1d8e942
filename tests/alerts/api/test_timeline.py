"""`/patients/{uuid}/timeline`: facts and alerts of one patient in one order, newest first, page by page."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from alerts.services.evaluating import evaluate_patients
from monitoring.models import ChairsideScreen, ImagingStudy, Patient, Procedure, Treatment, Unit
from tests.builders import NOW, add_finding, add_lab, add_patient
from tests.callers import API, machine, person, problem_of, queries_of, utc

pytestmark = pytest.mark.django_db


@pytest.fixture
def storied(unit_a: Unit) -> Patient:
    """A patient to whom much has happened."""
    patient = add_patient(unit_a)
    for days in (90, 60, 30):
        add_lab(patient, "phosphate", 6.2, days_ago=days)
        add_lab(patient, "calcium", 9.5, days_ago=days)
    add_finding(patient, "mass", "hip", "right", days_ago=20)
    add_finding(patient, "pain", "hip", "right", days_ago=20)
    ImagingStudy.objects.create(
        patient=patient, modality="XR", site="hip", side="right", performed_at=NOW - timedelta(days=10), recorded_at=NOW
    )
    Treatment.objects.create(
        patient=patient, drug_class="calcium_binder", drug="calcium acetate", recorded_at=NOW,
        started_on=date(2025, 12, 2), ended_on=date(2026, 2, 10),
    )  # fmt: skip
    Procedure.objects.create(patient=patient, kind="excision", performed_on=date(2026, 2, 10), recorded_at=NOW)
    # One on a day of which something else is known only by the day.
    for asked in (NOW - timedelta(days=5), datetime(2026, 2, 10, 9, tzinfo=UTC)):
        ChairsideScreen.objects.create(patient=patient, asked_at=asked, lump="yes", recorded_at=NOW)
    evaluate_patients([patient.pk], as_of=NOW)
    return patient


def entries(client: Any, patient: Patient, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        answer = client.get(
            f"{API}/patients/{patient.uuid}/timeline", {**query, **({"cursor": cursor} if cursor else {})}
        )
        assert answer.status_code == 200, answer.content
        found += answer.json()["results"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


def test_everything_that_happened_is_there_newest_first(alice: Any, storied: Patient) -> None:
    found = entries(person(alice), storied)
    times = [utc(entry["at"]) for entry in found]
    assert times == sorted(times, reverse=True)
    kinds = [entry["kind"] for entry in found]
    assert kinds.count("lab_result") == 6
    assert kinds.count("finding") == 2
    assert {"alert", "imaging", "treatment_started", "treatment_stopped", "procedure", "screen"} <= set(kinds)


def test_an_entry_shows_its_own_row_and_nothing_else(alice: Any, storied: Patient) -> None:
    members = {"alert_event", "finding", "imaging_study", "lab_result", "procedure", "screen", "treatment"}
    for entry in entries(person(alice), storied):
        (shown,) = [name for name in members if entry[name] is not None]
        assert entry[shown]["uuid"] == entry["uuid"]
        assert entry["day_only"] is (entry["kind"] in {"treatment_started", "treatment_stopped", "procedure"})


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_give_the_same_as_the_whole_without_gap_or_repeat(limit: int, alice: Any, storied: Patient) -> None:
    client = person(alice)
    add_finding(storied, "stiffness", "hip", "right", noted_at=NOW.replace(hour=0) - timedelta(days=20))
    whole = [(entry["kind"], entry["uuid"]) for entry in entries(client, storied)]
    paged = [(entry["kind"], entry["uuid"]) for entry in entries(client, storied, limit=limit)]
    assert paged == whole
    assert len(set(whole)) == len(whole)


def test_what_is_no_longer_believed_is_not_told(alice: Any, unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    wrong = add_lab(patient, "phosphate", 9.9, days_ago=3)
    wrong.retired_at = NOW
    wrong.save()
    add_lab(patient, "phosphate", 4.9, days_ago=3, source_id=wrong.source_id, supersedes=wrong, status="corrected")
    (entry,) = entries(person(alice), patient)
    assert entry["lab_result"]["value"] == "4.9"
    assert entry["lab_result"]["supersedes"] == str(wrong.uuid)


def test_values_are_shown_in_the_units_asked_for_beside_the_value_as_sent(alice: Any, unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    add_lab(patient, "phosphate", 5.6)
    (entry,) = entries(person(alice), patient, units="si")
    assert entry["lab_result"]["value"] == "5.6"
    assert entry["lab_result"]["shown"] == {"value": "1.81", "unit": "mmol/L"}


def test_a_key_without_the_scope_for_alerts_is_told_that_they_are_left_out(unit_a: Unit, storied: Patient) -> None:
    client = machine(unit_a, scopes=["facts:read"])
    body = client.get(f"{API}/patients/{storied.uuid}/timeline").json()
    assert body["left_out"] == ["alert"]
    assert "alert" not in {entry["kind"] for entry in body["results"]}
    assert machine(unit_a).get(f"{API}/patients/{storied.uuid}/timeline").json()["left_out"] == []


def test_a_cursor_of_another_patient_or_a_made_up_one_is_refused(alice: Any, unit_a: Unit, storied: Patient) -> None:
    client = person(alice)
    cursor = client.get(f"{API}/patients/{storied.uuid}/timeline?limit=1").json()["next_cursor"]
    other = add_patient(unit_a)
    problem_of(client.get(f"{API}/patients/{other.uuid}/timeline", {"cursor": cursor}), 400)
    problem_of(client.get(f"{API}/patients/{storied.uuid}/timeline", {"cursor": cursor[:-1]}), 400)
    problem_of(client.get(f"{API}/patients/{storied.uuid}/timeline", {"limit": 501}), 400)
    problem_of(client.get(f"{API}/patients/{storied.uuid}/timeline", {"kind": "alert"}), 400)


def test_nobody_reads_the_timeline_of_another_units_patient(bob: Any, storied: Patient) -> None:
    problem_of(person(bob).get(f"{API}/patients/{storied.uuid}/timeline"), 404)


def test_the_number_of_queries_does_not_depend_on_how_much_has_happened(alice: Any, storied: Patient) -> None:
    client = person(alice)
    address = f"{API}/patients/{storied.uuid}/timeline"
    before = queries_of(client, address)
    for days in range(1, 20):
        add_lab(storied, "albumin", 3.9, days_ago=days)
        add_finding(storied, "itch", "general", "unknown", days_ago=days)
    assert queries_of(client, address) == before
