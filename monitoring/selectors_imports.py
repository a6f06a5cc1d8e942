"""What staff and callers ask about imports: lists, and what waits and why."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Count, QuerySet

from monitoring.models import Import, ImportStatus, QuarantinedItem, QuarantineStatus, Unit


def imports_of(units: QuerySet[Unit]) -> QuerySet[Import]:
    """The imports of these units, newest first, without the files themselves."""
    return Import.objects.filter(unit__in=units).defer("content").select_related("unit")


def waiting_items(units: QuerySet[Unit], *, reason: str = "", mrn: str = "") -> QuerySet[QuarantinedItem]:
    """The rows of these units that wait, oldest first."""
    items = QuarantinedItem.objects.filter(unit__in=units, status=QuarantineStatus.WAITING)
    if reason:
        items = items.filter(reason=reason)
    if mrn:
        items = items.filter(mrn=mrn)
    return items.order_by("created_at", "imported_id", "line", "id")


def waiting_by_reason(units: QuerySet[Unit]) -> dict[str, int]:
    """How many rows wait for each reason, most first."""
    counted = waiting_items(units).order_by().values("reason").annotate(number=Count("id"))
    return {row["reason"]: row["number"] for row in counted.order_by("-number", "reason")}


def forgotten_imports(*, before: datetime, after: timedelta = timedelta(days=1)) -> list[int]:
    """Keys of imports received before this moment, within the day before it, that still wait or run."""
    return list(
        Import.objects.filter(
            status__in=(ImportStatus.RECEIVED, ImportStatus.RUNNING),
            received_at__lt=before,
            received_at__gte=before - after,
        )
        .order_by("received_at", "id")
        .values_list("id", flat=True)
    )
