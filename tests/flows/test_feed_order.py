"""The numbers of events are the order of their commits: who polls the feed sees each event once and misses none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Event, Thread

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone

from alerts.lifecycle import Action
from alerts.models import Alert, AlertEvent
from alerts.selectors import events_after, last_event_number, read_feed
from alerts.services import events
from alerts.services.evaluating import evaluate_patients
from alerts.services.transitions import change_alert
from monitoring.models import Unit
from tests.flows.people import add_patients, at_once, wait_until, waiting_backends
from tests.services import url_of

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
WRITERS, NOTES = 8, 40
Poll = Callable[[int], Sequence[AlertEvent]]


@pytest.fixture
def alerts(transactional_db: None) -> list[Alert]:
    """Live alerts of sixteen patients, with their events."""
    unit = Unit.objects.create(code="A", name="Unit A", time_zone="Europe/London")
    now = timezone.now()
    evaluate_patients(add_patients(unit, 16, now=now), as_of=now)
    return list(Alert.objects.order_by("id"))


def poll_events(after: int) -> list[AlertEvent]:
    return events_after(after, unit_ids=None, limit=50)


def poll_page(after: int) -> list[AlertEvent]:
    return read_feed(after, unit_ids=list(Unit.objects.values_list("id", flat=True)), limit=50).events


class Consumer:
    """Polls the feed in a thread of its own, and goes on from the last number it saw."""

    def __init__(self, poll: Poll, after: int) -> None:
        self.seen: list[int] = []
        self._poll, self._after, self._over = poll, after, Event()
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            while True:
                over = self._over.is_set()
                page = self._poll(self._after)
                if page:
                    self.seen += [event.seq for event in page]
                    self._after = self.seen[-1]
                elif over:
                    return
        finally:
            connection.close()

    def finish(self) -> list[int]:
        """Read what is left; the numbers seen, in the order in which they were seen."""
        self._over.set()
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()
        return self.seen


def write_notes(alerts: list[Alert], number: int) -> None:
    """One of the writers: notes on its own alerts, and now and then a judgement, some of them rolled back."""
    mine = alerts[number::WRITERS]
    for turn in range(NOTES):
        alert = mine[turn % len(mine)]
        try:
            with transaction.atomic():
                mine[turn % len(mine)] = change_alert(
                    alert, action=Action.NOTE, now=timezone.now(), actor=None, reason=f"note {turn}"
                )
                if turn % 7 == 3:
                    raise _Refused
        except _Refused:
            alert.refresh_from_db()
            mine[turn % len(mine)] = alert


class _Refused(Exception):
    pass


ROLLED_BACK = len([turn for turn in range(NOTES) if turn % 7 == 3])


@pytest.mark.slow
@pytest.mark.parametrize("poll", [poll_events, poll_page])
def test_eight_write_and_one_polls_and_sees_every_event_once_in_order(alerts: list[Alert], poll: Poll) -> None:
    start = last_event_number()
    consumer = Consumer(poll, start)
    at_once(lambda number: write_notes(alerts, number), WRITERS)
    seen = consumer.finish()
    written = list(AlertEvent.objects.filter(seq__gt=start).order_by("seq").values_list("seq", flat=True))
    assert len(written) == WRITERS * (NOTES - ROLLED_BACK)
    assert seen == written, "every event once, in order, none missed"
    assert written == list(range(start + 1, start + 1 + len(written))), "what is rolled back leaves no gap"


def write_in_two_steps(alert: Alert, started: Event, may_commit: Event) -> Thread:
    """A writer that has written its event and waits to commit."""

    def run() -> None:
        try:
            with transaction.atomic():
                change_alert(alert, action=Action.NOTE, now=timezone.now(), actor=None, reason="slow")
                started.set()
                assert may_commit.wait(timeout=30)
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    assert started.wait(timeout=30)
    return thread


def note(alert: Alert, at: datetime) -> Thread:
    def run() -> None:
        try:
            change_alert(alert, action=Action.NOTE, now=at, actor=None, reason="quick")
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    return thread


def overtaking(alerts: list[Alert], blocked: bool) -> tuple[list[int], list[int]]:
    """A slow writer takes its number first and commits last; what a consumer sees, and what is there in the end."""
    start, may_commit = last_event_number(), Event()
    slow = write_in_two_steps(alerts[0], Event(), may_commit)
    quick = note(alerts[1], timezone.now())
    if blocked:
        wait_until(waiting_backends, why="the quick writer waits for the slow one")
    else:
        quick.join(timeout=30)
    seen = [event.seq for event in poll_events(start)]
    may_commit.set()
    for thread in (slow, quick):
        thread.join(timeout=30)
    seen += [event.seq for event in poll_events(seen[-1] if seen else start)]
    return seen, list(AlertEvent.objects.filter(seq__gt=start).order_by("seq").values_list("seq", flat=True))


def test_a_quick_writer_waits_for_the_slow_one_that_took_its_number_first(alerts: list[Alert]) -> None:
    seen, written = overtaking(alerts, blocked=True)
    assert seen == written
    assert len(written) == 2


def test_numbers_from_a_plain_sequence_would_lose_an_event(
    alerts: list[Alert], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why the counter is a locked row: with a sequence the same course of events loses one. Guards the test itself."""
    with psycopg.connect(url_of(connection.settings_dict), autocommit=True) as other:
        other.execute("DROP SEQUENCE IF EXISTS naive_numbers")
        other.execute(f"CREATE SEQUENCE naive_numbers START {last_event_number() + 1}")

        def take_naively(count: int) -> range:
            with connection.cursor() as cursor:
                cursor.execute("SELECT nextval('naive_numbers')")
                row = cursor.fetchone()
            return range(row[0], row[0] + count)

        monkeypatch.setattr(events, "take_numbers", take_naively)
        try:
            seen, written = overtaking(alerts, blocked=False)
        finally:
            other.execute("DROP SEQUENCE naive_numbers")
    assert len(written) == 2
    assert seen == written[1:], "the slow writer's event came behind the consumer's back"


def test_a_transaction_that_is_rolled_back_gives_its_numbers_back(alerts: list[Alert]) -> None:
    start = last_event_number()
    with transaction.atomic():
        change_alert(alerts[0], action=Action.NOTE, now=timezone.now(), actor=None, reason="no")
        transaction.set_rollback(True)
    alerts[0].refresh_from_db()
    change_alert(alerts[0], action=Action.NOTE, now=timezone.now(), actor=None, reason="yes")
    assert [event.reason for event in poll_events(start)] == ["yes"]
    assert last_event_number() == start + 1
