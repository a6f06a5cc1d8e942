"""The vocabulary of conditions: three-valued masks over the rows of a series of all patients at once.

Each condition is a frozen value that can be read, printed and asked for its mask; limits are named parameters of the
rule or plain numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from monitoring.rules.features import Series, resolve
from monitoring.rules.types import (
    DAY,
    FALSE,
    NEVER,
    NO_TIME,
    TRUE,
    UNKNOWN,
    Flags,
    Floats,
    Ints,
    Params,
    State,
    Truths,
)


class Condition(Protocol):
    """Something that is true, false or unknown of each row of a series."""

    def rows(self, series: Series, params: Params) -> Truths:
        """A value of FALSE, TRUE, UNKNOWN per row of `series`."""
        ...


def three_valued(true: Flags, false: Flags) -> Truths:
    """A mask from the rows known to be true and those known to be false; the others are unknown."""
    return np.where(true, TRUE, np.where(false, FALSE, UNKNOWN)).astype(np.int8)


def _limit(series: Series, params: Params, limit: str | float, ionised: str | float | None) -> float | np.ndarray:
    own = resolve(params, limit)
    if ionised is None or not series.ionised.any():
        return own
    return np.where(series.ionised, resolve(params, ionised), own)


@dataclass(frozen=True)
class Above:
    """The value is greater than the limit; rows in ionised calcium are held against `ionised`."""

    limit: str | float
    ionised: str | float | None = None

    def rows(self, series: Series, params: Params) -> Truths:
        """TRUE where even the lowest possible value is above, FALSE where even the highest is not."""
        limit = _limit(series, params, self.limit, self.ionised)
        return three_valued(series.low > limit, series.high <= limit)


@dataclass(frozen=True)
class AtLeast:
    """The value is the limit or more."""

    limit: str | float
    ionised: str | float | None = None

    def rows(self, series: Series, params: Params) -> Truths:
        """As `Above`, with the limit itself included."""
        limit = _limit(series, params, self.limit, self.ionised)
        return three_valued(series.low >= limit, series.high < limit)


@dataclass(frozen=True)
class AtMost:
    """The value is the limit or less."""

    limit: str | float
    ionised: str | float | None = None

    def rows(self, series: Series, params: Params) -> Truths:
        """TRUE where even the highest possible value is at or below the limit."""
        limit = _limit(series, params, self.limit, self.ionised)
        return three_valued(series.high <= limit, series.low > limit)


@dataclass(frozen=True)
class Below:
    """The value is less than the limit."""

    limit: str | float
    ionised: str | float | None = None

    def rows(self, series: Series, params: Params) -> Truths:
        """TRUE where even the highest possible value is below the limit."""
        limit = _limit(series, params, self.limit, self.ionised)
        return three_valued(series.high < limit, series.low >= limit)


def _upper(series: Series, params: Params, times: str, unknown: str) -> Floats:
    """Per row: `times` the upper limit of normal, or the plain limit `unknown` where that is not known."""
    return np.where(np.isnan(series.upper), resolve(params, unknown), resolve(params, times) * series.upper)


@dataclass(frozen=True)
class AboveUpper:
    """The value is above a multiple of the upper limit of normal, or above `unknown` where there is none."""

    times: str
    unknown: str

    def rows(self, series: Series, params: Params) -> Truths:
        """As `Above`, with a limit of each patient's own."""
        limit = _upper(series, params, self.times, self.unknown)
        return three_valued(series.low > limit, series.high <= limit)


@dataclass(frozen=True)
class AtMostUpper:
    """The value is at most a multiple of the upper limit of normal, or at most `unknown` where there is none."""

    times: str
    unknown: str

    def rows(self, series: Series, params: Params) -> Truths:
        """As `AtMost`, with a limit of each patient's own."""
        limit = _upper(series, params, self.times, self.unknown)
        return three_valued(series.high <= limit, series.low > limit)


@dataclass(frozen=True)
class ChangesBy:
    """The value differs by at least the share `by` from the reading before it, in either direction.

    The reading before must be the same patient's and at most `within_days` older.
    """

    by: str
    within_days: int

    def rows(self, series: Series, params: Params) -> Truths:
        """FALSE for a first reading: there is nothing it could differ from."""
        share = resolve(params, self.by)
        true, false = np.zeros(len(series), dtype=bool), np.ones(len(series), dtype=bool)
        inside = _earlier_row(series, 1, self.within_days)
        low, high, low_before, high_before = series.low[1:], series.high[1:], series.low[:-1], series.high[:-1]
        rise, fall = np.round(high_before * (1 + share), 6), np.round(low_before * (1 - share), 6)
        true[1:] = inside & ((low >= rise) | (high <= fall))
        surely_not = (high < np.round(low_before * (1 + share), 6)) & (low > np.round(high_before * (1 - share), 6))
        false[1:] = ~inside | surely_not
        return three_valued(true, false & ~true)


@dataclass(frozen=True)
class Not:
    """The opposite; unknown stays unknown."""

    condition: Condition

    def rows(self, series: Series, params: Params) -> Truths:
        """Three-valued negation."""
        mask = self.condition.rows(series, params)
        return three_valued(mask == FALSE, mask == TRUE)


@dataclass(frozen=True)
class NOfLast:
    """At least `need` of the last `among` readings, the latest among them, none older than `within_days`."""

    need: int
    among: int
    condition: Condition
    within_days: int = 120

    def rows(self, series: Series, params: Params) -> Truths:
        """FALSE while there are too few readings: one exceedance is not yet a persistent one."""
        latest = self.condition.rows(series, params)
        true = (latest == TRUE).astype(np.int8)
        maybe = (latest != FALSE).astype(np.int8)
        for back in range(1, self.among):
            inside = _earlier_row(series, back, self.within_days)
            true[back:] += inside & (latest[:-back] == TRUE)
            maybe[back:] += inside & (latest[:-back] != FALSE)
        sure = (latest == TRUE) & (true >= self.need)
        possible = (latest != FALSE) & (maybe >= self.need)
        return three_valued(sure, ~possible)


@dataclass(frozen=True)
class Consecutive:
    """The condition holds for this reading and the `count` - 1 before it."""

    count: int
    condition: Condition

    def rows(self, series: Series, params: Params) -> Truths:
        """Three-valued AND over the run; FALSE while there are fewer readings than `count`."""
        own = self.condition.rows(series, params)
        true, false = own == TRUE, own == FALSE
        for back in range(1, self.count):
            same = np.zeros(len(series), dtype=bool)
            same[back:] = series.patient[back:] == series.patient[:-back]
            before_true, before_false = np.zeros(len(series), dtype=bool), np.ones(len(series), dtype=bool)
            before_true[back:], before_false[back:] = own[:-back] == TRUE, own[:-back] == FALSE
            true &= same & before_true
            false |= ~same | before_false
        return three_valued(true, false)


@dataclass(frozen=True)
class AnyOf:
    """At least one of the conditions."""

    conditions: tuple[Condition, ...]

    def rows(self, series: Series, params: Params) -> Truths:
        """Three-valued OR."""
        masks = [condition.rows(series, params) for condition in self.conditions]
        true = np.logical_or.reduce([mask == TRUE for mask in masks])
        false = np.logical_and.reduce([mask == FALSE for mask in masks])
        return three_valued(true, false)


@dataclass(frozen=True)
class AllOf:
    """All of the conditions."""

    conditions: tuple[Condition, ...]

    def rows(self, series: Series, params: Params) -> Truths:
        """Three-valued AND."""
        masks = [condition.rows(series, params) for condition in self.conditions]
        true = np.logical_and.reduce([mask == TRUE for mask in masks])
        false = np.logical_or.reduce([mask == FALSE for mask in masks])
        return three_valued(true, false)


def _earlier_row(series: Series, back: int, within_days: int) -> Flags:
    """For rows from `back` on: whether the row `back` places before is the same patient's and young enough."""
    inside: Flags = (series.patient[back:] == series.patient[:-back]) & (
        series.at[back:] - series.at[:-back] <= within_days * DAY
    )
    return inside


@dataclass(frozen=True)
class Latch:
    """Per patient, where a series stands: entry events set it, exit events clear it, the last one counts.

    Row numbers are positions in the series, -1 for none. `entered` is the row at which the present (or, when not
    standing, the last) episode began, `left` the row that ended it. `open_question` marks patients whose newest
    reading might be an entry, or who stand and have since had readings that might be an exit, but cannot be judged.
    """

    standing: Flags
    entered: Ints
    left: Ints
    open_question: Flags


def latch(series: Series, enters: Truths, leaves: Truths) -> Latch:
    """Run the latch over all patients at once. On a row that both enters and leaves, entering counts (safety)."""
    n, m = len(series.first) - 1, len(series)
    none = np.full(n, -1, dtype=np.int64)
    if not m:
        return Latch(np.zeros(n, dtype=bool), none, none.copy(), np.zeros(n, dtype=bool))
    rows = np.arange(m, dtype=np.int64)
    entry = enters == TRUE
    exit_ = (leaves == TRUE) & ~entry
    last_entry = np.maximum.accumulate(np.where(entry, rows, -1))
    last_exit = np.maximum.accumulate(np.where(exit_, rows, -1))
    next_entry = np.minimum.accumulate(np.where(entry, rows, m)[::-1])[::-1]
    next_exit = np.minimum.accumulate(np.where(exit_, rows, m)[::-1])[::-1]
    start, stop = series.first[:-1], series.first[1:]
    end = np.maximum(stop - 1, 0)
    has = stop > start
    newest_entry = np.where(has & (last_entry[end] >= start), last_entry[end], -1)
    newest_exit = np.where(has & (last_exit[end] >= start), last_exit[end], -1)
    standing = newest_entry > newest_exit
    ever = newest_entry >= 0
    # The episode of the newest entry began at the first entry after the exit before it.
    before = np.where(ever, last_exit[np.maximum(newest_entry, 0)], -1)
    first_possible = np.maximum(before + 1, start)
    entered = np.where(ever, next_entry[np.minimum(first_possible, m - 1)], -1)
    ended = ever & ~standing
    left = np.where(ended, next_exit[np.minimum(newest_entry + 1, m - 1)], -1)
    last_maybe = np.maximum.accumulate(np.where((leaves == UNKNOWN) & ~entry, rows, -1))
    newest_maybe = np.where(has & (last_maybe[end] >= start), last_maybe[end], -1)
    question = np.where(standing, newest_maybe > newest_entry, has & (enters[end] == UNKNOWN))
    return Latch(standing, entered, left, question)


def freshness(series: Series, as_of: int, stale_days: int) -> tuple[Flags, Ints]:
    """Per patient, whether the newest reading is at most `stale_days` old, and when it stops being so (NEVER: never).

    A reading is stale from the moment after `stale_days` have passed (half-open: exactly `stale_days` old is fresh).
    """
    last = series.last_at
    has = last != NO_TIME
    expires = np.where(has, last + stale_days * DAY + 1, NO_TIME)
    fresh = has & (expires > as_of)
    return fresh, np.where(fresh, expires, NEVER)


def state_of(latched: Latch, fresh: Flags) -> Truths:
    """The State of each patient from its latch and whether there is a reading young enough to judge by."""
    judged = fresh & ~latched.open_question
    standing = np.where(judged, State.ACTIVE, State.INDETERMINATE)
    return np.where(latched.standing, standing, np.where(judged, State.CLEAR, State.UNKNOWN)).astype(np.int8)
