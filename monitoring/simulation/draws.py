"""Random numbers of the simulator: named streams, slow drift, correlated levels; no loop over patients."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.floating[Any]] | NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]


class Streams:
    """Independent random streams by topic, the same for the same (scenario, seed, sizes) on any machine.

    A topic is drawn from its own stream, so that a change in one table does not shuffle the others.
    """

    def __init__(self, scenario: str, *, patients: int, months: int, seed: int) -> None:
        # crc32, not hash(): Python salts the hash of text anew in each process.
        self._entropy = (zlib.crc32(scenario.encode()), seed, patients, months)

    def named(self, topic: str) -> np.random.Generator:
        """A fresh generator for `topic`; asking twice gives the same numbers twice."""
        sequence = np.random.SeedSequence(self._entropy, spawn_key=(zlib.crc32(topic.encode()),))
        return np.random.Generator(np.random.PCG64(sequence))


def drifting(innovations: Floats, rho: Floats) -> Floats:
    """AR(1) of unit variance along axis 1 of `innovations` (patients, months, k); `rho` is (k,).

    The first month is drawn from the stationary distribution, so no month is calmer than another.
    """
    drift = innovations.copy()
    fresh = np.sqrt(1 - rho**2)
    for month in range(1, drift.shape[1]):
        drift[:, month] = rho * drift[:, month - 1] + fresh * innovations[:, month]
    return np.asarray(drift, dtype=np.float64)


def lower_factor(correlation: Floats) -> Floats:
    """Cholesky factor of a correlation matrix; ValueError when no such population can exist."""
    try:
        return np.asarray(np.linalg.cholesky(correlation), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise ValueError("The correlations contradict each other: their matrix is not positive definite.") from None


def above_share(score: Floats, share: float) -> Bools:
    """Which of the standard normal `score` lie in its top `share`."""
    if share <= 0:
        return np.zeros(score.shape, dtype=bool)
    if share >= 1:
        return np.ones(score.shape, dtype=bool)
    return np.asarray(score > NormalDist().inv_cdf(1 - share))


def leaning(toward: Floats, weight: float, rng: np.random.Generator) -> Floats:
    """Standard normal scores with correlation `weight` to the standard normal `toward`."""
    own = rng.standard_normal(toward.shape)
    return np.asarray(weight * toward + np.sqrt(1 - weight**2) * own)


def choose(rng: np.random.Generator, options: Sequence[float], shares: Sequence[float], size: int) -> Floats:
    """`size` draws of `options` with probabilities `shares` (which must sum to one)."""
    return np.asarray(options, dtype=float)[rng.choice(len(options), size=size, p=list(shares))]
