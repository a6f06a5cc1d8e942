"""Reads of patients: lists by risk or number, the current assessment and its history; never a query per patient."""

from __future__ import annotations

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from monitoring.models import Assessment, Patient, Unit

# A patient whom nobody has judged yet stands behind all who were.
_NOT_JUDGED = -1


def patients_of(units: QuerySet[Unit]) -> QuerySet[Patient]:
    """The patients of these units, each with its unit and `current` (a list: its assessment, or empty)."""
    current = Assessment.objects.filter(superseded_at=None).select_related("rule_set")
    return (
        Patient.objects.filter(unit__in=units)
        .select_related("unit")
        .prefetch_related(Prefetch("assessments", queryset=current, to_attr="current"))
    )


def with_risk(patients: QuerySet[Patient]) -> QuerySet[Patient]:
    """The patients with `risk_tier` and `risk_score`, -1 for one who was not judged yet: an order by risk."""
    current = Assessment.objects.filter(patient=OuterRef("pk"), superseded_at=None)
    return patients.annotate(
        risk_tier=Coalesce(Subquery(current.values("tier")[:1]), Value(_NOT_JUDGED)),
        risk_score=Coalesce(Subquery(current.values("score")[:1]), Value(_NOT_JUDGED)),
    )


def at_least(patients: QuerySet[Patient], tier: int) -> QuerySet[Patient]:
    """Those whose current tier is this one or higher."""
    return patients.filter(pk__in=Assessment.objects.filter(superseded_at=None, tier__gte=tier).values("patient_id"))


def assessment_history(patient: Patient, *, limit: int) -> list[Assessment]:
    """The newest `limit` assessments of the patient, newest first, the current one among them."""
    return list(Assessment.objects.filter(patient=patient).select_related("rule_set").order_by("-as_of", "-pk")[:limit])
