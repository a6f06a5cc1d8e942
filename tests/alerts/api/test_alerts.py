"""`/alerts`: the work list, the worst first, for those of the unit; ids and evidence, no names, no inner keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from alerts.lifecycle import Action
from alerts.models import Alert
from alerts.services.evaluating import evaluate_patients
from alerts.services.transitions import change_alert
from monitoring.models import Patient, Unit
from tests.alerts.api.sick import sick_patient
from tests.builders import NOW, add_finding, add_lab, add_patient
from tests.callers import API, give_role, machine, person, problem_of, queries_of, utc

pytestmark = pytest.mark.django_db

# Fixed, so that every worker of a parallel run collects the same tests.
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def patient(unit_a: Unit) -> Patient:
    return sick_patient(unit_a)


@pytest.fixture
def alert(patient: Patient) -> Alert:
    """The urgent alert of a new mass, version 1."""
    return Alert.objects.get(patient=patient, rule="S01")


def rows(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def keys_in(value: Any) -> set[str]:
    """All names of members, however deep."""
    if isinstance(value, dict):
        return set(value) | {name for inner in value.values() for name in keys_in(inner)}
    if isinstance(value, list):
        return {name for inner in value for name in keys_in(inner)}
    return set()


def test_an_alert_explains_itself(alice: Any, patient: Patient, alert: Alert) -> None:
    answer = person(alice).get(f"{API}/alerts/{alert.uuid}")
    body = answer.json()
    assert answer["ETag"] == '"1"'
    assert (body["rule"], body["severity"], body["condition"], body["workflow"]) == ("S01", "urgent", "active", "open")
    assert body["place"] == "right hip"
    assert body["sentence"] == "Firm lump or mass, right hip, noted 2 Mar 2026."
    assert "Do not cut or drain" in body["action"]
    assert body["clears_when"]
    assert (body["patient"], body["unit"]) == (str(patient.uuid), str(patient.unit.uuid))
    (evidence,) = body["evidence"]
    assert (evidence["of"], evidence["kind"], evidence["site"], evidence["side"]) == (
        "finding", "mass", "hip", "right",
    )  # fmt: skip
    assert person(alice).get(f"{API}/findings/{evidence['uuid']}").status_code == 200
    assert body["allowed"] == ["acknowledge", "snooze", "note"]


def test_evidence_of_the_laboratory_shows_the_value_as_sent(alice: Any, unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    add_lab(patient, "phosphate", "9.40")
    evaluate_patients([patient.pk], as_of=NOW)
    (row,) = rows(person(alice).get(f"{API}/alerts?rule=L02"))
    (evidence,) = row["evidence"]
    assert (evidence["analyte"], evidence["value"], evidence["value_unit"]) == ("phosphate", "9.40", "mg/dL")


def test_neither_names_nor_primary_keys_are_in_any_answer(alice: Any, patient: Patient, alert: Alert) -> None:
    client = person(alice)
    for path in ("alerts", f"alerts/{alert.uuid}", f"alerts/{alert.uuid}/events", "alert-events"):
        answer = client.get(f"{API}/{path}")
        assert not {"pk", "id", "mrn", "family_name", "given_name"} & keys_in(answer.json()), path
        for text in ("Garnetson", "Ottokar", patient.mrn):
            assert text not in answer.content.decode(), path


def test_the_worst_come_first_and_of_equals_the_longest_open(alice: Any, unit_a: Unit) -> None:
    early, late = add_patient(unit_a), add_patient(unit_a)
    for patient, days in ((late, 0), (early, -2)):
        add_finding(patient, "mass", "hip", days_ago=-days)
        add_finding(patient, "spastic_gait", "spine", "midline", days_ago=-days)
        evaluate_patients([patient.pk], as_of=NOW + timedelta(days=days))
    found = rows(person(alice).get(f"{API}/alerts"))
    order = ["critical", "urgent", "watch", "info"]
    assert [order.index(row["severity"]) for row in found] == sorted(order.index(row["severity"]) for row in found)
    critical = [row["patient"] for row in found if row["severity"] == "critical"]
    assert critical == [str(early.uuid), str(late.uuid)]


def test_pages_follow_each_other_without_a_gap(alice: Any, unit_a: Unit) -> None:
    for _ in range(3):
        sick_patient(unit_a)
    client = person(alice)
    whole = [row["uuid"] for row in rows(client.get(f"{API}/alerts"))]
    paged: list[str] = []
    address = f"{API}/alerts?limit=2"
    while address:
        answer = client.get(address)
        paged += [row["uuid"] for row in rows(answer)]
        address = answer.json()["next"]
    assert paged == whole
    assert len(whole) == len(set(whole)) >= 6


@pytest.mark.parametrize(
    ("sentence", "query", "rules"),
    [
        ("nothing asked for", "", {"S01", "M02"}),
        ("a severity means this one or higher", "severity=urgent", {"S01"}),
        ("the highest severity", "severity=critical", set()),
        ("one rule", "rule=M02", {"M02"}),
        ("a rule that is none", "rule=X", set()),
        ("what people have done", "workflow=open", {"S01", "M02"}),
        ("what people have not done", "workflow=acknowledged", set()),
        ("what the rule says", "condition=active", {"S01", "M02"}),
        ("what the rule does not say", "condition=indeterminate", set()),
        ("another patient", f"patient={NOBODY}", set()),
        ("another unit", f"unit={NOBODY}", set()),
    ],
)
def test_filters(sentence: str, query: str, rules: set[str], alice: Any, alert: Alert) -> None:
    found = rows(person(alice).get(f"{API}/alerts?{query}"))
    assert {row["rule"] for row in found} == rules, sentence


def test_resolved_alerts_are_shown_only_when_asked_for(alice: Any, alert: Alert) -> None:
    change_alert(alert, action=Action.RESOLVE, now=timezone.now(), actor=alice, reason="seen", outcome="confirmed")
    client = person(alice)
    assert "S01" not in {row["rule"] for row in rows(client.get(f"{API}/alerts"))}
    (row,) = rows(client.get(f"{API}/alerts?workflow=resolved"))
    assert (row["rule"], row["outcome"], row["allowed"]) == ("S01", "confirmed", ["note"])


@pytest.mark.parametrize("query", ["severity=3", "severity=bad", "workflow=done", "patient=1", "state=open", "limit=x"])
def test_a_filter_that_is_wrong_or_none_is_refused(query: str, alice: Any) -> None:
    problem_of(person(alice).get(f"{API}/alerts?{query}"), 400)


def test_bob_sees_no_alert_of_alices_unit(bob: Any, alert: Alert) -> None:
    client = person(bob)
    assert rows(client.get(f"{API}/alerts")) == []
    assert rows(client.get(f"{API}/alerts?patient={alert.patient.uuid}")) == []
    theirs = problem_of(client.get(f"{API}/alerts/{alert.uuid}"), 404)
    nobodys = problem_of(client.get(f"{API}/alerts/{uuid4()}"), 404)
    assert theirs["detail"] == nobodys["detail"]
    problem_of(client.get(f"{API}/alerts/{alert.uuid}/events"), 404)


def test_a_key_of_two_units_sees_the_alerts_of_both(unit_a: Unit, unit_b: Unit, alert: Alert) -> None:
    sick_patient(unit_b)
    units = {row["unit"] for row in rows(machine(unit_a, unit_b).get(f"{API}/alerts"))}
    assert units == {str(unit_a.uuid), str(unit_b.uuid)}


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("nurse", ["acknowledge", "snooze", "note"]),
        ("nephrologist", ["acknowledge", "snooze", "resolve", "assign", "note"]),
        ("manager", []),
        ("auditor", []),
    ],
)
def test_an_alert_names_what_this_caller_may_do_with_it(
    role: str, allowed: list[str], alice: Any, unit_a: Unit, alert: Alert
) -> None:
    give_role(alice, unit_a, role)
    assert person(alice).get(f"{API}/alerts/{alert.uuid}").json()["allowed"] == allowed


def test_the_history_of_an_alert_is_told_in_order_with_who_and_why(
    alice: Any, bob: Any, unit_a: Unit, alert: Alert
) -> None:
    give_role(bob, unit_a, "nephrologist")
    change_alert(alert, action=Action.ASSIGN, now=timezone.now(), actor=alice, assignee=bob)
    alert.refresh_from_db()
    change_alert(alert, action=Action.NOTE, now=timezone.now(), actor=bob, reason="Film ordered.")
    found = rows(person(alice).get(f"{API}/alerts/{alert.uuid}/events"))
    assert [(row["type"], row["actor"], row["reason"]) for row in found] == [
        ("opened", "CalciWatch", found[0]["reason"]),
        ("assigned", "Alice", ""),
        ("noted", "Bob", "Film ordered."),
    ]
    assert found[0]["before"] is None
    assert (found[1]["before"]["assigned_to"], found[1]["after"]["assigned_to"]) == (None, "bob")
    assert [row["alert_version"] for row in found] == [1, 2, 3]
    assert utc(found[0]["at"]) == NOW


def test_the_number_of_queries_does_not_depend_on_the_number_of_alerts(alice: Any, unit_a: Unit) -> None:
    client = person(alice)
    sick_patient(unit_a)
    few = queries_of(client, f"{API}/alerts")
    for _ in range(6):
        sick_patient(unit_a)
    assert queries_of(client, f"{API}/alerts") == few
    assert few <= 9
