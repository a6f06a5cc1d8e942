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
