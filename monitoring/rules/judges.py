"""The ways a rule can be judged: a latch over a series, episodes at places, time since a measurement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitoring.rules.conditions import Condition, Consecutive, freshness, latch, state_of
from monitoring.rules.features import Features, Series, pairs_of
from monitoring.rules.types import (
    DAY,
    NEVER,
    NO_TIME,
    TRUE,
    Flags,
    Ints,
    Params,
    Severity,
    State,
    Table,
    Verdicts,
)

# How many readings an entry is shown with.
SHOWN = 3
# How many rows of an episode are kept as its evidence, newest last.
KEPT = 12


@dataclass(frozen=True)
class Latched:
    """A rule of kind "sustained": `enters` sets it, `leaves` clears it, both on rows of `series`.

    `beyond` is the plain limit by which the readings of the evidence are chosen. `steps` raise the severity when one
    of the last three readings (each at most `stale_days` before the newest) meets them. `before` readings before the
    entry are shown with it though they are not beyond the limit (what a change is measured from).
    """

    series: str
    enters: Condition
    leaves: Consecutive
    beyond: Condition
    severity: Severity
    missing: str
    steps: tuple[tuple[Condition, Severity], ...] = ()
    stale_days: int = 120
    before: int = 0

    def __call__(self, features: Features, params: Params) -> Verdicts:
        """Judge every patient of `features`."""
        series, n = features.series(self.series), features.n
        if not len(series):
            return self._nothing_known(n)
        latched = latch(series, self.enters.rows(series, params), self.leaves.rows(series, params))
        fresh, due = freshness(series, features.as_of, self.stale_days)
        state = state_of(latched, fresh)
        shown = self._evidence_rows(series, params, latched.entered)
        severity = np.full(n, self.severity, dtype=np.int8)
        for condition, step in self.steps:
            hit = self._in_last_three(series, condition.rows(series, params) == TRUE)
            rises = latched.standing & (hit >= 0) & (step > severity)
            severity[rises] = step
            shown[rises] = -1
            shown[rises, 0] = hit[rises]
        there, row = shown >= 0, np.maximum(shown, 0)
        return Verdicts(
            patient=np.arange(n, dtype=np.int64),
            scope=np.full(n, "", dtype=object),
            state=state,
            since=np.where(latched.entered >= 0, series.at[np.maximum(latched.entered, 0)], NO_TIME),
            cleared_at=np.where(latched.left >= 0, series.at[np.maximum(latched.left, 0)], NO_TIME),
            severity=severity,
            due=due,
            evidence_of="lab_result",
            evidence=np.where(there[:, :, None], series.ids[row], -1).reshape(n, SHOWN * series.ids.shape[1]),
            numbers={
                "values": np.where(there, series.shown[row], np.nan),
                "times": np.where(there, series.at[row], NO_TIME),
                "ionised": series.ionised[row] & there,
                "more": self._more_needed(series, params),
            },
            missing={
                self.missing: ~fresh,
                f"side of dialysis or exact value of {self.missing}": fresh & latched.open_question,
            },
        )

    def _more_needed(self, series: Series, params: Params) -> Ints:
        """Per patient, how many more results that meet the exit end the rule, after those that already do."""
        good = self.leaves.condition.rows(series, params) == TRUE
        start, stop = series.first[:-1], series.first[1:]
        run, unbroken = np.zeros(len(start), dtype=np.int64), np.ones(len(start), dtype=bool)
        for back in range(1, self.leaves.count):
            row = stop - back
            unbroken &= (row >= start) & good[np.maximum(row, 0)]
            run += unbroken
        return self.leaves.count - run

    def _nothing_known(self, n: int) -> Verdicts:
        none = np.full(n, NO_TIME, dtype=np.int64)
        return Verdicts(
            patient=np.arange(n, dtype=np.int64),
            scope=np.full(n, "", dtype=object),
            state=np.full(n, State.UNKNOWN, dtype=np.int8),
            since=none,
            cleared_at=none,
            severity=np.full(n, self.severity, dtype=np.int8),
            due=np.full(n, NEVER, dtype=np.int64),
            evidence_of="lab_result",
            evidence=np.empty((n, 0), dtype=np.int64),
            missing={self.missing: np.ones(n, dtype=bool)},
        )

    def _evidence_rows(self, series: Series, params: Params, entered: Ints) -> Ints:
        """Rows (n, SHOWN) of the readings beyond the limit that made each episode begin, newest last."""
        rows = np.full((len(entered), SHOWN), -1, dtype=np.int64)
        beyond = self.beyond.rows(series, params) == TRUE
        has = np.flatnonzero(entered >= 0)
        entry = entered[has]
        for back in range(SHOWN):
            row = entry - (SHOWN - 1 - back)
            safe = np.maximum(row, 0)
            good = (
                (row >= 0)
                & (series.patient[safe] == series.patient[entry])
                & (series.at[entry] - series.at[safe] <= self.stale_days * DAY)
                & (beyond[safe] | (row == entry) | (entry - row <= self.before))
            )
            rows[has, back] = np.where(good, row, -1)
        return rows

    def _in_last_three(self, series: Series, hits: Flags) -> Ints:
        """Per patient, the newest of the last three readings that is hit, -1 for none."""
        start, stop = series.first[:-1], series.first[1:]
        out = np.full(len(start), -1, dtype=np.int64)
        newest = np.maximum(stop - 1, 0)
        for back in range(SHOWN - 1, -1, -1):
            row = stop - 1 - back
            safe = np.maximum(row, 0)
            good = (row >= start) & hits[safe] & (series.at[newest] - series.at[safe] <= self.stale_days * DAY)
            out = np.where(good, row, out)
        return out


@dataclass(frozen=True)
class Episodes:
    """Intervals at places, joined: one row per (patient, scope) with the newest episode."""

    patient: Ints
    scope: np.ndarray
    since: Ints
    until: Ints
    ids: Ints


def join_episodes(patient: Ints, scope: np.ndarray, start: Ints, end: Ints, ids: Ints, as_of: int) -> Episodes:
    """Join overlapping intervals [start, end) that have begun by `as_of` and give the newest of each place.

    `ids` are those of the (at most KEPT, newest) rows of that newest episode, shape (k, KEPT), -1 for none.
    """
    begun = start <= as_of
    patient, scope, start, end, ids = patient[begun], scope[begun], start[begun], end[begun], ids[begun]
    if not len(patient):
        none = np.empty(0, dtype=np.int64)
        return Episodes(none, np.empty(0, dtype=object), none, none, np.empty((0, KEPT), dtype=np.int64))
    names, place = np.unique(scope.astype(str), return_inverse=True)
    order = np.lexsort((ids, start, place, patient))
    patient, place, start, end, ids = patient[order], place[order], start[order], end[order], ids[order]
    opens = np.concatenate(([True], (np.diff(patient) != 0) | (np.diff(place) != 0)))
    group = np.cumsum(opens) - 1
    # The latest end so far within each group: ends as ranks, so that group and rank fit into one running maximum.
    ends, rank = np.unique(end, return_inverse=True)
    reach = np.maximum.accumulate(group * len(ends) + rank) - group * len(ends)
    before = np.concatenate(([NO_TIME], ends[reach[:-1]]))
    begins = opens | (start > before)
    rows = np.arange(len(patient), dtype=np.int64)
    last = np.concatenate((np.flatnonzero(opens)[1:] - 1, [len(patient) - 1]))
    first = np.maximum.accumulate(np.where(begins, rows, 0))[last]
    shown = last[:, None] - np.arange(KEPT - 1, -1, -1)
    return Episodes(
        patient=patient[last],
        scope=names[place[last]].astype(object),
        since=start[first],
        until=ends[reach[last]],
        ids=np.where(shown >= first[:, None], ids[np.maximum(shown, 0)], -1),
    )


def verdicts_of_episodes(
    episodes: Episodes, as_of: int, severity: Severity, *, wakes: tuple[Ints, Ints] | None = None
) -> Verdicts:
    """Verdicts of rules about findings: active while the newest episode has not ended.

    `wakes` are (patients, times) at which time alone will begin a further episode.
    """
    active = episodes.until > as_of
    none = np.empty(0, dtype=np.int64)
    return Verdicts(
        patient=episodes.patient,
        scope=episodes.scope,
        state=np.where(active, State.ACTIVE, State.CLEAR).astype(np.int8),
        since=episodes.since,
        cleared_at=np.where(active, NO_TIME, episodes.until),
        severity=np.full(len(episodes.patient), severity, dtype=np.int8),
        due=np.full(len(episodes.patient), NEVER, dtype=np.int64),
        evidence_of="finding",
        evidence=episodes.ids,
        wake_patient=none if wakes is None else wakes[0],
        wake_at=none if wakes is None else wakes[1],
    )


def imaged_after(features: Features, findings: Table) -> Ints:
    """Per row of `findings`, when its site was first imaged at or after it was noted (NEVER: not yet).

    A study counts when region and side agree; a study of both sides or of no stated side counts for either, and so
    does any study of the region when the finding's own side is not stated.
    """
    studies = features.imaging
    row, study = pairs_of(findings["pos"], studies["pos"])
    side, of_study = findings["side"][row], studies["side"][study]
    fits = (findings["site"][row] == studies["site"][study]) & (
        (side == of_study) | (of_study == "bilateral") | (of_study == "unknown") | (side == "unknown")
    )
    performed = studies["performed_at"][study]
    fits &= performed >= findings["noted_at"][row]
    return first_time(len(findings), row[fits], performed[fits])


def closed_after(features: Features, findings: Table) -> Ints:
    """Per row of `findings`, when a clinician closed its lesion with a plan, at or after it was noted (NEVER: not)."""
    lesions = features.lesions
    lesions = lesions.take((lesions["closed_at"] != NO_TIME) & (lesions["closed_at"] <= features.as_of))
    row, lesion = pairs_of(findings["pos"], lesions["pos"])
    side, of_lesion = findings["side"][row], lesions["side"][lesion]
    same_place = (findings["site"][row] == lesions["site"][lesion]) & ((side == of_lesion) | (of_lesion == "bilateral"))
    linked = findings["lesion"][row]
    fits = np.where(linked >= 0, linked == lesions["id"][lesion], same_place).astype(bool)
    closed = lesions["closed_at"][lesion]
    fits &= closed >= findings["noted_at"][row]
    return first_time(len(findings), row[fits], closed[fits])


def first_time(count: int, rows: Ints, times: Ints) -> Ints:
    """Per row 0..count-1 the earliest of its times, NEVER for a row without any."""
    out = np.full(count, NEVER, dtype=np.int64)
    np.minimum.at(out, rows, times)
    return out
