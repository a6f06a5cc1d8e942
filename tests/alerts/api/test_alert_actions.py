"""`/alerts/{uuid}/acknowledge` and the other moves: by version, with a reason, by those who may, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from alerts.models import Alert, AlertEvent
from monitoring.models import Unit
from tests.alerts.api.sick import sick_patient
from tests.callers import API, give_role, machine, person, problem_of, utc

pytestmark = pytest.mark.django_db
PLAN = {"reason": "Film of the hip tomorrow."}
BODIES: dict[str, dict[str, Any]] = {
    "acknowledge": PLAN,
    "snooze": PLAN,
    "resolve": {**PLAN, "outcome": "confirmed"},
    "assign": {"assignee": "alice"},
    "note": PLAN,
}


@pytest.fixture
def alert(unit_a: Unit) -> Alert:
    """The urgent alert of a new mass, version 1."""
    return Alert.objects.get(patient=sick_patient(unit_a), rule="S01")


@pytest.fixture
def physician(alice: Any, unit_a: Unit) -> Any:
    """Alice as nephrologist of unit A."""
    give_role(alice, unit_a, "nephrologist")
    return person(alice)


def move(client: Any, alert: Alert, name: str, body: Any = None, *, match: str | None = '"1"', **headers: str) -> Any:
    sent = BODIES[name] if body is None else body
    headers |= {} if match is None else {"If-Match": match}
    return client.post(f"{API}/alerts/{alert.uuid}/{name}", sent, headers=headers)


def unchanged(alert: Alert) -> bool:
    current = Alert.objects.get(pk=alert.pk)
    return (current.version, current.workflow) == (1, "open") and AlertEvent.objects.filter(alert=alert).count() == 1


def test_alice_acknowledges_what_she_looked_at(alice: Any, alert: Alert) -> None:
    client = person(alice)
    looked_at = client.get(f"{API}/alerts/{alert.uuid}")
    answer = move(client, alert, "acknowledge", match=looked_at["ETag"])
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["workflow"], body["version"], answer["ETag"]) == ("acknowledged", 2, '"2"')
    assert utc(body["quiet_until"]) > timezone.now() + timedelta(days=13)
    assert "acknowledge" not in body["allowed"]
    event = AlertEvent.objects.get(alert=alert, type="acknowledged")
    assert (event.actor, event.reason) == (alice, PLAN["reason"])


@pytest.mark.parametrize(
    ("name", "workflow"),
    [
        ("acknowledge", "acknowledged"),
        ("snooze", "snoozed"),
        ("resolve", "resolved"),
        ("assign", "open"),
        ("note", "open"),
    ],
)
def test_a_physician_may_make_every_move(name: str, workflow: str, physician: Any, alert: Alert) -> None:
    body = move(physician, alert, name).json()
    assert (body["workflow"], body["version"]) == (workflow, 2)


@pytest.mark.parametrize("match", [None, "", "*"])
def test_without_the_version_looked_at_no_move_is_made(match: str | None, physician: Any, alert: Alert) -> None:
    for name in BODIES:
        body = problem_of(move(physician, alert, name, match=match), 428)
        assert body["code"] == "precondition-required"
    assert unchanged(alert)


@pytest.mark.parametrize("match", ['"0"', '"2"', "1", 'W/"1"', '"1', "x", '"01"'])
def test_with_another_version_or_a_weak_tag_no_move_is_made(match: str, physician: Any, alert: Alert) -> None:
    for name in BODIES:
        problem_of(move(physician, alert, name, match=match), 412)
    assert unchanged(alert)


def test_one_of_several_tags_is_enough(alice: Any, alert: Alert) -> None:
    assert move(person(alice), alert, "note", match='"7", "1"').status_code == 200


def test_two_who_looked_at_the_same_version_the_second_is_told_to_look_again(
    alice: Any, bob: Any, unit_a: Unit, alert: Alert
) -> None:
    give_role(bob, unit_a, "nurse")
    assert move(person(alice), alert, "acknowledge").status_code == 200
    problem_of(move(person(bob), alert, "snooze"), 412)
    assert Alert.objects.get(pk=alert.pk).workflow == "acknowledged"


@pytest.mark.parametrize(
    ("sentence", "name", "body", "status", "place"),
    [
        ("no reason", "acknowledge", {}, 400, "reason"),
        ("an empty reason", "acknowledge", {"reason": "  "}, 400, "reason"),
        ("no outcome", "resolve", PLAN, 400, "outcome"),
        ("an outcome that is the machine's own", "resolve", {**PLAN, "outcome": "retracted"}, 400, "outcome"),
        ("quiet for ever", "acknowledge", {**PLAN, "until": "2199-01-01T00:00:00Z"}, 422, "until"),
        ("quiet until yesterday", "snooze", {**PLAN, "until": "2020-01-01T00:00:00Z"}, 422, "until"),
        ("quiet until a time without offset", "snooze", {**PLAN, "until": "2026-12-01T00:00:00"}, 400, "until"),
        ("nobody named", "assign", {}, 400, "assignee"),
        ("somebody nobody knows", "assign", {"assignee": "dora"}, 400, "assignee"),
        ("somebody of another unit", "assign", {"assignee": "bob"}, 400, "assignee"),
        ("a field that does not exist", "note", {**PLAN, "outcome": "treated"}, 400, "outcome"),
    ],
)
def test_what_is_missing_or_wrong_is_named_and_nothing_happens(
    sentence: str, name: str, body: Any, status: int, place: str, physician: Any, bob: Any, alert: Alert
) -> None:
    refused = problem_of(move(physician, alert, name, body), status)
    assert refused["errors"][0]["place"] == place, sentence
    assert unchanged(alert)


def test_a_move_that_the_state_does_not_allow_is_409_with_those_it_does(physician: Any, alert: Alert) -> None:
    move(physician, alert, "resolve")
    body = problem_of(move(physician, alert, "acknowledge", match='"2"'), 409)
    assert body["code"] == "illegal-move"
    assert body["context"]["allowed"] == ["note"]
    assert Alert.objects.get(pk=alert.pk).version == 2


@pytest.mark.parametrize("name", ["resolve", "assign"])
def test_a_nurse_neither_closes_nor_assigns(name: str, alice: Any, alert: Alert) -> None:
    assert "nephrologist" in problem_of(move(person(alice), alert, name), 403)["detail"]
    assert unchanged(alert)


@pytest.mark.parametrize("role", ["manager", "auditor"])
def test_who_only_reads_moves_nothing(role: str, alice: Any, unit_a: Unit, alert: Alert) -> None:
    give_role(alice, unit_a, role)
    for name in BODIES:
        problem_of(move(person(alice), alert, name), 403)
    assert unchanged(alert)


def test_bob_cannot_move_what_he_does_not_see(bob: Any, unit_b: Unit, alert: Alert) -> None:
    give_role(bob, unit_b, "nephrologist")
    for name in BODIES:
        problem_of(move(person(bob), alert, name), 404)
    assert unchanged(alert)


def test_in_a_unit_that_is_only_read_a_move_is_403_not_404(
    alice: Any, unit_a: Unit, unit_b: Unit, alert: Alert
) -> None:
    give_role(alice, unit_a, "manager")
    give_role(alice, unit_b, "nurse")
    problem_of(move(person(alice), alert, "acknowledge"), 403)
    assert unchanged(alert)


def test_a_key_acts_under_its_own_name_and_only_with_the_scope(unit_a: Unit, alert: Alert) -> None:
    problem_of(move(machine(unit_a, scopes=["alerts:read"]), alert, "acknowledge"), 403)
    assert unchanged(alert)
    assert move(machine(unit_a, scopes=["alerts:write"]), alert, "acknowledge").status_code == 200
    event = AlertEvent.objects.get(alert=alert, type="acknowledged")
    assert event.actor is None
    assert event.actor_name.startswith("LIS (cw_")


def test_assigning_to_nobody_gives_it_back(physician: Any, alert: Alert) -> None:
    assert move(physician, alert, "assign").json()["assigned_to"] == "alice"
    assert move(physician, alert, "assign", {"assignee": None}, match='"2"').json()["assigned_to"] is None


def test_sent_twice_with_the_same_idempotency_key_it_happens_once(alice: Any, alert: Alert) -> None:
    client = person(alice)
    first, again = (move(client, alert, "acknowledge", **{"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert again["ETag"] == first["ETag"] == '"2"'
    assert AlertEvent.objects.filter(alert=alert, type="acknowledged").count() == 1
    problem_of(move(client, alert, "acknowledge", match='"2"', **{"Idempotency-Key": "k"}), 422)


def test_an_alert_is_not_read_by_posting_nor_removed(physician: Any, alert: Alert) -> None:
    problem_of(physician.get(f"{API}/alerts/{alert.uuid}/acknowledge"), 405)
    problem_of(physician.delete(f"{API}/alerts/{alert.uuid}"), 405)
    problem_of(physician.post(f"{API}/alerts", {}), 405)
