"""`/patients/{uuid}/assessment`: the tier, line by line, with what is missing and what it was before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from alerts.services.evaluating import evaluate_patients
from monitoring.models import Unit
from monitoring.rules.scoring import UNCALIBRATED
from monitoring.services.recording import withdraw_finding
from tests.builders import NOW, add_finding, add_patient
from tests.callers import API, machine, person, problem_of, queries_of, utc

pytestmark = pytest.mark.django_db


def test_the_page_says_why_the_tier_is_what_it_is(alice: Any, unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    add_finding(patient, "mass", "hip", "right")
    add_finding(patient, "mass", "hip", "left")
    evaluate_patients([patient.pk], as_of=NOW)
    page = person(alice).get(f"{API}/patients/{patient.uuid}/assessment").json()
    assert page["patient"] == str(patient.uuid)
    assert page["assessment"]["tier"] == "urgent"
    assert "S01" in page["assessment"]["set_by"]
    assert page["assessment"]["rule_set"] == 1
    lines = {line["code"]: (line["points"], line["state"]) for line in page["points"]}
    assert lines["mass"] == (5, "counted")
    assert lines["places"] == (1, "counted")
    assert lines["L01"] == (0, "unknown")
    assert sum(part["counted"] for part in page["parts"]) == page["assessment"]["score"]
    assert page["notice"] == UNCALIBRATED
    assert {"phosphate", "PTH"} <= set(page["assessment"]["missing"])
    assert utc(page["due_at"]) > NOW


def test_the_history_tells_what_it_was_before(alice: Any, unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    mass = add_finding(patient, "mass", "hip")
    evaluate_patients([patient.pk], as_of=NOW)
    withdraw_finding(mass, now=NOW + timedelta(hours=1))
    evaluate_patients([patient.pk], as_of=NOW + timedelta(hours=2))
    history = person(alice).get(f"{API}/patients/{patient.uuid}/assessment").json()["history"]
    assert [row["tier"] for row in history] == ["routine", "urgent"]
    assert history[0]["until"] is None
    assert utc(history[1]["until"]) == utc(history[0]["as_of"]) == NOW + timedelta(hours=2)


def test_who_was_not_judged_yet_has_no_tier_rather_than_a_low_one(alice: Any, unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    page = person(alice).get(f"{API}/patients/{patient.uuid}/assessment").json()
    assert page["assessment"] is None
    assert page["points"] == []
    assert page["awaits_judgement"] is True
    assert page["notice"] == UNCALIBRATED


def test_the_number_of_queries_does_not_grow_with_the_history(alice: Any, unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    client = person(alice)
    evaluate_patients([patient.pk], as_of=NOW)
    before = queries_of(client, f"{API}/patients/{patient.uuid}/assessment")
    for day in range(1, 6):
        add_finding(patient, "mass", "hip" if day % 2 else "knee", days_ago=-day)
        evaluate_patients([patient.pk], as_of=NOW + timedelta(days=day))
    assert queries_of(client, f"{API}/patients/{patient.uuid}/assessment") == before


def test_a_key_for_alerts_alone_does_not_read_assessments(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    client = machine(unit_a, scopes=["alerts:read", "alerts:write"])
    problem_of(client.get(f"{API}/patients/{patient.uuid}/assessment"), 403)
