"""The clocks of the machines differ by seconds: what one has just recorded must not be too new for the other."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alerts.models import Alert
from alerts.services.evaluating import evaluate_patients
from monitoring.models import Patient, Unit
from tests.builders import NOW, add_finding, add_lab, add_patient

pytestmark = pytest.mark.django_db
AHEAD = timedelta(seconds=30)


def opens_in_time(patient: Patient, rule: str) -> bool:
    """Whether the rule has opened an alert, at once or at a moment that the patient announces soon."""
    evaluate_patients([patient.pk], as_of=NOW)
    patient.refresh_from_db()
    if patient.next_due is not None and patient.next_due <= NOW + 2 * AHEAD:
        evaluate_patients([patient.pk], as_of=patient.next_due)
    return Alert.objects.filter(patient=patient, rule=rule).exists()


def test_a_result_received_by_a_machine_whose_clock_is_ahead_is_judged_in_time(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    add_lab(patient, "phosphate", 9.4, days_ago=1, received_at=NOW + AHEAD)
    assert opens_in_time(patient, "L02")


def test_a_finding_recorded_by_a_machine_whose_clock_is_ahead_is_judged_in_time(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    add_finding(patient, "mass", "hip", days_ago=1, recorded_at=NOW + AHEAD)
    assert opens_in_time(patient, "S01")


def test_a_finding_noted_on_a_machine_whose_clock_is_ahead_is_judged_in_time(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    add_finding(patient, "mass", "hip", noted_at=NOW + AHEAD, recorded_at=NOW)
    assert opens_in_time(patient, "S01")
