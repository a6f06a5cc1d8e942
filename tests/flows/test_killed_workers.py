"""A worker is killed in the middle of its work, or loses its broker: nothing is lost and nothing is done twice."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from celery import current_app
from django.db import connection
from django.utils import timezone

from alerts.models import Alert, AlertEvent
from alerts.tasks import CHUNK, evaluate_patients_task, nightly_sweep_task, sweep_due_patients_task
from monitoring.models import Patient, Unit
from tests.conftest import Process, kill_group
from tests.flows.people import add_patients, assert_judged_once, unjudged, wait_until, waiting_backends
from tests.services import Broker, url_of

pytestmark = [pytest.mark.postgres, pytest.mark.services, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
Start = Callable[..., Process]


@pytest.fixture
def unit(transactional_db: None) -> Unit:
    return Unit.objects.create(code="A", name="Unit A", time_zone="Europe/London")


@contextmanager
def held(statement: str) -> Iterator[None]:
    """Hold the row locks that a statement takes, on a connection of its own."""
    with psycopg.connect(url_of(connection.settings_dict)) as other:
        other.execute(statement)
        yield
        other.rollback()


def lock_of_patient(patient: int) -> str:
    return f"SELECT 1 FROM monitoring_patient WHERE id = {patient} FOR UPDATE"


LOCK_OF_COUNTER = "SELECT 1 FROM alerts_eventcounter FOR UPDATE"


def judged() -> int:
    return Patient.objects.filter(evaluated_version__gt=0).count()


@pytest.mark.parametrize("where", ["before writing", "after writing alerts, before their events"])
@pytest.mark.parametrize("task", ["evaluate_patients_task", "sweep"])
def test_a_worker_killed_in_the_middle_of_a_thousand_patients(
    unit: Unit, redis_url: str, celery_worker_process: Start, where: str, task: str
) -> None:
    """SIGKILL of the whole group; the next worker and the next sweep finish it; nothing exists twice."""
    ids = add_patients(unit, 1_000, now=timezone.now())
    doomed = celery_worker_process(redis_url)
    with held(lock_of_patient(ids[CHUNK + CHUNK // 2])):
        if task == "sweep":
            sweep_due_patients_task.delay()
        else:
            evaluate_patients_task.delay(ids)
        wait_until(lambda: judged() == CHUNK and waiting_backends(), why="the first half is judged, the second waits")
        if where == "before writing":
            kill_group(doomed)
        counter = held(LOCK_OF_COUNTER)
        if doomed.poll() is None:
            counter.__enter__()
    if doomed.poll() is None:
        wait_until(waiting_backends, why="the worker waits for the counter of events, its alerts written")
        kill_group(doomed)
        counter.__exit__(None, None, None)
    assert doomed.returncode == -signal.SIGKILL
    wait_until(lambda: not waiting_backends())
    assert judged() == CHUNK, "what the killed worker had not committed is undone"
    assert Alert.objects.count() == AlertEvent.objects.count()
    celery_worker_process(redis_url)
    sweep_due_patients_task.delay()
    wait_until(lambda: not unjudged(ids), why="all are judged after the restart")
    assert_judged_once(ids)
    # The message of the killed worker comes back some minutes later; here it is sent again by hand, twice.
    before = AlertEvent.objects.count()
    sweep_due_patients_task.delay()
    for _ in range(2):
        evaluate_patients_task.delay(ids)
    marker = add_patients(unit, 1, now=timezone.now())
    evaluate_patients_task.delay(marker)
    wait_until(lambda: not unjudged(marker), why="the queue has been worked off")
    assert_judged_once([*ids, *marker])
    assert AlertEvent.objects.filter(alert__patient_id__in=ids).count() == before


def test_the_worker_survives_the_death_of_its_broker_under_a_running_task(
    unit: Unit, broker: Broker, celery_worker_process: Start
) -> None:
    """The running task ends in order, and the worker takes the next one from the new broker."""
    ids = add_patients(unit, 3, now=timezone.now())
    worker = celery_worker_process(broker.url)
    with held(lock_of_patient(ids[0])):
        evaluate_patients_task.delay(ids)
        wait_until(waiting_backends, why="the task runs, and waits for the patient")
        broker.stop(kill=True)
        broker.start()
        wait_until(lambda: workers_connected(broker), why="the worker has found its broker again")
    wait_until(lambda: not unjudged(ids), why="the task that ran has finished")
    later = add_patients(unit, 2, now=timezone.now())
    evaluate_patients_task.delay(later)
    wait_until(lambda: not unjudged(later), why="the same worker takes the next task")
    assert worker.poll() is None
    assert_judged_once([*ids, *later])


def workers_connected(broker: Broker) -> bool:
    """Whether somebody waits for messages of the queue of people's work."""
    with current_app.connection_for_read(broker.url) as link, link.channel() as channel:
        clients: list[dict[str, Any]] = channel.client.client_list()
    return any(client["cmd"] == "brpop" for client in clients)


def test_two_workers_on_the_nightly_sweep_and_the_due_sweep_at_once(
    unit: Unit, redis_url: str, celery_worker_process: Start
) -> None:
    ids = add_patients(unit, 1_200, now=timezone.now())
    for _ in range(2):
        nightly_sweep_task.delay()
        sweep_due_patients_task.delay()
        evaluate_patients_task.delay(ids)
    for _ in range(2):
        celery_worker_process(redis_url, concurrency=2)
    wait_until(lambda: not unjudged(ids), why="all are judged", seconds=120)
    wait_until(lambda: queues_are_empty(redis_url), why="all messages are worked off", seconds=120)
    assert_judged_once(ids)


def queues_are_empty(url: str) -> bool:
    """Whether no message waits and none is being worked on."""
    with current_app.connection_for_read(url) as link, link.channel() as channel:
        left = [channel.client.llen(name) for name in ("live", "sweep", "deliver")]
        return not any(left) and not channel.client.hlen("unacked")
