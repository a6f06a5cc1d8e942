"""`/lab-results/batch`: every item is answered for itself, in order, and none is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitoring.models import Import, LabResult, Patient, QuarantinedItem, Unit
from tests.builders import add_patient
from tests.callers import API, machine, problem_of

pytestmark = pytest.mark.django_db
GOOD = {
    "mrn": "A1",
    "code": "2777-1",
    "value": "5.6",
    "value_unit": "mg/dL",
    "taken_at": "2026-03-02T07:10:00Z",
    "timing": "pre",
}


@pytest.fixture
def patient(unit_a: Unit) -> Patient:
    return add_patient(unit_a, mrn="A1")


def item(number: int, **changes: Any) -> dict[str, Any]:
    return {**GOOD, "source_id": f"L{number}", **changes}


def send(client: Any, unit: Unit, *results: Any, **envelope: Any) -> Any:
    body = {"unit": str(unit.uuid), "source": "lab", "results": list(results), **envelope}
    return client.post(f"{API}/lab-results/batch", json.dumps(body), content_type="application/json")


def test_one_bad_item_blocks_no_other_and_each_is_answered_in_order(unit_a: Unit, patient: Patient) -> None:
    answer = send(
        machine(unit_a),
        unit_a,
        item(1),
        item(2, value_unit=""),
        "not an object",
        None,
        item(1),
        item(3, code="2823-3", value="5.1", value_unit="mmol/L"),
        item(1, value="6.1", status="corrected"),
        item(4, mrn="ghost"),
        item(5, wait="urine"),
        item(6, value={"number": 5.6}),
        item(7),
        item(8, value="\ud800"),
        item(9, mrn="A\x001"),
    )
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert [(row["outcome"], row["reason"], row["place"]) for row in body["results"]] == [
        ("accepted", "", ""),
        ("quarantined", "missing_unit", "results[1].value_unit"),
        ("quarantined", "not_an_object", "results[2]"),
        ("quarantined", "not_an_object", "results[3]"),
        ("duplicate", "", ""),
        ("not_kept", "", ""),
        ("corrected", "", ""),
        ("quarantined", "unknown_patient", "results[7].mrn"),
        ("quarantined", "unknown_field", "results[8].wait"),
        ("quarantined", "not_a_number", "results[9].value"),
        ("accepted", "", ""),
        ("quarantined", "damaged_text", "results[11].value"),
        ("quarantined", "nul_byte", "results[12].mrn"),
    ]
    assert all(row["message"] for row in body["results"] if row["outcome"] in {"quarantined", "not_kept"})
    assert body["counts"] == {"accepted": 2, "corrected": 1, "duplicate": 1, "quarantined": 8, "not_kept": 1}


def test_the_answer_names_what_was_stored_and_the_account_adds_up(unit_a: Unit, patient: Patient) -> None:
    client = machine(unit_a)
    body = send(client, unit_a, item(1), item(2, value=""), item(3)).json()
    assert [row["uuid"] is not None for row in body["results"]] == [True, False, True]
    for row, sent in ((body["results"][0], "L1"), (body["results"][2], "L3")):
        assert client.get(f"{API}/lab-results/{row['uuid']}").json()["source_id"] == sent
    account = client.get(f"{API}/imports/{body['imported']}").json()
    assert (account["kind"], account["rows_read"], account["rows_accepted"], account["rows_quarantined"]) == (
        "api", 3, 2, 1,
    )  # fmt: skip
    (waiting,) = client.get(account["quarantine"]).json()["results"]
    assert (waiting["line"], waiting["column"], waiting["mrn"]) == (2, "value", "A1")
    assert json.loads(waiting["raw"])["source_id"] == "L2"
    assert client.get(account["report"], headers={"accept": "text/csv"}).status_code == 200


def test_the_whole_batch_again_changes_nothing(unit_a: Unit, patient: Patient) -> None:
    client = machine(unit_a)
    sent = [item(1), item(2, value_unit=""), item(3)]
    send(client, unit_a, *sent)
    patient.refresh_from_db()
    version = patient.facts_version
    body = send(client, unit_a, *sent).json()
    assert [row["outcome"] for row in body["results"]] == ["duplicate", "quarantined", "duplicate"]
    assert (LabResult.objects.count(), QuarantinedItem.objects.count()) == (2, 1)
    patient.refresh_from_db()
    assert patient.facts_version == version


def test_a_batch_is_kept_whole_as_it_came(unit_a: Unit, patient: Patient) -> None:
    send(machine(unit_a), unit_a, item(1), "nonsense")
    kept = json.loads(bytes(Import.objects.get().content))
    assert kept["results"][1] == "nonsense"


@pytest.mark.parametrize(
    ("sentence", "results", "place"),
    [
        ("nothing", [], "results"),
        ("more than a thousand", [GOOD] * 1001, "results"),
        ("no list", {"0": GOOD}, "results"),
        ("null", None, "results"),
    ],
)
def test_what_is_no_batch_is_refused_as_a_whole(
    sentence: str, results: Any, place: str, unit_a: Unit, patient: Patient
) -> None:
    body = problem_of(send(machine(unit_a), unit_a, results=results), 400)
    assert body["errors"][0]["place"] == place, sentence
    assert not LabResult.objects.exists()


def test_an_unknown_name_beside_the_results_is_refused(unit_a: Unit) -> None:
    body = problem_of(send(machine(unit_a), unit_a, item(1), sourse="lab"), 400)
    assert [error["place"] for error in body["errors"]] == ["sourse"]


def test_nothing_is_sent_into_another_unit(unit_a: Unit, unit_b: Unit, patient: Patient) -> None:
    problem_of(send(machine(unit_b), unit_a, item(1)), 400)
    assert not LabResult.objects.exists()
    assert not Import.objects.exists()


def test_the_number_of_queries_does_not_depend_on_the_number_of_items(unit_a: Unit, patient: Patient) -> None:
    client = machine(unit_a)
    counted = []
    for start, size in ((0, 3), (100, 300)):
        rows = [item(number, value=f"{4 + number % 3}.{number % 10}") for number in range(start, start + size)]
        with CaptureQueriesContext(connection) as queries:
            assert send(client, unit_a, *rows).status_code == 200
        counted.append(len(queries))
    # SQLite takes some fifty rows in one statement.
    assert counted[1] <= counted[0] + 300 // 50


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "x"]), inner, max_size=3),
    max_leaves=6,
)
items = st.one_of(
    json_values,
    st.fixed_dictionaries(
        {},
        optional={name: json_values | st.just(value) for name, value in {**GOOD, "status": "withdrawn"}.items()},
    ),
    st.just(GOOD),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.lists(items, min_size=1, max_size=6))
def test_whatever_is_sent_every_item_has_its_answer_and_the_good_ones_are_stored(
    sent: list[Any], unit_a: Unit, patient: Patient
) -> None:
    body = send(machine(unit_a), unit_a, *sent).json()
    outcomes = [row["outcome"] for row in body["results"]]
    assert len(outcomes) == len(sent) == sum(body["counts"].values())
    for value, outcome in zip(sent, outcomes, strict=True):
        if value == GOOD:
            assert outcome in {"accepted", "duplicate"}
        elif not isinstance(value, dict):
            assert outcome == "quarantined"
    imported = Import.objects.get(uuid=body["imported"])
    waiting = imported.quarantined.count()
    assert imported.rows_read == len(sent)
    assert waiting == imported.rows_quarantined <= body["counts"]["quarantined"]
