"""The table of analytes and codes: complete, consistent, and hard to confuse."""

import re

import pytest

from monitoring.clinical.analytes import (
    ANALYTES,
    BY_CODE,
    LOINC,
    NAMES,
    NOT_KEPT,
    Kind,
    Timing,
    find_meaning,
    fold_name,
    is_not_kept,
)
from monitoring.clinical.units import accepted_units, find_factor
from monitoring.errors import InvalidValue


def test_the_sixteen_kept_quantities_and_their_canonical_units() -> None:
    assert {analyte.code: analyte.unit for analyte in ANALYTES} == {
        "calcium": "mg/dL", "calcium_corrected": "mg/dL", "calcium_ionised": "mmol/L",
        "phosphate": "mg/dL", "urea": "mmol/L", "creatinine": "mg/dL", "albumin": "g/dL", "pth": "pg/mL",
        "alp": "U/L", "bicarbonate": "mmol/L", "magnesium": "mg/dL", "vitamin_d_25oh": "ng/mL",
        "crp": "mg/L", "kt_v": "1", "urr": "%", "weight": "kg",
    }  # fmt: skip


def test_limits_are_ordered_and_every_unit_shown_can_be_converted() -> None:
    for analyte in ANALYTES:
        assert analyte.low < analyte.high, analyte.code
        for unit in (analyte.conventional_unit, analyte.si_unit):
            assert unit in accepted_units(analyte.code), (analyte.code, unit)


# LOINC, analyte, kind, timing: written out by hand, apart from the table, so that a slip there is seen.
CODES = [
    ("11065-0", "urea", Kind.BUN, Timing.PRE),
    ("11064-3", "urea", Kind.BUN, Timing.POST),
    ("17760-0", "urea", Kind.BUN, Timing.PRE),
    ("48629-0", "urea", Kind.BUN, Timing.POST),
    ("3094-0", "urea", Kind.BUN, None),
    ("3091-6", "urea", Kind.UREA, None),
    ("22664-7", "urea", Kind.MOLAR, None),
    ("11042-9", "creatinine", Kind.MASS, Timing.PRE),
    ("11041-1", "creatinine", Kind.MASS, Timing.POST),
    ("51619-5", "creatinine", Kind.MOLAR, Timing.PRE),
    ("51620-3", "creatinine", Kind.MOLAR, Timing.POST),
    ("17861-6", "calcium", Kind.MASS, None),
    ("2000-8", "calcium", Kind.MOLAR, None),
    ("46099-8", "calcium_corrected", Kind.MASS, None),
    ("1994-3", "calcium_ionised", Kind.MOLAR, None),
    ("2777-1", "phosphate", Kind.MASS, None),
    ("14879-1", "phosphate", Kind.MOLAR, None),
    ("2731-8", "pth", Kind.MASS, None),
    ("8347-7", "weight", Kind.OTHER, Timing.PRE),
    ("8344-4", "weight", Kind.OTHER, Timing.POST),
]


@pytest.mark.parametrize(("code", "analyte", "kind", "timing"), CODES)
def test_a_loinc_code_means_one_thing(code: str, analyte: str, kind: Kind, timing: Timing | None) -> None:
    meaning = find_meaning(code)
    assert meaning is not None
    assert (meaning.analyte, meaning.kind, meaning.timing) == (analyte, kind, timing)


def _loinc_check_digit(number: str) -> int:
    total = 0
    for place, digit in enumerate(reversed(number)):
        doubled = int(digit) * 2 if place % 2 == 0 else int(digit)
        total += doubled - 9 if doubled > 9 else doubled
    return -total % 10


def test_every_loinc_code_carries_a_right_check_digit() -> None:
    codes = [*LOINC, *(code for code in NOT_KEPT if re.fullmatch(r"\d+-\d", code))]
    assert len(codes) > 40
    for code in codes:
        number, digit = code.split("-")
        assert _loinc_check_digit(number) == int(digit), code


NAMES_THAT_MEAN = [
    ("Ca", "calcium"),
    ("  CALCIUM,   total ", "calcium"),
    ("Free Calcium", "calcium_ionised"),
    ("PO4", "phosphate"),
    ("phosphorus", "phosphate"),
    ("iPTH", "pth"),
    ("Mg", "magnesium"),
    ("Kt/V", "kt_v"),
]


@pytest.mark.parametrize(("name", "analyte"), NAMES_THAT_MEAN)
def test_usual_names_are_accepted_whatever_the_case(name: str, analyte: str) -> None:
    meaning = find_meaning(name)
    assert meaning is not None
    assert meaning.analyte == analyte


# What must not be guessed.
@pytest.mark.parametrize(
    "name",
    ["P", "vitamin D", "CO2", "calc", "17861", "17861-5", "", "11065-3", "calcium in urine", "14866-4"],
)
def test_a_name_that_could_be_two_things_is_not_taken(name: str) -> None:
    assert find_meaning(name) is None


def test_urea_and_bun_are_different_inputs() -> None:
    urea, bun = find_meaning("Urea"), find_meaning("Urea Nitrogen")
    assert urea is not None
    assert bun is not None
    assert (urea.kind, bun.kind) == (Kind.UREA, Kind.BUN)


def test_a_well_known_result_without_use_here_is_not_kept_and_never_also_kept() -> None:
    for name in ("Potassium", "K", "Hemoglobin", "haemoglobin", "Ferritin", "2823-3"):
        assert is_not_kept(name), name
        assert find_meaning(name) is None, name
    assert not is_not_kept("Zinc")
    assert not NOT_KEPT & (set(NAMES) | set(LOINC))


def test_names_are_stored_folded_and_every_meaning_is_of_a_kept_analyte() -> None:
    assert all(fold_name(name) == name for name in (*NAMES, *NOT_KEPT))
    assert {meaning.analyte for meaning in (*NAMES.values(), *LOINC.values())} <= set(BY_CODE)
    assert set(BY_CODE) <= set(NAMES) | {"kt_v"}


def test_every_loinc_code_has_a_unit_in_which_it_is_accepted_or_is_the_known_exception() -> None:
    refused = set()
    for code, meaning in LOINC.items():
        accepted = []
        for unit in accepted_units(meaning.analyte):
            try:
                accepted.append(find_factor(meaning.analyte, meaning.kind, unit))
            except InvalidValue:
                continue
        if not accepted:
            refused.add(code)
    assert refused == {"54347-0"}  # molar albumin: no factor was read in a source
