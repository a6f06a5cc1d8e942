"""Appends events: numbered from the one-row counter in the transaction of the change, so that seq is commit order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from alerts.lifecycle import EventType
from alerts.models import Alert, AlertEvent, Notification, NotificationStatus
from alerts.policy import TOLD, TOLD_FROM, Member, choose_recipients, is_told
from monitoring.models import Membership
from monitoring.rules.types import Severity
from monitoring.services.bulk import insert_rows

ENGINE = "CalciWatch"
# Nobody is told by role of anything below this.
TOLD_LEAST = min(TOLD_FROM.values())


@dataclass(frozen=True)
class EventDraft:
    """An event to be written; `alert` carries its new version already."""

    alert: Alert
    type: EventType
    at: datetime
    actor_id: int | None
    actor_name: str
    reason: str
    before: dict[str, Any]
    after: dict[str, Any]
    evidence: list[dict[str, Any]] = field(default_factory=list)


def state_of(alert: Alert) -> dict[str, Any]:
    """What of an alert an event records before and after."""
    return {
        "severity": Severity(alert.severity).name.lower(),
        "condition": alert.condition,
        "workflow": alert.workflow,
        "outcome": alert.outcome,
        "quiet_until": alert.quiet_until.isoformat() if alert.quiet_until else None,
        "assigned_to": alert.assigned_to_id,
        "episode": alert.episode,
    }


def take_numbers(count: int) -> range:
    """The next `count` event numbers. Locks the counter until commit: take them last in a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE alerts_eventcounter SET last_seq = last_seq + %s WHERE id = 1 RETURNING last_seq", [count]
        )
        row = cursor.fetchone()
    if row is None:
        raise RuntimeError("the event counter is missing; run manage.py migrate")
    return range(row[0] - count + 1, row[0] + 1)


def append_events(drafts: Sequence[EventDraft]) -> list[AlertEvent]:
    """Write the events in the given order and the outbox rows they call for; give the events.

    Must run inside the transaction that changes the alerts.
    """
    if not drafts:
        return []
    numbers = take_numbers(len(drafts))
    events = insert_rows(
        AlertEvent,
        [
            AlertEvent(
                seq=seq,
                alert=draft.alert,
                unit_id=draft.alert.unit_id,
                type=draft.type.value,
                at=draft.at,
                actor_id=draft.actor_id,
                actor_name=draft.actor_name,
                reason=draft.reason,
                before=draft.before,
                after=draft.after,
                evidence=draft.evidence,
                rule_set_id=draft.alert.rule_set_id,
                alert_version=draft.alert.version,
            )
            for seq, draft in zip(numbers, drafts, strict=True)
        ],
    )
    fill_outbox(events)
    return list(events)


def fill_outbox(events: Iterable[AlertEvent]) -> list[Notification]:
    """Outbox rows for the events that are worth telling; a second call for the same event adds nothing."""
    by_role, by_history = [], []
    for event in events:
        if event.type in TOLD:
            if event.alert.severity >= TOLD_LEAST:
                by_role.append(event)
        elif is_told(EventType(event.type), condition_before=event.before.get("condition", "")):
            by_history.append(event)
    if not by_role and not by_history:
        return []
    told: dict[int, set[int]] = {}
    if by_history:
        # A row that was given up has told nobody; one that still waits will have by the time this one is read.
        before = Notification.objects.filter(event__alert__in=[event.alert_id for event in by_history]).exclude(
            status=NotificationStatus.FAILED
        )
        for alert_id, user_id in before.values_list("event__alert_id", "recipient_id"):
            told.setdefault(alert_id, set()).add(user_id)
    members: dict[int, list[Member]] = {}
    units = {event.unit_id for event in (*by_role, *by_history)}
    for unit_id, user_id, role, email in (
        Membership.objects.filter(unit_id__in=units, user__is_active=True)
        .order_by("unit_id", "user_id")
        .values_list("unit_id", "user_id", "role", "user__email")
    ):
        members.setdefault(unit_id, []).append(Member(user_id, role, bool(email)))
    rows = [
        Notification(
            event=event,
            channel=telling.channel,
            recipient_id=telling.user,
            next_attempt_at=event.at,
            created_at=event.at,
        )
        for event in (*by_role, *by_history)
        for telling in choose_recipients(
            EventType(event.type),
            Severity(event.alert.severity),
            members.get(event.unit_id, []),
            told.get(event.alert_id, ()),
        )
    ]
    return Notification.objects.bulk_create(rows, ignore_conflicts=True)
