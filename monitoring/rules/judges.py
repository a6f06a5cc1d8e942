"""The ways a rule can be judged: a latch over a series, episodes at places, time since a measurement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from monitoring.rules.conditions import Condition, freshness, latch, state_of
from monitoring.rules.features import Features, Series
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
    Verdicts,
)

# How many readings an entry is shown with.
SHOWN = 3


@dataclass(frozen=True)
class Latched:
    """A rule of kind "sustained": `enters` sets it, `leaves` clears it, both on rows of `series`.

    `beyond` is the plain limit by which the readings of the evidence are chosen. `steps` raise the severity when one
    of the last three readings (each at most `stale_days` before the newest) meets them.
    """

    series: str
    enters: Condition
    leaves: Condition
    beyond: Condition
    severity: Severity
    missing: str
    steps: tuple[tuple[Condition, Severity], ...] = ()
    stale_days: int = 120

    def __call__(self, features: Features, params: Params) -> Verdicts:
        """Judge every patient of `features`."""
        series = features.series(self.series)
        latched = latch(series, self.enters.rows(series, params), self.leaves.rows(series, params))
        fresh, due = freshness(series, features.as_of, self.stale_days)
        state = state_of(latched, fresh)
        n = features.n
        shown = self._evidence_rows(series, params, latched.entered)
        severity = np.full(n, self.severity, dtype=np.int8)
        worst = np.full((n, SHOWN), -1, dtype=np.int64)
        for condition, step in self.steps:
            hit = self._in_last_three(series, condition.rows(series, params) == TRUE)
            rises = latched.standing & (hit >= 0) & (step > severity)
            severity[rises] = step
            worst[rises] = -1
            worst[rises, 0] = hit[rises]
        shown = np.where((worst[:, :1] >= 0), np.where(worst >= 0, worst, -1), shown)
        at = series.at if len(series) else np.zeros(1, dtype=np.int64)
        components = series.ids if len(series) else np.full((1, series.ids.shape[1] if series.ids.ndim == 2 else 1), -1)
        values = series.shown if len(series) else np.zeros(1)
        ionised = series.ionised if len(series) else np.zeros(1, dtype=bool)
        safe = np.maximum(shown, 0)
        evidence = np.where((shown >= 0)[:, :, None], components[safe], -1).reshape(n, -1)
        has_entry = latched.entered >= 0
        return Verdicts(
            patient=np.arange(n, dtype=np.int64),
            scope=np.full(n, "", dtype=object),
            state=state,
            since=np.where(has_entry, at[np.maximum(latched.entered, 0)], NO_TIME),
            cleared_at=np.where(latched.left >= 0, at[np.maximum(latched.left, 0)], NO_TIME),
            severity=severity,
            due=due,
            evidence_of="lab_result",
            evidence=evidence,
            numbers={
                "values": np.where(shown >= 0, values[safe], np.nan),
                "times": np.where(shown >= 0, at[safe], NO_TIME),
                "ionised": ionised[safe] & (shown >= 0),
            },
            missing={self.missing: (state == State.UNKNOWN) | (state == State.INDETERMINATE)},
        )

    def _evidence_rows(self, series: Series, params: Params, entered: Ints) -> Ints:
        """Rows (n, SHOWN) of the readings beyond the limit that made each episode begin, newest last."""
        rows = np.full((len(entered), SHOWN), -1, dtype=np.int64)
        if not len(series):
            return rows
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
                & (beyond[safe] | (row == entry))
            )
            rows[has, back] = np.where(good, row, -1)
        return rows

    def _in_last_three(self, series: Series, hits: Flags) -> Ints:
        """Per patient, the newest of the last three readings that is hit, -1 for none."""
        start, stop = series.first[:-1], series.first[1:]
        out = np.full(len(start), -1, dtype=np.int64)
        if not len(series):
            return out
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

    `ids` are those of the (at most three, newest) rows of that newest episode, shape (k, 3), -1 for none.
    """
    frame = pd.DataFrame({"patient": patient, "scope": scope, "start": start, "end": end, "id": ids})
    frame = frame[frame["start"] <= as_of].sort_values(["patient", "scope", "start", "id"], kind="stable")
    if frame.empty:
        none = np.empty(0, dtype=np.int64)
        return Episodes(none, np.empty(0, dtype=object), none, none, np.empty((0, SHOWN), dtype=np.int64))
    place = frame.groupby(["patient", "scope"], sort=False)
    reach = place["end"].cummax()
    before = reach.groupby([frame["patient"], frame["scope"]], sort=False).shift(fill_value=NO_TIME)
    frame["episode"] = (frame["start"] > before).groupby([frame["patient"], frame["scope"]], sort=False).cumsum()
    newest = frame[frame["episode"] == place["episode"].transform("max")]
    grouped = newest.groupby(["patient", "scope"], sort=True)
    summary = grouped.agg(since=("start", "min"), until=("end", "max")).reset_index()
    shown = np.full((len(summary), SHOWN), -1, dtype=np.int64)
    group = grouped.ngroup().to_numpy()
    from_end = grouped.cumcount(ascending=False).to_numpy()
    few = from_end < SHOWN
    shown[group[few], SHOWN - 1 - from_end[few]] = newest["id"].to_numpy(dtype=np.int64)[few]
    return Episodes(
        patient=summary["patient"].to_numpy(dtype=np.int64),
        scope=summary["scope"].to_numpy(dtype=object),
        since=summary["since"].to_numpy(dtype=np.int64),
        until=summary["until"].to_numpy(dtype=np.int64),
        ids=shown,
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


def imaged_after(features: Features, findings: pd.DataFrame, modalities: frozenset[str] | None = None) -> Ints:
    """Per row of `findings`, when its site was first imaged at or after it was noted (NEVER: not yet).

    A study counts when region and side agree; a study of both sides or of no stated side counts for either.
    """
    studies = features.imaging
    if modalities is not None:
        studies = studies[studies["modality"].isin(modalities)]
    out = np.full(len(findings), NEVER, dtype=np.int64)
    if studies.empty or findings.empty:
        return out
    left = findings[["pos", "site", "side", "noted_at"]].assign(row=np.arange(len(findings)))
    pairs = left.merge(studies[["pos", "site", "side", "performed_at"]], on=["pos", "site"], suffixes=("", "_study"))
    fits = (pairs["side"] == pairs["side_study"]) | pairs["side_study"].isin(["bilateral", "unknown"])
    fits |= pairs["side"].isin(["unknown"])
    pairs = pairs[fits & (pairs["performed_at"] >= pairs["noted_at"])]
    first = pairs.groupby("row")["performed_at"].min()
    out[first.index.to_numpy()] = first.to_numpy(dtype=np.int64)
    return out


def closed_after(features: Features, findings: pd.DataFrame) -> Ints:
    """Per row of `findings`, when a clinician closed its lesion with a plan, at or after it was noted (NEVER: not)."""
    out = np.full(len(findings), NEVER, dtype=np.int64)
    lesions = features.lesions
    lesions = lesions[(lesions["closed_at"] != NO_TIME) & (lesions["closed_at"] <= features.as_of)]
    if lesions.empty or findings.empty:
        return out
    left = findings[["pos", "site", "side", "noted_at", "lesion"]].assign(row=np.arange(len(findings)))
    pairs = left.merge(lesions[["pos", "id", "site", "side", "closed_at"]], on="pos", suffixes=("", "_lesion"))
    by_place = (pairs["site"] == pairs["site_lesion"]) & (
        (pairs["side"] == pairs["side_lesion"]) | (pairs["side_lesion"] == "bilateral")
    )
    linked = pairs["lesion"] >= 0
    fits = (linked & (pairs["lesion"] == pairs["id"])) | (~linked & by_place)
    pairs = pairs[fits & (pairs["closed_at"] >= pairs["noted_at"])]
    first = pairs.groupby("row")["closed_at"].min()
    out[first.index.to_numpy()] = first.to_numpy(dtype=np.int64)
    return out
