"""Sends the rows of the outbox: claimed by a lease, sent, then marked; a lost lease is found again by the sweep."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import F, Q

from alerts.channels.email import PermanentFailure, send_alert_email
from alerts.models import Notification, NotificationStatus

LEASE = timedelta(minutes=5)
# Waits before the next try; after the last the row is parked as failed, where staff see it.
RETRY_AFTER: tuple[timedelta, ...] = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=12),
)
MOST_ATTEMPTS = len(RETRY_AFTER) + 1
CHANNELS: dict[str, Callable[[Notification], None]] = {"email": send_alert_email}


def due_notifications(*, now: datetime, limit: int = 500) -> list[int]:
    """Primary keys of rows that wait for a (re)try or whose lease ran out, oldest first."""
    waiting = Q(status=NotificationStatus.PENDING, next_attempt_at__lte=now)
    lost = Q(status=NotificationStatus.LEASED, leased_until__lte=now)
    return list(
        Notification.objects.filter(waiting | lost)
        .order_by("next_attempt_at", "id")
        .values_list("id", flat=True)[:limit]
    )


def deliver_notification(notification_id: int, *, now: datetime) -> str:
    """Try to send one row; give what became of it ("sent", "retry", "failed", or "not ours" when nobody needs to).

    The claim is a conditional UPDATE, so of two workers one sends; it counts as an attempt, so that a message that
    kills its worker is given up in the end. A crash between sending and marking can send again after the lease: at
    least once, with the event's id in the message so that a reader can see it.
    """
    lease = now + LEASE
    claimed = (
        Notification.objects.filter(pk=notification_id)
        .filter(
            Q(status=NotificationStatus.PENDING, next_attempt_at__lte=now)
            | Q(status=NotificationStatus.LEASED, leased_until__lte=now)
        )
        .update(status=NotificationStatus.LEASED, leased_until=lease, attempts=F("attempts") + 1)
    )
    if not claimed:
        return "not ours"
    notification = Notification.objects.select_related("event__alert__unit", "recipient").get(pk=notification_id)
    attempts = notification.attempts
    if attempts > MOST_ATTEMPTS:
        _settle(notification_id, lease, NotificationStatus.FAILED, error="each worker that tried to send it has ended")
        return "failed"
    try:
        CHANNELS[notification.channel](notification)
    except PermanentFailure as problem:
        _settle(notification_id, lease, NotificationStatus.FAILED, error=str(problem))
        return "failed"
    except Exception as problem:  # noqa: BLE001  (whatever the channel raises, the row must not be lost)
        if attempts >= MOST_ATTEMPTS:
            _settle(notification_id, lease, NotificationStatus.FAILED, error=repr(problem))
            return "failed"
        _settle(
            notification_id,
            lease,
            NotificationStatus.PENDING,
            error=repr(problem),
            next_attempt_at=now + RETRY_AFTER[attempts - 1],
        )
        return "retry"
    _settle(notification_id, lease, NotificationStatus.SENT, sent_at=now)
    return "sent"


def _settle(
    notification_id: int,
    lease: datetime,
    status: NotificationStatus,
    *,
    error: str = "",
    sent_at: datetime | None = None,
    next_attempt_at: datetime | None = None,
) -> None:
    """Write what became of it, if the lease is still ours: a worker that outstayed it must not undo the next one."""
    changes: dict[str, object] = {
        "status": status,
        "leased_until": None,
        "last_error": error,
        "sent_at": sent_at,
    }
    if next_attempt_at is not None:
        changes["next_attempt_at"] = next_attempt_at
    Notification.objects.filter(pk=notification_id, status=NotificationStatus.LEASED, leased_until=lease).update(
        **changes
    )
