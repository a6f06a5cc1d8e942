"""Dialysis dose by Daugirdas' second-generation formula, forwards and backwards."""

from __future__ import annotations

import numpy as np

from monitoring.simulation.draws import Floats

_NEWTON_STEPS = 12  # from the start below, six steps reach the last digit over the whole range of doses


def single_pool_kt_v(ratio: Floats, *, hours: Floats, removed: Floats) -> Floats:
    """spKt/V = -ln(R - 0.008 t) + (4 - 3.5 R) UF/W (Daugirdas II).

    `ratio` R is urea after / urea before the session, `hours` its length, `removed` UF/W, the volume
    taken off in litres over the weight after the session in kg.
    """
    return np.asarray(-np.log(ratio - 0.008 * hours) + (4 - 3.5 * ratio) * removed)


def urea_ratio(kt_v: Floats, *, hours: Floats, removed: Floats) -> Floats:
    """The ratio R at which `single_pool_kt_v` gives `kt_v` (0.3 to 3.0), by Newton's method."""
    ratio = np.exp(-kt_v) + 0.008 * hours
    for _ in range(_NEWTON_STEPS):
        error = single_pool_kt_v(ratio, hours=hours, removed=removed) - kt_v
        slope = -1 / (ratio - 0.008 * hours) - 3.5 * removed
        # A step may not leave the domain of the logarithm.
        ratio = np.maximum(ratio - error / slope, 0.008 * hours + 1e-6)
    return np.asarray(ratio)
