"""Judges patients and applies what changed: the one service behind every way of evaluating."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import F, Q

from alerts.lifecycle import Condition, Workflow
from alerts.models import Alert
from alerts.reconcile import Key, LiveAlert, reconcile
from alerts.services.applying import Setting, apply_changes, refresh_exits
from monitoring.models import Patient, PatientStatus, RuleSet, Unit
from monitoring.rules.catalogue import RULES
from monitoring.rules.engine import Judgement, evaluate
from monitoring.rules.types import RuleFinding, RuleKind, Severity, Tuning
from monitoring.selectors.facts import read_facts
from monitoring.selectors.rule_sets import active_rule_set, tuning_of
from monitoring.services.judging import lock_patients, record_assessments, record_judged

_ALWAYS = datetime(9999, 1, 1, tzinfo=UTC)
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
    # The reader gives what is believed now, so everything it gives counts as known, whatever the writers' clocks said.
    judgement = evaluate(read_facts(versions, as_of), as_of, tuning, known_at=_ALWAYS)
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
    places = {unit.id: unit for unit in Unit.objects.filter(id__in={row[2] for row in current.values()})}
    setting = Setting({patient: places[row[2]] for patient, row in current.items()}, rule_set, tuning, as_of)
    refresh_exits(findings, {change.key for change in changes}, live, setting)
    events = apply_changes(changes, live, setting)
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
