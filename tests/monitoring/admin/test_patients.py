"""Patients on the screens: sorted by risk, explained on one page, changed only where something differs."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from alerts.services.evaluating import evaluate_patients
from monitoring.models import LabResult, Patient, Unit
from tests.builders import NOW, add_finding, add_lab, add_patient
from tests.monitoring.admin.desk import add_member, desk_of, queries_of, text_of

pytestmark = pytest.mark.django_db
LIST = "/admin/monitoring/patient/"


@pytest.fixture
def nephrologist(unit_a: Unit) -> User:
    """Nadia, nephrologist of unit A."""
    return add_member(unit_a, "nephrologist", "nadia")


def person(patient: Patient, **changes: Any) -> dict[str, Any]:
    """The form about a person as it comes back, with `changes`."""
    fields = {
        "mrn": patient.mrn,
        "family_name": patient.family_name,
        "given_name": patient.given_name,
        "birth_date": patient.birth_date or "",
        "sex": patient.sex,
        "modality": patient.modality,
        "dialysis_start": patient.dialysis_start or "",
        "ckd_onset": patient.ckd_onset or "",
        "kin_affected": patient.kin_affected,
        "status": patient.status,
    }
    return fields | changes


def test_the_list_is_sorted_by_risk_with_the_last_values_and_unknown_ones_named(unit_a: Unit, alice: User) -> None:
    calm = add_patient(unit_a, family_name="Aardvark")
    add_lab(calm, "phosphate", "4.4", days_ago=40)
    add_lab(calm, "phosphate", "4.8", days_ago=5)
    ill = add_patient(unit_a, family_name="Zebra")
    add_finding(ill, "spastic_gait", "general", "unknown", days_ago=1)
    evaluate_patients([calm.pk, ill.pk], as_of=NOW)

    page = text_of(desk_of(alice).get(LIST))

    assert page.index("Zebra") < page.index("Aardvark")
    assert "4.8 mg/dL" in page
    assert "4.4 mg/dL" not in page
    assert "unknown" in page[page.index("Zebra") : page.index("Aardvark")]


def test_alice_finds_nobody_of_unit_b_by_list_search_or_address(unit_b: Unit, alice: User) -> None:
    theirs = add_patient(unit_b, family_name="Theirs", mrn="B-1")
    desk = desk_of(alice)

    assert "Theirs" not in text_of(desk.get(LIST))
    assert "Theirs" not in text_of(desk.get(f"{LIST}?q=B-1"))
    for address in (f"{LIST}{theirs.pk}/change/", f"{LIST}{theirs.pk}/edit/", f"{LIST}{theirs.pk}/history/"):
        response = desk.get(address, follow=True)
        assert response.status_code in (200, 403)
        assert "Theirs" not in response.content.decode()


def test_thirty_rows_need_no_more_queries_than_three(unit_a: Unit, alice: User) -> None:
    desk = desk_of(alice)

    def fill(number: int) -> None:
        for _ in range(number):
            patient = add_patient(unit_a)
            add_lab(patient, "phosphate", "5.0", days_ago=5)
            add_lab(patient, "calcium", "9.0", days_ago=5)
        evaluate_patients(Patient.objects.values_list("id", flat=True), as_of=NOW)

    fill(3)
    few = queries_of(lambda: desk.get(LIST))
    fill(27)

    assert queries_of(lambda: desk.get(LIST)) == few <= 18


def test_the_page_explains_the_tier_line_by_line_and_says_that_it_is_not_calibrated(unit_a: Unit, alice: User) -> None:
    patient = add_patient(unit_a, ckd_onset="1990-01-01")
    add_finding(patient, "mass", "hip", "right", days_ago=2)
    add_finding(patient, "spastic_gait", "general", "unknown", days_ago=2)
    add_lab(patient, "calcium", "9.2", days_ago=2)
    evaluate_patients([patient.pk], as_of=NOW)

    page = text_of(desk_of(alice).get(f"{LIST}{patient.pk}/change/"))

    assert "set by S03 Signs from the neck or spinal cord" in page.replace("</span>", "")
    assert "(9, capped at 8)" in page
    assert "Kidney disease for 20 years, start of dialysis unknown" in page
    assert "have not been calibrated on patients" in page
    assert "phosphate, albumin, calcium x phosphate, PTH" in page
    assert "Firm lump or mass" in page


def test_values_are_shown_in_the_units_of_the_unit_beside_what_was_sent(unit_a: Unit, alice: User) -> None:
    Unit.objects.filter(pk=unit_a.pk).update(display_units="si")
    patient = add_patient(unit_a)
    add_lab(patient, "calcium", "9.2", days_ago=2, timing="unknown")

    page = text_of(desk_of(alice).get(f"{LIST}{patient.pk}/change/"))

    assert "2.30 mmol/L" in page
    assert "9.2 mg/dL" in page
    assert "not stated" in page


def test_a_page_with_much_on_it_needs_no_more_queries(unit_a: Unit, alice: User) -> None:
    patient = add_patient(unit_a)
    desk = desk_of(alice)
    address = f"{LIST}{patient.pk}/change/"
    add_lab(patient, "phosphate", "7.6", days_ago=30)
    add_finding(patient, "mass", "hip", "right", days_ago=2)
    evaluate_patients([patient.pk], as_of=NOW)
    few = queries_of(lambda: desk.get(address))
    for days in range(31, 61):
        add_lab(patient, "phosphate", "7.6", days_ago=days)
        add_finding(patient, "pain", "shoulder", "left", days_ago=days)
    evaluate_patients([patient.pk], as_of=NOW)

    assert queries_of(lambda: desk.get(address)) == few <= 45


def test_saving_without_a_change_leaves_the_version_of_the_facts(unit_a: Unit, nephrologist: User) -> None:
    patient = add_patient(unit_a)
    desk = desk_of(nephrologist)

    desk.post(f"{LIST}{patient.pk}/edit/", person(patient))
    patient.refresh_from_db()
    assert patient.facts_version == 1

    desk.post(f"{LIST}{patient.pk}/edit/", person(patient, dialysis_start="2015-05-01"))
    patient.refresh_from_db()
    assert patient.facts_version == 2
    assert str(patient.dialysis_start) == "2015-05-01"


def test_a_new_patient_is_registered_and_due(unit_a: Unit, nephrologist: User) -> None:
    new = person(Patient(mrn="N-1", family_name="Newman", given_name="Nell"), unit=unit_a.pk)

    response = desk_of(nephrologist).post(f"{LIST}add/", new, follow=True)

    patient = Patient.objects.get(mrn="N-1")
    assert response.redirect_chain[-1][0] == f"{LIST}{patient.pk}/change/"
    assert patient.facts_version > patient.evaluated_version


def test_a_patient_cannot_be_registered_in_a_unit_of_others(unit_b: Unit, nephrologist: User) -> None:
    new = person(Patient(mrn="N-1", family_name="Newman", given_name="Nell"), unit=unit_b.pk)

    desk_of(nephrologist).post(f"{LIST}add/", new)

    assert not Patient.objects.filter(mrn="N-1").exists()


def test_a_number_that_is_taken_is_refused_in_words(unit_a: Unit, nephrologist: User) -> None:
    add_patient(unit_a, mrn="TAKEN")
    new = person(Patient(mrn="TAKEN", family_name="Newman", given_name="Nell"), unit=unit_a.pk)

    response = desk_of(nephrologist).post(f"{LIST}add/", new, follow=True)

    assert Patient.objects.filter(mrn="TAKEN").count() == 1
    assert "already exists" in text_of(response) or "exists in A" in text_of(response)


@pytest.mark.parametrize("role", ["nurse", "manager", "auditor"])
def test_only_a_nephrologist_changes_a_person(unit_a: Unit, role: str) -> None:
    patient = add_patient(unit_a)
    desk = desk_of(add_member(unit_a, role, "other"))

    desk.post(f"{LIST}{patient.pk}/edit/", person(patient, family_name="Changed"))
    desk.post(f"{LIST}{patient.pk}/change/", person(patient, family_name="Changed"))
    desk.post(f"{LIST}{patient.pk}/delete/", {"post": "yes"})

    patient.refresh_from_db()
    assert patient.family_name != "Changed"


def test_results_are_read_and_never_written_here(unit_a: Unit, nephrologist: User) -> None:
    result = add_lab(add_patient(unit_a), "phosphate", "5.0", days_ago=5)
    desk = desk_of(nephrologist)
    address = f"/admin/monitoring/labresult/{result.pk}"

    assert "5.0 mg/dL" in text_of(desk.get(f"{address}/change/"))
    assert desk.post(f"{address}/change/", {"value_text": "4.0"}).status_code == 403
    assert desk.post(f"{address}/delete/", {"post": "yes"}).status_code == 403
    assert LabResult.objects.get().value_text == "5.0"
