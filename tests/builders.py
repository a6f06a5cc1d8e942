"""Short ways to put invented people and their facts into the database of a test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from django.db import transaction

from monitoring.clinical.analytes import BY_CODE
from monitoring.models import Finding, LabResult, Patient, Unit
from monitoring.services.facts import raise_facts_version

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_numbers = count(1)


def add_patient(unit: Unit, **about: Any) -> Patient:
    """An invented patient of `unit`."""
    number = next(_numbers)
    defaults = {"mrn": f"T-{number:05}", "family_name": f"Testwell{number}", "given_name": "Ada"}
    return Patient.objects.create(unit=unit, **(defaults | about))


def add_lab(patient: Patient, analyte: str, value: float | str, *, days_ago: float = 0, **columns: Any) -> LabResult:
    """A believed result, before dialysis, taken `days_ago` before NOW; raises the version of the facts."""
    taken = NOW - timedelta(days=days_ago)
    text = str(value)
    comparator = next((c for c in ("<=", ">=", "<", ">") if text.startswith(c)), "")
    defaults = {
        "value_text": text,
        "comparator": comparator,
        "unit_sent": BY_CODE[analyte].unit,
        "value": float(text[len(comparator) :]),
        "taken_at": taken,
        "received_at": taken,
        "timing": "pre",
        "source": f"{patient.unit.code}/test",
        "source_id": f"t{next(_numbers)}",
    }
    with transaction.atomic():
        result = LabResult.objects.create(patient=patient, analyte=analyte, **(defaults | columns))
        raise_facts_version([patient.pk])
    return result


def add_finding(
    patient: Patient, kind: str, site: str, side: str = "left", *, days_ago: float = 0, **columns: Any
) -> Finding:
    """A finding noted `days_ago` before NOW; raises the version of the facts."""
    noted = NOW - timedelta(days=days_ago)
    defaults = {"noted_at": noted, "recorded_at": noted}
    with transaction.atomic():
        finding = Finding.objects.create(patient=patient, kind=kind, site=site, side=side, **(defaults | columns))
        raise_facts_version([patient.pk])
    return finding
