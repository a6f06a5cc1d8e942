"""Conversion of units: right numbers, and a refusal whenever the unit does not decide."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ucumvert import PintUcumRegistry

from monitoring.clinical.analytes import BY_CODE, Kind
from monitoring.clinical.units import (
    FACTORS,
    SPELLINGS,
    Factor,
    KindConflict,
    MissingUnit,
    UnknownUnit,
    display_value,
    fold_unit,
    from_canonical,
    to_canonical,
    to_ucum,
)
from monitoring.errors import InvalidValue

# analyte, kind, value, unit as sent, canonical value: worked out by hand from the published factors.
CONVERSIONS = [
    ("calcium", None, "2.54", "mmol/L", "10.1804"),
    ("calcium", Kind.MASS, "10.2", "mg/dl", "10.2"),
    ("calcium", None, "5.1", "mEq/L", "10.2204"),
    ("calcium_ionised", None, "4.8", "mg/dL", "1.1976"),
    ("phosphate", Kind.MOLAR, "1.78", "mmol/l", "5.5125"),
    ("urea", Kind.BUN, "50", "mg/dL", "17.85"),
    ("urea", Kind.UREA, "50", "mg/dL", "8.325"),
    ("urea", Kind.UREA, "0.50", "g/L", "8.325"),
    ("urea", Kind.BUN, "17.85", "mmol/L", "17.85"),
    ("creatinine", None, "884.2", "µmol/L", "10"),
    ("creatinine", None, "884.2", "μmol/l", "10"),
    ("albumin", None, "37", "g/l", "3.7"),
    ("pth", None, "31.8", "pmol/L", "300"),
    ("pth", None, "300", "ng/L", "300"),
    ("alp", None, "2", "ukat/L", "120"),
    ("alp", None, "120", "IU/L", "120"),
    ("bicarbonate", None, "22", "mEq/L", "22"),
    ("magnesium", None, "1.0285", "mmol/L", "2.5"),
    ("vitamin_d_25oh", None, "49.92", "nmol/L", "20"),
    ("crp", None, "1.5", "mg/dL", "15"),
    ("kt_v", None, "1.4", "", "1.4"),
    ("urr", None, "70", "%", "70"),
    ("weight", None, "71.5", "kg", "71.5"),
]


@pytest.mark.parametrize(("analyte", "kind", "value", "unit", "canonical"), CONVERSIONS)
def test_a_value_is_converted_to_the_canonical_unit(
    analyte: str, kind: Kind | None, value: str, unit: str, canonical: str
) -> None:
    assert to_canonical(analyte, kind, Decimal(value), unit) == Decimal(canonical)


REFUSED = [
    ("calcium", None, "", MissingUnit, "missing-unit"),
    ("calcium", None, "  ", MissingUnit, "missing-unit"),
    ("urr", None, "", MissingUnit, "missing-unit"),  # 0.7 or 70?
    ("calcium", None, "furlong", UnknownUnit, "unknown-unit"),
    ("calcium", None, "g/dL", UnknownUnit, "unit-not-of-analyte"),
    ("albumin", None, "mg/dL", UnknownUnit, "unit-not-of-analyte"),
    ("albumin", Kind.MOLAR, "umol/L", UnknownUnit, "unit-not-of-analyte"),
    ("calcium", Kind.MASS, "mmol/L", KindConflict, "code-unit-conflict"),
    ("phosphate", Kind.MOLAR, "mg/dL", KindConflict, "code-unit-conflict"),
    ("urea", Kind.MOLAR, "mg/dL", KindConflict, "code-unit-conflict"),
    ("urea", Kind.BUN, "g/L", KindConflict, "code-unit-conflict"),
    ("urea", None, "mg/dL", KindConflict, "urea-or-bun-unclear"),
    ("alp", None, "%", UnknownUnit, "unit-not-of-analyte"),
]


@pytest.mark.parametrize(("analyte", "kind", "unit", "error", "code"), REFUSED)
def test_a_unit_that_does_not_decide_is_refused(
    analyte: str, kind: Kind | None, unit: str, error: type[InvalidValue], code: str
) -> None:
    with pytest.raises(error) as refusal:
        to_canonical(analyte, kind, Decimal(5), unit)
    assert refusal.value.code == code
    assert len(refusal.value.message) > 20


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "sNaN"])
def test_a_number_that_is_not_finite_is_refused(number: str) -> None:
    with pytest.raises(InvalidValue):
        to_canonical("calcium", None, Decimal(number), "mg/dL")


@given(
    row=st.sampled_from(FACTORS),
    share=st.decimals(min_value=0, max_value=1, places=4),
)
def test_a_plausible_value_survives_the_way_out_and_back(row: Factor, share: Decimal) -> None:
    analyte = BY_CODE[row.analyte]
    canonical = (analyte.low + share * (analyte.high - analyte.low)).quantize(Decimal("0.0001"))
    there = from_canonical(row.analyte, canonical, row.unit, kind=row.kind)
    back = to_canonical(row.analyte, row.kind, there, row.unit)
    # `there` is kept to 0.0001 of its own unit, worth this much of the canonical one.
    assert abs(back - canonical) <= Decimal("0.0001") * (row.multiply / row.divide + 1)


@given(
    row=st.sampled_from([row for row in FACTORS if row.unit not in ("1", "%")]),
    digits=st.integers(min_value=1, max_value=9999),
    decimals=st.integers(min_value=0, max_value=2),
)
def test_two_decimals_as_printed_are_found_again(row: Factor, digits: int, decimals: int) -> None:
    printed = Decimal(digits).scaleb(-decimals)
    canonical = to_canonical(row.analyte, row.kind, printed, row.unit)
    again = from_canonical(row.analyte, canonical, row.unit, kind=row.kind)
    assert abs(again - printed) < Decimal("0.005") * max(1, row.divide / row.multiply / 10)


def test_the_factors_agree_with_an_independent_unit_library() -> None:
    registry = PintUcumRegistry()

    def in_base(unit: str) -> object:
        return registry.from_ucum(unit)

    compared = 0
    for row in FACTORS:
        analyte = BY_CODE[row.analyte]
        sent, canonical = in_base(row.unit), in_base(analyte.unit)
        same_kind = row.unit != "meq/L" and (row.kind not in (Kind.BUN, Kind.UREA))
        if same_kind and sent.dimensionality == canonical.dimensionality:  # type: ignore[attr-defined]
            expected = float((1 * sent).to(canonical).magnitude)  # type: ignore[operator, attr-defined]
            assert float(row.multiply / row.divide) == pytest.approx(expected, rel=1e-9), row
            compared += 1
    assert compared >= 20


# Molar masses (g/mol) from general chemistry: the clinical factors must agree to the digits they carry.
MOLAR_MASSES = [
    ("calcium", "mmol/L", Decimal("40.078")),
    ("phosphate", "mmol/L", Decimal("30.974")),
    ("magnesium", "mmol/L", Decimal("24.305")),
]


@pytest.mark.parametrize(("analyte", "unit", "mass"), MOLAR_MASSES)
def test_the_molar_factors_agree_with_the_molar_mass(analyte: str, unit: str, mass: Decimal) -> None:
    assert float(to_canonical(analyte, None, Decimal(1), unit)) == pytest.approx(float(mass / 10), rel=2e-4)


def test_one_row_for_each_analyte_unit_and_kind() -> None:
    keys = [(row.analyte, row.unit, row.kind) for row in FACTORS]
    assert len(keys) == len(set(keys))
    assert all(row.source for row in FACTORS)
    assert all(BY_CODE[row.analyte].unit != row.unit or row.multiply == row.divide == 1 for row in FACTORS)


def test_spellings_are_stored_folded_and_lead_to_units_in_use() -> None:
    assert all(fold_unit(spelling) == spelling for spelling in SPELLINGS)
    assert set(SPELLINGS.values()) == {row.unit for row in FACTORS}
    for row in FACTORS:
        assert to_ucum(row.unit) == row.unit


SHOWN = [
    ("calcium", "10.18", True, "2.54", "mmol/L"),
    ("calcium", "10.18", False, "10.2", "mg/dL"),
    ("urea", "17.85", False, "50", "mg/dL BUN"),
    ("urea", "17.85", True, "17.8", "mmol/L"),
    ("albumin", "3.7", True, "37", "g/L"),
    ("kt_v", "1.4", False, "1.40", ""),
]


@pytest.mark.parametrize(("analyte", "canonical", "si", "number", "unit"), SHOWN)
def test_a_screen_shows_the_usual_digits_and_says_bun(
    analyte: str, canonical: str, si: bool, number: str, unit: str
) -> None:
    shown = display_value(analyte, Decimal(canonical), si=si)
    assert (str(shown.number), shown.unit) == (number, unit)
