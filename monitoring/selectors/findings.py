"""Reads of findings for people and other systems: believed ones in lists, any version by its id."""

from __future__ import annotations

from django.db.models import QuerySet

from monitoring.models import Finding, Unit


def findings_of(units: QuerySet[Unit]) -> QuerySet[Finding]:
    """All versions of the findings of patients of these units, with patient, unit, lesion and neighbours."""
    return Finding.objects.filter(patient__unit__in=units).select_related(
        "patient__unit", "lesion", "supersedes", "superseded_by"
    )
