"""The two axes of an alert, the moves that are allowed, and why a move is refused: pure, with the time passed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitoring.errors import Conflict, InvalidValue
from monitoring.rules.types import Severity


class Condition(StrEnum):
    """What the rule says now (the machine's axis)."""

    ACTIVE = "active"
    CLEARED = "cleared"
    INDETERMINATE = "indeterminate"


class Workflow(StrEnum):
    """What people have done (their axis)."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


class Outcome(StrEnum):
    """How an alert ended; the last two are the machine's own."""

    CONFIRMED = "confirmed"
    TREATED = "treated"
    NOT_CONFIRMED = "not_confirmed"
    DATA_ERROR = "data_error"
    ALREADY_KNOWN = "already_known"
    RETRACTED = "retracted"
    CLEARED = "cleared"


PEOPLES_OUTCOMES: tuple[Outcome, ...] = (
    Outcome.CONFIRMED,
    Outcome.TREATED,
    Outcome.NOT_CONFIRMED,
    Outcome.DATA_ERROR,
    Outcome.ALREADY_KNOWN,
)


class EventType(StrEnum):
    """What can happen to an alert."""

    OPENED = "opened"
    REOPENED = "reopened"
    SEVERITY_RAISED = "severity_raised"
    SEVERITY_LOWERED = "severity_lowered"
    CLEARED = "cleared"
    BECAME_ACTIVE = "became_active"
    BECAME_UNKNOWN = "became_unknown"
    EVIDENCE_CHANGED = "evidence_changed"
    RETRACTED = "retracted"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    QUIET_ENDED = "quiet_ended"
    RESOLVED = "resolved"
    ASSIGNED = "assigned"
    NOTED = "noted"


class Action(StrEnum):
    """What a person can ask for."""

    ACKNOWLEDGE = "acknowledge"
    SNOOZE = "snooze"
    RESOLVE = "resolve"
    ASSIGN = "assign"
    NOTE = "note"


# (state, action) -> state after; what is not here is refused with 409. Drawn in docs/architecture.md.
TRANSITIONS: dict[tuple[Workflow, Action], Workflow] = {
    (Workflow.OPEN, Action.ACKNOWLEDGE): Workflow.ACKNOWLEDGED,
    (Workflow.OPEN, Action.SNOOZE): Workflow.SNOOZED,
    (Workflow.OPEN, Action.RESOLVE): Workflow.RESOLVED,
    (Workflow.OPEN, Action.ASSIGN): Workflow.OPEN,
    (Workflow.OPEN, Action.NOTE): Workflow.OPEN,
    (Workflow.ACKNOWLEDGED, Action.SNOOZE): Workflow.SNOOZED,
    (Workflow.ACKNOWLEDGED, Action.RESOLVE): Workflow.RESOLVED,
    (Workflow.ACKNOWLEDGED, Action.ASSIGN): Workflow.ACKNOWLEDGED,
    (Workflow.ACKNOWLEDGED, Action.NOTE): Workflow.ACKNOWLEDGED,
    (Workflow.SNOOZED, Action.ACKNOWLEDGE): Workflow.ACKNOWLEDGED,
    (Workflow.SNOOZED, Action.RESOLVE): Workflow.RESOLVED,
    (Workflow.SNOOZED, Action.ASSIGN): Workflow.SNOOZED,
    (Workflow.SNOOZED, Action.NOTE): Workflow.SNOOZED,
    (Workflow.RESOLVED, Action.NOTE): Workflow.RESOLVED,
}

EVENT_OF_ACTION: dict[Action, EventType] = {
    Action.ACKNOWLEDGE: EventType.ACKNOWLEDGED,
    Action.SNOOZE: EventType.SNOOZED,
    Action.RESOLVE: EventType.RESOLVED,
    Action.ASSIGN: EventType.ASSIGNED,
    Action.NOTE: EventType.NOTED,
}

# Longest acknowledgement and snooze per severity (expert default, uncalibrated).
LONGEST_ACKNOWLEDGEMENT: dict[Severity, timedelta] = {
    Severity.CRITICAL: timedelta(days=1),
    Severity.URGENT: timedelta(days=14),
    Severity.WATCH: timedelta(days=90),
    Severity.INFO: timedelta(days=180),
}
LONGEST_SNOOZE: dict[Severity, timedelta] = {
    Severity.CRITICAL: timedelta(hours=4),
    Severity.URGENT: timedelta(days=3),
    Severity.WATCH: timedelta(days=30),
    Severity.INFO: timedelta(days=90),
}
# A rule that fires again this soon after its alert was resolved reopens that alert as a new episode.
REOPEN_WITHIN = timedelta(days=35)


@dataclass(frozen=True)
class Move:
    """An allowed move: the state after, the event that records it, and until when the alert is quiet."""

    workflow: Workflow
    event: EventType
    quiet_until: datetime | None
    outcome: Outcome | None


def longest_quiet(action: Action, severity: Severity) -> timedelta:
    """How long an alert of `severity` may be quiet after `action`."""
    return (LONGEST_SNOOZE if action is Action.SNOOZE else LONGEST_ACKNOWLEDGEMENT)[severity]


def plan_move(
    action: Action,
    *,
    workflow: Workflow,
    severity: Severity,
    now: datetime,
    reason: str = "",
    until: datetime | None = None,
    outcome: str = "",
) -> Move:
    """Decide what `action` does to an alert in `workflow`.

    Raises Conflict (409) for a move that TRANSITIONS does not list, InvalidValue (422) for a missing reason, an
    unknown outcome, or an `until` in the past or beyond the longest allowed for the severity.
    """
    after = TRANSITIONS.get((workflow, action))
    if after is None:
        raise Conflict(
            "illegal-move",
            f"An alert that is {workflow.value} cannot be changed by “{action.value}”.",
            state=workflow.value,
            action=action.value,
            allowed=[a.value for (w, a) in TRANSITIONS if w is workflow],
        )
    if action is not Action.ASSIGN and not reason.strip():
        raise InvalidValue("reason-required", "Please give a reason or plan in words.", field="reason", value=reason)
    quiet_until = None
    if action in (Action.ACKNOWLEDGE, Action.SNOOZE):
        longest = longest_quiet(action, severity)
        quiet_until = until if until is not None else now + longest
        if quiet_until <= now:
            raise InvalidValue(
                "until-in-the-past", "“until” must lie in the future.", field="until", value=quiet_until.isoformat()
            )
        if quiet_until > now + longest:
            raise InvalidValue(
                "until-too-far",
                f"A {severity.name.lower()} alert can be quiet until {(now + longest).isoformat()} at the latest.",
                field="until",
                value=quiet_until.isoformat(),
                latest=(now + longest).isoformat(),
            )
    named_outcome = None
    if action is Action.RESOLVE:
        if outcome not in [o.value for o in PEOPLES_OUTCOMES]:
            raise InvalidValue(
                "outcome-required",
                "Closing an alert needs one of the outcomes: " + ", ".join(o.value for o in PEOPLES_OUTCOMES) + ".",
                field="outcome",
                value=outcome,
                expected=[o.value for o in PEOPLES_OUTCOMES],
            )
        named_outcome = Outcome(outcome)
    return Move(workflow=after, event=EVENT_OF_ACTION[action], quiet_until=quiet_until, outcome=named_outcome)
