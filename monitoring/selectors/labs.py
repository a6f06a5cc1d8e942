"""Reads of laboratory results for people and other systems: believed ones in lists, any version by its id."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import QuerySet

from monitoring.clinical.units import STORED_STEP
from monitoring.ingest.raw import NormalisedResult
from monitoring.models import LabResult, Unit


def lab_results_of(units: QuerySet[Unit]) -> QuerySet[LabResult]:
    """All versions of the results of patients of these units, with patient, unit and neighbours in one query."""
    rows = LabResult.objects.filter(patient__unit__in=units)
    # The files that results came in are large and not wanted here.
    return rows.select_related("patient__unit", "supersedes", "superseded_by", "imported").defer("imported__content")


def believed(results: QuerySet[LabResult]) -> QuerySet[LabResult]:
    """Those that are believed now; a result that was withdrawn stays, and says so."""
    return results.filter(retired_at=None)


def stored_result(unit: Unit, source: str, sent: NormalisedResult) -> LabResult | None:
    """The believed result that stands for what was just received from `source` (as results carry it)."""
    rows = lab_results_of(Unit.objects.filter(pk=unit.pk)).filter(source=source, retired_at=None)
    if sent.source_id:
        rows = rows.filter(source_id=sent.source_id)
    else:
        value = None if sent.canonical is None else float(sent.canonical)
        rows = rows.filter(
            patient__mrn=sent.mrn,
            analyte=sent.analyte,
            taken_at=sent.taken_at,
            timing=sent.timing,
            comparator=sent.comparator,
            value=value,
        )
    return rows.order_by("-pk").first()


def as_decimal(value: float) -> Decimal:
    """A stored canonical number as the decimal it was stored from (four decimals)."""
    return Decimal(repr(value)).quantize(STORED_STEP)
