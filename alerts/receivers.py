"""Asks for judging when facts have changed and for sending when the outbox has filled.

A broker that is away costs minutes, never an alert: the sweeps find from the database what was not announced. And it
costs no time: whoever files a result must not wait for a broker that neither answers nor refuses.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from celery import Task, current_app
from django.dispatch import receiver
from kombu import Producer, pools
from kombu.exceptions import OperationalError

from alerts.signals import outbox_filled
from alerts.tasks import CHUNK, deliver_task, evaluate_patients_task
from monitoring.signals import facts_changed

log = logging.getLogger(__name__)

# How long an announcement waits for an answer; the worker's own connections are more patient.
PATIENCE_SECONDS = 1
# How long a broker that has failed is left alone; a sweep comes sooner than anybody would notice.
PAUSE_SECONDS = 15


class _Pause:
    """Until when which broker is left alone, for this process."""

    url = ""
    until = 0.0

    def lasts(self, url: str) -> bool:
        return url == self.url and time.monotonic() < self.until

    def begin(self, url: str) -> None:
        self.url, self.until = url, time.monotonic() + PAUSE_SECONDS


_pause = _Pause()


@receiver(facts_changed, dispatch_uid="alerts.evaluate_changed_patients")
def evaluate_changed_patients(sender: object, patient_ids: list[int], **kwargs: Any) -> None:
    """Enqueue the changed patients, in chunks."""
    chunks = [patient_ids[start : start + CHUNK] for start in range(0, len(patient_ids), CHUNK)]
    if not _announce(evaluate_patients_task, chunks):
        log.warning("broker away: %d changed patients are left to the sweep", len(patient_ids))


@receiver(outbox_filled, dispatch_uid="alerts.deliver_filled_outbox")
def deliver_filled_outbox(sender: object, notification_ids: list[int], **kwargs: Any) -> None:
    """Enqueue the rows that were just written."""
    if not _announce(deliver_task, notification_ids):
        log.warning("broker away: %d notifications are left to the sweep", len(notification_ids))


def _announce(task: Task[Any, Any], arguments: Sequence[object]) -> bool:
    """Enqueue `task` once for each argument; False when the broker is away, which is found out once in a while."""
    url = str(current_app.conf.broker_write_url or current_app.conf.broker_url)
    if _pause.lasts(url):
        return False
    try:
        with _impatient_producer() as producer:
            for argument in arguments:
                # One more try, for a connection that went stale while the broker was started again.
                task.apply_async(args=(argument,), producer=producer, retry_policy={"max_retries": 1})
    except OperationalError:
        _pause.begin(url)
        return False
    return True


@contextmanager
def _impatient_producer() -> Iterator[Producer]:
    """A producer from a pool of its own, whose connections give up soon."""
    usual = current_app.conf.broker_transport_options
    soon = {name: PATIENCE_SECONDS for name in ("socket_timeout", "socket_connect_timeout") if name in usual}
    with pools.producers[current_app.connection_for_write(transport_options=soon)].acquire(block=True) as producer:
        yield producer
