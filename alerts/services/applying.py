"""Writes the changes that reconciling decided: alerts, their words and evidence, their events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from alerts.lifecycle import Condition, EventType, Workflow
from alerts.models import Alert, AlertEvent, Notification
from alerts.reconcile import Change, Key
from alerts.services.events import ENGINE, EventDraft, append_events, state_of
from alerts.signals import outbox_filled
from monitoring.models import DisplayUnits, Finding, LabResult, RuleSet, Unit
from monitoring.rules.catalogue import BY_CODE
from monitoring.rules.types import RuleFinding, Tuning
from monitoring.rules.wording import Words, clears_when, describe
from monitoring.services.bulk import insert_rows


@dataclass(frozen=True)
class Setting:
    """What all changes of one evaluation share; `units` gives each patient's unit."""

    units: Mapping[int, Unit]
    rule_set: RuleSet
    tuning: Tuning
    as_of: datetime

    def words(self, finding: RuleFinding) -> Words:
        """The words for a finding, in its unit's units of measure and zone."""
        unit = self.units[finding.patient]
        params = self.tuning.values(BY_CODE[finding.rule])
        return describe(finding, params, si=unit.display_units == DisplayUnits.SI, zone=ZoneInfo(unit.time_zone))

    def exit_words(self, finding: RuleFinding) -> str:
        """What would clear it, as of now."""
        si = self.units[finding.patient].display_units == DisplayUnits.SI
        return clears_when(finding, self.tuning.values(BY_CODE[finding.rule]), si=si)


def apply_changes(changes: Sequence[Change], live: dict[int, Alert], setting: Setting) -> list[AlertEvent]:
    """Write the changes in their order, one event each; the outbox is announced after commit.

    Runs in the caller's transaction, on locked patients and alerts. Takes event numbers last.
    """
    if not changes:
        return []
    evidence = _evidence_rows([change.finding for change in changes if change.finding])
    reopened = {
        alert.id: alert
        for alert in Alert.objects.select_for_update().filter(
            id__among=[c.alert.id for c in changes if c.event is EventType.REOPENED and c.alert]
        )
    }
    created: list[Alert] = []
    updated: list[Alert] = []
    drafts: list[EventDraft] = []
    for change in changes:
        words = None
        if change.finding is not None and change.outcome is None and change.event is not EventType.CLEARED:
            words = setting.words(change.finding)
        if change.alert is None:
            alert, before = _new_alert(change, setting), {}
            created.append(alert)
        else:
            alert = reopened.get(change.alert.id) or live[change.alert.id]
            before = state_of(alert)
            _change_alert(alert, change, setting)
            updated.append(alert)
        if words is not None and change.finding is not None:
            _describe_alert(alert, change.finding, words, evidence)
        drafts.append(
            EventDraft(
                alert=alert,
                type=change.event,
                at=setting.as_of,
                actor_id=None,
                actor_name=ENGINE,
                reason=change.why,
                before=before,
                after=state_of(alert),
                evidence=alert.evidence,
            )
        )
    insert_rows(Alert, created)
    if updated:
        Alert.objects.bulk_update(updated, CHANGEABLE, batch_size=200)
    events = append_events(drafts)
    event_ids = [event.id for event in events]
    pending = sorted(Notification.objects.filter(event_id__among=event_ids).values_list("id", flat=True))
    if pending:
        transaction.on_commit(
            lambda: outbox_filled.send_robust(sender=Notification, notification_ids=pending), robust=True
        )
    return events


def refresh_exits(
    findings: Sequence[RuleFinding], changed: set[Key], live: Mapping[int, Alert], setting: Setting
) -> None:
    """Keep "what would clear it" in step with the newest results on alerts that did not change otherwise.

    It says how far the exit is, not what the alert is, so it makes no event and no new version.
    """
    counted = {finding.key: finding for finding in findings if "more" in finding.numbers}
    updated = []
    for alert in live.values():
        finding = counted.get((alert.patient_id, alert.rule, alert.scope))
        if finding is None or finding.key in changed or alert.condition == Condition.CLEARED:
            continue
        words = setting.exit_words(finding)
        if words != alert.clears_when:
            alert.clears_when = words
            updated.append(alert)
    if updated:
        Alert.objects.bulk_update(updated, ["clears_when"], batch_size=200)


CHANGEABLE = [
    "severity",
    "condition",
    "workflow",
    "outcome",
    "episode",
    "sentence",
    "action",
    "clears_when",
    "evidence",
    "missing",
    "rule_version",
    "rule_set",
    "since",
    "opened_at",
    "quiet_until",
    "resolved_at",
    "version",
    "changed_at",
]


def _new_alert(change: Change, setting: Setting) -> Alert:
    finding = change.finding
    if finding is None:
        raise ValueError("an alert is opened by a finding")
    rule = BY_CODE[finding.rule]
    return Alert(
        patient_id=finding.patient,
        unit=setting.units[finding.patient],
        rule=finding.rule,
        scope=finding.scope,
        group=rule.group,
        severity=change.severity,
        condition=change.condition.value,
        workflow=change.workflow.value,
        rule_version=rule.version,
        rule_set=setting.rule_set,
        since=finding.since,
        opened_at=setting.as_of,
        previous_id=change.previous,
        changed_at=setting.as_of,
    )


def _change_alert(alert: Alert, change: Change, setting: Setting) -> None:
    was_cleared = alert.condition == Condition.CLEARED
    alert.severity = change.severity
    alert.condition = change.condition.value
    alert.rule_set = setting.rule_set
    alert.version += 1
    alert.changed_at = setting.as_of
    if change.workflow.value != alert.workflow or change.workflow is Workflow.OPEN:
        alert.quiet_until = None
    alert.workflow = change.workflow.value
    if change.outcome is not None:
        alert.outcome, alert.resolved_at, alert.quiet_until = change.outcome.value, setting.as_of, None
    elif change.event is EventType.REOPENED or (change.event is EventType.BECAME_ACTIVE and was_cleared):
        alert.episode += 1
        if change.event is EventType.REOPENED:
            alert.outcome, alert.resolved_at, alert.opened_at = "", None, setting.as_of


def _describe_alert(
    alert: Alert, finding: RuleFinding, words: Words, evidence: dict[tuple[str, int], dict[str, Any]]
) -> None:
    alert.sentence, alert.action, alert.clears_when = words.sentence, words.action, words.clears_when
    alert.evidence = [evidence[finding.evidence_of, pk] for pk in finding.evidence]
    alert.missing = list(finding.missing)
    alert.since = finding.since
    alert.rule_version = BY_CODE[finding.rule].version


def _evidence_rows(findings: Iterable[RuleFinding]) -> dict[tuple[str, int], dict[str, Any]]:
    """(table, primary key) -> what is shown of it; values always as they were sent. Two queries at most."""
    labs: set[int] = set()
    signs: set[int] = set()
    for finding in findings:
        (labs if finding.evidence_of == "lab_result" else signs).update(finding.evidence)
    out: dict[tuple[str, int], dict[str, Any]] = {}
    if labs:
        rows = LabResult.objects.filter(id__among=labs).values_list(
            "id", "uuid", "analyte", "comparator", "value_text", "unit_sent", "taken_at", "timing"
        )
        for pk, uuid, analyte, comparator, text, unit, taken_at, timing in rows:
            shown = text if text.startswith(("<", ">")) else f"{comparator}{text}"
            out["lab_result", pk] = {
                "of": "lab_result",
                "pk": pk,
                "uuid": str(uuid),
                "analyte": analyte,
                "value": shown,
                "unit": unit,
                "at": taken_at.isoformat(),
                "timing": timing,
            }
    if signs:
        found = Finding.objects.filter(id__among=signs).values_list("id", "uuid", "kind", "site", "side", "noted_at")
        for pk, uuid, kind, site, side, noted_at in found:
            out["finding", pk] = {
                "of": "finding",
                "pk": pk,
                "uuid": str(uuid),
                "kind": kind,
                "site": site,
                "side": side,
                "at": noted_at.isoformat(),
            }
    return out
