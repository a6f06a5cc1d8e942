"""Judges facts at a time: `evaluate` is a pure function, the same for one patient and for a hundred thousand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from monitoring.rules.catalogue import RULES
from monitoring.rules.features import Features
from monitoring.rules.scoring import assess
from monitoring.rules.types import (
    NEVER,
    NO_TIME,
    AssessmentResult,
    Facts,
    Ints,
    Rule,
    RuleFinding,
    Severity,
    State,
    Tuning,
    Verdicts,
    from_seconds,
    to_seconds,
)

# Where facts can lie in the future, and by which column; they change verdicts when their time comes.
DATED: tuple[tuple[str, str], ...] = (
    ("findings", "noted_at"),
    ("findings", "resolved_at"),
    ("imaging", "performed_at"),
    ("lesions", "certain_since"),
    ("lesions", "closed_at"),
    ("screens", "asked_at"),
    ("procedures", "performed_on"),
    ("treatments", "started_on"),
)


@dataclass(frozen=True)
class Judgement:
    """What the rules say of some patients at one time.

    `findings` holds every verdict that stands or has been cleared (those that never were true are in `verdicts`),
    sorted by patient, rule and scope; `assessments` one per patient, sorted; `next_due` per patient the earliest moment
    at which a verdict could change without a new fact, None for never.
    """

    as_of: datetime
    rule_set_version: int
    patients: Ints
    findings: tuple[RuleFinding, ...]
    assessments: tuple[AssessmentResult, ...]
    next_due: dict[int, datetime | None]
    verdicts: dict[str, Verdicts]


def evaluate(
    facts: Facts,
    as_of: datetime,
    tuning: Tuning | None = None,
    *,
    known_at: datetime | None = None,
    rules: tuple[Rule, ...] = RULES,
) -> Judgement:
    """Judge all patients of `facts` as of `as_of`, by what had been received up to `known_at` (default: `as_of`).

    Pure: reads no clock, keeps nothing. The order of rows in `facts` does not matter. Raises ValueError for a naive
    time and for readings of a patient who is not in `facts.patients`.
    """
    tuning = tuning or Tuning()
    moment = to_seconds(as_of)
    features = Features(facts, moment, moment if known_at is None else to_seconds(known_at))
    for rule in rules:
        features.params[rule.code] = tuning.values(rule)
    for rule in rules:
        features.verdicts[rule.code] = rule.judge(features, features.params[rule.code])
    for rule in rules:
        if rule.raises is not None:
            verdicts = features.verdicts[rule.code]
            raised = rule.raises(features, features.params[rule.code], verdicts)
            np.maximum(verdicts.severity, raised, out=verdicts.severity)
    assessments, due = assess(features)
    due = np.minimum(due, _next_due(features))
    return Judgement(
        as_of=as_of,
        rule_set_version=tuning.version,
        patients=features.ids,
        findings=tuple(_findings(features, rules)),
        assessments=tuple(assessments),
        next_due={
            int(patient): None if moment == NEVER else from_seconds(moment)
            for patient, moment in zip(features.ids, due.tolist(), strict=True)
        },
        verdicts=features.verdicts,
    )


def _next_due(features: Features) -> Ints:
    due = np.full(features.n, NEVER, dtype=np.int64)
    for verdicts in features.verdicts.values():
        np.minimum.at(due, verdicts.patient, verdicts.due)
        np.minimum.at(due, verdicts.wake_patient, verdicts.wake_at)
    for table, column in DATED:
        frame = getattr(features.facts, table)
        times = frame[column]
        later = times > features.as_of
        position = np.searchsorted(features.ids, frame["patient"][later])
        np.minimum.at(due, position, times[later])
    readings = features.facts.readings
    later = readings.taken_at > features.as_of
    if later.any():
        np.minimum.at(due, np.searchsorted(features.ids, readings.patient[later]), readings.taken_at[later])
    return due


def _findings(features: Features, rules: tuple[Rule, ...]) -> list[RuleFinding]:
    out: list[RuleFinding] = []
    table = features.facts.findings
    kinds = dict(zip(table["id"].tolist(), table["kind"].tolist(), strict=True))
    for rule in rules:
        verdicts = features.verdicts[rule.code]
        rows = np.flatnonzero(verdicts.standing | (verdicts.cleared_at != NO_TIME))
        patients = features.ids[verdicts.patient[rows]].tolist()
        scopes = verdicts.scope[rows].tolist()
        states = verdicts.state[rows].tolist()
        severities = verdicts.severity[rows].tolist()
        since = verdicts.since[rows].tolist()
        cleared = verdicts.cleared_at[rows].tolist()
        evidence = verdicts.evidence[rows].tolist()
        numbers = {name: column[rows].tolist() for name, column in verdicts.numbers.items()}
        missing = [(name, flags[rows].tolist()) for name, flags in verdicts.missing.items()]
        if verdicts.evidence_of == "finding":
            numbers["kinds"] = [tuple(dict.fromkeys(kinds[e] for e in ids if e >= 0)) for ids in evidence]
        out.extend(
            RuleFinding(
                patient=patients[i],
                rule=rule.code,
                scope=scopes[i],
                state=State(states[i]),
                severity=Severity(severities[i]),
                since=from_seconds(since[i]),
                cleared_at=None if cleared[i] == NO_TIME else from_seconds(cleared[i]),
                evidence_of=verdicts.evidence_of,
                evidence=tuple(dict.fromkeys(e for e in evidence[i] if e >= 0)),
                numbers=_shown({name: column[i] for name, column in numbers.items()}),
                missing=tuple(name for name, flags in missing if flags[i]),
            )
            for i in range(len(rows))
        )
    out.sort(key=lambda finding: finding.key)
    return out


def _shown(numbers: dict[str, Any]) -> dict[str, Any]:
    """Numbers without the places that hold nothing; a value that is only bounded is None."""
    if "values" not in numbers:
        return numbers
    there = [i for i, moment in enumerate(numbers["times"]) if moment != NO_TIME]
    values = [numbers["values"][i] for i in there]
    return {
        "values": [None if math.isnan(value) else value for value in values],
        "times": [numbers["times"][i] for i in there],
        "ionised": [numbers["ionised"][i] for i in there],
        "more": numbers["more"],
    }
