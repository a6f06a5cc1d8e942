"""What staff record: through the services, for patients of their own units, and never silently overwritten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from monitoring.models import ChairsideScreen, Finding, ImagingStudy, Lesion, Patient, Treatment, Unit
from tests.builders import add_finding, add_patient
from tests.monitoring.admin.desk import add_member, desk_of, said, text_of

pytestmark = pytest.mark.django_db
FINDING = "/admin/monitoring/finding/"


@pytest.fixture
def nephrologist(unit_a: Unit) -> User:
    """Nadia, nephrologist of unit A."""
    return add_member(unit_a, "nephrologist", "nadia")


def mass(patient: Patient, **changes: Any) -> dict[str, Any]:
    """The form of a finding as it comes back."""
    fields = {
        "patient": patient.pk,
        "kind": "mass",
        "site": "hip",
        "side": "left",
        "intensity": "unknown",
        "growing": "unknown",
        "size_mm": "",
        "onset": "",
        "noted_at": "2026-03-01T09:30",
        "lesion": "",
        "note": "",
    }
    return fields | changes


def version_of(patient: Patient) -> int:
    return Patient.objects.get(pk=patient.pk).facts_version


def test_a_nurse_records_a_finding_and_the_patient_is_due(unit_a: Unit, alice: User) -> None:
    patient = add_patient(unit_a)

    response = desk_of(alice).post(f"{FINDING}add/", mass(patient), follow=True)

    finding = Finding.objects.get()
    assert (finding.patient, finding.recorded_by) == (patient, alice)
    assert version_of(patient) == 2
    assert response.redirect_chain[-1][0] == f"/admin/monitoring/patient/{patient.pk}/change/"


def test_a_time_that_is_typed_is_the_units_own_time(unit_a: Unit, alice: User) -> None:
    patient = add_patient(unit_a)

    desk_of(alice).post(f"{FINDING}add/", mass(patient, noted_at="2026-07-01T09:30"))

    assert Finding.objects.get().noted_at.isoformat() == "2026-07-01T08:30:00+00:00"


def test_a_finding_for_another_units_patient_is_refused(unit_b: Unit, alice: User) -> None:
    theirs = add_patient(unit_b, family_name="Theirs")

    response = desk_of(alice).post(f"{FINDING}add/", mass(theirs), follow=True)

    assert not Finding.objects.exists()
    assert version_of(theirs) == 1
    assert "Theirs" not in text_of(response)


def test_without_a_patient_one_is_asked_to_choose(alice: User) -> None:
    response = desk_of(alice).get(f"{FINDING}add/", follow=True)

    assert "Choose the patient first" in said(response)


def test_a_change_supersedes_and_keeps_what_was_known(unit_a: Unit, nephrologist: User) -> None:
    patient = add_patient(unit_a)
    old = add_finding(patient, "mass", "hip", "left", days_ago=9)
    before = version_of(patient)
    noted = f"{timezone.localtime(old.noted_at):%Y-%m-%dT%H:%M}"

    desk_of(nephrologist).post(f"{FINDING}{old.pk}/change/", mass(patient, noted_at=noted, size_mm="40"))

    old.refresh_from_db()
    new = Finding.objects.get(retired_at=None)
    assert old.retired_at is not None
    assert old.size_mm is None
    assert (new.supersedes, new.size_mm, new.recorded_by) == (old, 40, nephrologist)
    assert version_of(patient) == before + 1


def test_saving_a_finding_unchanged_writes_nothing_though_its_time_has_seconds(
    unit_a: Unit, nephrologist: User
) -> None:
    patient = add_patient(unit_a)
    noted = timezone.now().replace(second=41, microsecond=7) - timedelta(days=3)
    old = add_finding(patient, "mass", "hip", "left", noted_at=noted)
    before = version_of(patient)

    shown = f"{timezone.localtime(noted, timezone.get_default_timezone()):%Y-%m-%dT%H:%M}"
    desk_of(nephrologist).post(f"{FINDING}{old.pk}/change/", mass(patient, noted_at=shown))

    assert Finding.objects.get() == old
    assert version_of(patient) == before


def test_saving_a_study_unchanged_writes_nothing_and_linking_a_lesion_does(unit_a: Unit, nephrologist: User) -> None:
    patient = add_patient(unit_a)
    moment = timezone.now().replace(second=41, microsecond=7) - timedelta(days=3)
    study = ImagingStudy.objects.create(
        patient=patient, modality="CT", site="hip", performed_at=moment, recorded_at=moment
    )
    lesion = Lesion.objects.create(patient=patient, site="hip", side="left", recorded_at=moment)
    stranger = Lesion.objects.create(patient=add_patient(unit_a), site="hip", side="left", recorded_at=moment)
    form = {field.name: getattr(study, field.name) for field in ImagingStudy._meta.concrete_fields}
    form = {name: value for name, value in form.items() if isinstance(value, str)}
    form |= {"performed_at": f"{moment:%Y-%m-%dT%H:%M}", "lesion_count": "", "size_mm": ""}
    address = f"/admin/monitoring/imagingstudy/{study.pk}/change/"
    desk = desk_of(nephrologist)
    before = version_of(patient)

    desk.post(address, form)
    study.refresh_from_db()
    assert (version_of(patient), study.performed_at) == (before, moment)

    desk.post(address, form | {"lesions": [stranger.pk]})
    assert not study.lesions.exists()

    desk.post(address, form | {"lesions": [lesion.pk]})
    assert list(study.lesions.all()) == [lesion]
    assert version_of(patient) == before + 1


@pytest.mark.parametrize(("how", "status"), [("gone", "resolved"), ("error", "withdrawn")])
def test_a_finding_ends_in_one_of_two_ways_and_only_on_a_second_press(
    unit_a: Unit, nephrologist: User, how: str, status: str
) -> None:
    patient = add_patient(unit_a)
    finding = add_finding(patient, "mass", "hip", "left", days_ago=9)
    address = f"{FINDING}{finding.pk}/{how}/"
    desk = desk_of(nephrologist)

    desk.get(address)
    assert Finding.objects.get().status == "present"

    desk.post(address, {"resolved_at": "2026-03-01T10:00"})
    assert Finding.objects.get(retired_at=None).status == status


def test_a_nurse_neither_changes_nor_ends_a_finding(unit_a: Unit, alice: User) -> None:
    patient = add_patient(unit_a)
    finding = add_finding(patient, "mass", "hip", "left", days_ago=9)
    desk = desk_of(alice)

    assert desk.post(f"{FINDING}{finding.pk}/change/", mass(patient, size_mm="40")).status_code == 403
    assert desk.post(f"{FINDING}{finding.pk}/error/").status_code == 404
    assert Finding.objects.get().status == "present"


def test_a_nurse_asks_the_five_questions_and_is_reminded_of_the_finding(unit_a: Unit, alice: User) -> None:
    patient = add_patient(unit_a)
    form = {"patient": patient.pk, "asked_at": "2026-03-01T09:30", "note": ""}
    form |= {"lump": "yes", "stiff_joint": "no", "lasting_pain": "no", "weakness": "not_asked", "skin": "no"}

    response = desk_of(alice).post("/admin/monitoring/chairsidescreen/add/", form, follow=True)

    screen = ChairsideScreen.objects.get()
    assert (screen.lump, screen.weakness, screen.recorded_by) == ("yes", "not_asked", alice)
    assert version_of(patient) == 2
    assert "record what you found" in said(response)


def test_a_treatment_is_the_nephrologists_to_write(unit_a: Unit, alice: User, nephrologist: User) -> None:
    patient = add_patient(unit_a)
    form = {"patient": patient.pk, "drug_class": "calcium_binder", "drug": "", "dose": "", "started_on": "2026-01-01"}
    address = "/admin/monitoring/treatment/add/"

    desk_of(alice).post(address, form)
    assert not Treatment.objects.exists()

    desk_of(nephrologist).post(address, form)
    assert Treatment.objects.get().patient == patient
    assert version_of(patient) == 2


def test_a_treatment_that_ends_before_it_starts_is_refused_at_the_form(unit_a: Unit, nephrologist: User) -> None:
    patient = add_patient(unit_a)
    form = {
        "patient": patient.pk,
        "drug_class": "other",
        "drug": "x",
        "started_on": "2026-02-01",
        "ended_on": "2026-01-01",
    }

    response = desk_of(nephrologist).post("/admin/monitoring/treatment/add/", form)

    assert response.status_code == 200
    assert not Treatment.objects.exists()
    assert version_of(patient) == 1
