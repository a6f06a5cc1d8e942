"""`/lab-results`, one at a time: stored, corrected, known already, waiting, or not kept; and read again."""

from __future__ import annotations

from typing import Any

import pytest

from monitoring.models import CodeMapping, Import, LabResult, Patient, QuarantinedItem, Unit
from monitoring.services.quarantine import replay_quarantine
from tests.builders import NOW, add_lab, add_patient
from tests.callers import API, give_role, machine, person, problem_of, queries_of, utc

pytestmark = pytest.mark.django_db
RESULT = {
    "source": "lab",
    "mrn": "A1",
    "code": "2777-1",
    "value": "5.6",
    "value_unit": "mg/dL",
    "taken_at": "2026-03-02T07:10:00Z",
    "timing": "pre",
    "source_id": "L1",
}


@pytest.fixture
def patient(unit_a: Unit) -> Patient:
    return add_patient(unit_a, mrn="A1", family_name="Garnetson")


def send(client: Any, unit: Unit, **changes: Any) -> Any:
    body = {"unit": str(unit.uuid), **RESULT, **changes}
    body = {name: value for name, value in body.items() if value is not ...}
    return client.post(f"{API}/lab-results", body)


# --- sending ---


def test_a_result_is_stored_as_sent_beside_its_canonical_value(unit_a: Unit, patient: Patient) -> None:
    answer = send(machine(unit_a), unit_a, value="1.81", value_unit="mmol/L", code="14879-1")
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert body["outcome"] == "accepted"
    result = body["result"]
    assert (result["value"], result["value_unit"]) == ("1.81", "mmol/L")
    assert result["canonical"]["unit"] == "mg/dL"
    assert float(result["canonical"]["value"]) == pytest.approx(5.605, abs=0.01)
    assert (result["patient"], result["source"]) == (str(patient.uuid), "A/lab")
    read = machine(unit_a).get(answer["Location"])
    assert read.json() == result
    patient.refresh_from_db()
    assert patient.facts_version == 2
    assert not Import.objects.exists(), "a result that is stored needs no account of its own"


def test_the_same_again_is_200_and_changes_nothing(unit_a: Unit, patient: Patient) -> None:
    first = send(machine(unit_a), unit_a)
    again = send(machine(unit_a), unit_a)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["outcome"] == "duplicate"
    assert again.json()["result"]["uuid"] == first.json()["result"]["uuid"]
    patient.refresh_from_db()
    assert patient.facts_version == 2


def test_the_same_again_without_an_id_is_known_by_its_content(unit_a: Unit, patient: Patient) -> None:
    first = send(machine(unit_a), unit_a, source_id=...)
    again = send(machine(unit_a), unit_a, source_id=...)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["result"]["uuid"] == first.json()["result"]["uuid"]


def test_another_value_under_the_same_id_corrects_and_the_old_version_stays_readable(
    unit_a: Unit, patient: Patient
) -> None:
    client = machine(unit_a)
    old = send(client, unit_a).json()["result"]
    answer = send(client, unit_a, value="6.5", status="corrected")
    assert (answer.status_code, answer.json()["outcome"]) == (201, "corrected")
    new = answer.json()["result"]
    assert (new["value"], new["supersedes"]) == ("6.5", old["uuid"])
    past = client.get(f"{API}/lab-results/{old['uuid']}").json()
    assert (past["value"], past["superseded_by"]) == ("5.6", new["uuid"])
    assert past["retired_at"] is not None
    listed = client.get(f"{API}/lab-results?patient={patient.uuid}").json()["results"]
    assert [row["uuid"] for row in listed] == [new["uuid"]]


def test_a_result_that_is_taken_back_has_no_value_any_more(unit_a: Unit, patient: Patient) -> None:
    client = machine(unit_a)
    send(client, unit_a)
    answer = send(client, unit_a, status="withdrawn", value="")
    assert answer.json()["outcome"] == "corrected"
    assert answer.json()["result"]["canonical"] is None
    assert answer.json()["result"]["shown"] is None


@pytest.mark.parametrize(
    ("sentence", "changes", "place", "reason"),
    [
        ("no unit of measure", {"value_unit": ...}, "value_unit", "missing_unit"),
        ("a unit nobody knows", {"value_unit": "furlong"}, "value_unit", "unknown_unit"),
        ("the unit of the field that means the dialysis unit", {"value_unit": "NORTH"}, "value_unit", "unknown_unit"),
        ("a value in words", {"value": "high"}, "value", "not_a_number"),
        ("haemolysed", {"value": "haemolysed"}, "value", "haemolysed"),
        ("a list where a value belongs", {"value": ["5.6"]}, "value", "not_a_number"),
        ("true is no number", {"value": True}, "value", "not_a_number"),
        ("no value", {"value": None}, "value", "empty"),
        ("a code nobody knows", {"code": "LOCAL9"}, "code", "unknown_code"),
        ("no code and no name", {"code": ...}, "code", "missing_code"),
        ("a day that does not exist", {"taken_at": "2026-02-30"}, "taken_at", "bad_time"),
        ("no time", {"taken_at": ...}, "taken_at", "missing_time"),
        ("a time to come", {"taken_at": "2126-01-01T00:00:00Z"}, "taken_at", "future_time"),
        ("a patient nobody knows", {"mrn": "ghost"}, "mrn", "unknown_patient"),
        ("no patient", {"mrn": ...}, "mrn", "missing_patient"),
        ("a value of another unit of measure", {"value": "180"}, "value", "implausible"),
        ("a misspelt field, which might have said urine", {"speciment": "urine"}, "speciment", "unknown_field"),
        ("a side of the session nobody knows", {"timing": "during"}, "timing", "unknown_timing"),
    ],
)
def test_what_cannot_be_stored_safely_is_422_with_its_place_and_waits(
    sentence: str, changes: dict[str, Any], place: str, reason: str, unit_a: Unit, patient: Patient
) -> None:
    client = machine(unit_a)
    body = problem_of(send(client, unit_a, **changes), 422)
    assert body["code"] == "result-quarantined", sentence
    (error,) = body["errors"]
    assert (error["place"], body["context"]["reason"]) == (place, reason)
    assert error["message"]
    assert error["expected"]
    assert not LabResult.objects.exists()
    (item,) = client.get(body["context"]["quarantine"]).json()["results"]
    assert (item["reason"], item["status"]) == (reason, "waiting")
    account = Import.objects.get()
    assert (account.kind, account.rows_read, account.rows_quarantined) == ("api", 1, 1)
    assert bytes(account.content)


def test_a_number_is_taken_as_its_text(unit_a: Unit, patient: Patient) -> None:
    assert send(machine(unit_a), unit_a, value=5.6).json()["result"]["value"] == "5.6"


def test_something_this_service_does_not_keep_is_said_so_and_is_no_error(unit_a: Unit, patient: Patient) -> None:
    answer = send(machine(unit_a), unit_a, code="2823-3", value="5.1", value_unit="mmol/L")
    assert answer.status_code == 200
    assert (answer.json()["outcome"], answer.json()["result"]) == ("not_kept", None)
    assert not QuarantinedItem.objects.exists()


def test_a_sender_that_repeats_what_waits_does_not_fill_the_house(unit_a: Unit, patient: Patient) -> None:
    for _ in range(3):
        problem_of(send(machine(unit_a), unit_a, value_unit=...), 422)
    assert QuarantinedItem.objects.count() == 1
    assert Import.objects.count() == 1


def test_what_waits_is_stored_once_the_mapping_is_there(unit_a: Unit, patient: Patient) -> None:
    problem_of(send(machine(unit_a), unit_a, code="LOCAL9"), 422)
    CodeMapping.objects.create(unit=unit_a, source="lab", code="LOCAL9", target="phosphate")
    assert replay_quarantine(unit_a, now=NOW).stored == 1
    assert LabResult.objects.get().analyte == "phosphate"
    assert send(machine(unit_a), unit_a, code="LOCAL9").json()["outcome"] == "duplicate"


def test_a_misspelt_field_is_not_stored_by_a_replay_either(unit_a: Unit, patient: Patient) -> None:
    problem_of(send(machine(unit_a), unit_a, speciment="urine"), 422)
    replay_quarantine(unit_a, now=NOW)
    assert not LabResult.objects.exists()


def test_a_problem_does_not_repeat_the_number_of_a_patient_nor_tell_whom_another_unit_has(
    unit_a: Unit, unit_b: Unit, patient: Patient
) -> None:
    answer = send(machine(unit_b), unit_b)
    body = problem_of(answer, 422)
    assert body["context"]["reason"] == "unknown_patient"
    assert body["errors"][0]["value"] is None
    assert b"Garnetson" not in answer.content


@pytest.mark.parametrize(
    ("sentence", "body", "place"),
    [
        ("no dialysis unit", {"mrn": "A1"}, "unit"),
        ("a dialysis unit that is no id", {"unit": "A"}, "unit"),
        ("a dialysis unit nobody knows", {"unit": "00000000-0000-4000-8000-000000000000"}, "unit"),
        ("a list", [], "unit"),
        ("a text", "5.6", "unit"),
    ],
)
def test_without_knowing_the_dialysis_unit_nothing_is_kept(sentence: str, body: Any, place: str, unit_a: Unit) -> None:
    answer = problem_of(machine(unit_a).post(f"{API}/lab-results", body), 400)
    assert answer["errors"][0]["place"] == place, sentence
    assert not Import.objects.exists()


def test_nobody_sends_into_another_unit(unit_a: Unit, unit_b: Unit, patient: Patient) -> None:
    problem_of(send(machine(unit_b), unit_a), 400)
    assert not LabResult.objects.exists()
    assert not QuarantinedItem.objects.exists()


def test_a_manager_reads_results_and_may_not_send_any(alice: Any, unit_a: Unit, patient: Patient) -> None:
    give_role(alice, unit_a, "manager")
    problem_of(send(person(alice), unit_a), 403)


# --- reading ---


def test_values_are_also_shown_in_the_units_asked_for_and_always_as_sent(
    alice: Any, unit_a: Unit, patient: Patient
) -> None:
    result = add_lab(patient, "phosphate", 5.6)
    shown = {}
    for query in ("", "&units=si", "&units=conventional"):
        (row,) = person(alice).get(f"{API}/lab-results?patient={patient.uuid}{query}").json()["results"]
        assert (row["value"], row["value_unit"]) == ("5.6", "mg/dL")
        assert row["canonical"] == {"value": "5.6000", "unit": "mg/dL"}
        shown[query] = (row["shown"]["value"], row["shown"]["unit"])
    assert shown == {"": ("5.6", "mg/dL"), "&units=si": ("1.81", "mmol/L"), "&units=conventional": ("5.6", "mg/dL")}
    one = person(alice).get(f"{API}/lab-results/{result.uuid}?units=si").json()
    assert one["shown"] == {"value": "1.81", "unit": "mmol/L"}
    Unit.objects.filter(pk=unit_a.pk).update(display_units="si")
    assert person(alice).get(f"{API}/lab-results/{result.uuid}").json()["shown"]["unit"] == "mmol/L"


def test_a_censored_value_keeps_its_comparator(alice: Any, patient: Patient) -> None:
    result = add_lab(patient, "crp", "<0.5")
    row = person(alice).get(f"{API}/lab-results/{result.uuid}").json()
    assert (row["value"], row["comparator"]) == ("<0.5", "<")


def test_results_of_a_patient_come_last_taken_first_within_the_times_asked_for(
    alice: Any, unit_a: Unit, patient: Patient
) -> None:
    for days in (30, 0, 60):
        add_lab(patient, "phosphate", 5.0, days_ago=days)
    add_lab(patient, "calcium", 9.0, days_ago=10)
    address = f"{API}/lab-results?patient={patient.uuid}&analyte=phosphate"
    times = [utc(row["taken_at"]) for row in person(alice).get(address).json()["results"]]
    assert times == sorted(times, reverse=True)
    assert len(times) == 3
    first, last = times[-1].isoformat().replace("+", "%2B"), times[0].isoformat().replace("+", "%2B")
    answer = person(alice).get(f"{address}&taken_from={first}&taken_to={last}").json()["results"]
    assert [utc(row["taken_at"]) for row in answer] == times[1:], "from counts, to does not"


@pytest.mark.parametrize(
    "query", ["taken_from=2026-03-02", "taken_from=yesterday", "analyte=P", "patient=A1", "mrn=A1"]
)
def test_a_filter_that_is_wrong_or_none_is_refused(query: str, alice: Any) -> None:
    problem_of(person(alice).get(f"{API}/lab-results?{query}"), 400)


def test_bob_sees_none_of_them(bob: Any, unit_b: Unit, patient: Patient) -> None:
    result = add_lab(patient, "phosphate", 5.0)
    problem_of(person(bob).get(f"{API}/lab-results/{result.uuid}"), 404)
    for query in ("", f"?patient={patient.uuid}", f"?unit={patient.unit.uuid}"):
        assert person(bob).get(f"{API}/lab-results{query}").json()["results"] == []


def test_the_number_of_queries_does_not_depend_on_the_number_of_results(alice: Any, patient: Patient) -> None:
    client = person(alice)
    add_lab(patient, "phosphate", 5.0)
    one = queries_of(client, f"{API}/lab-results?patient={patient.uuid}")
    for days in range(1, 12):
        add_lab(patient, "phosphate", 5.0, days_ago=days)
    assert queries_of(client, f"{API}/lab-results?patient={patient.uuid}") == one
    assert queries_of(client, f"{API}/lab-results") <= one
