"""What people do to alerts: acknowledge, snooze, resolve, assign, note; and the end of a quiet time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from alerts.lifecycle import Action, EventType, Workflow, plan_move
from alerts.models import Alert
from alerts.services.events import ENGINE, EventDraft, append_events, state_of
from monitoring.errors import Conflict, InvalidValue, StaleVersion
from monitoring.models import Membership
from monitoring.rules.types import Severity


def change_alert(
    alert: Alert,
    *,
    action: Action,
    now: datetime,
    actor: User | None,
    actor_name: str = "",
    reason: str = "",
    until: datetime | None = None,
    outcome: str = "",
    assignee: User | None = None,
    expected_version: int | None = None,
) -> Alert:
    """Apply `action` to `alert`: a compare-and-set on its version, and one event in the same transaction.

    `expected_version` is the version the caller looked at (default: that of `alert` as given). Raises StaleVersion
    when the alert has moved on since, Conflict for a move that is not allowed, InvalidValue for a missing reason or
    outcome, an `until` out of bounds, or an assignee who is not of the alert's unit. Nothing is changed then.
    """
    version = alert.version if expected_version is None else expected_version
    with transaction.atomic():
        # Not a lock on the key: a new alert that points to this one as its earlier one holds the counter of events
        # while its reference is checked, and this transaction needs the counter too.
        current = Alert.objects.select_for_update(of=("self",), no_key=True).select_related("unit").get(pk=alert.pk)
        if current.version != version:
            raise StaleVersion(
                "alert-changed",
                "Somebody has changed this alert since you looked at it. Look again, then decide.",
                expected=version,
                current=current.version,
            )
        move = plan_move(
            action,
            workflow=Workflow(current.workflow),
            severity=Severity(current.severity),
            now=now,
            reason=reason,
            until=until,
            outcome=outcome,
        )
        before = state_of(current)
        changes: dict[str, Any] = {
            "workflow": move.workflow.value,
            "version": current.version + 1,
            "changed_at": now,
        }
        if action in (Action.ACKNOWLEDGE, Action.SNOOZE, Action.RESOLVE):
            changes["quiet_until"] = move.quiet_until
        if move.outcome is not None:
            changes |= {"outcome": move.outcome.value, "resolved_at": now}
        if action is Action.ASSIGN:
            if assignee is not None and not Membership.objects.filter(user=assignee, unit=current.unit).exists():
                raise InvalidValue(
                    "assignee-not-in-unit",
                    f"{assignee.get_username()} is not a member of {current.unit.code}.",
                    field="assignee",
                    value=assignee.get_username(),
                    expected=f"a member of {current.unit.code}",
                )
            changes["assigned_to"] = assignee
        updated = Alert.objects.filter(pk=current.pk, version=current.version).update(**changes)
        if updated != 1:
            raise Conflict("alert-changed", "Somebody changed this alert at the same moment. Please try again.")
        for name, value in changes.items():
            setattr(current, name, value)
        append_events(
            [
                EventDraft(
                    alert=current,
                    type=move.event,
                    at=now,
                    actor_id=actor.pk if actor else None,
                    actor_name=actor_name or (actor.get_full_name() or actor.get_username() if actor else ""),
                    reason=reason.strip(),
                    before=before,
                    after=state_of(current),
                )
            ]
        )
    return current


def end_quiet_times(*, now: datetime, limit: int = 500) -> int:
    """Open again the alerts whose acknowledgement or snooze has run out; give how many. Safe to run at once twice."""
    with transaction.atomic():
        alerts = list(
            Alert.objects.select_for_update(skip_locked=True, no_key=True)
            .filter(workflow__in=[Workflow.ACKNOWLEDGED, Workflow.SNOOZED], quiet_until__lte=now)
            .order_by("id")[:limit]
        )
        drafts = []
        for alert in alerts:
            before = state_of(alert)
            what = "acknowledgement" if alert.workflow == Workflow.ACKNOWLEDGED else "snooze"
            alert.workflow, alert.quiet_until = Workflow.OPEN.value, None
            alert.version += 1
            alert.changed_at = now
            drafts.append(
                EventDraft(
                    alert=alert,
                    type=EventType.QUIET_ENDED,
                    at=now,
                    actor_id=None,
                    actor_name=ENGINE,
                    reason=f"the {what} has run out",
                    before=before,
                    after=state_of(alert),
                )
            )
        if alerts:
            Alert.objects.bulk_update(alerts, ["workflow", "quiet_until", "version", "changed_at"], batch_size=200)
            append_events(drafts)
    return len(alerts)
