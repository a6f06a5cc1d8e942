"""Severities that depend on the state of other rules; they run after all rules are judged."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from monitoring.rules.features import Features
from monitoring.rules.types import Params, Severity, Verdicts


def raise_product_with_signs(features: Features, params: Params, verdicts: Verdicts) -> npt.NDArray[np.int8]:
    """L04 is urgent while a mass (S01) or a joint complaint of at least "watch" (S02) stands."""
    signs = features.standing("S01")
    joint = features.verdicts.get("S02")
    if joint is not None:
        signs = signs.copy()
        signs[joint.patient[joint.standing & (joint.severity >= Severity.WATCH)]] = True
    return np.where(signs[verdicts.patient], Severity.URGENT, Severity.INFO).astype(np.int8)


def raise_pth(features: Features, params: Params, verdicts: Verdicts) -> npt.NDArray[np.int8]:
    """L08 is urgent when the last two PTH are above the urgent limit while L02 or L05 stands."""
    series = features.series("pth")
    high = series.low > params["urgent"]
    last = series.first[1:] - 1
    both = np.zeros(features.n, dtype=bool)
    two = last - 1 >= series.first[:-1]
    both[two] = high[last[two]] & high[last[two] - 1]
    urgent = both & (features.standing("L02") | features.standing("L05"))
    return np.where(urgent[verdicts.patient], Severity.URGENT, Severity.INFO).astype(np.int8)


def raise_alkalosis(features: Features, params: Params, verdicts: Verdicts) -> npt.NDArray[np.int8]:
    """L12 is watch while L04 stands."""
    return np.where(features.standing("L04")[verdicts.patient], Severity.WATCH, Severity.INFO).astype(np.int8)
