"""Reading of printed results: exact numbers, named refusals, and no repairs."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.clinical.analytes import ANALYTES, Kind
from monitoring.clinical.readings import (
    Reading,
    UnreadableReading,
    check_plausible,
    parse_reading,
    says_haemolysed,
)
from monitoring.clinical.units import to_canonical

# text, decimal sign, thousands sign, comparator, number
READ = [
    ("5.6", ".", "", "", "5.6"),
    (" 5.60 ", ".", "", "", "5.60"),
    ("\u00a05.6", ".", "", "", "5.6"),
    (".5", ".", "", "", "0.5"),
    ("<0.5", ".", "", "<", "0.5"),
    ("> 90", ".", "", ">", "90"),
    ("≥90", ".", "", ">=", "90"),
    ("≤ 0.1", ".", "", "<=", "0.1"),
    (">=90", ".", "", ">=", "90"),
    ("=<1", ".", "", "<=", "1"),
    ("5.6 H", ".", "", "", "5.6"),
    ("<0.5 L", ".", "", "<", "0.5"),
    ("5.6*", ".", "", "", "5.6"),
    ("-3", ".", "", "", "-3"),
    ("5,6", ",", "", "", "5.6"),
    ("<0,5", ",", "", "<", "0.5"),
    ("1,234", ".", ",", "", "1234"),
    ("1.234,5", ",", ".", "", "1234.5"),
    ("1 234,5", ",", " ", "", "1234.5"),
]


@pytest.mark.parametrize(("text", "decimal", "thousands", "comparator", "number"), READ)
def test_a_plain_result_is_read_exactly(text: str, decimal: str, thousands: str, comparator: str, number: str) -> None:
    reading = parse_reading(text, decimal=decimal, thousands=thousands)
    assert reading == Reading(text, comparator, Decimal(number))


NOT_READ = [
    ("", ".", "", "empty"),
    ("   ", ".", "", "empty"),
    ("___", ".", "", "redacted"),
    ("[REDACTED]", ".", "", "redacted"),
    ("haemolysed", ".", "", "haemolysed"),
    ("HEMOLYZED SPECIMEN", ".", "", "haemolysed"),
    ("hémolysé", ".", "", "haemolysed"),
    ("TEST CANCELLED", ".", "", "cancelled"),
    ("canceled", ".", "", "cancelled"),
    ("QNS", ".", "", "cancelled"),
    ("UNABLE TO REPORT.", ".", "", "cancelled"),
    ("pending", ".", "", "pending"),
    ("see comment", ".", "", "pending"),
    ("5,6", ".", "", "ambiguous_separator"),  # decimal comma not stated
    ("1,234", ".", "", "ambiguous_separator"),
    ("1.234", ",", "", "ambiguous_separator"),
    ("1.234,5", ",", "", "ambiguous_separator"),
    ("1,23,4", ".", ",", "not_a_number"),  # not grouped in threes
    ("12,34", ".", ",", "not_a_number"),
    ("1.5,000", ".", ",", "not_a_number"),
    ("0 .07", ".", "", "not_a_number"),  # a digit may be missing
    ("1e3", ".", "", "not_a_number"),
    ("NaN", ".", "", "not_a_number"),
    ("inf", ".", "", "not_a_number"),
    ("5.6.7", ".", "", "not_a_number"),
    ("5.", ".", "", "not_a_number"),
    ("≥", ".", "", "not_a_number"),
    ("<<5", ".", "", "not_a_number"),
    ("5-6", ".", "", "not_a_number"),
    ("5.6 mmol/L", ".", "", "not_a_number"),
    ("positive", ".", "", "not_a_number"),
    ("0x10", ".", "", "not_a_number"),
    ("1_000", ".", "", "not_a_number"),
    ("٥", ".", "", "not_a_number"),
    ("9" * 400, ".", "", "not_a_number"),
]


@pytest.mark.parametrize(("text", "decimal", "thousands", "reason"), NOT_READ)
def test_anything_else_is_refused_by_name(text: str, decimal: str, thousands: str, reason: str) -> None:
    reading = parse_reading(text, decimal=decimal, thousands=thousands)
    assert isinstance(reading, UnreadableReading)
    assert reading.reason == reason
    assert reading.text == text
    assert reading.message.endswith(".")


@pytest.mark.parametrize(
    ("comment", "haemolysed"),
    [
        ("Hemolysis falsely decreases this test.", True),
        ("HEMOLYSIS FALSELY ELEVATES K..", True),
        ("grossly haemolysed", True),
        ("Échantillon hémolysé", True),
        ("Specimen not Hemolyzed.", False),
        ("VERIFIED.  NOT HEMOLYZED.", False),
        ("non-haemolysed sample", False),
        ("No evidence of haemolysis", False),
        ("VERIFIED BY DILUTION.", False),
        ("", False),
    ],
)
def test_a_comment_that_denies_haemolysis_does_not_say_haemolysed(comment: str, haemolysed: bool) -> None:
    assert says_haemolysed(comment) is haemolysed


@given(st.text(max_size=30), st.sampled_from([".", ","]), st.sampled_from(["", ",", ".", " ", "'"]))
def test_no_text_makes_the_reader_fail(text: str, decimal: str, thousands: str) -> None:
    reading = parse_reading(text, decimal=decimal, thousands=thousands if thousands != decimal else "")
    assert isinstance(reading, UnreadableReading) or reading.number.is_finite()


@given(st.decimals(min_value=0, max_value=99999, places=4, allow_nan=False))
def test_a_printed_decimal_is_read_back_digit_for_digit(number: Decimal) -> None:
    for decimal, text in ((".", str(number)), (",", str(number).replace(".", ","))):
        reading = parse_reading(text, decimal=decimal)
        assert isinstance(reading, Reading)
        assert str(reading.number) == str(number)


# analyte, kind, value, unit, reason, unit it would fit
HELD = [
    ("calcium", None, "2.3", "mg/dL", "probable_unit_swap", "mmol/L"),
    ("calcium", None, "9.4", "mmol/L", "probable_unit_swap", "mg/dL"),
    ("creatinine", None, "600", "mg/dL", "probable_unit_swap", "umol/L"),
    ("albumin", None, "38", "g/dL", "probable_unit_swap", "g/L"),
    ("calcium_ionised", None, "4.7", "mmol/L", "probable_unit_swap", "mg/dL"),
    ("phosphate", None, "99", "mg/dL", "implausible", None),
    ("phosphate", None, "0", "mg/dL", "implausible", None),
    ("pth", None, "-5", "pg/mL", "implausible", None),
    ("urea", Kind.BUN, "900", "mg/dL", "implausible", None),
    ("kt_v", None, "140", "1", "implausible", None),
]


@pytest.mark.parametrize(("analyte", "kind", "value", "unit", "reason", "likely"), HELD)
def test_an_impossible_value_is_held_and_the_likely_unit_named(
    analyte: str, kind: Kind | None, value: str, unit: str, reason: str, likely: str | None
) -> None:
    number = Decimal(value)
    held = check_plausible(analyte, to_canonical(analyte, kind, number, unit), value=number, unit=unit, kind=kind)
    assert held is not None
    assert (held.reason, held.likely_unit) == (reason, likely)
    assert value in held.message
    assert likely is None or f"looks like {likely}" in held.message


# Sick, not wrong: these must reach the clinician.
@pytest.mark.parametrize(
    ("analyte", "canonical"),
    [("calcium", "4.9"), ("calcium", "16.8"), ("phosphate", "14"), ("phosphate", "1.1"), ("pth", "4200"),
     ("urea", "62"), ("bicarbonate", "7"), ("alp", "1900"), ("crp", "0"), ("magnesium", "5.9")],
)  # fmt: skip
def test_a_very_ill_value_is_not_held(analyte: str, canonical: str) -> None:
    assert check_plausible(analyte, Decimal(canonical)) is None


def test_both_limits_belong_to_the_accepted_range_and_a_hair_outside_does_not() -> None:
    hair = Decimal("0.0001")
    for analyte in ANALYTES:
        assert check_plausible(analyte.code, analyte.low) is None
        assert check_plausible(analyte.code, analyte.high) is None
        assert check_plausible(analyte.code, analyte.low - hair) is not None
        assert check_plausible(analyte.code, analyte.high + hair) is not None
