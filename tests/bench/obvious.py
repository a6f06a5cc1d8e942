"""The pipeline most people would write: ORM rows into a data frame, a loop over its groups, bulk_create of alerts.

It judges the laboratory rules and M01 by the same definitions, for complete pre-dialysis data without comparators, as
the benchmark feeds it.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pandas as pd
from django.db import transaction

from alerts.models import Alert, AlertEvent
from alerts.services.events import take_numbers
from monitoring.models import LabResult, Patient, RuleSet

Verdict = tuple[int, datetime]
DAYS = timedelta(days=1)
WITHIN = DAYS * 120


def latch(times: list[datetime], enters: list[bool], leaves: list[bool]) -> datetime | None:
    """Since when the rule stands."""
    since = None
    for at, enter, leave in zip(times, enters, leaves, strict=True):
        if enter and since is None:
            since = at
        elif leave and not enter:
            since = None
    return since


def two_of_three(times: list[datetime], values: list[float], limit: float) -> list[bool]:
    """Per reading: it and at least one of the two before, at most 120 days old, are above `limit`."""
    out = []
    for i, value in enumerate(values):
        hits = sum(values[j] > limit and times[i] - times[j] <= WITHIN for j in range(max(0, i - 2), i + 1))
        out.append(value > limit and hits >= 2)
    return out


def trends(times: list[datetime], values: list[float]) -> tuple[list[bool], list[bool]]:
    """Per reading: the last two have risen over three to five months before; and the rise is over."""
    rises, falls = [], []
    for i, at in enumerate(times):
        recent = (values[i] + values[i - 1]) / 2 if i else None
        earlier = [v for v, t in zip(values, times, strict=True) if at - DAYS * 167 <= t <= at - DAYS * 76]
        half_year = sum(at - DAYS * 183 <= t <= at for t in times)
        base = sum(earlier) / len(earlier) if earlier else None
        ratio_up = base is not None and recent is not None and round(recent, 6) >= round(1.3 * base, 6)
        ratio_down = base is not None and recent is not None and round(recent, 6) < round(1.15 * base, 6)
        rises.append(recent is not None and ratio_up and recent > 6.0 and half_year >= 5)
        falls.append(recent is not None and (recent < 5.5 or ratio_down))
    return rises, falls


def pairs(flags: list[bool]) -> list[bool]:
    """Per reading: it and the one before hold."""
    return [i > 0 and flags[i] and flags[i - 1] for i in range(len(flags))]


def judge_patient(group: pd.DataFrame, now: datetime) -> dict[str, Verdict]:  # noqa: C901  (obvious, not short)
    """Standing rules of one patient: code -> (severity, since)."""
    out: dict[str, Verdict] = {}
    parts = {
        name: (list(part["taken_at"]), [round(v, 4) for v in part["value"]]) for name, part in group.groupby("analyte")
    }

    def series(name: str) -> tuple[list[datetime], list[float]]:
        return parts.get(name, ([], []))

    times, values = series("phosphate")
    since = latch(times, two_of_three(times, values, 5.5), pairs([v <= 5.0 for v in values]))
    if since:
        out["L01"] = (0, since)
    enters = [a or v >= 9.0 for a, v in zip(two_of_three(times, values, 7.0), values, strict=True)]
    since = latch(times, enters, pairs([v < 6.0 for v in values]))
    if since:
        out["L02"] = (1, since)
    if "calcium" in parts and "albumin" in parts:
        albumin = dict(zip(*series("albumin"), strict=True))
        pairs_of_draw = [(at, ca + 0.8 * (4.0 - albumin[at])) for at, ca in zip(*series("calcium"), strict=True)]
        times, values = [at for at, _ in pairs_of_draw], [round(v, 4) for _, v in pairs_of_draw]
        corrected = dict(zip(times, values, strict=True))
        enters = [a or v > 12.0 for a, v in zip(two_of_three(times, values, 10.2), values, strict=True)]
        since = latch(times, enters, pairs([v < 9.8 for v in values]))
        if since:
            last = values[-3:]
            out["L05"] = (3 if max(last) >= 14.0 else 2 if max(last) > 12.0 else 1, since)
        times, values = [], []
        for at, value in zip(*series("phosphate"), strict=True):
            times.append(at)
            values.append(round(corrected[at] * value, 4))
        for code, limit, leave, severity in (("L03", 55.0, 50.0, 0), ("L04", 70.0, 60.0, 1)):
            since = latch(times, two_of_three(times, values, limit), pairs([v < leave for v in values]))
            if since:
                out[code] = (severity, since)
    times, values = series("phosphate")
    rises, falls = trends(times, values)
    since = latch(times, rises, falls)
    if since:
        out["L07"] = (1, since)
    times, values = series("pth")
    above = [v > 600 for v in values]
    enters = [i > 0 and above[i] and above[i - 1] and times[i] - times[i - 1] <= DAYS * 200 for i in range(len(above))]
    since = latch(times, enters, pairs([v <= 530 for v in values]))
    if since:
        urgent = len(values) > 1 and min(values[-2:]) > 800 and ("L02" in out or "L05" in out)
        out["L08"] = (2 if urgent else 1, since)
    changed = [
        i > 0 and (v >= round(values[i - 1] * 1.72, 6) or v <= round(values[i - 1] * 0.28, 6))
        for i, v in enumerate(values)
    ]
    since = latch(times, changed, [not flag for flag in changed])
    if since:
        out["L10"] = (0, since)
    times, values = series("bicarbonate")
    since = latch(times, two_of_three(times, values, 27.0), pairs([v <= 26.0 for v in values]))
    if since:
        out["L12"] = (1 if "L04" in out else 0, since)
    overdue = []
    for name, days in (("calcium", 92), ("phosphate", 92), ("pth", 183), ("alp", 365), ("kt_v", 45)):
        times, _ = series(name)
        if not times or now - times[-1] > timedelta(days=days):
            overdue.append(times[-1] + timedelta(days=days, seconds=1) if times else None)
    if overdue:
        out["M01"] = (1 if out else 0, min((t for t in overdue if t), default=now))
    return out


def evaluate_obviously(now: datetime) -> tuple[set[tuple[int, str, int]], dict[str, float]]:
    """Read, judge and write everybody; give the standing (patient, rule, severity) and the seconds of each part."""
    marks = [time.perf_counter()]
    results = LabResult.objects.filter(retired_at=None).order_by("taken_at")
    rows = results.values_list("patient_id", "analyte", "value", "taken_at")
    frame = pd.DataFrame(list(rows), columns=["patient", "analyte", "value", "taken_at"])
    units = dict(Patient.objects.values_list("id", "unit_id"))
    marks.append(time.perf_counter())
    verdicts: dict[int, dict[str, Verdict]] = {}
    for patient, group in frame.groupby("patient"):
        verdicts[int(patient)] = judge_patient(group, now)  # type: ignore[call-overload]
    marks.append(time.perf_counter())
    rule_set = RuleSet.objects.get(status="active")
    known = set(Alert.objects.exclude(workflow="resolved").values_list("patient_id", "rule"))
    alerts = [
        Alert(
            **_columns(patient, units[patient], rule, severity, since, now),
            rule_set=rule_set,
        )
        for patient, standing in verdicts.items()
        for rule, (severity, since) in standing.items()
        if (patient, rule) not in known
    ]
    with transaction.atomic():
        Alert.objects.bulk_create(alerts, batch_size=1000)
        numbers = take_numbers(len(alerts))
        AlertEvent.objects.bulk_create(
            [
                AlertEvent(
                    seq=seq, alert=alert, unit_id=alert.unit_id, type="opened", at=now, actor_name="obvious",
                    rule_set=rule_set, alert_version=1, after={"severity": alert.severity},
                )
                for seq, alert in zip(numbers, alerts, strict=True)
            ],
            batch_size=1000,
        )  # fmt: skip
    marks.append(time.perf_counter())
    standing_now = {(p, rule, severity) for p, found in verdicts.items() for rule, (severity, _) in found.items()}
    return standing_now, dict(zip(("read", "judge", "write"), _gaps(marks), strict=True))


def _columns(patient: int, unit: int, rule: str, severity: int, since: datetime, now: datetime) -> dict[str, Any]:
    return {
        "patient_id": patient, "unit_id": unit, "rule": rule, "group": "bench", "severity": severity,
        "condition": "active", "workflow": "open", "sentence": rule, "action": rule, "clears_when": rule,
        "rule_version": 1, "since": since, "opened_at": now, "changed_at": now,
    }  # fmt: skip


def _gaps(marks: list[float]) -> list[float]:
    return [after - before for before, after in pairwise(marks)]
