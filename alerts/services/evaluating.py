"""Judges patients and applies what changed: the one service behind every way of evaluating."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F, Q

from alerts.lifecycle import Condition, EventType, Workflow
from alerts.models import Alert, AlertEvent, Notification
from alerts.reconcile import Change, Key, LiveAlert, reconcile
from alerts.services.events import ENGINE, EventDraft, append_events, state_of
from alerts.signals import outbox_filled
from monitoring.models import DisplayUnits, Finding, LabResult, Patient, PatientStatus, RuleSet, Unit
from monitoring.rules.catalogue import BY_CODE, RULES
from monitoring.rules.engine import Judgement, evaluate
from monitoring.rules.types import RuleFinding, RuleKind, Severity, Tuning
from monitoring.rules.wording import Words, describe
from monitoring.selectors.facts import read_facts
from monitoring.selectors.rule_sets import active_rule_set, tuning_of
from monitoring.services.bulk import insert_rows
from monitoring.services.judging import lock_patients, record_assessments, record_judged

LOG_RULES = frozenset(rule.code for rule in RULES if rule.kind is RuleKind.LOG)


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation did: patients judged and applied, assessments kept, events written."""

    judged: int
    applied: int
    assessments: int
    events: int


def evaluate_patients(patient_ids: Iterable[int], *, as_of: datetime, only_due: bool = False) -> Evaluation:
    """Judge the active patients among `patient_ids` as of `as_of` and apply every difference, all or nothing.

    Safe to run twice, in any order and at the same time as itself: the versions of the facts are read before the
    facts; a patient whom somebody has meanwhile judged by newer facts, or later, is left alone. The number of queries
    does not depend on the number of patients. `only_due` leaves out who has been judged since the ids were collected.
    """
    wanted = Patient.objects.filter(id__among=list(patient_ids), status=PatientStatus.ACTIVE)
    if only_due:
        wanted = wanted.filter(~Q(facts_version=F("evaluated_version")) | Q(next_due__lte=as_of))
    versions = dict(wanted.order_by("id").values_list("id", "facts_version"))
    if not versions:
        return Evaluation(0, 0, 0, 0)
    rule_set = active_rule_set()
    tuning = tuning_of(rule_set)
    judgement = evaluate(read_facts(versions, as_of), as_of, tuning)
    with transaction.atomic():
        return _apply(judgement, versions, rule_set, tuning)


def _apply(judgement: Judgement, versions: dict[int, int], rule_set: RuleSet, tuning: Tuning) -> Evaluation:
    as_of = judgement.as_of
    locked = lock_patients(versions)
    current = {
        patient: row for patient, row in locked.items() if (row[0], row[1] or as_of) <= (versions[patient], as_of)
    }
    findings = [finding for finding in judgement.findings if finding.patient in current]
    live = {
        alert.id: alert
        for alert in Alert.objects.select_for_update()
        .filter(patient_id__among=list(current))
        .exclude(workflow=Workflow.RESOLVED)
        .order_by("id")
    }
    changes, wake = reconcile(
        findings,
        [_live(alert) for alert in live.values()],
        _last_resolved(findings, live.values()),
        as_of=as_of,
        log_rules=LOG_RULES,
    )
    kept = record_assessments(
        [result for result in judgement.assessments if result.patient in current], rule_set=rule_set, as_of=as_of
    )
    due = {
        patient: min((t for t in (judgement.next_due[patient], wake.get(patient)) if t is not None), default=None)
        for patient in current
    }
    moved = {
        patient: versions[patient]
        for patient, row in current.items()
        if row[0] != versions[patient] or row[3] != due[patient]
    }
    record_judged(moved, due, as_of=as_of)
    units = {patient: row[2] for patient, row in current.items()}
    events = _apply_changes(changes, live, units, rule_set, tuning, as_of)
    return Evaluation(len(versions), len(current), kept, len(events))


def _live(alert: Alert) -> LiveAlert:
    return LiveAlert(
        id=alert.id,
        patient=alert.patient_id,
        rule=alert.rule,
        scope=alert.scope,
        severity=Severity(alert.severity),
        condition=Condition(alert.condition),
        workflow=Workflow(alert.workflow),
        outcome=alert.outcome,
        since=alert.since,
        resolved_at=alert.resolved_at,
        evidence=tuple(row["pk"] for row in alert.evidence),
        missing=tuple(alert.missing),
    )


def _last_resolved(findings: Sequence[RuleFinding], live: Iterable[Alert]) -> dict[Key, LiveAlert]:
    """The newest resolved alert of each key that has a verdict but no live alert."""
    known = {(alert.patient_id, alert.rule, alert.scope) for alert in live}
    patients = {finding.patient for finding in findings if finding.key not in known}
    out: dict[Key, LiveAlert] = {}
    if patients:
        for alert in Alert.objects.filter(patient_id__among=patients, workflow=Workflow.RESOLVED).order_by(
            "resolved_at"
        ):
            out[alert.patient_id, alert.rule, alert.scope] = _live(alert)
    return out


def _apply_changes(
    changes: Sequence[Change],
    live: dict[int, Alert],
    units: dict[int, int],
    rule_set: RuleSet,
    tuning: Tuning,
    as_of: datetime,
) -> list[AlertEvent]:
    if not changes:
        return []
    places = {unit.id: unit for unit in Unit.objects.filter(id__in=set(units.values()))}
    evidence = _evidence_rows([change.finding for change in changes if change.finding])
    reopened = {
        alert.id: alert
        for alert in Alert.objects.select_for_update().filter(
            id__among=[c.alert.id for c in changes if c.event is EventType.REOPENED and c.alert]
        )
    }
    params = {code: tuning.values(rule) for code, rule in BY_CODE.items()}
    created: list[Alert] = []
    updated: list[Alert] = []
    drafts: list[EventDraft] = []
    for change in changes:
        patient = change.key[0]
        unit = places[units[patient]]
        words = None
        if change.finding is not None and change.outcome is None and change.event is not EventType.CLEARED:
            words = describe(
                change.finding,
                params[change.finding.rule],
                si=unit.display_units == DisplayUnits.SI,
                zone=ZoneInfo(unit.time_zone),
            )
        if change.alert is None:
            alert, before = _new_alert(change, unit, rule_set, as_of), {}
            created.append(alert)
        else:
            alert = reopened.get(change.alert.id) or live[change.alert.id]
            before = state_of(alert)
            _change_alert(alert, change, rule_set, as_of)
            updated.append(alert)
        if words is not None and change.finding is not None:
            _describe_alert(alert, change.finding, words, evidence)
        drafts.append(
            EventDraft(
                alert=alert,
                type=change.event,
                at=as_of,
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


def _new_alert(change: Change, unit: Unit, rule_set: RuleSet, as_of: datetime) -> Alert:
    finding = change.finding
    if finding is None:
        raise ValueError("an alert is opened by a finding")
    rule = BY_CODE[finding.rule]
    return Alert(
        patient_id=finding.patient,
        unit=unit,
        rule=finding.rule,
        scope=finding.scope,
        group=rule.group,
        severity=change.severity,
        condition=change.condition.value,
        workflow=change.workflow.value,
        rule_version=rule.version,
        rule_set=rule_set,
        since=finding.since,
        opened_at=as_of,
        previous_id=change.previous,
        changed_at=as_of,
    )


def _change_alert(alert: Alert, change: Change, rule_set: RuleSet, as_of: datetime) -> None:
    was_cleared = alert.condition == Condition.CLEARED
    alert.severity = change.severity
    alert.condition = change.condition.value
    alert.rule_set = rule_set
    alert.version += 1
    alert.changed_at = as_of
    if change.workflow.value != alert.workflow or change.workflow is Workflow.OPEN:
        alert.quiet_until = None
    alert.workflow = change.workflow.value
    if change.outcome is not None:
        alert.outcome, alert.resolved_at, alert.quiet_until = change.outcome.value, as_of, None
    elif change.event is EventType.REOPENED or (change.event is EventType.BECAME_ACTIVE and was_cleared):
        alert.episode += 1
        if change.event is EventType.REOPENED:
            alert.outcome, alert.resolved_at, alert.opened_at = "", None, as_of


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
