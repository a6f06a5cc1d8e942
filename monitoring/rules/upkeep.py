"""Rules about the data themselves: overdue measurements, symptoms without minerals, single values not yet confirmed."""

from __future__ import annotations

import numpy as np

from monitoring.rules.conditions import Above, Condition, freshness
from monitoring.rules.features import Features
from monitoring.rules.types import DAY, NEVER, NO_TIME, TRUE, Flags, Ints, Params, Severity, State, Verdicts

# Rules whose standing asks for a full mineral panel (M02).
SYMPTOM_RULES = ("S01", "S02", "S03", "S04", "S05")
# Monitoring that M01 watches: name, series, column of the unit's interval in days.
MONITORED: tuple[tuple[str, str, str], ...] = (
    ("calcium", "calcium", "mineral_days"),
    ("phosphate", "phosphate", "mineral_days"),
    ("PTH", "pth", "pth_days"),
    ("alkaline phosphatase", "alp", "alp_days"),
    ("dialysis dose (Kt/V or URR)", "dose", "dose_days"),
)


def _age_limit(features: Features, last: Ints, days: Ints) -> tuple[Flags, Ints]:
    """Whether each patient's newest reading is older than `days` (or absent), and when it will become so."""
    expires = np.where(last != NO_TIME, last + days * DAY + 1, NO_TIME)
    overdue = expires <= features.as_of
    return overdue, expires


def _patient_verdicts(
    features: Features, active: Flags, since: Ints, due: Ints, severity: Severity, missing: dict[str, Flags]
) -> Verdicts:
    n = features.n
    return Verdicts(
        patient=np.arange(n, dtype=np.int64),
        scope=np.full(n, "", dtype=object),
        state=np.where(active, State.ACTIVE, State.CLEAR).astype(np.int8),
        since=np.where(active, since, NO_TIME),
        cleared_at=np.full(n, NO_TIME, dtype=np.int64),
        severity=np.full(n, severity, dtype=np.int8),
        due=due,
        evidence_of="lab_result",
        evidence=np.empty((n, 0), dtype=np.int64),
        missing=missing,
    )


def judge_overdue(features: Features, params: Params) -> Verdicts:
    """M01: a measurement is older than the unit's interval, or was never made; calcium lacks its albumin.

    It stands back while M02 stands, since M02 already asks for the whole panel. "Since" is when the first of the
    overdue measurements became overdue; for one never made, the moment of judging has no better claim, so the start
    of observation (the unit's first sight of the patient) is used.
    """
    covered = features.standing("M02")
    overdue_any = np.zeros(features.n, dtype=bool)
    since = np.full(features.n, NEVER, dtype=np.int64)
    due = np.full(features.n, NEVER, dtype=np.int64)
    seen = features.of_patient("seen_since")
    missing: dict[str, Flags] = {}
    for name, series, column in MONITORED:
        overdue, expires = _age_limit(features, features.series(series).last_at, features.of_patient(column))
        missing[name] = overdue
        overdue_any |= overdue
        began = np.where(expires == NO_TIME, np.minimum(seen, features.as_of), expires)
        since = np.where(overdue, np.minimum(since, began), since)
        due = np.where(overdue, due, np.minimum(due, expires))
    calcium, corrected = features.series("calcium").last_at, features.series("corrected")
    lacking = np.zeros(features.n, dtype=bool)
    has = np.diff(corrected.first) > 0
    if len(corrected):
        lacking[has] = np.isnan(corrected.shown[corrected.first[1:][has] - 1])
    lacking &= calcium != NO_TIME
    missing["albumin with calcium"] = lacking
    overdue_any |= lacking
    since = np.where(lacking, np.minimum(since, np.where(calcium == NO_TIME, seen, calcium)), since)
    active = overdue_any & ~covered
    return _patient_verdicts(
        features, active, since, due, Severity.INFO, {name: flags & active for name, flags in missing.items()}
    )


def raise_overdue(features: Features, params: Params, verdicts: Verdicts) -> np.ndarray:
    """M01 is "watch" while another rule about this patient stands."""
    others = np.zeros(features.n, dtype=bool)
    for code in features.verdicts:
        if code[0] in "SLDR" and code != "L06":
            others |= features.standing(code)
    return np.where(others[verdicts.patient], Severity.WATCH, Severity.INFO).astype(np.int8)


def judge_minerals_unknown(features: Features, params: Params) -> Verdicts:
    """M02: a sign stands while phosphate, corrected calcium or PTH is absent or too old to say anything about it."""
    signs = np.zeros(features.n, dtype=bool)
    since = np.full(features.n, NEVER, dtype=np.int64)
    for code in SYMPTOM_RULES:
        verdicts = features.verdicts.get(code)
        if verdicts is not None:
            standing = verdicts.standing
            signs[verdicts.patient[standing]] = True
            np.minimum.at(since, verdicts.patient[standing], verdicts.since[standing])
    due = np.full(features.n, NEVER, dtype=np.int64)
    missing: dict[str, Flags] = {}
    lacking_any = np.zeros(features.n, dtype=bool)
    known = corrected_known_at(features)
    limits = (
        ("phosphate", features.series("phosphate").last_at, params["mineral_days"]),
        ("corrected calcium", known, params["mineral_days"]),
        ("PTH", features.series("pth").last_at, params["pth_days"]),
    )
    for name, last, days in limits:
        lacking, expires = _age_limit(features, last, np.full(features.n, int(days), dtype=np.int64))
        missing[name] = lacking & signs
        lacking_any |= lacking
        due = np.where(signs & ~lacking, np.minimum(due, expires), due)
    return _patient_verdicts(features, signs & lacking_any, since, due, Severity.WATCH, missing)


def corrected_known_at(features: Features) -> Ints:
    """Per patient, when corrected calcium was last known as a number (an albumin was there), NO_TIME for never."""
    corrected = features.series("corrected")
    out = np.full(features.n, NO_TIME, dtype=np.int64)
    good = ~np.isnan(corrected.shown)
    np.maximum.at(out, corrected.patient[good], corrected.at[good])
    return out


# What L06 watches: rule whose confirmation is awaited, its series, and the plain limit of a single value.
AWAITED: tuple[tuple[str, str, Condition], ...] = (
    ("L01", "phosphate", Above("limit")),
    ("L02", "phosphate", Above("limit")),
    ("L03", "caxp", Above("limit")),
    ("L04", "caxp", Above("limit")),
    ("L05", "calcaemia", Above("limit", ionised="ionised_limit")),
)


def judge_awaiting(features: Features, params: Params) -> Verdicts:
    """L06: the newest value lies beyond a limit of L01-L05 whose rule does not stand: one row per awaited rule."""
    none = np.empty(0, dtype=np.int64)
    patients, scopes, since, due, evidence = [none], [np.empty(0, dtype=object)], [none], [none], [none]
    for code, name, condition in AWAITED:
        series = features.series(name)
        if not len(series):
            continue
        fresh, expires = freshness(series, features.as_of, int(params["fresh_days"]))
        newest = np.maximum(series.first[1:] - 1, 0)
        beyond = condition.rows(series, features.params[code])[newest] == TRUE
        hit = np.flatnonzero(fresh & beyond & ~features.standing(code))
        patients.append(hit.astype(np.int64))
        scopes.append(np.full(len(hit), code, dtype=object))
        since.append(series.at[newest[hit]])
        due.append(expires[hit])
        evidence.append(series.ids[newest[hit], 0])
    patient = np.concatenate(patients)
    k = len(patient)
    return Verdicts(
        patient=patient,
        scope=np.concatenate(scopes),
        state=np.full(k, State.ACTIVE, dtype=np.int8),
        since=np.concatenate(since),
        cleared_at=np.full(k, NO_TIME, dtype=np.int64),
        severity=np.full(k, Severity.INFO, dtype=np.int8),
        due=np.concatenate(due),
        evidence_of="lab_result",
        evidence=np.concatenate(evidence).reshape(-1, 1),
    )
