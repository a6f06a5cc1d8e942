"""The patients' own levels of every quantity, correlated with each other, in standard normal scores."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from monitoring.simulation.draws import Floats, Streams, drifting, lower_factor
from monitoring.simulation.scenarios import Quantity, Scenario, Shape
from monitoring.simulation.sources import UNCALIBRATED

MEASURED = (
    "calcium_corrected", "phosphate", "urea", "creatinine", "albumin", "pth", "alp",
    "bicarbonate", "magnesium", "vitamin_d_25oh", "crp", "kt_v",
)  # fmt: skip
PERSONAL = ("age", "weight")
LEVELS = MEASURED + PERSONAL

YOUNGEST, OLDEST = 18.0, 95.0

# Correlations of levels beside those with phosphate, so that records hang together: creatinine falls with
# age and lost muscle; PTH drives bone ALP; inflammation lowers albumin; the same session cleans a larger
# body less.
OTHER_CORRELATIONS: tuple[tuple[str, str, float, str], ...] = (
    ("creatinine", "age", -0.30, UNCALIBRATED),
    ("pth", "alp", 0.30, UNCALIBRATED),
    ("crp", "albumin", -0.40, UNCALIBRATED),
    ("kt_v", "weight", -0.30, UNCALIBRATED),
)


@dataclass(frozen=True, slots=True)
class Course:
    """Standard normal levels of the patients and their movement month by month.

    `level` is (patients, len(LEVELS)); `drift` and `noise` are (patients, months, len(MEASURED)).
    """

    level: Floats
    drift: Floats
    noise: Floats

    def score(self, name: str) -> Floats:
        """Standard normal level of each patient in `name`, one of LEVELS."""
        return self.level[:, LEVELS.index(name)]

    def values(self, name: str, quantity: Quantity) -> Floats:
        """True values of `name` per patient and month, before rounding, in the canonical unit."""
        column = MEASURED.index(name)
        shift = (
            quantity.between * self.level[:, column, np.newaxis]
            + quantity.drift * self.drift[:, :, column]
            + quantity.noise * self.noise[:, :, column]
        )
        if quantity.shape is Shape.LOGNORMAL:
            return np.asarray(quantity.centre * np.exp(shift))
        return np.asarray(quantity.centre + shift)


def level_correlation(scenario: Scenario) -> Floats:
    """Correlation matrix of the patients' levels, (len(LEVELS), len(LEVELS)).

    The scenario states correlations of single results. Where levels and movements are correlated alike,
    a result's correlation is the latent one weakened by what the two quantities do not share; it is
    divided out here. Two quantities without a stated correlation share only what both share with phosphate.
    """
    matrix = _around_phosphate(scenario, LEVELS)
    for one, other, correlation, _ in OTHER_CORRELATIONS:
        row, column = LEVELS.index(one), LEVELS.index(other)
        matrix[row, column] = matrix[column, row] = correlation
    return matrix


def movement_correlation(scenario: Scenario) -> Floats:
    """Correlation matrix of drift and of noise, (len(MEASURED), len(MEASURED))."""
    return _around_phosphate(scenario, MEASURED)


def _around_phosphate(scenario: Scenario, names: tuple[str, ...]) -> Floats:
    with_phosphate = np.array([_latent_with_phosphate(scenario, name) for name in names])
    matrix = np.outer(with_phosphate, with_phosphate)
    np.fill_diagonal(matrix, 1.0)
    return matrix


def _latent_with_phosphate(scenario: Scenario, name: str) -> float:
    if name == "phosphate":
        return 1.0
    stated = scenario.phosphate_with.get(name)
    if stated is None:
        return 0.0
    phosphate = scenario.phosphate
    if name in PERSONAL:  # a fixed trait can only follow the patient's own level
        return stated.value / math.sqrt(phosphate.icc)
    other = scenario.quantities[name]
    # Drifts that forget at different speeds are less alike than their innovations.
    alike = math.sqrt((1 - phosphate.rho**2) * (1 - other.rho**2)) / (1 - phosphate.rho * other.rho)
    shared = phosphate.between * other.between + alike * phosphate.drift * other.drift + phosphate.noise * other.noise
    return stated.value * phosphate.spread * other.spread / shared


def draw_course(scenario: Scenario, *, patients: int, months: int, streams: Streams) -> Course:
    """Levels and movements of `patients` over `months`; ages are drawn again until within 18 to 95."""
    rng = streams.named("levels")
    factor = lower_factor(level_correlation(scenario))
    level = rng.standard_normal((patients, len(LEVELS))) @ factor.T
    age = LEVELS.index("age")
    low = (YOUNGEST - scenario.age_mean.value) / scenario.age_sd.value
    high = (OLDEST - scenario.age_mean.value) / scenario.age_sd.value
    while (outside := (level[:, age] < low) | (level[:, age] >= high)).any():
        level[outside] = rng.standard_normal((int(outside.sum()), len(LEVELS))) @ factor.T

    moves = lower_factor(movement_correlation(scenario)).T
    shape = (patients, months, len(MEASURED))
    rho = np.array([scenario.quantities[name].rho for name in MEASURED])
    drift = drifting(streams.named("drift").standard_normal(shape) @ moves, rho)
    noise = streams.named("noise").standard_normal(shape) @ moves
    return Course(level, drift, noise)
