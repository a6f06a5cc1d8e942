"""Lets waiting rows be tried again, once their patient, code or unit is known, or be dismissed by a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from monitoring.ingest.raw import FIELDS, Ignored, NormalisedResult, RawResult, Refusal
from monitoring.models import Import, QuarantinedItem, QuarantineStatus, Unit
from monitoring.services.imports import ImportReader, reader_of
from monitoring.services.reception import receive_results

CHUNK_ITEMS = 2_000


@dataclass(frozen=True, slots=True)
class Replay:
    """How many waiting rows are now stored, are now known as not kept, and wait on."""

    stored: int = 0
    not_kept: int = 0
    waiting: int = 0


def replay_quarantine(
    unit: Unit,
    *,
    now: datetime,
    actor: User | None = None,
    reason: str = "",
    mrn: str = "",
    items: Iterable[UUID] | None = None,
) -> Replay:
    """Try the unit's waiting rows again, narrowed by reason, patient number or a choice of items.

    Each row is read as it was read first, by the mappings and patients known now. What is stored is closed as
    replayed, what is now mapped to "not kept" as dismissed; the rest waits on with its present reason. Rows that could
    not be cut into fields cannot be replayed and are left out. Trying twice changes nothing more.
    """
    waiting = QuarantinedItem.objects.filter(unit=unit, status=QuarantineStatus.WAITING).exclude(fields={})
    if reason:
        waiting = waiting.filter(reason=reason)
    if mrn:
        waiting = waiting.filter(mrn=mrn)
    if items is not None:
        waiting = waiting.filter(uuid__in=list(items))
    of_import: dict[int, list[int]] = defaultdict(list)
    for item_id, import_id in waiting.order_by("imported_id", "line", "id").values_list("id", "imported_id"):
        of_import[import_id].append(item_id)
    stored = not_kept = still = 0
    for imported in Import.objects.filter(pk__in=list(of_import)).select_related("unit").order_by("received_at", "id"):
        reader = reader_of(imported, now=now)
        ids = of_import[imported.pk]
        for start in range(0, len(ids), CHUNK_ITEMS):
            part = _replay_chunk(imported, ids[start : start + CHUNK_ITEMS], reader, actor=actor, now=now)
            stored, not_kept, still = stored + part.stored, not_kept + part.not_kept, still + part.waiting
    return Replay(stored, not_kept, still)


def dismiss_items(unit: Unit, *, items: Iterable[UUID], actor: User, now: datetime) -> int:
    """Close waiting rows that a person has looked at and does not want; gives how many were closed."""
    return QuarantinedItem.objects.filter(unit=unit, uuid__in=list(items), status=QuarantineStatus.WAITING).update(
        status=QuarantineStatus.DISMISSED, closed_at=now, closed_by=actor
    )


def _replay_chunk(
    imported: Import, ids: list[int], reader: ImportReader, *, actor: User | None, now: datetime
) -> Replay:
    with transaction.atomic():
        # Locked, so that two people who replay at once do not both answer for a row.
        items = list(
            QuarantinedItem.objects.select_for_update(of=("self",))
            .filter(pk__in=ids, status=QuarantineStatus.WAITING)
            .order_by("line", "id")
        )
        closed: list[QuarantinedItem] = []
        changed: list[QuarantinedItem] = []
        results: list[NormalisedResult] = []
        owners: list[QuarantinedItem] = []
        for item in items:
            outcome = reader.normaliser.normalise(_raw_of(item))
            if isinstance(outcome, NormalisedResult):
                results.append(outcome)
                owners.append(item)
            elif isinstance(outcome, Ignored):
                item.status = QuarantineStatus.DISMISSED
                closed.append(item)
            else:
                changed.append(_restate(item, outcome))
        answers = receive_results(
            imported.unit,
            results=results,
            source=imported.source,
            now=now,
            imported=imported,
            ids_are_of_samples=reader.mapping.ids_are_of_samples,
        )
        for item, answer in zip(owners, answers, strict=True):
            if isinstance(answer, Refusal):
                changed.append(_restate(item, answer))
            else:
                item.status = QuarantineStatus.REPLAYED
                closed.append(item)
        for item in closed:
            item.closed_at, item.closed_by_id = now, actor.pk if actor else None
        QuarantinedItem.objects.bulk_update(closed, ["status", "closed_at", "closed_by"], batch_size=500)
        QuarantinedItem.objects.bulk_update(changed, ["reason", "column", "value", "message"], batch_size=500)
    not_kept = sum(item.status == QuarantineStatus.DISMISSED for item in closed)
    return Replay(len(closed) - not_kept, not_kept, len(changed))


def _raw_of(item: QuarantinedItem) -> RawResult:
    fields = {name: str(value) for name, value in item.fields.items() if name in FIELDS}
    return RawResult(line=item.line, text=item.raw, **fields)


def _restate(item: QuarantinedItem, refusal: Refusal) -> QuarantinedItem:
    item.reason, item.message = str(refusal.reason), refusal.message
    item.column, item.value = refusal.column[:120], refusal.value
    return item
