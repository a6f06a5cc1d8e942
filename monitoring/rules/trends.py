"""Conditions about the course of a series: the mean of the last readings against that of some months before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from monitoring.rules.conditions import three_valued
from monitoring.rules.features import Series, combined_key, resolve
from monitoring.rules.types import DAY, Flags, Floats, Ints, Params, Truths


@dataclass(frozen=True)
class Trend:
    """The mean of the last two readings against the mean of those three to five months before.

    True when the ratio is at least `ratio` and the mean of the last two is above `mean`, with at least `values`
    readings in six months. Months are counted from the middle: the readings of 2.5 to 5.5 months before this one.
    """

    ratio: str
    mean: str
    values: int = 5

    def rows(self, series: Series, params: Params) -> Truths:
        """FALSE while there are too few readings; unknown when bounds allow both."""
        ratio, mean = resolve(params, self.ratio), resolve(params, self.mean)
        recent_low, recent_high, base_low, base_high, enough = _two_means(series, self.values)
        true = enough & (np.round(recent_low, 6) >= np.round(ratio * base_high, 6)) & (recent_low > mean)
        false = ~enough | (np.round(recent_high, 6) < np.round(ratio * base_low, 6)) | (recent_high <= mean)
        return three_valued(true, false)


@dataclass(frozen=True)
class TrendEnds:
    """The rise is over: the ratio of the same two means is below `ratio`, or the mean of the last two below `mean`."""

    ratio: str
    mean: str

    def rows(self, series: Series, params: Params) -> Truths:
        """FALSE without readings three to five months before, unless the recent mean alone decides."""
        ratio, mean = resolve(params, self.ratio), resolve(params, self.mean)
        recent_low, recent_high, base_low, base_high, _ = _two_means(series, 3)
        has = ~np.isnan(base_low)
        true = (recent_high < mean) | (has & (np.round(recent_high, 6) < np.round(ratio * base_low, 6)))
        false = (recent_low >= mean) & (~has | (np.round(recent_low, 6) >= np.round(ratio * base_high, 6)))
        return three_valued(true, false & ~true)


# A month as the rules count it, and the window of the earlier mean in days before the newest reading.
_EARLIER_FROM, _EARLIER_TO, _SIX_MONTHS = 167, 76, 183
# Stands for "no upper end" in sums; far above any reading, so that a mean with it is known to be high.
_HUGE = 1e9


def _two_means(series: Series, values: int) -> tuple[Floats, Floats, Floats, Floats, Flags]:
    """Bounds of the mean of the last two readings and of those 76 to 167 days before; whether there are enough."""
    m = len(series)
    key, at = combined_key(series.patient, series.at), series.at
    low, high = np.minimum(series.low, _HUGE), np.minimum(series.high, _HUGE)
    sums = [np.concatenate(([0.0], np.cumsum(column))) for column in (low, high)]
    rows = np.arange(m, dtype=np.int64)

    own = series.first[series.patient]

    def since(days: int, side: Literal["left", "right"]) -> Ints:
        """Per row, the first row of the patient that is at most (or, by side, less than) `days` older."""
        return np.maximum(np.searchsorted(key, combined_key(series.patient, at - days * DAY), side=side), own)

    start, stop, half = since(_EARLIER_FROM, "left"), since(_EARLIER_TO, "right"), since(_SIX_MONTHS, "left")
    count = stop - start
    with np.errstate(invalid="ignore", divide="ignore"):
        base = [np.where(count > 0, (total[stop] - total[start]) / count, np.nan) for total in sums]
    before = np.maximum(rows - 1, 0)
    two = rows > own
    recent = [np.where(two, (column + column[before]) / 2, np.nan) for column in (low, high)]
    enough = two & (count > 0) & (rows + 1 - half >= values)
    return recent[0], recent[1], base[0], base[1], enough
