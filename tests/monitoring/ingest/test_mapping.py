"""The mapping document: read exactly, and refused with the name of the key that is wrong."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.clinical.analytes import Kind, Timing
from monitoring.ingest.mapping import load_mapping
from monitoring.ingest.raw import InvalidMapping

ROOT = Path(__file__).parents[3]


def test_every_key_is_read() -> None:
    mapping = load_mapping(
        json.dumps(
            {
                "comment": "March files of the night laboratory",
                "source": "night-lab",
                "columns": {"mrn": "IPP", "code": "Code", "value": "Valeur", "taken_at": "Date"},
                "constants": {"timing": "pre", "unit": "mmol/l"},
                "delimiter": "tab",
                "encoding": "cp1252",
                "decimal": ",",
                "thousands": " ",
                "date_format": "DD/MM/YYYY HH:MM",
                "code_map": {
                    "UREE1": {"code": "urea", "timing": "post"},
                    "K": "not kept",
                    "PREBUN": "11065-0",
                },
                "unit_map": {"G/L": "g/L"},
                "specimens": ["Sang", "Sérum"],
                "value_number_column": "Num",
                "dates_may_be_in_future": True,
                "ids_are_of_samples": True,
            }
        )
    )
    assert (mapping.source, mapping.delimiter, mapping.decimal, mapping.thousands) == ("night-lab", "\t", ",", " ")
    assert mapping.columns["value_number"] == "Num"
    assert mapping.column_of("mrn") == "IPP"
    urea, bun = mapping.code_map["UREE1"], mapping.code_map["PREBUN"]
    assert urea is not None
    assert bun is not None
    assert (urea.analyte, urea.kind, urea.timing) == ("urea", Kind.UREA, Timing.POST)
    assert (bun.kind, bun.timing) == (Kind.BUN, Timing.PRE)
    assert mapping.code_map["K"] is None
    assert mapping.specimens == {"sang", "sérum"}
    assert mapping.dates_may_be_in_future is True
    assert mapping.ids_are_of_samples is True


WRONG = [
    ('{"columns": {"mrn": "IPP"', "not a JSON document"),
    ("[]", "JSON object"),
    ('{"colums": {}}', "“colums”"),
    ('{"columns": {}}', "“columns”"),
    ('{"columns": {"ipp": "IPP"}}', "“columns.ipp”"),
    ('{"columns": {"mrn": 3}}', "“columns.mrn”"),
    ('{"columns": ["mrn"]}', "“columns”"),
    ('{"constants": {"value": "5"}}', "“constants.value”"),
    ('{"constants": {"timing": "during"}}', "“constants.timing”"),
    ('{"constants": {"unit": "grains"}}', "“constants.unit”"),
    ('{"delimiter": "~"}', "“delimiter”"),
    ('{"delimiter": []}', "“delimiter”"),
    ('{"encoding": "utf-7"}', "“encoding”"),
    ('{"decimal": "x"}', "“decimal”"),
    ('{"thousands": "."}', "“thousands”"),  # the same as the decimal sign
    ('{"decimal": ",", "thousands": ","}', "“thousands”"),
    ('{"date_format": "DD/MM/YY"}', "“date_format”"),
    ('{"code_map": {"X1": "12345-6"}}', "“code_map.X1”"),
    ('{"code_map": {"X1": {"timing": "pre"}}}', "“code_map.X1”"),
    ('{"code_map": {"X1": {"code": "11065-0", "timing": "post"}}}', "“code_map.X1.timing”"),
    ('{"code_map": {"X1": {"code": "urea", "timing": "noon"}}}', "“code_map.X1.timing”"),
    ('{"unit_map": {"u": "grains"}}', "“unit_map.u”"),
    ('{"specimens": "Blood"}', "“specimens”"),
    ('{"specimens": []}', "“specimens”"),
    ('{"value_number_column": ""}', "“value_number_column”"),
    ('{"dates_may_be_in_future": "yes"}', "“dates_may_be_in_future”"),
    ('{"source": 5}', "“source”"),
    ("[" * 100_000, "not a JSON document"),
]


@pytest.mark.parametrize(("document", "words"), WRONG)
def test_a_wrong_mapping_names_the_key(document: str, words: str) -> None:
    with pytest.raises(InvalidMapping) as refusal:
        load_mapping(document)
    assert words in refusal.value.message
    assert refusal.value.code == "invalid-mapping"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=5,
)
_KEYS = st.sampled_from(
    ["columns", "constants", "delimiter", "encoding", "decimal", "thousands", "date_format", "code_map",
     "unit_map", "specimens", "value_number_column", "dates_may_be_in_future", "source"]
)  # fmt: skip


@given(st.dictionaries(_KEYS, _JSON, max_size=3))
def test_no_document_makes_it_fail_otherwise(document: dict[str, object]) -> None:
    with suppress(InvalidMapping):
        load_mapping(json.dumps(document))


def test_the_mapping_shown_in_the_documentation_is_valid() -> None:
    text = (ROOT / "docs" / "examples" / "mimic-iv-demo.mapping.json").read_text(encoding="utf-8")
    mapping = load_mapping(text)
    bun, phosphate = mapping.code_map["51006"], mapping.code_map["50970"]
    assert bun is not None
    assert phosphate is not None
    assert (bun.analyte, bun.kind, phosphate.analyte) == ("urea", Kind.BUN, "phosphate")
    assert text == (ROOT / "tests" / "data" / "mimic_mapping.json").read_text(encoding="utf-8")
