"""The broker goes away while results come in: filing goes on, nobody waits, and the sweeps judge everybody once."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import redis
from django.utils import timezone

from alerts import receivers
from alerts.models import AlertEvent
from alerts.tasks import evaluate_patients_task, sweep_due_patients_task, sweep_outbox_task
from monitoring.models import LabResult, Patient, Unit
from monitoring.services.imports import process_import, receive_file
from monitoring.signals import facts_changed
from tests.conftest import Process
from tests.flows.people import add_patients, assert_judged_once, give_mass, unjudged, wait_until
from tests.services import Broker

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
Start = Callable[..., Process]
HEADER = "mrn,analyte,value,unit,taken_at,timing,id\n"


@pytest.fixture
def unit(transactional_db: None) -> Unit:
    return Unit.objects.create(code="A", name="Unit A", time_zone="Europe/London")


@pytest.fixture(autouse=True)
def _no_pause() -> Iterator[None]:
    receivers._pause.until = 0
    yield
    receivers._pause.until = 0


def length_of(broker: Broker, queue: str) -> int:
    with redis.Redis.from_url(broker.url) as client:
        return int(client.llen(queue))


def seconds_of(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


@pytest.mark.postgres
@pytest.mark.slow
def test_redis_stops_during_an_import_and_everybody_is_judged_within_two_sweeps(
    unit: Unit, broker: Broker, celery_worker_process: Start
) -> None:
    now = timezone.now()
    ids = add_patients(unit, 400, now=now, judged=True)
    mrns = list(Patient.objects.order_by("id").values_list("mrn", flat=True))
    celery_worker_process(broker.url)
    evaluate_patients_task.delay(ids)
    wait_until(lambda: AlertEvent.objects.filter(type="opened").exists(), why="the worker works")
    taken = (now - timedelta(days=2)).date().isoformat()
    rows = "".join(f"{mrn},phosphate,9.{n % 10},mg/dL,{taken} 07:00,pre,x{n}\n" for n, mrn in enumerate(mrns))
    imported = receive_file(unit, stream=io.BytesIO((HEADER + rows).encode()), filename="r.csv", now=timezone.now())
    sent = LabResult.objects.count()

    def stop_after_the_first_chunk(sender: object, patient_ids: list[int], **_: object) -> None:
        if LabResult.objects.count() - sent == 100:
            broker.stop()

    facts_changed.connect(stop_after_the_first_chunk)
    try:
        took = seconds_of(lambda: process_import(imported.pk, chunk_rows=100))
    finally:
        facts_changed.disconnect(stop_after_the_first_chunk)
    imported.refresh_from_db()
    assert (imported.status, imported.rows_accepted) == ("finished", 400)
    assert took < 5, "three chunks without a broker cost no seconds each"
    assert len(unjudged(ids)) >= 300, "what came in after the broker had gone waits for the sweep"
    broker.start()
    for _ in range(2):
        sweep_due_patients_task.delay()
        sweep_outbox_task.delay()
    wait_until(lambda: not unjudged(ids), why="two sweeps judge everybody")
    wait_until(lambda: not length_of(broker, "sweep"))
    assert_judged_once(ids)


def test_without_a_broker_the_facts_are_kept_and_nobody_is_told_of_an_error(unit: Unit, broker: Broker) -> None:
    (patient,) = add_patients(unit, 1, now=timezone.now(), judged=True)
    broker.stop()
    assert seconds_of(lambda: give_mass(patient)) < 2
    assert unjudged([patient]) == [patient], "committed, and left to the sweep"


def test_a_broker_that_is_away_costs_time_once_and_not_at_every_chunk(unit: Unit, broker: Broker) -> None:
    ids = add_patients(unit, 20, now=timezone.now(), judged=True)
    broker.stop()
    assert seconds_of(lambda: [give_mass(patient) for patient in ids]) < 2
    assert len(unjudged(ids)) == 20


def test_a_broker_that_neither_answers_nor_refuses_holds_up_a_result_for_seconds_once(
    unit: Unit, broker: Broker
) -> None:
    first, second = add_patients(unit, 2, now=timezone.now(), judged=True)
    assert broker.process is not None
    os.kill(broker.process.pid, signal.SIGSTOP)
    try:
        assert seconds_of(lambda: give_mass(first)) < 8
        assert seconds_of(lambda: give_mass(second)) < 1
    finally:
        os.kill(broker.process.pid, signal.SIGCONT)
    assert sorted(unjudged([first, second])) == [first, second]


def test_after_the_pause_changes_are_announced_again(unit: Unit, broker: Broker) -> None:
    one, two = add_patients(unit, 2, now=timezone.now(), judged=True)
    broker.stop()
    give_mass(one)
    broker.start()
    receivers._pause.until = 0
    give_mass(two)
    assert length_of(broker, "live") == 1


def test_a_pause_for_one_broker_is_none_for_another(unit: Unit, broker: Broker) -> None:
    (patient,) = add_patients(unit, 1, now=timezone.now(), judged=True)
    receivers._pause.begin("redis://elsewhere:6379/0")
    give_mass(patient)
    assert length_of(broker, "live") == 1


def test_a_connection_that_went_stale_while_the_broker_restarted_is_made_anew(unit: Unit, broker: Broker) -> None:
    one, two = add_patients(unit, 2, now=timezone.now(), judged=True)
    give_mass(one)
    broker.stop()
    broker.start()
    give_mass(two)
    assert length_of(broker, "live") == 2


def test_many_changed_patients_are_announced_in_chunks_each_once(broker: Broker) -> None:
    receivers.evaluate_changed_patients(None, patient_ids=list(range(1, 1202)))
    with redis.Redis.from_url(broker.url) as client:
        bodies = [json.loads(base64.b64decode(json.loads(message)["body"])) for message in client.lrange("live", 0, -1)]
    chunks = sorted(arguments[0] for arguments, _, _ in bodies)
    assert [len(chunk) for chunk in chunks] == [500, 500, 201]
    assert [patient for chunk in chunks for patient in chunk] == list(range(1, 1202))
