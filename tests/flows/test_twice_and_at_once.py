"""Every task run twice, and eight at a time: no more comes of it than of running it once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event

import pytest
from django.core import mail
from django.utils import timezone

from alerts.lifecycle import Action
from alerts.models import Alert, AlertEvent, Notification
from alerts.services import evaluating, transitions
from alerts.services.evaluating import evaluate_patients
from alerts.services.events import EventDraft, append_events
from alerts.services.outbox import deliver_notification, due_notifications
from alerts.services.transitions import change_alert, end_quiet_times
from alerts.tasks import (
    deliver_task,
    evaluate_chunk_task,
    evaluate_patients_task,
    expire_alerts_task,
    nightly_sweep_task,
    sweep_due_patients_task,
    sweep_outbox_task,
)
from monitoring.errors import Conflict, StaleVersion
from monitoring.models import Assessment, Membership, Patient, Unit
from tests.conftest import _staff
from tests.flows.people import add_patients, assert_judged_once, at_once, dump, give_mass, wait_until, waiting_backends

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
AT_ONCE = 8


@pytest.fixture
def unit(transactional_db: None) -> Unit:
    unit = Unit.objects.create(code="A", name="Unit A", time_zone="Europe/London")
    _staff("dora", unit, "nephrologist")
    return unit


def judge(ids: list[int], as_of: datetime) -> Callable[[int], object]:
    return lambda _: evaluate_patients(ids, as_of=as_of)


def test_eight_judge_the_same_new_patients_at_once_and_everything_exists_once(unit: Unit) -> None:
    ids = add_patients(unit, 300, now=timezone.now())
    at_once(judge(ids, timezone.now()), AT_ONCE)
    assert_judged_once(ids)
    masses = AlertEvent.objects.filter(alert__rule="S01").count()
    assert Notification.objects.count() == masses, "one message for each urgent alert"


def test_eight_judge_overlapping_patients_in_different_orders_and_nobody_waits_for_ever(unit: Unit) -> None:
    ids = add_patients(unit, 320, now=timezone.now())

    def some(number: int) -> None:
        for start in ((number * 40) % 320, (number * 120) % 320, 0):
            mine = (ids[start:] + ids[:start])[:160]
            evaluate_patients(mine[::-1] if number % 2 else mine, as_of=timezone.now())

    at_once(some, AT_ONCE)
    evaluate_patients(ids, as_of=timezone.now())
    assert_judged_once(ids)


def test_eight_at_once_leave_the_same_as_one(unit: Unit) -> None:
    """The same facts in two units: one judged once, the other by eight at once, then both compared in full."""
    now = timezone.now()
    other = Unit.objects.create(code="B", name="Unit A", time_zone="Europe/London")
    _staff("emil", other, "nephrologist")
    once, often = add_patients(unit, 100, now=now), add_patients(other, 100, now=now)
    evaluate_patients(once, as_of=now)
    at_once(judge(often, now), AT_ONCE)
    assert story_of(once) == story_of(often)


def story_of(ids: list[int]) -> list[object]:
    """What has become of each patient, without the numbers that tell rows apart."""
    left_out = {"id", "uuid", "seq", "mrn", "patient_id", "unit_id", "alert_id", "event_id", "recipient_id", "evidence"}
    tables = (
        Alert.objects.filter(patient_id__in=ids).order_by("patient_id", "rule"),
        AlertEvent.objects.filter(alert__patient_id__in=ids).order_by("seq"),
        Notification.objects.filter(event__alert__patient_id__in=ids).order_by("event__seq"),
        Patient.objects.filter(id__in=ids).order_by("id"),
        Assessment.objects.filter(patient_id__in=ids).order_by("patient_id"),
    )
    return [
        {column: value for column, value in row.items() if column not in left_out}
        for rows in tables
        for row in rows.values()
    ]


def test_judging_again_later_in_the_day_and_at_once_changes_nothing(unit: Unit) -> None:
    ids = add_patients(unit, 60, now=timezone.now())
    evaluate_patients(ids, as_of=timezone.now())
    before = dump()
    at_once(judge(ids, timezone.now() + timedelta(hours=1)), AT_ONCE)
    assert dump() == before


def test_a_fact_that_comes_in_between_reading_and_writing_is_judged_by_the_next_run(
    unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version that was read is what is written down, not the one that has come meanwhile."""
    (patient,) = add_patients(unit, 1, now=timezone.now())

    def read_and_be_overtaken(*arguments: object) -> object:
        facts = real(*arguments)
        give_mass(patient)
        return facts

    real = evaluating.read_facts
    with monkeypatch.context() as patched:
        patched.setattr(evaluating, "read_facts", read_and_be_overtaken)
        evaluate_patients([patient], as_of=timezone.now())
    row = Patient.objects.get(pk=patient)
    assert row.evaluated_version == row.facts_version - 1
    evaluate_patients([patient], as_of=timezone.now(), only_due=True)
    assert Alert.objects.filter(patient=patient, rule="S01", scope="hip:right").count() == 1


@pytest.fixture
def busy_unit(unit: Unit, redis_url: str) -> list[int]:
    """Patients with live alerts, one of them acknowledged until yesterday, and mail that waits."""
    ids = add_patients(unit, 40, now=timezone.now())
    evaluate_patients(ids, as_of=timezone.now())
    past = timezone.now() - timedelta(days=3)
    for alert in Alert.objects.filter(rule="S01")[:4]:
        Alert.objects.filter(pk=alert.pk).update(changed_at=past)
        change_alert(
            alert,
            action=Action.ACKNOWLEDGE,
            now=past,
            actor=None,
            reason="film asked for",
            until=past + timedelta(days=2),
        )
    return ids


def run_evaluate(ids: list[int]) -> None:
    evaluate_patients_task(ids)


def run_chunk(ids: list[int]) -> None:
    evaluate_chunk_task(ids, only_due=True)


def run_deliver(ids: list[int]) -> None:
    for pk in Notification.objects.order_by("id").values_list("id", flat=True):
        deliver_task(pk)


def run_expiry(ids: list[int]) -> None:
    expire_alerts_task()


def run_sweeps(ids: list[int]) -> None:
    sweep_due_patients_task()
    nightly_sweep_task()
    sweep_outbox_task()


TASKS = [run_evaluate, run_chunk, run_deliver, run_expiry, run_sweeps]


@pytest.mark.services
@pytest.mark.parametrize("run", TASKS)
def test_a_task_run_twice_does_its_work_once(busy_unit: list[int], run: Callable[[list[int]], None]) -> None:
    run(busy_unit)
    before, sent = dump(), len(mail.outbox)
    run(busy_unit)
    assert dump() == before
    assert len(mail.outbox) == sent


@pytest.mark.services
@pytest.mark.parametrize("run", TASKS)
def test_a_task_run_by_eight_at_once_does_its_work_once(busy_unit: list[int], run: Callable[[list[int]], None]) -> None:
    at_once(lambda _: run(busy_unit), AT_ONCE)
    after, sent = dump(), len(mail.outbox)
    run(busy_unit)
    assert dump() == after
    assert len(mail.outbox) == sent
    types = AlertEvent.objects.values_list("type", flat=True)
    assert types.filter(type="quiet_ended").count() == (4 if run is run_expiry else 0)
    assert sent == (Notification.objects.count() if run is run_deliver else 0)
    assert len({message.extra_headers["Message-ID"] for message in mail.outbox}) == sent


def test_two_who_change_one_alert_at_once_one_wins_and_the_other_is_told(unit: Unit) -> None:
    (patient,) = add_patients(unit, 1, now=timezone.now())
    evaluate_patients([patient], as_of=timezone.now())
    alert = Alert.objects.get(rule="S01")

    def acknowledge(number: int) -> str:
        try:
            change_alert(alert, action=Action.ACKNOWLEDGE, now=timezone.now(), actor=None, reason=f"plan {number}")
        except StaleVersion as problem:
            return type(problem).__name__
        return "done"

    results = sorted(at_once(acknowledge, AT_ONCE))
    assert results == ["StaleVersion"] * (AT_ONCE - 1) + ["done"]
    assert AlertEvent.objects.filter(alert=alert, type="acknowledged").count() == 1
    assert Alert.objects.get(pk=alert.pk).version == 2


def test_judging_and_people_at_the_same_alerts_at_once_lose_nothing(unit: Unit) -> None:
    """Every change of an alert has its event, versions are without gaps, and nobody dead-locks."""
    ids = add_patients(unit, 25, now=timezone.now())
    evaluate_patients(ids, as_of=timezone.now())

    def work(number: int) -> None:
        for turn in range(6):
            if number < 2:
                for patient in ids[number::2]:
                    if turn == number:
                        give_mass(patient)
                evaluate_patients(ids, as_of=timezone.now())
            elif number == 2:
                end_quiet_times(now=timezone.now() + timedelta(days=200))
            else:
                for alert in Alert.objects.exclude(workflow="resolved").order_by("?")[:10]:
                    action = Action.NOTE if turn % 2 else Action.SNOOZE
                    try:
                        change_alert(alert, action=action, now=timezone.now(), actor=None, reason="seen")
                    except (Conflict, StaleVersion):
                        continue

    at_once(work, AT_ONCE)
    for alert in Alert.objects.prefetch_related("events"):
        versions = sorted(event.alert_version for event in alert.events.all())
        assert versions == list(range(1, alert.version + 1))
    numbers = list(AlertEvent.objects.order_by("seq").values_list("seq", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_note_on_an_old_alert_and_the_new_alert_that_points_to_it_do_not_wait_for_each_other(
    unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The note has locked the old alert and wants the counter; the new one has the counter and refers to the old."""
    (patient,) = add_patients(unit, 1, now=timezone.now())
    evaluate_patients([patient], as_of=timezone.now())
    Alert.objects.update(workflow="resolved", outcome="treated", resolved_at=timezone.now() - timedelta(days=40))
    old = Alert.objects.get(rule="L02")
    locked, judged = Event(), Event()

    def append_when_the_other_is_there(drafts: list[EventDraft]) -> list[AlertEvent]:
        locked.set()
        wait_until(lambda: judged.is_set() or waiting_backends(), why="it has judged, or waits for us")
        return append_events(drafts)

    monkeypatch.setattr(transitions, "append_events", append_when_the_other_is_there)

    def work(number: int) -> None:
        if number == 0:
            change_alert(old, action=Action.NOTE, now=timezone.now(), actor=None, reason="seen")
        else:
            assert locked.wait(timeout=30)
            evaluate_patients([patient], as_of=timezone.now() + timedelta(hours=1))
            judged.set()

    at_once(work, 2)
    assert Alert.objects.get(rule="L02", previous=old).workflow == "open"
    assert AlertEvent.objects.filter(type="noted", alert=old).count() == 1


def test_of_two_workers_with_one_message_one_sends_it(unit: Unit) -> None:
    ids = add_patients(unit, 50, now=timezone.now())
    evaluate_patients(ids, as_of=timezone.now())
    now = timezone.now()
    waiting = due_notifications(now=now)
    assert len(waiting) == 10
    results = at_once(lambda _: [deliver_notification(pk, now=now) for pk in waiting], AT_ONCE)
    assert sorted(result for own in results for result in own) == ["not ours"] * 70 + ["sent"] * 10
    assert len(mail.outbox) == 10
    assert Membership.objects.count() == 1
