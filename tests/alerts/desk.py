"""The alerts of a test in memory: applies the changes that `reconcile` decides, as the service does in the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from alerts.lifecycle import Condition, EventType, Workflow
from alerts.reconcile import Change, Key, LiveAlert, reconcile
from monitoring.rules.types import RuleFinding


@dataclass
class Desk:
    """Live alerts and the last resolved one of each key."""

    live: dict[Key, LiveAlert] = field(default_factory=dict)
    resolved: dict[Key, LiveAlert] = field(default_factory=dict)
    ids: count[int] = field(default_factory=lambda: count(1))
    wake: dict[int, datetime] = field(default_factory=dict)

    def decide(self, findings: Iterable[RuleFinding], *, as_of: datetime, **options: frozenset[str]) -> list[Change]:
        """What would change; changes nothing."""
        changes, self.wake = reconcile(findings, self.live.values(), self.resolved, as_of=as_of, **options)
        return changes

    def judge(self, findings: Iterable[RuleFinding], *, as_of: datetime, **options: frozenset[str]) -> list[Change]:
        """Decide and apply; gives what changed."""
        changes = self.decide(findings, as_of=as_of, **options)
        for change in changes:
            self._apply(change, as_of)
        return changes

    def put(self, alert: LiveAlert) -> None:
        """Lay an alert on the desk as it is."""
        if alert.workflow is Workflow.RESOLVED:
            self.live.pop(alert.key, None)
            self.resolved[alert.key] = alert
        else:
            self.live[alert.key] = alert

    def _apply(self, change: Change, as_of: datetime) -> None:
        old, finding = change.alert, change.finding
        told = finding if change.outcome is None and change.event is not EventType.CLEARED else None
        source: RuleFinding | LiveAlert | None = told or old
        assert source is not None
        if change.event is EventType.REOPENED:
            self.resolved.pop(change.key)
        self.put(
            LiveAlert(
                old.id if old else next(self.ids),
                *change.key,
                severity=change.severity,
                condition=change.condition,
                workflow=change.workflow,
                outcome=change.outcome.value if change.outcome else "",
                since=source.since,
                resolved_at=as_of if change.outcome else None,
                evidence=source.evidence,
                missing=source.missing,
            )
        )

    def condition(self, key: Key) -> Condition | None:
        """The condition of the live alert of `key`, None when there is none."""
        return self.live[key].condition if key in self.live else None
