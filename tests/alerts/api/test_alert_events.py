"""`/alert-events`: the feed gives every event of the caller's units, in order, at least once, and waits if asked to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone

from alerts.api import waiting
from alerts.lifecycle import Action
from alerts.models import Alert, AlertEvent, EventCounter
from alerts.services.transitions import change_alert
from monitoring.models import ApiKey, Unit
from tests.alerts.api.sick import sick_patient
from tests.callers import API, machine, person, problem_of, queries_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def alert(unit_a: Unit) -> Alert:
    """The urgent alert of a new mass, version 1."""
    return Alert.objects.get(patient=sick_patient(unit_a), rule="S01")


def ask(client: Any, **query: Any) -> dict[str, Any]:
    answer = client.get(f"{API}/alert-events", query)
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def follow(client: Any, cursor: str | None = None, *, limit: int = 100) -> tuple[list[int], str]:
    """All numbers from a cursor on, and the cursor at the end."""
    seen: list[int] = []
    while True:
        body = ask(client, limit=limit, **({"after": cursor} if cursor else {}))
        seen += [event["seq"] for event in body["results"]]
        cursor = body["next_cursor"]
        assert cursor
        if not body["more"]:
            return seen, cursor


def all_of(unit: Unit) -> list[int]:
    return list(AlertEvent.objects.filter(unit=unit).order_by("seq").values_list("seq", flat=True))


def note(alert: Alert, text: str = "x") -> None:
    alert.refresh_from_db()
    change_alert(alert, action=Action.NOTE, now=timezone.now(), actor=None, actor_name="test", reason=text)


@pytest.fixture
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], None]], None]]:
    """Instead of sleeping, something happens; the clock moves on by what would have been slept."""
    clock = [0.0]
    events: list[Callable[[], None]] = []

    def sleep(seconds: float) -> None:
        clock[0] += seconds
        if events:
            events.pop(0)()

    monkeypatch.setattr(waiting.time, "sleep", sleep)
    monkeypatch.setattr(waiting.time, "monotonic", lambda: clock[0])
    yield events.append
    assert clock[0] <= 20


# --- what it gives ---


def test_an_event_is_thin_and_says_what_happened(unit_a: Unit, alert: Alert) -> None:
    event = next(row for row in ask(machine(unit_a))["results"] if row["alert"] == str(alert.uuid))
    assert (event["type"], event["rule"], event["scope"], event["actor"]) == (
        "opened", "S01", "hip:right", "CalciWatch",
    )  # fmt: skip
    assert event["before"] is None
    assert (event["after"]["severity"], event["after"]["workflow"]) == ("urgent", "open")
    assert event["evidence"][0]["uuid"] == alert.evidence[0]["uuid"]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_every_event_comes_once_in_order_whatever_the_size_of_the_page(limit: int, unit_a: Unit) -> None:
    for _ in range(3):
        sick_patient(unit_a)
    seen, _ = follow(machine(unit_a), limit=limit)
    assert seen == all_of(unit_a)
    assert len(seen) >= 6


def test_there_is_always_a_cursor_and_it_goes_on_with_what_is_new(unit_a: Unit, alert: Alert) -> None:
    client = machine(unit_a)
    _, cursor = follow(client)
    assert follow(client, cursor)[0] == []
    note(alert)
    seen, later = follow(client, cursor)
    assert seen == all_of(unit_a)[-1:]
    assert follow(client, cursor)[0] == seen, "the same cursor gives the same again: at least once"
    assert follow(client, later)[0] == []


def test_before_anything_has_happened_there_is_a_cursor_too(unit_a: Unit) -> None:
    client = machine(unit_a)
    body = ask(client)
    assert (body["results"], body["more"]) == ([], False)
    sick_patient(unit_a)
    assert follow(client, body["next_cursor"])[0] == all_of(unit_a)


def test_a_snapshot_and_the_feed_from_its_cursor_miss_nothing(alice: Any, unit_a: Unit, alert: Alert) -> None:
    client = person(alice)
    snapshot = client.get(f"{API}/alerts")
    note(alert)
    assert follow(client, snapshot["X-Feed-Cursor"])[0] == all_of(unit_a)[-1:]


def test_events_of_other_units_are_neither_given_nor_waited_for_again(unit_a: Unit, unit_b: Unit, alert: Alert) -> None:
    sick_patient(unit_b)
    key_a, key_b = machine(unit_a), machine(unit_b)
    assert follow(key_a)[0] == all_of(unit_a)
    seen, cursor = follow(key_b)
    assert seen == all_of(unit_b)
    note(alert)
    assert follow(key_b, cursor)[0] == []
    assert follow(machine(unit_a, unit_b))[0] == sorted(all_of(unit_a) + all_of(unit_b))


def test_carol_follows_nothing(carol: Any, alert: Alert) -> None:
    assert ask(person(carol))["results"] == []


# --- cursors ---


@pytest.mark.parametrize("cursor", ["x", "a:b", "0", "eyJzZXEiOjB9:forged", "\u00e9", "%00"])
def test_a_cursor_that_was_made_up_is_400(cursor: str, unit_a: Unit) -> None:
    answer = machine(unit_a).get(f"{API}/alert-events", {"after": cursor})
    assert problem_of(answer, 400)["errors"][0]["place"] == "after"


def test_a_cursor_is_of_no_use_to_anybody_else(alice: Any, unit_a: Unit, alert: Alert) -> None:
    _, cursor = follow(machine(unit_a))
    for other in (machine(unit_a), person(alice)):
        answer = other.get(f"{API}/alert-events", {"after": cursor})
        assert problem_of(answer, 400)["code"] == "invalid-cursor"


def test_when_a_key_gets_another_unit_its_cursor_is_gone_rather_than_silently_short(
    unit_a: Unit, unit_b: Unit, alert: Alert
) -> None:
    client = machine(unit_a)
    sick_patient(unit_b)
    _, cursor = follow(client)
    ApiKey.objects.get().units.add(unit_b)
    body = problem_of(client.get(f"{API}/alert-events", {"after": cursor}), 410)
    assert body["code"] == "cursor-expired"
    fresh = client.get(f"{API}/alerts")["X-Feed-Cursor"]
    assert follow(client, fresh)[0] == []


def test_a_cursor_from_beyond_the_end_of_a_restored_database_is_gone(unit_a: Unit, alert: Alert) -> None:
    client = machine(unit_a)
    _, cursor = follow(client)
    EventCounter.objects.update(last_seq=1)
    problem_of(client.get(f"{API}/alert-events", {"after": cursor}), 410)


def test_a_superusers_cursor_survives_a_new_unit(unit_a: Unit, alert: Alert) -> None:
    client = person(get_user_model().objects.create_superuser("root"))
    _, cursor = follow(client)
    sick_patient(Unit.objects.create(code="NEW", name="New"))
    assert len(follow(client, cursor)[0]) >= 2


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 1001}, {"wait": 21}, {"wait": -1}, {"wait": "x"}, {"before": "x"}]
)
def test_a_wrong_question_is_refused(query: dict[str, Any], unit_a: Unit) -> None:
    problem_of(machine(unit_a).get(f"{API}/alert-events", query), 400)


# --- waiting ---


def test_who_waits_is_told_as_soon_as_something_happens(
    unit_a: Unit, alert: Alert, no_sleep: Callable[[Callable[[], None]], None]
) -> None:
    client = machine(unit_a)
    _, cursor = follow(client)
    no_sleep(lambda: None)
    no_sleep(lambda: note(alert))
    body = ask(client, after=cursor, wait=20)
    assert [event["type"] for event in body["results"]] == ["noted"]
    assert follow(client, body["next_cursor"])[0] == []


def test_what_happens_in_another_unit_wakes_nobody(
    unit_a: Unit, unit_b: Unit, alert: Alert, no_sleep: Callable[[Callable[[], None]], None]
) -> None:
    client = machine(unit_b)
    _, cursor = follow(client)
    no_sleep(lambda: note(alert))
    body = ask(client, after=cursor, wait=3)
    assert body["results"] == []
    assert body["next_cursor"] != cursor, "what was read over need not be read again"


def test_the_wait_ends_and_the_answer_is_empty(unit_a: Unit, no_sleep: Any) -> None:
    assert ask(machine(unit_a), wait=20)["results"] == []


def test_nobody_waits_while_there_is_something(unit_a: Unit, alert: Alert, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting.time, "sleep", lambda seconds: pytest.fail("it waited"))
    assert ask(machine(unit_a), wait=20)["results"]


def test_too_many_who_wait_are_answered_at_once(unit_a: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_places", threading.BoundedSemaphore(1))
    monkeypatch.setattr(waiting.time, "sleep", lambda seconds: pytest.fail("it waited"))
    waiting._places.acquire()
    assert ask(machine(unit_a), wait=20)["results"] == []


@pytest.mark.django_db(transaction=True)
def test_who_waits_holds_neither_a_transaction_nor_a_connection(unit_a: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[bool] = []

    def sleep(seconds: float) -> None:
        held.append(connection.in_atomic_block or connection.connection is not None)

    clock = iter(range(100))
    monkeypatch.setattr(waiting.time, "sleep", sleep)
    monkeypatch.setattr(waiting.time, "monotonic", lambda: float(next(clock)))
    ask(machine(unit_a), wait=3)
    assert held
    assert not any(held)


def test_the_number_of_queries_does_not_depend_on_the_number_of_events(unit_a: Unit, alert: Alert) -> None:
    client = machine(unit_a)
    client.get(f"{API}/alert-events")
    few = queries_of(client, f"{API}/alert-events")
    for number in range(10):
        note(alert, str(number))
    assert queries_of(client, f"{API}/alert-events") == few
