"""Real laboratory rows of dialysis patients (MIMIC-IV demo): every row accounted for, by a reason that holds."""

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitoring.ingest.csv_file import examine_csv, read_csv
from monitoring.ingest.mapping import load_mapping
from monitoring.ingest.normalise import Conventions, Normaliser
from monitoring.ingest.raw import Ignored, NormalisedResult, Outcome, Refusal

MAPPING = Path(__file__).parents[2] / "data" / "mimic_mapping.json"
TABLE = Path(os.environ.get("MIMIC_DEMO_LABS", "var/mimic-iv-demo/renal_labs_dialysis8.csv"))
NOW = datetime(2026, 1, 1, tzinfo=UTC)

pytestmark = pytest.mark.skipif(
    not TABLE.is_file(),
    reason="the MIMIC-IV demo table is not here (set MIMIC_DEMO_LABS to renal_labs_dialysis8.csv to run this)",
)


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    mapping = load_mapping(MAPPING.read_bytes())
    with TABLE.open("rb") as stream:
        layout = examine_csv(stream, mapping)
        rules = Conventions(ZoneInfo("America/New_York"), NOW, layout.decimal, "", layout.date_format)
        normaliser = Normaliser(rules, mapping, layout.column_of)
        return [row if isinstance(row, Refusal) else normaliser.normalise(row) for row in read_csv(stream, layout)]


def test_all_rows_are_accounted_for(outcomes: list[Outcome]) -> None:
    assert Counter(type(outcome).__name__ for outcome in outcomes) == {
        "NormalisedResult": 4365, "Ignored": 1500, "Refusal": 13,
    }  # fmt: skip
    assert [outcome.line for outcome in outcomes] == list(range(2, 5880))


def test_what_waits_does_so_for_a_reason_a_laboratory_would_accept(outcomes: list[Outcome]) -> None:
    reasons = Counter(outcome.reason.value for outcome in outcomes if isinstance(outcome, Refusal))
    assert reasons == {"nonexistent_local_time": 8, "haemolysed": 4, "empty": 1}


def test_what_is_not_kept_is_only_what_this_service_does_not_keep(outcomes: list[Outcome]) -> None:
    assert {outcome.what for outcome in outcomes if isinstance(outcome, Ignored)} == {
        "Potassium", "Potassium, Whole Blood", "Hemoglobin", "Uric Acid", "Ferritin", "Iron",
        "Iron Binding Capacity, Total", "Transferrin",
    }  # fmt: skip


def test_urea_nitrogen_is_converted_as_nitrogen(outcomes: list[Outcome]) -> None:
    urea = [row for row in outcomes if isinstance(row, NormalisedResult) and row.analyte == "urea"]
    assert len(urea) > 600
    for row in urea:
        assert row.number is not None
        assert row.canonical is not None
        assert abs(row.canonical / row.number * 1000 - 357) <= 1
