"""Words for the states and events of alerts, as screens say them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from alerts.lifecycle import Action, Condition, EventType, Workflow
from alerts.models import Alert, SeverityChoice
from monitoring.admin.showing import show_time
from monitoring.models import Unit
from monitoring.rules.catalogue import BY_CODE
from monitoring.rules.wording import scope_name


def title_of(alert: Alert) -> str:
    """The rule's title and the place it is about."""
    rule = BY_CODE.get(alert.rule)
    if rule is None:
        return alert.rule
    place = scope_name(rule, alert.scope)
    return f"{rule.title}: {place}" if place else rule.title


def state_kind(alert: Alert) -> str:
    """One word for what is to do: "open", "cleared", "acknowledged", "snoozed" or "resolved"."""
    if alert.workflow == Workflow.RESOLVED:
        return "resolved"
    if alert.workflow == Workflow.OPEN and alert.condition == Condition.CLEARED:
        return "cleared"
    return alert.workflow


def state_words(alert: Alert) -> str:
    """The state in words, with until when it is quiet."""
    kind = state_kind(alert)
    if kind in ("acknowledged", "snoozed") and alert.quiet_until:
        until = show_time(alert.quiet_until, alert.unit)
        words = _("acknowledged until %(t)s") if kind == "acknowledged" else _("snoozed until %(t)s")
        said = words % {"t": until}
    else:
        said = {
            "open": _("open"),
            "cleared": _("cleared, not reviewed"),
            "resolved": _("resolved: %(outcome)s") % {"outcome": alert.get_outcome_display().lower()},
        }[kind]
    if alert.condition == Condition.INDETERMINATE:
        said += ", " + _("cannot be judged now: data missing")
    return said


def action_words(action: Action) -> dict[str, str]:
    """The button, the question for the reason, and what the action means."""
    words = {
        Action.ACKNOWLEDGE: (
            _("Acknowledge"),
            _("Plan"),
            _("I have seen it and this is the plan. It comes back when the time is over or it gets worse."),
        ),
        Action.SNOOZE: (_("Snooze"), _("Reason"), _("Not now. It comes back when the time is over or it gets worse.")),
        Action.RESOLVE: (_("Resolve"), _("What was found or done"), _("The matter is settled; how did it end?")),
        Action.ASSIGN: (_("Assign"), _("Remark"), _("Who looks after it?")),
        Action.NOTE: (_("Add a note"), _("Note"), _("The state stays as it is.")),
    }
    button, question, meaning = words[action]
    return {"button": button, "question": question, "meaning": meaning}


def event_words(event: EventType) -> str:
    """What happened."""
    return {
        EventType.OPENED: _("opened"),
        EventType.REOPENED: _("opened again"),
        EventType.SEVERITY_RAISED: _("became more severe"),
        EventType.SEVERITY_LOWERED: _("became less severe"),
        EventType.CLEARED: _("no longer true"),
        EventType.BECAME_ACTIVE: _("true again"),
        EventType.BECAME_UNKNOWN: _("can no longer be judged"),
        EventType.EVIDENCE_CHANGED: _("new evidence"),
        EventType.RETRACTED: _("retracted after a correction"),
        EventType.ACKNOWLEDGED: _("acknowledged"),
        EventType.SNOOZED: _("snoozed"),
        EventType.QUIET_ENDED: _("quiet time over"),
        EventType.RESOLVED: _("resolved"),
        EventType.ASSIGNED: _("assigned"),
        EventType.NOTED: _("note"),
    }[event]


_CHANGE_NAMES = ("severity", "condition", "workflow", "outcome", "quiet_until", "assigned_to", "episode")


def change_words(before: dict[str, Any], after: dict[str, Any], unit: Unit, people: dict[int, str]) -> list[str]:
    """What an event changed, one line each: name, before, after."""
    names = {
        "severity": _("severity"),
        "condition": _("condition"),
        "workflow": _("state"),
        "outcome": _("outcome"),
        "quiet_until": _("quiet until"),
        "assigned_to": _("assigned to"),
        "episode": _("episode"),
    }
    lines = []
    for name in _CHANGE_NAMES:
        old, new = before.get(name), after.get(name)
        if not before or old == new:
            continue
        old, new = _word(name, old, unit, people), _word(name, new, unit, people)
        lines.append(f"{names[name]}: {old or '–'} → {new or '–'}")
    return lines


def _word(name: str, value: Any, unit: Unit, people: dict[int, str]) -> str:
    if value in (None, ""):
        return ""
    if name == "quiet_until":
        return show_time(datetime.fromisoformat(value), unit)
    if name == "assigned_to":
        return people.get(value, "?")
    if name == "severity":
        return str(SeverityChoice[str(value).upper()].label).lower()
    return str(value).replace("_", " ")
