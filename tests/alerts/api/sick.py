"""A patient with alerts, for the tests of the alerts API."""

from __future__ import annotations

from alerts.services.evaluating import evaluate_patients
from monitoring.models import Patient, Unit
from tests.builders import NOW, add_finding, add_patient


def sick_patient(unit: Unit) -> Patient:
    """A patient of the unit with a mass that raised alerts."""
    patient = add_patient(unit, family_name="Garnetson", given_name="Ottokar")
    add_finding(patient, "mass", "hip", "right")
    evaluate_patients([patient.pk], as_of=NOW)
    return patient
