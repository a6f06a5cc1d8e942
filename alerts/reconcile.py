"""The difference between what the rules say and the live alerts: pure decisions, each with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from alerts.lifecycle import REOPEN_WITHIN, Condition, EventType, Outcome, Workflow
from monitoring.rules.types import RuleFinding, Severity, State

Key = tuple[int, str, str]


@dataclass(frozen=True)
class LiveAlert:
    """What the decision needs to know of an alert: the unresolved one of its key, or the last resolved one."""

    id: int
    patient: int
    rule: str
    scope: str
    severity: Severity
    condition: Condition
    workflow: Workflow
    outcome: str
    since: datetime
    resolved_at: datetime | None
    evidence: tuple[int, ...]
    missing: tuple[str, ...]

    @property
    def key(self) -> Key:
        """Patient, rule code, scope."""
        return (self.patient, self.rule, self.scope)


@dataclass(frozen=True)
class Change:
    """One thing to do. `alert` is None to open a new one; `previous` links a new one to the last of its key.

    `workflow`, `condition`, `severity` are the values after the change; `why` is the reason written on the event.
    """

    event: EventType
    key: Key
    alert: LiveAlert | None
    finding: RuleFinding | None
    condition: Condition
    severity: Severity
    workflow: Workflow
    why: str
    outcome: Outcome | None = None
    previous: int | None = None


def reconcile(
    findings: Iterable[RuleFinding],
    live: Iterable[LiveAlert],
    last_resolved: Mapping[Key, LiveAlert],
    *,
    as_of: datetime,
    log_rules: frozenset[str] = frozenset(),
) -> tuple[list[Change], dict[int, datetime]]:
    """Decide what changes, at most one change a key, sorted by key.

    `findings` are all standing or cleared verdicts of the patients at hand, `live` all their unresolved alerts,
    `last_resolved` the newest resolved alert of a key. Also gives, per patient, when a resolved alert whose rule still
    stands will be opened again. Running it on its own result gives no change.
    """
    by_key = {finding.key: finding for finding in findings if finding.rule not in log_rules}
    alerts = {alert.key: alert for alert in live}
    changes: list[Change] = []
    wake: dict[int, datetime] = {}
    for key in sorted(by_key.keys() | alerts.keys()):
        finding, alert = by_key.get(key), alerts.get(key)
        if alert is not None:
            change = _change_of(alert, finding)
        elif finding is not None and _stands(finding):
            change, again = _opening_of(finding, last_resolved.get(key), as_of)
            if again is not None:
                wake[key[0]] = min(again, wake.get(key[0], again))
        else:
            change = None
        if change is not None:
            changes.append(change)
    return changes, wake


def _stands(finding: RuleFinding) -> bool:
    return finding.state in (State.ACTIVE, State.INDETERMINATE)


def _condition(finding: RuleFinding) -> Condition:
    return Condition.ACTIVE if finding.state is State.ACTIVE else Condition.INDETERMINATE


def _opening_of(finding: RuleFinding, last: LiveAlert | None, as_of: datetime) -> tuple[Change | None, datetime | None]:
    """Open, reopen, or leave alone because a person resolved this very episode a short while ago."""
    condition = _condition(finding)
    if last is None or last.resolved_at is None:
        return _open(finding, condition, None, "the rule became true"), None
    by_person = last.outcome not in (Outcome.RETRACTED.value, Outcome.CLEARED.value)
    same_episode = finding.since <= last.resolved_at
    again = last.resolved_at + REOPEN_WITHIN
    if by_person and same_episode and finding.severity <= last.severity:
        if as_of < again:
            return None, again
        return _open(finding, condition, last.id, "still true 35 days after it was resolved"), None
    why = "severity rose after it was resolved" if same_episode and by_person else "the rule became true again"
    if as_of < again:
        return (
            Change(
                EventType.REOPENED,
                finding.key,
                last,
                finding,
                condition,
                finding.severity,
                Workflow.OPEN,
                f"{why}, within 35 days: a new episode of the same alert",
            ),
            None,
        )
    return _open(finding, condition, last.id, why), None


def _open(finding: RuleFinding, condition: Condition, previous: int | None, why: str) -> Change:
    return Change(
        EventType.OPENED,
        finding.key,
        None,
        finding,
        condition,
        finding.severity,
        Workflow.OPEN,
        why,
        previous=previous,
    )


def _change_of(alert: LiveAlert, finding: RuleFinding | None) -> Change | None:
    """What happens to an unresolved alert."""
    if finding is None or not _stands(finding):
        return _ended(alert, finding)
    condition = _condition(finding)

    def change(event: EventType, workflow: Workflow, why: str) -> Change:
        return Change(event, alert.key, alert, finding, condition, finding.severity, workflow, why)

    if finding.severity > alert.severity:
        return change(EventType.SEVERITY_RAISED, Workflow.OPEN, "severity rose; acknowledgement and snooze end")
    if condition is not alert.condition:
        if condition is Condition.INDETERMINATE:
            missing = ", ".join(finding.missing)
            return change(EventType.BECAME_UNKNOWN, alert.workflow, f"cannot be judged now; missing: {missing}")
        workflow = Workflow.OPEN if alert.condition is Condition.CLEARED else alert.workflow
        return change(EventType.BECAME_ACTIVE, workflow, "true again")
    if finding.severity < alert.severity:
        return change(EventType.SEVERITY_LOWERED, alert.workflow, "severity fell")
    if (finding.evidence, finding.missing, finding.since) != (alert.evidence, alert.missing, alert.since):
        return change(EventType.EVIDENCE_CHANGED, alert.workflow, "what it rests on has changed")
    return None


def _ended(alert: LiveAlert, finding: RuleFinding | None) -> Change | None:
    """The rule does not stand: cleared by its exit, or retracted because what it rested on is no longer believed."""
    cleared = finding is not None and finding.cleared_at is not None and finding.cleared_at > alert.since
    data_rule = alert.rule.startswith("M")
    if not cleared and not data_rule:
        return Change(
            EventType.RETRACTED,
            alert.key,
            alert,
            finding,
            Condition.CLEARED,
            alert.severity,
            Workflow.RESOLVED,
            "no longer true by the facts as they are now believed: a correction or withdrawal",
            outcome=Outcome.RETRACTED,
        )
    if alert.severity is Severity.INFO or data_rule:
        return Change(
            EventType.CLEARED,
            alert.key,
            alert,
            finding,
            Condition.CLEARED,
            alert.severity,
            Workflow.RESOLVED,
            "cleared by itself",
            outcome=Outcome.CLEARED,
        )
    if alert.condition is Condition.CLEARED:
        return None
    return Change(
        EventType.CLEARED,
        alert.key,
        alert,
        finding,
        Condition.CLEARED,
        alert.severity,
        alert.workflow,
        "its exit condition is met; stays on the list until somebody has looked",
    )
