"""The sweeps and their tasks: who is handed out, in which pieces, how often, and what one bad patient may spoil."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from celery import Task
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError
from django.utils import timezone

from alerts import tasks
from alerts.models import Alert, Notification
from alerts.selectors import active_patient_chunks, due_patient_ids
from alerts.services.evaluating import evaluate_patients
from alerts.tasks import (
    MOST_UNJUDGEABLE,
    deliver_task,
    evaluate_chunk_task,
    evaluate_patients_task,
    expire_alerts_task,
    nightly_sweep_task,
    sweep_due_patients_task,
    sweep_outbox_task,
)
from monitoring.models import Patient, PatientStatus, Unit
from tests.builders import add_finding, add_patient

pytestmark = pytest.mark.django_db
Sent = list[tuple[str, tuple[Any, ...], dict[str, Any]]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What is put into queues."""
    calls: Sent = []

    for task in (evaluate_chunk_task, evaluate_patients_task, deliver_task):
        name = task.name.rpartition(".")[2]
        monkeypatch.setattr(task, "delay", lambda *args, _name=name, **options: calls.append((_name, args, options)))
    return calls


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "CHUNK", 3)


def handed_out(sent: Sent) -> list[list[int]]:
    assert {name for name, _, _ in sent} <= {"evaluate_chunk_task"}
    return [arguments[0] for _, arguments, _ in sent]


def judged_patient(unit: Unit, *, due_in: timedelta | None = None, **about: Any) -> Patient:
    next_due = None if due_in is None else timezone.now() + due_in
    return add_patient(unit, evaluated_version=1, next_due=next_due, **about)


# --- The nightly sweep ---


def test_the_nightly_sweep_hands_out_every_active_patient_exactly_once(
    unit_a: Unit, unit_b: Unit, sent: Sent, small_chunks: None
) -> None:
    active = [judged_patient(unit).pk for unit in (unit_a, unit_b, unit_a, unit_b, unit_a, unit_a, unit_b)]
    for status in set(PatientStatus) - {PatientStatus.ACTIVE}:
        add_patient(unit_a, status=status)
    nightly_sweep_task()
    chunks = handed_out(sent)
    assert [len(chunk) for chunk in chunks] == [3, 3, 1]
    assert [patient for chunk in chunks for patient in chunk] == active
    assert all(not options.get("only_due") for _, _, options in sent), "the auditor looks at everybody"


def test_the_nightly_sweep_of_nobody_hands_out_nothing(db: None, sent: Sent) -> None:
    nightly_sweep_task()
    assert sent == []


def test_patients_who_come_and_go_during_the_sweep_shift_nobody_out_of_it(unit_a: Unit) -> None:
    """Pages by number would lose a patient for each one who leaves before them."""
    ids = [add_patient(unit_a).pk for _ in range(6)]
    chunks = active_patient_chunks(2)
    seen = next(chunks)
    Patient.objects.filter(pk__in=seen).update(status="transferred")
    late = add_patient(unit_a).pk
    for chunk in chunks:
        seen = [*seen, *chunk]
    assert seen == [*ids, late]


# --- The sweep of due patients ---


def test_the_due_sweep_hands_out_those_whose_facts_or_whose_time_have_come_and_nobody_else(
    unit_a: Unit, sent: Sent
) -> None:
    changed = add_patient(unit_a).pk
    overdue = judged_patient(unit_a, due_in=-timedelta(seconds=1)).pk
    both = add_patient(unit_a, next_due=timezone.now() - timedelta(days=1)).pk
    judged_patient(unit_a)
    judged_patient(unit_a, due_in=timedelta(minutes=5))
    add_patient(unit_a, status="deceased")
    sweep_due_patients_task()
    assert handed_out(sent) == [[changed, overdue, both]]
    assert [options for _, _, options in sent] == [{"only_due": True}]


def test_the_due_sweep_hands_out_in_chunks_each_patient_once(unit_a: Unit, sent: Sent, small_chunks: None) -> None:
    ids = [add_patient(unit_a, next_due=timezone.now() - timedelta(days=1)).pk for _ in range(7)]
    sweep_due_patients_task()
    assert handed_out(sent) == [ids[:3], ids[3:6], ids[6:]]


def test_when_nobody_is_due_nothing_is_handed_out(unit_a: Unit, sent: Sent) -> None:
    judged_patient(unit_a)
    sweep_due_patients_task()
    assert sent == []


def test_a_patient_is_due_at_the_very_moment(unit_a: Unit) -> None:
    moment = timezone.now()
    patient = add_patient(unit_a, evaluated_version=1, next_due=moment)
    assert due_patient_ids(now=moment, limit=10) == [patient.pk]
    assert due_patient_ids(now=moment - timedelta(microseconds=1), limit=10) == []


def test_what_one_sweep_leaves_the_next_takes(unit_a: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [add_patient(unit_a).pk for _ in range(5)]
    monkeypatch.setattr(tasks, "SWEEP_LIMIT", 2)
    rounds = []
    while due := due_patient_ids(now=timezone.now(), limit=tasks.SWEEP_LIMIT):
        rounds.append(due)
        evaluate_chunk_task(due, only_due=True)
    assert rounds == [ids[:2], ids[2:4], ids[4:]]


def test_a_chunk_of_the_due_sweep_leaves_out_who_has_been_judged_meanwhile(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    evaluate_patients([patient.pk], as_of=timezone.now())
    before = Patient.objects.get(pk=patient.pk).evaluated_as_of
    evaluate_chunk_task([patient.pk], only_due=True)
    assert Patient.objects.get(pk=patient.pk).evaluated_as_of == before


# --- What one bad patient may spoil ---


def spoil(monkeypatch: pytest.MonkeyPatch, bad: Iterable[int], problem: Exception) -> list[list[int]]:
    """Make judging fail whenever one of `bad` is among the patients; gives what was tried."""
    tried: list[list[int]] = []

    def judge(patient_ids: list[int], **options: Any) -> object:
        tried.append(patient_ids)
        if set(bad) & set(patient_ids):
            raise problem
        return evaluate_patients(patient_ids, **options)

    monkeypatch.setattr(tasks, "evaluate_patients", judge)
    return tried


@pytest.mark.parametrize("task", [evaluate_patients_task, evaluate_chunk_task])
def test_one_patient_who_cannot_be_judged_stops_nobody_else_and_is_named_by_number(
    unit_a: Unit, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, task: Task
) -> None:
    ids = [add_patient(unit_a).pk for _ in range(9)]
    tried = spoil(monkeypatch, [ids[4]], ValueError("a fact nobody thought of"))
    with caplog.at_level(logging.ERROR), pytest.raises(ValueError, match="nobody thought of"):
        task(ids)
    assert due_patient_ids(now=timezone.now(), limit=99) == [ids[4]]
    assert [record.getMessage() for record in caplog.records] == [f"patient {ids[4]} cannot be judged"]
    assert len(tried) < len(ids)


def test_when_hardly_anybody_can_be_judged_it_gives_up_soon(unit_a: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [add_patient(unit_a).pk for _ in range(32)]
    tried = spoil(monkeypatch, ids, ValueError("a fault of ours"))
    with pytest.raises(ValueError, match="of ours"):
        evaluate_chunk_task(ids)
    assert [len(some) for some in tried].count(1) == MOST_UNJUDGEABLE
    assert len(tried) < 20


@pytest.mark.parametrize("problem", [OperationalError("the database is away"), SoftTimeLimitExceeded()])
def test_when_the_surroundings_fail_nobody_is_blamed(
    unit_a: Unit, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    ids = [add_patient(unit_a).pk for _ in range(4)]
    tried = spoil(monkeypatch, ids, problem)
    with pytest.raises(type(problem)):
        evaluate_patients_task(ids)
    assert tried == [ids]


# --- Quiet times and the outbox ---


def test_the_expiry_task_ends_all_quiet_times_that_have_run_out(unit_a: Unit, small_chunks: None) -> None:
    past = timezone.now() - timedelta(hours=1)
    for _ in range(7):
        patient = add_patient(unit_a)
        add_finding(patient, "mass", "hip")
        evaluate_patients([patient.pk], as_of=timezone.now())
    Alert.objects.filter(rule="S01").update(workflow="snoozed", quiet_until=past)
    expire_alerts_task()
    assert not Alert.objects.filter(workflow="snoozed").exists()


def test_the_outbox_sweep_hands_out_what_is_due_and_what_a_dead_worker_left(
    unit_a: Unit, alice: object, sent: Sent
) -> None:
    for _ in range(4):
        patient = add_patient(unit_a)
        add_finding(patient, "limb_weakness", "neck", "")
        evaluate_patients([patient.pk], as_of=timezone.now())
    waiting, dead, alive, later = Notification.objects.order_by("id").values_list("id", flat=True)
    now = timezone.now()
    row = Notification.objects.filter
    row(pk=dead).update(status="leased", leased_until=now - timedelta(seconds=1))
    row(pk=alive).update(status="leased", leased_until=now + timedelta(minutes=1))
    row(pk=later).update(next_attempt_at=now + timedelta(minutes=1))
    sent.clear()
    sweep_outbox_task()
    assert [(name, arguments) for name, arguments, _ in sent] == [
        ("deliver_task", (waiting,)),
        ("deliver_task", (dead,)),
    ]
