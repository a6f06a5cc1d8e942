"""The scenarios of the simulator: each figure of each population with the publication it comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from monitoring.simulation.sources import UNCALIBRATED


class Shape(StrEnum):
    """The distribution of a quantity over patients and months."""

    NORMAL = "normal"
    LOGNORMAL = "lognormal"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a scenario and its source: keys of `SOURCES`, or "expert default, uncalibrated"."""

    value: float
    source: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """How one measured quantity is spread over patients, and how it moves within one.

    Value of patient i in month t = centre + patient's own level + slow drift (AR(1), `rho` a month)
    + noise of the visit and of the laboratory, all on the scale of the shape. `centre` is the mean
    (normal) or the median (lognormal); `spread`, `drift` and `noise` are standard deviations on that
    scale (of the logarithm for lognormal), `spread` being the whole.
    """

    shape: Shape
    centre: float
    spread: float
    drift: float
    rho: float
    noise: float
    source: str
    variation_source: str

    @property
    def between(self) -> float:
        """Standard deviation of the patients' own levels, on the scale of the shape."""
        return math.sqrt(self.spread**2 - self.drift**2 - self.noise**2)

    @property
    def icc(self) -> float:
        """Share of the whole variance that lies between patients."""
        return self.between**2 / self.spread**2


def from_mean(mean: float, sd: float) -> tuple[float, float]:
    """Median and log-SD of the lognormal with this mean and standard deviation."""
    sigma = math.sqrt(math.log1p((sd / mean) ** 2))
    return mean / math.exp(sigma**2 / 2), sigma


def _shares(centre: float, spread: float, drift: float, noise: float) -> tuple[float, float, float, float]:
    """Centre and spread with drift and noise given as shares of the variance."""
    return centre, spread, spread * math.sqrt(drift), spread * math.sqrt(noise)


def _quantity(
    shape: Shape, figures: tuple[float, float, float, float], rho: float, source: str, variation: str
) -> Quantity:
    centre, spread, drift, noise = figures
    return Quantity(shape, centre, spread, drift, rho, noise, source, variation)


def _phosphate(centre: float, spread: float, source: str) -> Quantity:
    return _quantity(Shape.LOGNORMAL, (centre, spread, 0.12, 0.13), 0.7, source, "COR20, ZHU")


def _corrected_calcium(mean: float, sd: float, source: str) -> Quantity:
    return _quantity(Shape.NORMAL, (mean, sd, 0.20, 0.29), 0.6, source, "COR20")


def _pth(median: float, sigma: float, source: str) -> Quantity:
    return _quantity(Shape.LOGNORMAL, (median, sigma, 0.15, 0.22), 0.85, source, "GAR10, COR20")


_BUN_TO_UREA = 0.357  # mg/dL of urea nitrogen to mmol/L of urea

# What the scenarios share. The shares of drift and noise without a publication are expert defaults.
_COMMON: Mapping[str, Quantity] = MappingProxyType(
    {
        "urea": _quantity(
            Shape.LOGNORMAL,
            _shares(*from_mean(62 * _BUN_TO_UREA, 17 * _BUN_TO_UREA), 0.2, 0.3),
            0.7, "QCO", UNCALIBRATED,
        ),
        "creatinine": _quantity(
            Shape.LOGNORMAL, _shares(*from_mean(8.5, 2.7), 0.1, 0.1), 0.7, "QCO", UNCALIBRATED
        ),
        "albumin": _quantity(Shape.NORMAL, (3.7, 0.4, 0.12, 0.13), 0.8, "JAS, QCO, MG19", UNCALIBRATED),
        "alp": _quantity(
            Shape.LOGNORMAL, (90, 0.45, 0.08, 0.07),
            0.85, UNCALIBRATED, f"GAR10 (larger than in health); {UNCALIBRATED}",
        ),
        # Shares chosen so that a value above 26 is above 26 a month later in a third of cases (PAT15).
        "bicarbonate": _quantity(Shape.NORMAL, _shares(22.6, 2.7, 0.16, 0.48), 0.6, "UKRR, BOM", "PAT15"),
        "magnesium": _quantity(Shape.NORMAL, (2.4, 0.35, 0.14, 0.16), 0.7, "MG19", UNCALIBRATED),
        "vitamin_d_25oh": _quantity(Shape.LOGNORMAL, (20, 0.5, 0.18, 0.15), 0.85, "RMR", UNCALIBRATED),
        "crp": _quantity(Shape.LOGNORMAL, (5, 1.1, 0.5, 0.55), 0.6, UNCALIBRATED, UNCALIBRATED),
        "kt_v": _quantity(Shape.NORMAL, (1.50, 0.25, 0.08, 0.13), 0.7, "QCO, GCC, CHD21, UKU", UNCALIBRATED),
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scenario:
    """One population: its quantities by analyte code (corrected calcium instead of measured) and its habits.

    Rates and shares are fractions of one; `*_rho` are correlations with phosphate.
    """

    name: str
    quantities: Mapping[str, Quantity]
    age_mean: Figure = Figure(62, "JAS, QCO (expert fit)")
    age_sd: Figure = Figure(14, UNCALIBRATED)
    vintage_median: Figure = Figure(4.0, "QCO, MG19, CHD21, RAB (expert fit)")
    vintage_sigma: Figure = Figure(0.95, "QCO, MG19, CHD21, RAB (expert fit)")
    ckd_before_dialysis_median: Figure = Figure(5.0, UNCALIBRATED)
    ckd_before_dialysis_sigma: Figure = Figure(0.8, UNCALIBRATED)
    dialysis_start_unknown: Figure = Figure(0.03, UNCALIBRATED)
    ckd_onset_unknown: Figure = Figure(0.25, UNCALIBRATED)
    female: Figure = Figure(0.40, UNCALIBRATED)
    # Correlations of the levels, all taken over as proposed: none was fitted to patients.
    phosphate_with: Mapping[str, Figure] = field(
        default_factory=lambda: MappingProxyType(
            {
                "urea": Figure(0.40, UNCALIBRATED),
                "creatinine": Figure(0.35, UNCALIBRATED),
                "pth": Figure(0.20, UNCALIBRATED),
                "age": Figure(-0.20, UNCALIBRATED),
                "bicarbonate": Figure(-0.30, "BOM (direction only)"),
            }
        )
    )
    any_binder: Figure = Figure(0.80, "DPMB")
    calcium_binder_among_users: Figure = Figure(0.35, UNCALIBRATED)
    active_vitamin_d: Figure = Figure(0.60, "QCO")
    calcimimetic: Figure = Figure(0.28, UNCALIBRATED)
    warfarin: Figure = Figure(0.08, UNCALIBRATED)
    bath_calcium: Mapping[float, float] = field(
        default_factory=lambda: MappingProxyType({1.25: 0.35, 1.50: 0.58, 1.75: 0.07})
    )
    bath_calcium_source: str = "CHQ"
    bath_bicarbonate_mean: Figure = Figure(35.5, "TEN13")
    bath_bicarbonate_sd: Figure = Figure(2.7, "TEN13")
    hip_pain: Figure = Figure(0.20, f"EGY (12-month figures); monthly value {UNCALIBRATED}")
    shoulder_pain: Figure = Figure(0.22, f"EGY (12-month figures); monthly value {UNCALIBRATED}")
    neck_pain: Figure = Figure(0.18, f"EGY (12-month figures); monthly value {UNCALIBRATED}")
    loss_of_motion: Figure = Figure(0.10, UNCALIBRATED)
    mass_per_100_patient_years: Figure = Figure(0.22, "LIM (prevalence 1 % over about 5 years)")
    missed_sessions: Figure = Figure(0.03, UNCALIBRATED)
    shortened_sessions: Figure = Figure(0.05, UNCALIBRATED)
    skipped_months: Figure = Figure(0.05, UNCALIBRATED)
    missing_results: Figure = Figure(0.025, UNCALIBRATED)
    mistaken_results: Figure = Figure(0.03, UNCALIBRATED)

    @property
    def phosphate(self) -> Quantity:
        """The quantity with which the others are correlated."""
        return self.quantities["phosphate"]


def _quantities(
    phosphate: Quantity, corrected_calcium: Quantity, pth: Quantity, **others: Quantity
) -> Mapping[str, Quantity]:
    return MappingProxyType(
        {"calcium_corrected": corrected_calcium, "phosphate": phosphate, "pth": pth, **_COMMON, **others}
    )


UK = Scenario(
    name="uk",
    quantities=_quantities(
        phosphate=_phosphate(4.83, 0.237, "UKRR, COZ"),
        corrected_calcium=_corrected_calcium(9.38, 0.47, "UKRR"),
        pth=_pth(292, 0.95, "UKRR"),
    ),
)

US = Scenario(
    name="us",
    quantities=_quantities(
        phosphate=_phosphate(*from_mean(5.6, 5.6 * 0.29), "GUE"),
        corrected_calcium=_corrected_calcium(9.2, 0.65, "QCO, CHI12, JAS (expert fit)"),
        pth=_pth(330, 0.70, "DPM, JAS"),
    ),
    vintage_median=Figure(3.0, UNCALIBRATED),
)

HIGH = Scenario(
    name="high",
    quantities=_quantities(
        phosphate=_phosphate(*from_mean(6.3, 6.3 * 0.33), "CHI12, COZ, CHD"),
        corrected_calcium=_corrected_calcium(9.2, 0.65, "CHI12, QCO (expert fit)"),
        pth=_pth(330, 0.70, "COZ, CHD"),
    ),
    age_mean=Figure(58.7, "CHD21"),
    vintage_median=Figure(3.4, "CHD21"),
    vintage_sigma=Figure(1.06, "CHD21"),
    mass_per_100_patient_years=Figure(0.30, "LIM (upper end of the derived range)"),
)

_RABAT_MEDIAN, _RABAT_SIGMA = from_mean(65 / 12, 46 / 12)

MOROCCO = Scenario(
    name="morocco",
    quantities=_quantities(
        # No distribution of phosphate or calcium in Morocco was read: the US-like shape stands in.
        phosphate=_phosphate(*from_mean(5.6, 5.6 * 0.29), UNCALIBRATED),
        corrected_calcium=_corrected_calcium(9.2, 0.65, UNCALIBRATED),
        pth=_pth(500, 1.0, f"RMR (peritoneal dialysis); {UNCALIBRATED}"),
        vitamin_d_25oh=_quantity(
            Shape.LOGNORMAL,
            (*from_mean(23.7, 11.6), 0.18, 0.15),
            0.85,
            "RMR (peritoneal dialysis)",
            UNCALIBRATED,
        ),
    ),
    # A mean of 42 after truncation at 18 needs a centre a little lower.
    age_mean=Figure(40.5, "RAB"),
    vintage_median=Figure(_RABAT_MEDIAN, "RAB"),
    vintage_sigma=Figure(_RABAT_SIGMA, "RAB"),
    mass_per_100_patient_years=Figure(0.30, "LIM (upper end of the derived range)"),
)

SCENARIOS: Mapping[str, Scenario] = MappingProxyType({each.name: each for each in (UK, US, HIGH, MOROCCO)})


def scenario_named(name: str) -> Scenario:
    """The scenario called `name` (uk, us, high, morocco); ValueError naming the known ones otherwise."""
    try:
        return SCENARIOS[name]
    except KeyError:
        raise ValueError(f"No scenario is called {name!r}; there are {', '.join(SCENARIOS)}.") from None
