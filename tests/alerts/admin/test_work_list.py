"""The work list: who needs you today, worst first, and nobody of another unit."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from alerts.lifecycle import Action
from alerts.models import Alert
from alerts.services.evaluating import evaluate_patients
from alerts.services.transitions import change_alert
from monitoring.models import Patient, Unit
from tests.builders import NOW, add_finding, add_lab, add_patient
from tests.monitoring.admin.desk import add_member, desk_of, queries_of, text_of

pytestmark = pytest.mark.django_db


def judge() -> None:
    evaluate_patients(Patient.objects.values_list("id", flat=True), as_of=NOW)


def with_high_phosphate(unit: Unit, **about: Any) -> Patient:
    patient = add_patient(unit, **about)
    for days in (90, 60, 30):
        add_lab(patient, "phosphate", "7.6", days_ago=days)
    return patient


def with_signs(unit: Unit, **about: Any) -> Patient:
    patient = add_patient(unit, **about)
    add_finding(patient, "spastic_gait", "general", "unknown", days_ago=2)
    add_finding(patient, "mass", "hip", "right", days_ago=2)
    return patient


def test_the_worst_comes_first_and_what_is_unknown_is_named(unit_a: Unit, alice: User) -> None:
    with_high_phosphate(unit_a, family_name="Aardvark")
    with_signs(unit_a, family_name="Zebra")
    judge()

    page = text_of(desk_of(alice).get("/admin/"))

    assert page.index("Zebra") < page.index("Aardvark")
    assert "Signs from the neck or spinal cord" in page
    assert "Unknown:</strong> phosphate, corrected calcium, PTH" in page


def test_alice_sees_nobody_of_unit_b(unit_a: Unit, unit_b: Unit, alice: User) -> None:
    with_signs(unit_a, family_name="Ours")
    with_signs(unit_b, family_name="Theirs", mrn="B-SECRET")
    judge()

    page = text_of(desk_of(alice).get("/admin/?unit=B"))

    assert "Ours" in page
    assert "Theirs" not in page
    assert "B-SECRET" not in page


def test_who_belongs_to_no_unit_is_told_whom_to_ask(unit_a: Unit, carol: User) -> None:
    with_signs(unit_a, family_name="Ours")
    judge()

    page = text_of(desk_of(carol).get("/admin/"))

    assert "You do not belong to a dialysis unit yet" in page
    assert "Ours" not in page


def test_a_patient_whose_alerts_all_have_a_plan_stands_behind_one_nobody_looked_at(unit_a: Unit, alice: User) -> None:
    with_signs(unit_a, family_name="Planned")
    with_high_phosphate(unit_a, family_name="Unseen")
    judge()
    for alert in Alert.objects.filter(patient__family_name="Planned"):
        change_alert(alert, action=Action.ACKNOWLEDGE, now=timezone.now(), actor=alice, reason="MRI today")

    page = text_of(desk_of(alice).get("/admin/"))

    assert page.index("Unseen") < page.index("Planned")
    assert "acknowledged until" in page


def test_a_resolved_alert_is_gone_from_the_list(unit_a: Unit, alice: User) -> None:
    patient = with_high_phosphate(unit_a, family_name="Settled")
    judge()
    for alert in Alert.objects.filter(patient=patient):
        change_alert(alert, action=Action.RESOLVE, now=timezone.now(), actor=alice, reason="done", outcome="treated")

    assert "Settled" not in text_of(desk_of(alice).get("/admin/"))


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("?severity=3", {"Zebra"}),
        ("?group=minerals", {"Aardvark"}),
        ("?state=acknowledged", set()),
        ("?severity=3&group=minerals", set()),
        ("?severity=17", {"Zebra", "Aardvark"}),
        ("?severity=x&page=99&mine=perhaps", {"Zebra", "Aardvark"}),
    ],
)
def test_chips_narrow_the_list_and_nonsense_does_not(unit_a: Unit, alice: User, query: str, shown: set[str]) -> None:
    with_high_phosphate(unit_a, family_name="Aardvark")
    with_signs(unit_a, family_name="Zebra")
    judge()

    page = text_of(desk_of(alice).get(f"/admin/{query}"))

    assert {name for name in ("Aardvark", "Zebra") if name in page} == shown


def test_thirty_patients_need_no_more_queries_than_three(unit_a: Unit, alice: User) -> None:
    desk = desk_of(alice)
    for _ in range(3):
        with_signs(unit_a)
    judge()
    few = queries_of(lambda: desk.get("/admin/"))
    for _ in range(27):
        with_signs(unit_a)
    judge()

    assert queries_of(lambda: desk.get("/admin/")) == few <= 18


def test_an_auditor_reads_alerts_but_is_led_to_no_patient(unit_a: Unit) -> None:
    with_signs(unit_a, family_name="Zebra")
    judge()
    auditor = add_member(unit_a, "auditor", "audrey")
    patient = Patient.objects.get()

    page = text_of(desk_of(auditor).get("/admin/"))

    assert "Signs from the neck or spinal cord" in page
    assert f"/admin/monitoring/patient/{patient.pk}/" not in page
    assert desk_of(auditor).get("/admin/monitoring/patient/").status_code == 403
