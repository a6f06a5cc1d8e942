"""C01, the transparent tier: integer points, line by line, with caps, floors and every unknown named.

All weights are expert defaults and uncalibrated; the screen and the API say so beside the score.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from monitoring.clinical.findings import HOT_LESION_SIGNS, FindingKind
from monitoring.rules.detectors import joint_complaints
from monitoring.rules.features import Features
from monitoring.rules.types import DAY, NEVER, NO_TIME, YEAR, AssessmentResult, Flags, Ints, Need, PointsLine, Severity
from monitoring.rules.upkeep import AWAITED, corrected_known_at

TIERS = ("Routine", "Watch", "High", "Urgent", "Critical")
# Lowest score of each tier (expert default, uncalibrated).
TIER_FROM = (0, 3, 6, 9)
CAPS = {"symptoms": 8, "laboratory": 5, "exposure": 4, "history": 4}
UNCALIBRATED = "The weights are expert defaults; they have not been calibrated on patients."
# An input older than this counts as unknown in the score (expert default, uncalibrated; PTH as L08).
INPUT_DAYS: tuple[tuple[str, str, int], ...] = (
    ("phosphate", "phosphate", 120),
    ("calcium", "calcium", 120),
    ("albumin", "albumin", 120),
    ("calcium x phosphate", "caxp", 120),
    ("PTH", "pth", 200),
    ("bicarbonate", "bicarbonate", 120),
    ("dialysis dose (Kt/V or URR)", "dose", 120),
)
# What the score itself reads, beyond what the rules read.
NEEDS = (Need("bicarbonate", 120), Need("pth", 200), Need("kt_v", 120), Need("urr", 120))
# A chairside screen or a noted finding this recent means that somebody asked (monthly, twice; expert default).
ASKED_DAYS = 62
_COMPLAINTS = frozenset({FindingKind.MASS.value, FindingKind.LOSS_OF_MOTION.value, FindingKind.PAIN.value})
_HOT = frozenset(kind.value for kind in HOT_LESION_SIGNS)
NO, COUNTED, NOT_KNOWN = 0, 1, 2
STATE_NAMES = ("no", "counted", "unknown")


@dataclass(frozen=True)
class Line:
    """One line of the score for all patients: points given and NO, COUNTED or NOT_KNOWN per patient."""

    code: str
    part: str
    label: str
    points: Ints
    state: Ints


def _line(code: str, part: str, label: str, points: int, true: Flags, unknown: Flags | None = None) -> Line:
    state = np.where(true, COUNTED, NO)
    if unknown is not None:
        state = np.where(~true & unknown, NOT_KNOWN, state)
    return Line(code, part, label, np.where(true, points, 0).astype(np.int64), state.astype(np.int64))


def _has(features: Features, positions: Ints) -> Flags:
    out = np.zeros(features.n, dtype=bool)
    out[positions] = True
    return out


def symptom_lines(features: Features) -> list[Line]:
    """Points for what was found: mass 5, loss of motion 2, lasting pain 1, two places 1, cord 4, skin 3, itch 1."""
    found = features.findings
    present = found["gone_at"] == NEVER
    asked = np.full(features.n, NO_TIME, dtype=np.int64)
    screens = features.known("screens", "asked_at")
    np.maximum.at(asked, screens["pos"], screens["asked_at"])
    np.maximum.at(asked, found["pos"], found["noted_at"])
    unasked = asked < features.as_of - ASKED_DAYS * DAY
    joint = joint_complaints(features, features.params["S02"])
    lasting = (joint["gone_at"] == NEVER) & (joint["true_at"] <= features.as_of) & ~joint["is_loss"]
    mass = _has(features, found["pos"][present & (found["kind"] == FindingKind.MASS.value)])
    loss = _has(features, found["pos"][present & (found["kind"] == FindingKind.LOSS_OF_MOTION.value)])
    complaint = present & found.is_any("kind", _COMPLAINTS)
    places = set(zip(found["pos"][complaint].tolist(), found["place"][complaint].tolist(), strict=True))
    counted = np.fromiter((position for position, _ in places), dtype=np.int64, count=len(places))
    several = np.bincount(counted, minlength=features.n) >= 2
    hot = _has(features, found["pos"][present & found.is_any("kind", _HOT)])
    itch = _has(features, found["pos"][present & (found["kind"] == FindingKind.ITCH.value)])
    lines = [
        _line("mass", "symptoms", "Mass", 5, mass, unasked),
        _line("motion", "symptoms", "Loss of motion", 2, loss, unasked),
        _line("pain", "symptoms", "Pain for six weeks", 1, _has(features, joint["pos"][lasting]), unasked),
        _line("places", "symptoms", "Two or more places", 1, several, unasked),
        _line("cord", "symptoms", "Sign from cord or neck", 4, features.standing("S03"), unasked),
        _line("skin", "symptoms", "Discharge, ulcer or inflamed swelling", 3, hot, unasked),
    ]
    any_other = np.logical_or.reduce([line.state == COUNTED for line in lines])
    lines.append(_line("itch", "symptoms", "Itch, with another sign", 1, itch & any_other, unasked))
    return lines


def laboratory_lines(features: Features) -> list[Line]:
    """Points for standing laboratory rules; of a milder and a stronger one only the stronger counts."""
    standing, unjudged = features.standing, features.unjudged
    lines = []
    for strong, mild, label, points in (("L02", "L01", "Phosphate", 2), ("L04", "L03", "Calcium x phosphate", 2)):
        lines.append(_line(strong, "laboratory", f"{label} very high", points, standing(strong), unjudged(strong)))
        milder = standing(mild) & ~standing(strong)
        lines.append(_line(mild, "laboratory", f"{label} above target", 1, milder, unjudged(mild)))
    lines.append(_line("L05", "laboratory", "Hypercalcaemia", 1, standing("L05"), unjudged("L05")))
    lines.append(_line("L07", "laboratory", "Phosphate rising", 1, standing("L07"), unjudged("L07")))
    lines.append(_line("L08", "laboratory", "PTH high", 1, standing("L08"), unjudged("L08")))
    return lines


def exposure_lines(features: Features) -> list[Line]:
    """Points for time on dialysis, or for long kidney disease where the start of dialysis is unknown."""
    dialysis, ckd = features.of_patient("dialysis_start"), features.of_patient("ckd_onset")
    years = np.where(dialysis == NO_TIME, -1.0, (features.as_of - dialysis) / YEAR)
    unknown = dialysis == NO_TIME
    long_ckd = unknown & (ckd != NO_TIME) & (features.as_of - ckd >= 20 * YEAR)
    drugs = features.known("treatments", "started_on")
    taken = (drugs["ended_on"] == NO_TIME) | (drugs["ended_on"] > features.as_of)
    vka = taken & (drugs["drug_class"] == "vitamin_k_antagonist")
    return [
        _line(
            "dialysis5", "exposure", "Dialysis for 5 to 9.9 years", 1, (years >= 5) & (years < 10), unknown & ~long_ckd
        ),
        _line("dialysis10", "exposure", "Dialysis for 10 years or more", 2, years >= 10, unknown & ~long_ckd),
        _line("ckd20", "exposure", "Kidney disease for 20 years, start of dialysis unknown", 2, long_ckd),
        _line("L12", "exposure", "Alkalosis", 1, features.standing("L12"), features.unjudged("L12")),
        _line("vka", "exposure", "Vitamin K antagonist", 1, _has(features, drugs["pos"][vka])),
    ]


def history_lines(features: Features) -> list[Line]:
    """Points for established tumoral calcinosis and for an excision within 24 months."""
    procedures = features.known("procedures", "performed_on")
    recent = (procedures["kind"] == "excision") & (procedures["performed_on"] > features.as_of - 2 * YEAR)
    return [
        _line("known", "history", "Tumoral calcinosis established", 3, features.known_calcinosis),
        _line("excision", "history", "Excision within 24 months", 1, _has(features, procedures["pos"][recent])),
    ]


PARTS: tuple[Callable[[Features], list[Line]], ...] = (symptom_lines, laboratory_lines, exposure_lines, history_lines)


def floors(features: Features) -> list[tuple[str, Ints]]:
    """Per rule that sets a floor, the lowest tier it allows per patient (0 where it does not stand)."""
    out: list[tuple[str, Ints]] = []
    for code, tier in (("S01", 3), ("S05", 3), ("S07", 3), ("S03", 4), ("S06", 4)):
        if code in features.verdicts:
            out.append((code, np.where(features.standing(code), tier, 0).astype(np.int64)))
    nerve = features.verdicts["S04"]
    with_mass = _has(features, nerve.patient[nerve.standing & (nerve.severity >= Severity.URGENT)])
    out.append(("S04", np.where(with_mass, 3, 0).astype(np.int64)))
    calcium = features.verdicts["L05"]
    critical = np.zeros(features.n, dtype=bool)
    critical[calcium.patient[calcium.standing & (calcium.severity >= Severity.CRITICAL)]] = True
    out.append(("L05", np.where(critical, 4, 0).astype(np.int64)))
    out.append(("known calcinosis", np.where(features.known_calcinosis, 1, 0).astype(np.int64)))
    return out


def awaiting(features: Features) -> list[tuple[str, Flags]]:
    """Per rule that a single value has passed without standing yet (L06): who waits for confirmation."""
    verdicts = features.verdicts["L06"]
    return [(code, _has(features, verdicts.patient[verdicts.scope == code])) for code, _, _ in AWAITED]


def missing_inputs(features: Features) -> list[tuple[str, Flags, Ints]]:
    """Per input of the score: its name, who lacks it, and when a present one will have become too old."""
    out = []
    for name, series, days in INPUT_DAYS:
        last = features.series(series).last_at
        if series == "caxp":
            last = np.minimum(last, np.where(corrected_known_at(features) == NO_TIME, NO_TIME, last))
        expires = np.where(last == NO_TIME, NO_TIME, last + days * DAY + 1)
        out.append((name, expires <= features.as_of, np.where(expires > features.as_of, expires, NEVER)))
    return out


def assess(features: Features) -> tuple[list[AssessmentResult], Ints]:
    """C01 of every patient, and per patient the earliest moment at which time alone may change it.

    Results are shared: patients with the same fingerprint get the same lines, so the cost is that of the distinct ones.
    """
    lines = [line for part in PARTS for line in part(features)]
    inputs = missing_inputs(features)
    floor_rows = floors(features)
    awaited = awaiting(features)
    columns = [line.state for line in lines]
    columns += [lacking.astype(np.int64) for _, lacking, _ in inputs]
    columns += [tier for _, tier in floor_rows]
    columns += [flags.astype(np.int64) for _, flags in awaited]
    table = np.column_stack(columns).astype(np.int8) if features.n else np.empty((0, len(columns)), dtype=np.int8)
    packed = np.ascontiguousarray(table).view([("", table.dtype)] * table.shape[1]).ravel()
    _, first, inverse = np.unique(packed, return_index=True, return_inverse=True)
    distinct = [_describe(int(row), lines, inputs, floor_rows, awaited) for row in first]
    results = [
        AssessmentResult(int(patient), *distinct[kind]) for patient, kind in zip(features.ids, inverse, strict=True)
    ]
    due = np.full(features.n, NEVER, dtype=np.int64)
    for _, _, expires in inputs:
        due = np.minimum(due, expires)
    return results, np.minimum(due, _milestones(features))


def _describe(
    row: int,
    lines: list[Line],
    inputs: list[tuple[str, Flags, Ints]],
    floor_rows: list[tuple[str, Ints]],
    awaited: list[tuple[str, Flags]],
) -> tuple[int, int, tuple[PointsLine, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...], int]:
    score = 0
    for part, cap in CAPS.items():
        score += min(cap, sum(int(line.points[row]) for line in lines if line.part == part))
    by_score = sum(score >= least for least in TIER_FROM[1:])
    by_floor = [(code, int(tier[row])) for code, tier in floor_rows if tier[row]]
    tier = max([by_score, *(floor for _, floor in by_floor)])
    set_by = tuple(code for code, floor in by_floor if floor == tier)
    if by_score == tier and tier > 0:
        set_by = ("score", *set_by)
    shown = tuple(
        PointsLine(line.code, line.part, line.label, int(line.points[row]), STATE_NAMES[int(line.state[row])])
        for line in lines
    )
    missing = tuple(name for name, lacking, _ in inputs if lacking[row])
    waiting = tuple(code for code, flags in awaited if flags[row])
    content = repr((tier, score, shown, missing, set_by, waiting)).encode()
    fingerprint = int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big") >> 1
    return tier, score, shown, missing, set_by, waiting, fingerprint


def _milestones(features: Features) -> Ints:
    """When dialysis reaches 5 or 10 years, kidney disease 20, an excision two years, an answer 62 days."""
    as_of = features.as_of
    due = np.full(features.n, NEVER, dtype=np.int64)
    dialysis, ckd = features.of_patient("dialysis_start"), features.of_patient("ckd_onset")
    for start, years in ((dialysis, 5), (dialysis, 10), (ckd, 20)):
        moment = np.where(start == NO_TIME, NEVER, start + years * YEAR)
        due = np.where(moment > as_of, np.minimum(due, moment), due)
    for table, column, after in (
        ("procedures", "performed_on", 2 * YEAR),
        ("screens", "asked_at", ASKED_DAYS * DAY + 1),
        ("findings", "noted_at", ASKED_DAYS * DAY + 1),
    ):
        rows = features.known(table, column)
        moment = rows[column] + after
        later = moment > as_of
        np.minimum.at(due, rows["pos"][later], moment[later])
    drugs = features.known("treatments", "started_on")
    later = (drugs["ended_on"] != NO_TIME) & (drugs["ended_on"] > as_of)
    np.minimum.at(due, drugs["pos"][later], drugs["ended_on"][later])
    return due
