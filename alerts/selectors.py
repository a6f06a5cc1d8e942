"""Reads of the alerts app: due patients, the work list, the event feed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q, QuerySet

from alerts.lifecycle import Workflow
from alerts.models import Alert, AlertEvent, EventCounter
from monitoring.models import Patient, PatientStatus, Unit


def due_patient_ids(*, now: datetime, limit: int) -> list[int]:
    """Primary keys of active patients whose facts have moved on since they were judged, or whose time has come."""
    active = Patient.objects.filter(status=PatientStatus.ACTIVE)
    changed = active.exclude(facts_version=F("evaluated_version")).order_by("id").values_list("id", flat=True)[:limit]
    timed = active.filter(next_due__lte=now).order_by("next_due").values_list("id", flat=True)[:limit]
    return sorted({*changed, *timed})[:limit]


def active_patient_chunks(size: int) -> Iterator[list[int]]:
    """Primary keys of all active patients in chunks of `size`, by keyset, in the order of the key."""
    after = 0
    while True:
        chunk = list(
            Patient.objects.filter(status=PatientStatus.ACTIVE, id__gt=after)
            .order_by("id")
            .values_list("id", flat=True)[:size]
        )
        if not chunk:
            return
        yield chunk
        after = chunk[-1]


def live_alerts(units: QuerySet[Unit] | None = None) -> QuerySet[Alert]:
    """Unresolved alerts, worst first; of `units` only, when given."""
    query = Alert.objects.exclude(workflow=Workflow.RESOLVED)
    return query if units is None else query.filter(unit__in=units)


def events_after(seq: int, *, unit_ids: list[int] | None, limit: int) -> list[AlertEvent]:
    """The next `limit` events after number `seq`, ascending; of the units with these keys only, when given.

    Numbers are given in commit order, so whoever has seen `seq` has seen all that are lower.
    """
    query = AlertEvent.objects.filter(seq__gt=seq).select_related("alert__patient", "unit", "rule_set").order_by("seq")
    if unit_ids is not None:
        query = query.filter(Q(unit_id__in=unit_ids))
    return list(query[:limit])


def alerts_of(units: QuerySet[Unit]) -> QuerySet[Alert]:
    """All alerts of these units, with everything an answer shows of them in one query."""
    return Alert.objects.filter(unit__in=units).select_related("patient", "unit", "rule_set", "assigned_to", "previous")


def events_of(units: QuerySet[Unit]) -> QuerySet[AlertEvent]:
    """All events of these units, with everything an answer shows of them in one query."""
    return AlertEvent.objects.filter(unit__in=units).select_related("alert__patient", "unit", "rule_set")


def last_event_number() -> int:
    """The number of the event committed last: whoever reads events after this sees all up to it, none is late."""
    return EventCounter.objects.values_list("last_seq", flat=True).get(pk=1)


@dataclass(frozen=True)
class FeedPage:
    """Some events in ascending order; everything up to number `reached` has been read, `more` says what follows."""

    events: list[AlertEvent]
    reached: int
    more: bool


def read_feed(after: int, *, unit_ids: Sequence[int], limit: int) -> FeedPage:
    """The next events of the units with these keys behind number `after`, at most `limit`.

    The counter is read before the events: numbers are given in commit order, so no event up to it can appear later,
    and a caller who sees few units need not read over the others' events again.
    """
    upto = last_event_number()
    rows = list(
        AlertEvent.objects.filter(unit_id__in=unit_ids, seq__gt=after, seq__lte=upto)
        .select_related("alert__patient", "unit", "rule_set")
        .order_by("seq")[: limit + 1]
    )
    more = len(rows) > limit
    rows = rows[:limit]
    return FeedPage(rows, rows[-1].seq if more else max(after, upto), more)
