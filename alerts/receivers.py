"""Asks for judging when facts have changed and for sending when the outbox has filled.

A broker that is away costs minutes, never an alert: the sweeps find from the database what was not announced.
"""

from __future__ import annotations

import logging
from typing import Any

from django.dispatch import receiver
from kombu.exceptions import OperationalError

from alerts.signals import outbox_filled
from alerts.tasks import CHUNK, deliver_task, evaluate_patients_task
from monitoring.signals import facts_changed

log = logging.getLogger(__name__)


@receiver(facts_changed, dispatch_uid="alerts.evaluate_changed_patients")
def evaluate_changed_patients(sender: object, patient_ids: list[int], **kwargs: Any) -> None:
    """Enqueue the changed patients, in chunks."""
    try:
        for start in range(0, len(patient_ids), CHUNK):
            evaluate_patients_task.delay(patient_ids[start : start + CHUNK])
    except OperationalError:
        log.warning("broker away: %d changed patients are left to the sweep", len(patient_ids))


@receiver(outbox_filled, dispatch_uid="alerts.deliver_filled_outbox")
def deliver_filled_outbox(sender: object, notification_ids: list[int], **kwargs: Any) -> None:
    """Enqueue the rows that were just written."""
    try:
        for notification_id in notification_ids:
            deliver_task.delay(notification_id)
    except OperationalError:
        log.warning("broker away: %d notifications are left to the sweep", len(notification_ids))
