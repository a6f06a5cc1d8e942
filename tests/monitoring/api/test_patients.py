"""`/patients`: found by number and by risk, registered and changed by those who may, never seen across units."""

from __future__ import annotations

import json
from typing import Any

import pytest

from alerts.services.evaluating import evaluate_patients
from monitoring.models import Patient, Unit
from tests.builders import NOW, add_finding, add_lab, add_patient
from tests.callers import API, give_role, machine, person, problem_of, queries_of, utc

pytestmark = pytest.mark.django_db
NEW = {"mrn": "N-1", "family_name": "Calcite", "given_name": "Ada"}


@pytest.fixture
def physician(alice: Any, unit_a: Unit) -> Any:
    """Alice as nephrologist of unit A."""
    give_role(alice, unit_a, "nephrologist")
    return person(alice)


def numbers(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [patient["mrn"] for patient in answer.json()["results"]]


# --- reading ---


def test_alice_sees_the_patients_of_her_unit_by_number_and_bob_his(
    alice: Any, bob: Any, unit_a: Unit, unit_b: Unit
) -> None:
    for unit, mrn in ((unit_a, "2"), (unit_a, "1"), (unit_b, "3")):
        add_patient(unit, mrn=mrn)
    assert numbers(person(alice).get(f"{API}/patients")) == ["1", "2"]
    assert numbers(person(bob).get(f"{API}/patients")) == ["3"]


@pytest.mark.parametrize("path", ["", "/assessment", "/timeline"])
def test_bob_gets_404_on_a_patient_of_alices_unit(path: str, bob: Any, unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    body = problem_of(person(bob).get(f"{API}/patients/{patient.uuid}{path}"), 404)
    assert patient.family_name not in str(body)
    assert patient.mrn not in str(body)


def test_no_cache_on_the_way_may_keep_an_answer(alice: Any, unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    for path in ("patients", f"patients/{patient.uuid}", "patients?q=x", "alert-events"):
        answer = person(alice).get(f"{API}/{path}")
        assert answer["Cache-Control"] == "no-store", path


def test_the_same_number_in_two_units_is_two_patients(alice: Any, unit_a: Unit, unit_b: Unit) -> None:
    mine, theirs = add_patient(unit_a, mrn="7"), add_patient(unit_b, mrn="7")
    (shown,) = person(alice).get(f"{API}/patients?mrn=7").json()["results"]
    assert shown["uuid"] == str(mine.uuid) != str(theirs.uuid)


def test_a_patient_is_shown_with_what_is_not_known_left_unknown(alice: Any, unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    shown = person(alice).get(f"{API}/patients/{patient.uuid}").json()
    assert (shown["dialysis_start"], shown["ckd_onset"], shown["sex"]) == (None, None, "unknown")
    assert shown["assessment"] is None
    assert shown["awaits_judgement"] is True
    assert shown["unit"] == str(unit_a.uuid)
    assert not {"id", "pk", "facts_version"} & shown.keys()


def test_a_judged_patient_is_shown_with_tier_and_missing_inputs(alice: Any, unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    add_finding(patient, "mass", "hip", "right")
    evaluate_patients([patient.pk], as_of=NOW)
    shown = person(alice).get(f"{API}/patients/{patient.uuid}").json()
    assert shown["assessment"]["tier"] == "urgent"
    assert "phosphate" in shown["assessment"]["missing"]
    assert shown["awaits_judgement"] is False
    assert utc(shown["judged_at"]) == NOW
    add_lab(patient, "phosphate", 5.0)
    assert person(alice).get(f"{API}/patients/{patient.uuid}").json()["awaits_judgement"] is True


def test_the_order_by_risk_puts_the_worst_first_and_the_unjudged_last(alice: Any, unit_a: Unit) -> None:
    calm, worst, unjudged = add_patient(unit_a, mrn="1"), add_patient(unit_a, mrn="2"), add_patient(unit_a, mrn="0")
    add_finding(worst, "mass", "hip")
    evaluate_patients([calm.pk, worst.pk], as_of=NOW)
    client = person(alice)
    assert numbers(client.get(f"{API}/patients?order=risk")) == ["2", "1", "0"]
    paged: list[str] = []
    address = f"{API}/patients?order=risk&limit=1"
    while address:
        answer = client.get(address)
        paged += numbers(answer)
        address = answer.json()["next"]
    assert paged == ["2", "1", "0"]
    assert unjudged.mrn == "0"


@pytest.mark.parametrize(
    ("sentence", "query", "found"),
    [
        ("a tier means this one or higher", "tier=watch", ["2"]),
        ("the lowest tier has only who was judged", "tier=routine", ["1", "2"]),
        ("status is exact", "status=deceased", ["3"]),
        ("a number that is not there", "mrn=9", []),
        ("a number is not searched in part", "mrn=DEMO", []),
        ("a unit that is not mine is empty", "unit=00000000-0000-4000-8000-000000000000", []),
    ],
)
def test_filters(sentence: str, query: str, found: list[str], alice: Any, unit_a: Unit) -> None:
    calm, ill, _ = add_patient(unit_a, mrn="1"), add_patient(unit_a, mrn="2"), add_patient(unit_a, mrn="3")
    Patient.objects.filter(mrn="3").update(status="deceased")
    add_finding(ill, "mass", "hip")
    evaluate_patients([calm.pk, ill.pk], as_of=NOW)
    assert numbers(person(alice).get(f"{API}/patients?{query}")) == found, sentence


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("family_name=Calcite", "family_name"),
        ("q=Calcite", "q"),
        ("tier=worst", "tier"),
        ("unit=A", "unit"),
        ("limit=0", "limit"),
        ("cursor=abc", "cursor"),
        ("mrn=%00", "mrn"),
    ],
)
def test_a_filter_that_is_none_or_wrong_is_refused(query: str, place: str, alice: Any, unit_a: Unit) -> None:
    body = problem_of(person(alice).get(f"{API}/patients?{query}"), 400)
    assert body["errors"][0]["place"] == place


def test_the_number_of_queries_does_not_depend_on_the_number_of_patients(alice: Any, unit_a: Unit) -> None:
    client = person(alice)
    few = [add_patient(unit_a) for _ in range(2)]
    evaluate_patients([p.pk for p in few], as_of=NOW)
    with_two = queries_of(client, f"{API}/patients?order=risk")
    more = [add_patient(unit_a) for _ in range(15)]
    evaluate_patients([p.pk for p in more], as_of=NOW)
    assert queries_of(client, f"{API}/patients?order=risk") == with_two
    assert with_two <= 6


# --- registering ---


def test_a_physician_registers_a_patient_who_is_then_found_at_the_address(physician: Any, unit_a: Unit) -> None:
    answer = physician.post(f"{API}/patients", {**NEW, "unit": str(unit_a.uuid), "dialysis_start": "2019-10-01"})
    assert answer.status_code == 201, answer.content
    assert physician.get(answer["Location"]).json() == answer.json()
    stored = Patient.objects.get(mrn="N-1")
    assert (stored.unit, str(stored.dialysis_start), stored.ckd_onset) == (unit_a, "2019-10-01", None)


def test_a_number_that_exists_in_the_unit_is_a_conflict_and_changes_nothing(physician: Any, unit_a: Unit) -> None:
    add_patient(unit_a, mrn="N-1", family_name="First")
    body = problem_of(physician.post(f"{API}/patients", {**NEW, "unit": str(unit_a.uuid)}), 409)
    assert body["code"] == "mrn-exists"
    assert "Calcite" not in str(body)
    assert Patient.objects.get().family_name == "First"


@pytest.mark.parametrize(
    ("sentence", "change", "place"),
    [
        ("no number", {"mrn": ""}, "mrn"),
        ("only blanks", {"mrn": "   "}, "mrn"),
        ("a name that is too long", {"family_name": "X" * 81}, "family_name"),
        ("a field that does not exist", {"dialysis_begin": "2019-01-01"}, "dialysis_begin"),
        ("a version nobody may set", {"facts_version": 9}, "facts_version"),
        ("a day that does not exist", {"birth_date": "1960-02-30"}, "birth_date"),
        ("a day of no human life", {"birth_date": "0001-01-01"}, "birth_date"),
        ("a word that is none", {"sex": "f"}, "sex"),
        ("half a character", {"given_name": "\ud83d"}, "given_name"),
        ("a NUL", {"given_name": "A\x00da"}, "given_name"),
        ("a unit that does not exist", {"unit": "00000000-0000-4000-8000-000000000000"}, "unit"),
    ],
)
def test_what_cannot_be_taken_is_named_and_nothing_is_stored(
    sentence: str, change: dict[str, Any], place: str, physician: Any, unit_a: Unit
) -> None:
    sent = json.dumps({**NEW, "unit": str(unit_a.uuid), **change})
    body = problem_of(physician.post(f"{API}/patients", sent, content_type="application/json"), 400)
    assert [error["place"] for error in body["errors"]] == [place], sentence
    assert not Patient.objects.exists()


def test_dates_that_contradict_each_other_are_refused(physician: Any, unit_a: Unit) -> None:
    sent = {**NEW, "unit": str(unit_a.uuid), "birth_date": "1960-01-01", "dialysis_start": "1950-01-01"}
    problem_of(physician.post(f"{API}/patients", sent), 422)
    assert not Patient.objects.exists()


@pytest.mark.parametrize("name", ["family_name", "given_name", "birth_date", "mrn"])
def test_a_refusal_does_not_repeat_what_identifies_a_patient(name: str, physician: Any, unit_a: Unit) -> None:
    sent = {**NEW, "unit": str(unit_a.uuid), name: "Feldspar" * 11}
    answer = physician.post(f"{API}/patients", sent)
    problem_of(answer, 400)
    assert b"Feldspar" not in answer.content


def test_nobody_registers_a_patient_in_another_unit(physician: Any, unit_b: Unit) -> None:
    body = problem_of(physician.post(f"{API}/patients", {**NEW, "unit": str(unit_b.uuid)}), 400)
    assert body["errors"][0]["expected"] == "the id of something this caller can see"
    assert not Patient.objects.exists()


def test_in_a_unit_that_is_only_seen_registering_is_403(alice: Any, unit_a: Unit, unit_b: Unit) -> None:
    give_role(alice, unit_a, "nephrologist")
    give_role(alice, unit_b, "nurse")
    problem_of(person(alice).post(f"{API}/patients", {**NEW, "unit": str(unit_b.uuid)}), 403)
    assert not Patient.objects.exists()


# --- changing ---


def test_a_real_change_raises_the_version_of_the_facts_and_the_same_again_does_not(
    physician: Any, unit_a: Unit
) -> None:
    patient = add_patient(unit_a)
    versions = [patient.facts_version]
    for sent in ({"dialysis_start": "2015-01-01"}, {"dialysis_start": "2015-01-01"}, {}):
        answer = physician.patch(f"{API}/patients/{patient.uuid}", sent)
        assert answer.status_code == 200, answer.content
        assert answer.json()["dialysis_start"] == "2015-01-01"
        patient.refresh_from_db()
        versions.append(patient.facts_version)
    assert versions == [1, 2, 2, 2]


@pytest.mark.parametrize("name", ["mrn", "unit", "uuid", "next_due", "assessment"])
def test_what_may_not_be_changed_is_refused(name: str, physician: Any, unit_a: Unit) -> None:
    patient = add_patient(unit_a, mrn="1")
    body = problem_of(physician.patch(f"{API}/patients/{patient.uuid}", {name: "x"}), 400)
    assert body["errors"][0]["place"] == name


def test_a_nurse_may_not_change_a_patient(alice: Any, unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    problem_of(person(alice).patch(f"{API}/patients/{patient.uuid}", {"sex": "female"}), 403)
    patient.refresh_from_db()
    assert patient.sex == "unknown"


def test_a_key_of_another_unit_cannot_change_and_cannot_tell_that_it_exists(unit_a: Unit, unit_b: Unit) -> None:
    patient = add_patient(unit_a)
    problem_of(machine(unit_b).patch(f"{API}/patients/{patient.uuid}", {"sex": "female"}), 404)


def test_there_is_no_way_to_delete_a_patient(physician: Any, unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    problem_of(physician.delete(f"{API}/patients/{patient.uuid}"), 405)
    assert Patient.objects.filter(pk=patient.pk).exists()
