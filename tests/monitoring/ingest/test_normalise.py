"""One row as sent becomes an accepted result, a refusal with its reason, or "not kept"; nothing is repaired."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.clinical.analytes import CodeMeaning, Kind, Timing
from monitoring.ingest.mapping import DEFAULT_MAPPING, ColumnMapping
from monitoring.ingest.normalise import Conventions, Normaliser
from monitoring.ingest.raw import FIELDS, Ignored, NormalisedResult, Outcome, RawResult, Refusal

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
RULES = Conventions(ZoneInfo("Europe/London"), NOW)
PHOSPHATE = RawResult(
    line=7, text="row 7", mrn="A1", code="2777-1", value="5.6", unit="mg/dL", taken_at="2024-03-05T07:30"
)


def judge(mapping: ColumnMapping = DEFAULT_MAPPING, rules: Conventions = RULES, **fields: str) -> Outcome:
    return Normaliser(rules, mapping).normalise(replace(PHOSPHATE, **fields))  # type: ignore[arg-type]


def reason_of(outcome: Outcome) -> str:
    assert isinstance(outcome, Refusal), outcome
    assert outcome.line == 7
    assert outcome.raw is not None
    return outcome.reason


# What is sent, and what is kept of it.
ACCEPTED = [
    ({"code": "3094-0", "value": "50"}, "urea", "17.85", Timing.UNKNOWN),
    ({"code": "3091-6", "value": "50"}, "urea", "8.325", Timing.UNKNOWN),
    ({"code": "11065-0", "value": "60"}, "urea", "21.42", Timing.PRE),
    ({"code": "11064-3", "value": "20"}, "urea", "7.14", Timing.POST),
    ({"code": "11064-3", "value": "20", "timing": "Post-Dialysis"}, "urea", "7.14", Timing.POST),
    ({"code": "", "name": "Urea", "value": "50"}, "urea", "8.325", Timing.UNKNOWN),
    ({"code": "", "name": "BUN", "value": "50"}, "urea", "17.85", Timing.UNKNOWN),
    ({"code": "", "name": "BUN", "value": "18", "unit": "mmol/L"}, "urea", "18", Timing.UNKNOWN),
    ({"code": "", "name": "calcium", "value": "2.54", "unit": "mmol/L"}, "calcium", "10.1804", Timing.UNKNOWN),
    ({"code": "14879-1", "value": "1.8", "unit": "mmol/L", "timing": "pre"}, "phosphate", "5.5745", Timing.PRE),
    ({"name": "kt/v", "code": "", "value": "1.4", "unit": ""}, "kt_v", "1.4", Timing.UNKNOWN),
    ({"specimen": "Serum"}, "phosphate", "5.6", Timing.UNKNOWN),
    ({"comment": "Specimen not Hemolyzed."}, "phosphate", "5.6", Timing.UNKNOWN),
]


@pytest.mark.parametrize(("fields", "analyte", "canonical", "timing"), ACCEPTED)
def test_a_clear_row_is_accepted(fields: dict[str, str], analyte: str, canonical: str, timing: Timing) -> None:
    outcome = judge(**fields)
    assert isinstance(outcome, NormalisedResult), outcome
    assert (outcome.analyte, outcome.canonical, outcome.timing) == (analyte, Decimal(canonical), timing)


REFUSED = [
    ({"mrn": ""}, "missing_patient"),
    ({"mrn": "9" * 65}, "field_too_long"),
    ({"source_id": "9" * 129}, "field_too_long"),
    ({"code": ""}, "missing_code"),
    ({"code": "1234-5"}, "unknown_code"),
    ({"code": "", "name": "P"}, "unknown_code"),
    ({"code": "LOCAL7", "name": "Phosphate"}, "unknown_code"),  # a local code is mapped, not read over
    ({"code": "2777-1", "name": "Calcium"}, "code_name_conflict"),
    ({"unit": ""}, "missing_unit"),
    ({"unit": "grains"}, "unknown_unit"),
    ({"unit": "g/L"}, "unit_not_of_analyte"),
    ({"unit": "mmol/L"}, "code_unit_conflict"),
    ({"code": "22664-7", "value": "50"}, "code_unit_conflict"),
    ({"value": "", "unit": ""}, "empty"),
    ({"value": "___"}, "redacted"),
    ({"value": "TEST CANCELLED"}, "cancelled"),
    ({"value": "haemolysed"}, "haemolysed"),
    ({"comment": "grossly haemolysed"}, "haemolysed"),
    ({"value": "5,6"}, "ambiguous_separator"),
    ({"value": "5.6 mg/dL"}, "not_a_number"),
    ({"value": "-1"}, "implausible"),
    ({"code": "17861-6", "value": "2.3"}, "probable_unit_swap"),
    ({"taken_at": ""}, "missing_time"),
    ({"taken_at": "05/03/2024"}, "bad_time"),
    ({"taken_at": "2024-06-02"}, "future_time"),
    ({"received_at": "2024-06-02"}, "future_time"),
    ({"timing": "during"}, "unknown_timing"),
    ({"code": "11065-0", "value": "60", "timing": "post"}, "timing_conflict"),
    ({"status": "Q"}, "unknown_status"),
    ({"mrn": "A\x001"}, "nul_byte"),
    ({"source_id": "L\ud800"}, "damaged_text"),
    ({"status": "withdrawn"}, "withdrawal_without_id"),
    ({"specimen": "Mystery Tube"}, "unknown_specimen"),
    # the trap of the founding case: "BUN" with the reference range of urea, and the reverse
    ({"code": "3094-0", "value": "50", "ref_high": "40"}, "urea_or_bun_unclear"),
    ({"code": "3091-6", "value": "50", "ref_high": "20"}, "urea_or_bun_unclear"),
]


@pytest.mark.parametrize(("fields", "reason"), REFUSED)
def test_a_doubtful_row_waits_with_its_reason(fields: dict[str, str], reason: str) -> None:
    outcome = judge(**fields)
    assert reason_of(outcome) == reason
    assert isinstance(outcome, Refusal)
    assert outcome.message.endswith(".")


NOT_KEPT = [
    ({"code": "2823-3"}, "2823-3"),
    ({"code": "", "name": "Potassium", "value": "haemolysed"}, "Potassium"),
    ({"code": "K01", "name": "Haemoglobin"}, "Haemoglobin"),
    ({"code": "1751-7", "unit": "g/dL", "value": "1.1", "specimen": "Ascites"}, "1751-7 in Ascites"),
    ({"specimen": "urine"}, "2777-1 in urine"),
]


@pytest.mark.parametrize(("fields", "what"), NOT_KEPT)
def test_what_is_not_kept_is_counted_and_is_no_error(fields: dict[str, str], what: str) -> None:
    outcome = judge(**fields)
    assert isinstance(outcome, Ignored), outcome
    assert outcome.what == what


@pytest.mark.parametrize(
    ("sent", "status"),
    [("", "final"), ("F", "final"), ("P", "preliminary"), ("c", "corrected"), ("amended", "corrected")],
)
def test_statuses_of_hl7_fhir_and_plain_words(sent: str, status: str) -> None:
    outcome = judge(status=sent)
    assert isinstance(outcome, NormalisedResult)
    assert outcome.status == status


@pytest.mark.parametrize("sent", ["W", "D", "X", "withdrawn", "entered-in-error"])
def test_a_result_taken_back_needs_its_id_but_no_value(sent: str) -> None:
    outcome = judge(status=sent, source_id="L77", value="", unit="")
    assert isinstance(outcome, NormalisedResult)
    assert (outcome.status, outcome.canonical, outcome.source_id) == ("withdrawn", None, "L77")


def test_a_minute_ahead_is_a_fast_clock_not_a_wrong_date() -> None:
    assert isinstance(judge(taken_at="2024-06-01T12:59Z"), NormalisedResult)
    assert reason_of(judge(taken_at="2024-06-01T13:01Z")) == "future_time"


def test_dates_shifted_into_the_future_are_taken_when_the_mapping_says_so() -> None:
    mapping = ColumnMapping(dates_may_be_in_future=True)
    assert isinstance(judge(mapping, taken_at="2196-02-24 12:40:00"), NormalisedResult)


BLANKED = ColumnMapping(columns={"value_number": "valuenum"})


def test_a_blanked_value_is_replaced_by_the_number_column_only_when_that_is_mapped() -> None:
    outcome = judge(BLANKED, value="___", value_number="5.9")
    assert isinstance(outcome, NormalisedResult)
    assert (outcome.value_text, outcome.canonical) == ("5.9", Decimal("5.9"))
    assert reason_of(judge(BLANKED, value="___", value_number="")) == "redacted"
    assert reason_of(judge(BLANKED, value="___", value_number="high")) == "not_a_number"
    assert reason_of(judge(BLANKED, value="haemolysed", value_number="5.9")) == "haemolysed"
    assert reason_of(judge(BLANKED, value="5.6", value_number="6.5")) == "values_disagree"
    assert isinstance(judge(BLANKED, value="5.60", value_number="5.6"), NormalisedResult)


def test_a_mapping_gives_meaning_to_local_codes_units_and_specimens() -> None:
    mapping = ColumnMapping(
        code_map={"CA7": CodeMeaning("calcium", Kind.MASS, Timing.PRE), "K7": None},
        unit_map={"milli": "mg/dL"},
        specimens=frozenset({"tube 4"}),
    )
    outcome = judge(mapping, code="CA7", value="9.1", unit="milli", specimen="Tube 4")
    assert isinstance(outcome, NormalisedResult)
    assert (outcome.analyte, outcome.timing, outcome.unit_as_sent) == ("calcium", Timing.PRE, "milli")
    assert isinstance(judge(mapping, code="K7"), Ignored)
    assert isinstance(judge(mapping, code="CA7", specimen="Serum"), Ignored)
    assert reason_of(judge(mapping, code="CA7", specimen="")) == "missing_specimen"


def test_constants_fill_what_a_row_leaves_out_and_nothing_else() -> None:
    mapping = ColumnMapping(constants={"unit": "mmol/L", "timing": "pre"})
    filled = judge(mapping, code="14879-1", value="1.8", unit="")
    assert isinstance(filled, NormalisedResult)
    assert (filled.unit_as_sent, filled.timing) == ("mmol/L", Timing.PRE)
    own = judge(mapping, timing="post")
    assert isinstance(own, NormalisedResult)
    assert (own.unit_as_sent, own.timing) == ("mg/dL", Timing.POST)


def test_the_column_is_named_as_the_sender_names_it() -> None:
    outcome = judge(ColumnMapping(columns={"unit": "valueuom"}), unit="grains")
    assert isinstance(outcome, Refusal)
    assert (outcome.column, outcome.value) == ("valueuom", "grains")


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(alphabet=st.characters(), max_size=20)))
def test_no_content_makes_it_fail_and_what_is_accepted_is_complete(fields: dict[str, str]) -> None:
    outcome = judge(**fields)
    assert isinstance(outcome, NormalisedResult | Refusal | Ignored)
    if isinstance(outcome, NormalisedResult):
        assert outcome.taken_at.tzinfo is UTC
        assert (outcome.canonical is None) == (outcome.status == "withdrawn")
        assert outcome.canonical is None or (outcome.canonical.is_finite() and outcome.canonical >= 0)


@given(st.lists(st.tuples(st.sampled_from(["5.6", "x", "", "1,2"]), st.sampled_from(["mg/dL", "", "mmol/L"]))))
def test_the_outcome_of_a_row_does_not_depend_on_the_rows_before(rows: list[tuple[str, str]]) -> None:
    one = Normaliser(RULES)
    for value, unit in rows:
        raw = replace(PHOSPHATE, value=value, unit=unit)
        assert one.normalise(raw) == Normaliser(RULES).normalise(raw)
