"""The mistakes of real deliveries, kept apart from the true results and labelled: units, timing, swaps."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from monitoring.clinical.analytes import Timing
from monitoring.simulation.draws import Bools, Streams
from monitoring.simulation.laboratory import UNITS, as_printed, as_text, same_label
from monitoring.simulation.scenarios import Scenario


class Mistake(StrEnum):
    """What went wrong with a delivered result."""

    WRONG_UNIT = "wrong_unit"  # a number in the other usual unit under the label of this one
    NO_UNIT = "no_unit"  # the right number with no unit
    POST_AS_PRE = "post_as_pre"  # the panel was drawn after the session and sent as drawn before
    NO_TIMING = "no_timing"  # nobody said when the panel was drawn


# Shares of the mistakes (expert default, uncalibrated).
_SHARES = {
    Mistake.WRONG_UNIT: 0.25,
    Mistake.NO_UNIT: 0.25,
    Mistake.POST_AS_PRE: 0.25,
    Mistake.NO_TIMING: 0.25,
}

# Number in the other usual unit per number in the canonical one, and the decimals it is printed with:
# the factors of the service's own unit table (urea becomes BUN).
OTHER_UNIT: dict[str, tuple[float, int]] = {
    "calcium": (0.2495, 2),
    "phosphate": (0.3229, 2),
    "urea": (1 / 0.357, 0),
    "creatinine": (88.42, 0),
    "albumin": (10.0, 0),
    "pth": (0.106, 1),
    "magnesium": (0.4114, 2),
    "vitamin_d_25oh": (2.496, 0),
    "crp": (0.1, 2),
}

# After a session: phosphate falls to about 45 % and bicarbonate reaches 28 (T50, BOM); urea falls by the
# measured ratio, here its mean; creatinine and magnesium by expert default, uncalibrated.
_AFTER_SESSION = {"phosphate": 0.45, "urea": 0.32, "creatinine": 0.38, "magnesium": 0.95}
_BICARBONATE_GAIN = 5.5


def draw_mistakes(scenario: Scenario, readings: pd.DataFrame, *, streams: Streams) -> pd.DataFrame:
    """The results that were delivered wrongly, as they were delivered.

    Columns of the readings, and `reading` (row label of the true result) and `mistake`. Each true result
    has at most one. Timing mistakes befall all pre-dialysis results of a panel together.
    """
    rng = streams.named("mistakes")
    rate = scenario.mistaken_results.value
    analyte = readings["analyte"].astype(str).to_numpy()
    pre = (readings["timing"] == Timing.PRE).to_numpy()
    panel = readings["patient"].to_numpy() * 1_000_000 + _days(readings)
    _, number = np.unique(panel, return_inverse=True)
    of_panel = rng.random(int(number.max()) + 1 if len(number) else 0)[number]
    of_result = rng.random(len(readings))

    # A timing mistake takes the pre-dialysis results of its panel, so its share is held by choosing panels.
    per_pre = rate / max(pre.mean(), 1e-9) if len(pre) else 0.0
    post_as_pre = pre & (of_panel < per_pre * _SHARES[Mistake.POST_AS_PRE])
    no_timing = pre & ~post_as_pre & (of_panel > 1 - per_pre * _SHARES[Mistake.NO_TIMING])
    swappable = np.isin(analyte, list(OTHER_UNIT))
    per_swappable = rate * _SHARES[Mistake.WRONG_UNIT] / max(swappable.mean(), 1e-9) if len(pre) else 0.0
    free = ~post_as_pre & ~no_timing
    wrong_unit = free & swappable & (of_result < per_swappable)
    no_unit = free & (of_result > 1 - rate * _SHARES[Mistake.NO_UNIT])

    parts = [
        _wrong_unit(readings[wrong_unit]),
        _no_unit(readings[no_unit & ~wrong_unit]),
        _post_as_pre(readings[post_as_pre], rng),
        _no_timing(readings[no_timing]),
    ]
    return pd.concat(parts, ignore_index=True).sort_values("reading", ignore_index=True)


def as_sent(readings: pd.DataFrame, mistakes: pd.DataFrame) -> pd.DataFrame:
    """`readings` with each mistaken row as it was delivered, and a column `mistake` ("" where right)."""
    sent = readings.assign(mistake="")
    where = mistakes["reading"].to_numpy()
    for column in ("value", "value_text", "unit", "timing", "mistake"):
        # By position: the row labels of the readings are 0..n-1.
        sent[column] = _put(sent[column], where, mistakes[column])
    return sent


def _put(column: pd.Series[Any], where: np.ndarray, new: pd.Series[Any]) -> pd.Series[Any]:
    changed = column.copy()
    changed.iloc[where] = new.to_numpy()
    return changed


def _days(readings: pd.DataFrame) -> np.ndarray:
    return np.asarray(readings["taken_at"].astype("int64") // 86_400_000_000_000)


def _labelled(rows: pd.DataFrame, mistake: Mistake) -> pd.DataFrame:
    labelled = rows.copy()
    labelled["reading"] = rows.index
    labelled["mistake"] = mistake.value
    return labelled


def _wrong_unit(rows: pd.DataFrame) -> pd.DataFrame:
    swapped = _labelled(rows, Mistake.WRONG_UNIT)
    for analyte, (factor, decimals) in OTHER_UNIT.items():
        which: Bools = (rows["analyte"] == analyte).to_numpy()
        values = np.round(rows["value"].to_numpy()[which] * factor, decimals)
        swapped.loc[which, "value"] = values
        swapped.loc[which, "value_text"] = as_text(values, analyte, decimals=decimals)
    return swapped


def _no_unit(rows: pd.DataFrame) -> pd.DataFrame:
    bare = _labelled(rows, Mistake.NO_UNIT)
    bare["unit"] = same_label("", UNITS, len(rows))
    return bare


def _no_timing(rows: pd.DataFrame) -> pd.DataFrame:
    unsaid = _labelled(rows, Mistake.NO_TIMING)
    unsaid["timing"] = Timing.UNKNOWN.value
    unsaid["timing"] = unsaid["timing"].astype(rows["timing"].dtype)
    return unsaid


def _post_as_pre(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    late = _labelled(rows, Mistake.POST_AS_PRE)
    spread = np.exp(0.08 * rng.standard_normal(len(rows)))
    for analyte, factor in _AFTER_SESSION.items():
        which: Bools = (rows["analyte"] == analyte).to_numpy()
        _replace(late, which, rows["value"].to_numpy()[which] * factor * spread[which], analyte)
    which = (rows["analyte"] == "bicarbonate").to_numpy()
    _replace(late, which, rows["value"].to_numpy()[which] + _BICARBONATE_GAIN, "bicarbonate")
    return late


def _replace(rows: pd.DataFrame, which: Bools, values: np.ndarray, analyte: str) -> None:
    printed = as_printed(values, analyte)
    rows.loc[which, "value"] = printed
    rows.loc[which, "value_text"] = as_text(printed, analyte)
