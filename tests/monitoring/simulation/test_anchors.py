"""The simulated populations against the published figures they claim to follow.

Tolerance: three standard errors with the *patient* as the unit of sampling (the months of one patient are
counted as one, which is too few and therefore never too strict), plus half the last digit of the published
figure. A share beyond a limit counts results printed exactly at the limit as half beyond it, since a
printed 5.5 stands for everything from 5.45 to 5.55.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from monitoring.simulation import Cohort
from tests.monitoring.simulation.conftest import PATIENTS

Panels = Callable[[str], pd.DataFrame]


def share_above(values: pd.Series, limit: float) -> float:
    known = values.dropna()
    return float(((known > limit + 1e-9).mean() + (known > limit - 1e-9).mean()) / 2)


def tolerance_of_share(share: float, patients: int = PATIENTS) -> float:
    return 3 * math.sqrt(share * (1 - share) / patients)


SHARES_ABOVE = [
    # sentence, scenario, quantity, limit, published share, half its last digit
    ("UK: 35.9 % of phosphates are above 1.7 mmol/L (UKRR)", "uk", "phosphate", 1.7 / 0.3229, 0.359, 0.0005),
    ("UK: 7.0 % are below 1.1 mmol/L (UKRR)", "uk", "phosphate", 1.1 / 0.3229, 0.93, 0.0005),
    ("UK: the fit puts 29 % of phosphates above 5.5 mg/dL", "uk", "phosphate", 5.5, 0.29, 0.005),
    ("UK: 6 % of phosphates are above 7.0 mg/dL (COZ)", "uk", "phosphate", 7.0, 0.06, 0.005),
    ("US-like: 47 % above 5.5", "us", "phosphate", 5.5, 0.47, 0.005),
    ("US-like: 18 % above 7.0", "us", "phosphate", 7.0, 0.18, 0.005),
    ("high: 57.4 % measured, 60 % by the fit, above 5.5 (CHI12)", "high", "phosphate", 5.5, 0.60, 0.005),
    ("high: 31 % above 7.0 by the fit (China 27 %, CHD)", "high", "phosphate", 7.0, 0.31, 0.005),
    ("UK: 4 % of corrected calciums are above 10.2", "uk", "cca", 10.2, 0.04, 0.005),
    ("US-like: 6 % of corrected calciums are above 10.2", "us", "cca", 10.2, 0.06, 0.005),
    ("UK: CaxP above 55 in 21 %", "uk", "caxp", 55, 0.21, 0.005),
    ("UK: CaxP above 70 in 3.5 %", "uk", "caxp", 70, 0.035, 0.0005),
    ("US-like: CaxP above 55 in 35 %", "us", "caxp", 55, 0.35, 0.005),
    ("US-like: CaxP above 70 in 12 %", "us", "caxp", 70, 0.12, 0.005),
    ("high: CaxP above 55 in 50 %", "high", "caxp", 55, 0.50, 0.005),
    ("high: CaxP above 70 in 23 %", "high", "caxp", 70, 0.23, 0.005),
    ("UK: 18.8 % of PTHs are above 72 pmol/L (UKRR)", "uk", "pth", 72 / 0.106, 0.188, 0.0005),
    ("UK: 75.6 % are above 16 pmol/L (UKRR)", "uk", "pth", 16 / 0.106, 0.756, 0.0005),
    ("US-like: 20 % of PTHs are above 600 pg/mL (DPM)", "us", "pth", 600, 0.20, 0.005),
    ("bicarbonate is above 27 in 5 %", "uk", "bicarbonate", 27, 0.05, 0.005),
    ("bicarbonate is above 24 in 30.4 % (64.3 % in 18-24, UKRR)", "uk", "bicarbonate", 24, 0.304, 0.002),
]  # fmt: skip


@pytest.mark.parametrize("sentence, scenario, quantity, limit, published, half_digit", SHARES_ABOVE)
def test_share_above(
    panels: Panels,
    sentence: str,
    scenario: str,
    quantity: str,
    limit: float,
    published: float,
    half_digit: float,
) -> None:
    share = share_above(panels(scenario)[quantity], limit)
    assert share == pytest.approx(published, abs=tolerance_of_share(published) + half_digit), sentence


MEANS = [
    # sentence, scenario, quantity, mean, SD, half the last digit
    ("UK phosphate: mean 4.97 (4.8 in Europe, GUE, is within the fit)", "uk", "phosphate", 4.97, 1.19, 0.005),
    ("US phosphate: mean 5.6, CV 0.29 (GUE)", "us", "phosphate", 5.6, 1.624, 0.05),
    ("high phosphate: mean 6.3, SD 2.1 (CHI12)", "high", "phosphate", 6.3, 2.08, 0.05),
    ("UK corrected calcium: 9.38, SD 0.47", "uk", "cca", 9.38, 0.47, 0.005),
    ("US-like corrected calcium: 9.2, SD 0.65", "us", "cca", 9.2, 0.65, 0.005),
    ("UK CaxP: 46.5, SD 11.4", "uk", "caxp", 46.5, 11.4, 0.05),
    ("US-like CaxP: 51.5, SD 15.4", "us", "caxp", 51.5, 15.4, 0.05),
    ("high CaxP: 57.9, SD 19.7", "high", "caxp", 57.9, 19.7, 0.05),
    ("albumin: 3.7, SD 0.4 (JAS, QCO)", "uk", "albumin", 3.7, 0.4, 0.005),
    ("urea: BUN 62, SD 17 mg/dL (QCO), in mmol/L", "us", "urea", 62 * 0.357, 17 * 0.357, 0.05),
    ("creatinine: 8.5, SD 2.7 (QCO)", "us", "creatinine", 8.5, 2.7, 0.05),
    ("bicarbonate: 22.6, SD 2.7", "us", "bicarbonate", 22.6, 2.7, 0.05),
    ("magnesium: 2.4, SD 0.35 (MG19)", "us", "magnesium", 2.4, 0.35, 0.005),
    ("Morocco 25-OH-D: 23.7, SD 11.6 (RMR)", "morocco", "vitamin_d_25oh", 23.7, 11.6, 0.05),
]  # fmt: skip


@pytest.mark.parametrize("sentence, scenario, quantity, mean, sd, half_digit", MEANS)
def test_mean_and_spread(
    panels: Panels, sentence: str, scenario: str, quantity: str, mean: float, sd: float, half_digit: float
) -> None:
    values = panels(scenario)[quantity].dropna()
    assert values.mean() == pytest.approx(mean, abs=3 * sd / math.sqrt(PATIENTS) + half_digit), sentence
    # The SD of a skewed quantity has a standard error of about twice the normal one.
    assert values.std() == pytest.approx(sd, abs=3 * 2 * sd / math.sqrt(2 * PATIENTS) + half_digit), sentence


@pytest.mark.parametrize(
    "scenario, quantity, median, sigma",
    [
        ("uk", "pth", 292, 0.95),
        ("us", "pth", 330, 0.70),
        ("morocco", "pth", 500, 1.0),
        ("uk", "alp", 90, 0.45),
        ("uk", "vitamin_d_25oh", 20, 0.5),
        ("uk", "phosphate", 4.83, 0.237),
    ],
)
def test_medians_of_skewed_quantities(
    cohort: Callable[[str], Cohort], panels: Panels, scenario: str, quantity: str, median: float, sigma: float
) -> None:
    values = panels(scenario)[quantity].dropna()
    if quantity == "alp":  # measured more often with a high PTH, so look at one result a patient
        values = values.groupby("patient").last()
    # The median of a normal has a standard error 1.25 times that of the mean. Rounding to whole units adds.
    assert np.log(values).median() == pytest.approx(
        math.log(median), abs=3 * 1.25 * sigma / math.sqrt(PATIENTS) + 0.5 / median
    )


def test_us_phosphate_percentiles(panels: Panels) -> None:
    """Percentiles 5/25/50/75/95 of the US-like fit are 3.4/4.4/5.4/6.5/8.6."""
    found = panels("us")["phosphate"].quantile([0.05, 0.25, 0.5, 0.75, 0.95])
    assert found.to_numpy() == pytest.approx([3.4, 4.4, 5.4, 6.5, 8.6], abs=0.15)


@pytest.mark.parametrize("scenario, published", [("uk", 0.58), ("us", 0.75), ("high", 0.83)])
def test_high_phosphate_persists_as_often_as_published(panels: Panels, scenario: str, published: float) -> None:
    """P above 5.5 is still above it next month in 58, 75, 83 %."""
    wide = panels(scenario)["phosphate"].dropna().reset_index()
    later = wide.groupby("patient").shift(-1)
    next_month = (later["taken_at"] - wide["taken_at"]).dt.days < 40
    pairs = pd.DataFrame({"now": wide["phosphate"], "then": later["phosphate"]})[next_month]
    # Half of a printed 5.5 lies above 5.5: average over both readings of the limit.
    found = np.mean([(pairs.loc[pairs["now"] > cut, "then"] > cut).mean() for cut in (5.45, 5.55)])
    assert found == pytest.approx(published, abs=tolerance_of_share(published, int(PATIENTS * 0.4)) + 0.005)


def test_high_bicarbonate_mostly_normalises_by_itself(panels: Panels) -> None:
    """Only 34 % of values above 26 stay there next month (PAT15)."""
    wide = panels("uk")["bicarbonate"].dropna().reset_index()
    then = wide.groupby("patient")["bicarbonate"].shift(-1)
    found = np.mean([(then[wide["bicarbonate"] > cut].dropna() > cut).mean() for cut in (25.5, 26.5)])
    assert found == pytest.approx(0.34, abs=tolerance_of_share(0.34, int(PATIENTS * 0.1)))


def test_within_patient_variation_of_phosphate(panels: Panels) -> None:
    """Between the steady-state 13.1 % (COR20) and the 22.6 % of a real-life registry (ZHU)."""
    logs = np.log(panels("us")["phosphate"].dropna())
    by_patient = logs.groupby("patient")
    noise_and_step = math.sqrt((by_patient.diff().dropna() ** 2).mean() / 2)
    # noise 0.13 and a month's step of the drift: sqrt(0.13^2 + 0.12^2 (1 - 0.7)) = 0.146, a little more
    # where a month was skipped
    assert noise_and_step == pytest.approx(0.147, abs=0.004)
    long_run = by_patient.std()[by_patient.count() >= 18].median()
    assert 0.131 < long_run < 0.226


def test_within_patient_variation_of_corrected_calcium(panels: Panels) -> None:
    cca = panels("us")["cca"].dropna()
    step = math.sqrt((cca.groupby("patient").diff().dropna() ** 2).mean() / 2)
    # sqrt(0.29^2 + 0.20^2 (1 - 0.6)) = 0.316, and rounding of calcium and albumin
    assert step == pytest.approx(0.32, abs=0.01)
    assert step / cca.mean() < 0.038 * 1.1  # COR20: 3.8 %


def test_within_patient_variation_of_pth_lies_in_the_published_range(panels: Panels) -> None:
    """20.3-25.6 % (COR20, GAR10)."""
    logs = np.log(panels("us")["pth"].dropna())
    step = math.sqrt((logs.groupby("patient").diff().dropna() ** 2).mean() / 2)
    assert 0.203 < step < 0.265


CORRELATIONS = [
    ("phosphate rises with urea", "urea", 0.40),
    ("phosphate rises with creatinine", "creatinine", 0.35),
    ("phosphate rises with PTH", "pth", 0.20),
    ("phosphate falls with bicarbonate", "bicarbonate", -0.30),
    ("phosphate falls with age", "age", -0.20),
    ("phosphate and corrected calcium go their own ways", "cca", 0.0),
]


@pytest.mark.parametrize("scenario", ["uk", "high"])
@pytest.mark.parametrize("sentence, other, expected", CORRELATIONS)
def test_correlations_with_phosphate(
    cohort: Callable[[str], Cohort], panels: Panels, scenario: str, sentence: str, other: str, expected: float
) -> None:
    wide = panels(scenario).copy()
    wide["age"] = cohort(scenario).patients["age"].reindex(wide.index.get_level_values("patient")).to_numpy()
    skewed = {"urea", "creatinine", "pth"}
    pair = wide[["phosphate", other]].dropna()
    x = np.log(pair["phosphate"])
    y = np.log(pair[other]) if other in skewed else pair[other]
    assert np.corrcoef(x, y)[0, 1] == pytest.approx(expected, abs=3 * (1 - expected**2) / math.sqrt(PATIENTS)), sentence


def test_dialysis_dose(cohort: Callable[[str], Cohort]) -> None:
    """spKt/V 1.50, SD 0.25; below 1.2 in 11.5 %; URR above 65 % in the 85-89 % of the UK."""
    dose = cohort("uk").readings.query("analyte == 'kt_v'")["value"]
    assert dose.mean() == pytest.approx(1.50, abs=3 * 0.25 / math.sqrt(PATIENTS))
    assert dose.std() == pytest.approx(0.25, abs=3 * 0.25 / math.sqrt(2 * PATIENTS))
    below = 1 - share_above(dose, 1.2)
    assert below == pytest.approx(0.115, abs=tolerance_of_share(0.115) + 0.0005)
    urr = cohort("uk").readings.query("analyte == 'urr'")["value"]
    assert 0.855 - tolerance_of_share(0.855) < share_above(urr, 65) < 0.886 + tolerance_of_share(0.886)


def test_vintage(cohort: Callable[[str], Cohort]) -> None:
    """Median 4.0 years; over 5 years 41 %, over 10 years 17 %, over 20 years 4.5 %."""
    years = cohort("uk").patients["vintage_years"]
    assert years.median() == pytest.approx(4.0, abs=4.0 * 3 * 1.25 * 0.95 / math.sqrt(PATIENTS))
    assert (years > 5).mean() == pytest.approx(0.41, abs=tolerance_of_share(0.41) + 0.005)
    assert (years > 10).mean() == pytest.approx(0.17, abs=tolerance_of_share(0.17) + 0.005)
    assert (years > 20).mean() == pytest.approx(0.045, abs=tolerance_of_share(0.045) + 0.0005)


@pytest.mark.parametrize("scenario, mean, slack", [("uk", 62, 0.5), ("morocco", 42, 0.5)])
def test_age(cohort: Callable[[str], Cohort], scenario: str, mean: float, slack: float) -> None:
    age = cohort(scenario).patients["age"] + 0.5  # ages are completed years
    assert age.mean() == pytest.approx(mean, abs=3 * 14 / math.sqrt(PATIENTS) + slack)
    assert age.min() >= 18
    assert age.max() < 95.5


def test_rabat_vintage(cohort: Callable[[str], Cohort]) -> None:
    """65 months, SD 46 (RAB)."""
    months = cohort("morocco").patients["vintage_years"] * 12
    assert months.mean() == pytest.approx(65, abs=3 * 46 / math.sqrt(PATIENTS))


TREATMENTS = [
    ("any binder 80 %", ("calcium_binder", "other_binder"), 0.80),
    ("calcium-based in 35 % of the users", ("calcium_binder",), 0.28),
    ("active vitamin D 60 %", ("active_vitamin_d",), 0.60),
    ("calcimimetic 28 %", ("calcimimetic",), 0.28),
    ("warfarin 8 %", ("vitamin_k_antagonist",), 0.08),
]


@pytest.mark.parametrize("sentence, classes, share", TREATMENTS)
def test_treatments_taken_at_the_end(
    cohort: Callable[[str], Cohort], sentence: str, classes: tuple[str, ...], share: float
) -> None:
    treatments = cohort("uk").treatments
    current = treatments[treatments["stopped_on"].isna() & treatments["drug_class"].isin(classes)]
    assert current["patient"].nunique() / PATIENTS == pytest.approx(share, abs=tolerance_of_share(share)), sentence


@pytest.mark.parametrize("calcium, share", [(1.25, 0.35), (1.50, 0.58), (1.75, 0.07)])
def test_dialysate_calcium(cohort: Callable[[str], Cohort], calcium: float, share: float) -> None:
    current = cohort("uk").prescriptions.query("ended_on.isna()")
    assert len(current) == PATIENTS
    found = (current["dialysate_calcium"] == calcium).mean()
    assert found == pytest.approx(share, abs=tolerance_of_share(share))


@pytest.mark.parametrize("site, share", [("hip", 0.20), ("shoulder", 0.22), ("neck", 0.18)])
def test_monthly_prevalence_of_pain(cohort: Callable[[str], Cohort], site: str, share: float) -> None:
    held = cohort("uk")
    pain = held.findings.query("kind == 'pain' and site == @site")
    when = pd.Timestamp(held.end) - pd.Timedelta(days=200)
    present = pain[(pain["noted_at"] <= when) & ~(pain["resolved_at"] <= when)]["patient"].nunique()
    dialysed = (held.patients["vintage_years"] > 200 / 365.25).sum()
    assert present / dialysed == pytest.approx(share, abs=tolerance_of_share(share))


def test_masses_are_as_rare_as_the_incidence(cohort: Callable[[str], Cohort]) -> None:
    """0.22 per 100 patient-years; a Poisson count within four standard deviations."""
    held = cohort("uk")
    masses = (held.findings["kind"] == "mass").sum()
    patient_years = np.minimum(held.patients["vintage_years"], 2).sum()
    expected = 0.22 / 100 * patient_years
    assert abs(masses - expected) < 4 * math.sqrt(expected)
    assert masses > 0
