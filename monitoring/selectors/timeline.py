"""What happened to a patient, newest first, merged from the tables of facts in as many queries as there are tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from heapq import merge
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import Model, Q, QuerySet

from monitoring.models import ChairsideScreen, ImagingStudy, Patient, Procedure, Treatment, Unit
from monitoring.selectors.findings import findings_of
from monitoring.selectors.labs import believed, lab_results_of


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a timeline; `kind` and `uuid` order what happened at the same moment."""

    at: datetime
    kind: str
    uuid: UUID

    @property
    def rank(self) -> tuple[float, str, str]:
        """Rises along the timeline: newest first, then by kind and id."""
        return (-self.at.timestamp(), self.kind, self.uuid.hex)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened: the row it is read from, and whether only its day is known (`at` is midnight UTC)."""

    position: Position
    row: Model
    day_only: bool


@dataclass(frozen=True, slots=True)
class Source:
    """A table that adds to timelines: its rows of a patient, and the column that says when."""

    kind: str
    rows: Callable[[Patient], QuerySet[Any]]
    column: str
    day_only: bool = False


def _labs(patient: Patient) -> QuerySet[Any]:
    return believed(lab_results_of(Unit.objects.filter(pk=patient.unit_id))).filter(patient=patient)


def _findings(patient: Patient) -> QuerySet[Any]:
    return findings_of(Unit.objects.filter(pk=patient.unit_id)).filter(patient=patient, retired_at=None)


FACTS: tuple[Source, ...] = (
    Source("finding", _findings, "noted_at"),
    Source("imaging", lambda p: ImagingStudy.objects.filter(patient=p, retired_at=None), "performed_at"),
    Source("lab_result", _labs, "taken_at"),
    Source("procedure", lambda p: Procedure.objects.filter(patient=p), "performed_on", day_only=True),
    Source("screen", lambda p: ChairsideScreen.objects.filter(patient=p), "asked_at"),
    Source("treatment_started", lambda p: Treatment.objects.filter(patient=p), "started_on", day_only=True),
    Source(
        "treatment_stopped",
        lambda p: Treatment.objects.filter(patient=p, ended_on__isnull=False),
        "ended_on",
        day_only=True,
    ),
)


def read_timeline(
    patient: Patient, sources: Sequence[Source], *, behind: Position | None, limit: int
) -> tuple[list[Entry], bool]:
    """The next `limit` entries behind a position (from the newest on without one), and whether more follow.

    One query for each source, none of which reads more than `limit` + 1 rows.
    """
    entries = [_read(patient, source, behind, limit + 1) for source in sources]
    found = list(islice(merge(*entries, key=lambda entry: entry.position.rank), limit + 1))
    return found[:limit], len(found) > limit


def _read(patient: Patient, source: Source, behind: Position | None, count: int) -> list[Entry]:
    rows = source.rows(patient)
    if behind is not None:
        rows = rows.filter(_behind(source, behind))
    return [
        Entry(Position(_moment(getattr(row, source.column)), source.kind, row.uuid), row, source.day_only)
        for row in rows.order_by(f"-{source.column}", "uuid")[:count]
    ]


def _behind(source: Source, position: Position) -> Q:
    """Rows of the source that stand behind the position: older, or as old and later in the order of kind and id."""
    at: datetime | date = position.at
    same_moment = True
    if source.day_only:
        at = position.at.date()
        same_moment = position.at == _moment(at)
    older = Q(**{f"{source.column}__lt": at})
    as_old = Q(**{source.column: at})
    if not same_moment or source.kind > position.kind:
        return older | as_old
    if source.kind == position.kind:
        return older | (as_old & Q(uuid__gt=position.uuid))
    return older


def _moment(value: date | datetime) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, time(), tzinfo=UTC)
