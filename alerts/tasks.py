"""The Celery tasks of judging and telling: thin, ids only, each safe to run twice and at once."""

from __future__ import annotations

import logging

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from alerts.selectors import active_patient_chunks, due_patient_ids
from alerts.services.evaluating import evaluate_patients
from alerts.services.outbox import deliver_notification, due_notifications
from alerts.services.transitions import end_quiet_times

log = logging.getLogger(__name__)

# Patients judged in one transaction: long enough to be fast, short enough to lose little when killed.
CHUNK = 500
# Most patients one due-sweep hands out; the next sweep takes the rest.
SWEEP_LIMIT = 20_000
# With this many patients who cannot be judged, the fault is not in the patients.
MOST_UNJUDGEABLE = 5


@shared_task
def evaluate_patients_task(patient_ids: list[int]) -> None:
    """Judge these patients now (queue live)."""
    for start in range(0, len(patient_ids), CHUNK):
        _judge(patient_ids[start : start + CHUNK])


@shared_task
def evaluate_chunk_task(patient_ids: list[int], only_due: bool = False) -> None:
    """Judge one chunk of a sweep (queue sweep); with `only_due`, only those whom nobody has judged meanwhile."""
    _judge(patient_ids, only_due=only_due)


def _judge(patient_ids: list[int], *, only_due: bool = False) -> None:
    """Judge together; when that fails, in halves, so that one patient who cannot be judged stops nobody else.

    Raises at the end what it met at a patient alone; at once when the surroundings fail (database, time limit).
    """
    waiting, unjudged, problem = [patient_ids], 0, None
    while waiting:
        together = waiting.pop()
        try:
            evaluate_patients(together, as_of=timezone.now(), only_due=only_due)
        except (OperationalError, InterfaceError, SoftTimeLimitExceeded):
            raise
        except Exception as met:
            if len(together) > 1:
                middle = len(together) // 2
                waiting += [together[middle:], together[:middle]]
                continue
            log.exception("patient %d cannot be judged", together[0])
            unjudged, problem = unjudged + 1, met
            if unjudged == MOST_UNJUDGEABLE:
                raise
    if problem is not None:
        raise problem


@shared_task
def sweep_due_patients_task() -> None:
    """Hand out every patient whose facts have moved on or whose time has come: what a lost message left behind."""
    due = due_patient_ids(now=timezone.now(), limit=SWEEP_LIMIT)
    for start in range(0, len(due), CHUNK):
        evaluate_chunk_task.delay(due[start : start + CHUNK], only_due=True)


@shared_task
def nightly_sweep_task() -> None:
    """Judge everybody in chunks: the auditor of the due-sweep, which must find nothing new."""
    for chunk in active_patient_chunks(CHUNK):
        evaluate_chunk_task.delay(chunk)


@shared_task
def deliver_task(notification_id: int) -> None:
    """Send one row of the outbox (queue deliver)."""
    deliver_notification(notification_id, now=timezone.now())


@shared_task
def sweep_outbox_task() -> None:
    """Send what waits, and what a dead worker left leased."""
    for notification_id in due_notifications(now=timezone.now()):
        deliver_task.delay(notification_id)


@shared_task
def expire_alerts_task() -> None:
    """End acknowledgements and snoozes that have run out, in chunks until none is left."""
    now = timezone.now()
    while end_quiet_times(now=now, limit=CHUNK) == CHUNK:
        pass
