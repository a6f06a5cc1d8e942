"""Stores laboratory results exactly once, however often they are sent, and keeps what they replace."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from django.db import connection, transaction
from django.db.models import Model, QuerySet

from monitoring.ingest.raw import NormalisedResult, Reason, Refusal, Status
from monitoring.models import Import, LabResult, Patient, Unit
from monitoring.services.facts import raise_facts_version

# One id sent with ever other values within one batch is a fault of the sender, not a history.
_MOST_VERSIONS_IN_BATCH = 20

_M = TypeVar("_M", bound=Model)

# Every column but the primary key; the bulk writer of PostgreSQL fills all of them.
COLUMNS = (
    "uuid", "patient_id", "analyte", "value_text", "comparator", "unit_sent", "code_sent", "reference_range",
    "value", "taken_at", "received_at", "timing", "status", "source", "source_id", "imported_id", "line",
    "supersedes_id", "retired_at",
)  # fmt: skip


class Verdict(StrEnum):
    """What became of a result that was understood."""

    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    DUPLICATE = "duplicate"


Answer = Verdict | Refusal


class _Known(NamedTuple):  # made for every row of a repeat, where a dataclass costs as much as the read
    """A stored version of a result, as far as it can differ from what is sent."""

    id: int
    patient_id: int
    analyte: str
    value: float | None
    comparator: str
    taken_at: datetime
    timing: str
    status: str
    received_at: datetime
    supersedes_id: int | None

    @property
    def content(self) -> tuple[object, ...]:
        return _content(
            self.patient_id, self.analyte, self.value, self.comparator, self.taken_at, self.timing, self.status
        )


_KNOWN_FIELDS = _Known._fields


def _content(
    patient_id: int, analyte: str, value: float | None, comparator: str, taken_at: datetime, timing: str, status: str
) -> tuple[object, ...]:
    """What makes two versions the same. Final and corrected stand alike: a corrected value is final."""
    if status == Status.WITHDRAWN:
        return (patient_id, analyte, Status.WITHDRAWN)
    standing = Status.PRELIMINARY if status == Status.PRELIMINARY else Status.FINAL
    return (patient_id, analyte, value, comparator, taken_at, timing, standing)


class _Incoming(NamedTuple):
    """A result of the batch: its place, its patient and the id under which it is stored."""

    place: int
    result: NormalisedResult
    patient_id: int
    source_id: str

    @property
    def content(self) -> tuple[object, ...]:
        sent = self.result
        value = None if sent.canonical is None else float(sent.canonical)
        return _content(self.patient_id, sent.analyte, value, sent.comparator, sent.taken_at, sent.timing, sent.status)


def full_source(unit: Unit, source: str) -> str:
    """The source as results carry it: unique across units."""
    return f"{unit.code}/{source}"


def receive_results(
    unit: Unit,
    *,
    results: Sequence[NormalisedResult],
    source: str,
    now: datetime,
    imported: Import | None = None,
    ids_are_of_samples: bool = False,
) -> list[Answer]:
    """Store a batch of results of one unit and sender; one answer for each, in order.

    The same content under the same id, or without an id the same content, is a duplicate and changes nothing. Other
    content under a known id supersedes it; an old version sent again does not come back. A result whose patient is
    not known in the unit, or that contradicts its own id, is answered with a Refusal and nothing is stored of it.
    Versions of facts rise once for each patient touched, in the same transaction. A fixed number of statements a
    batch, whatever its size.
    """
    with transaction.atomic():
        _serialise(full_source(unit, source))
        patients = _patients_of(unit, {result.mrn for result in results})
        answers: list[Answer | None] = [None] * len(results)
        waiting: list[_Incoming] = []
        for place, result in enumerate(results):
            patient_id = patients.get(result.mrn)
            if patient_id is None:
                answers[place] = _refuse(
                    result, "mrn", result.mrn, Reason.UNKNOWN_PATIENT,
                    f"No patient of unit {unit.code} has this number; register the patient and replay.",
                )  # fmt: skip
            else:
                waiting.append(
                    _Incoming(place, result, patient_id, _id_of(result, ids_are_of_samples=ids_are_of_samples))
                )
        touched: set[int] = set()
        for _ in range(_MOST_VERSIONS_IN_BATCH):
            if not waiting:
                break
            waiting = _store_round(waiting, answers, touched, full_source(unit, source), now, imported)
        for incoming in waiting:
            answers[incoming.place] = _refuse(
                incoming.result, "source_id", incoming.result.source_id, Reason.CONTRADICTS_EARLIER,
                f"This id came with more than {_MOST_VERSIONS_IN_BATCH} different values in one batch.",
            )  # fmt: skip
        raise_facts_version(touched)
    return [answer for answer in answers if answer is not None]


def _serialise(source: str) -> None:
    """Let one batch of a source in at a time, so that no two of them store the same id.

    SQLite allows one writer at a time anyway (transactions begin IMMEDIATE).
    """
    if connection.vendor == "postgresql":
        key = int.from_bytes(hashlib.sha256(source.encode()).digest()[:8], signed=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])


def _patients_of(unit: Unit, mrns: Iterable[str]) -> dict[str, int]:
    return dict(_where_in(Patient.objects.filter(unit=unit), "mrn", mrns).values_list("mrn", "id"))


def _id_of(result: NormalisedResult, *, ids_are_of_samples: bool) -> str:
    """The sender's id, else one made of the content, so that the same content is the same result."""
    if result.source_id:
        if not ids_are_of_samples:
            return result.source_id
        joined = f"{result.source_id}#{result.analyte}"
        return joined if len(joined) <= 128 else _digest(joined)
    parts = (
        result.mrn, result.analyte, result.taken_at.isoformat(), str(result.timing), result.comparator,
        str(result.canonical),
    )  # fmt: skip
    return _digest("\x1f".join(parts))


def _digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _refuse(result: NormalisedResult, column: str, value: str, reason: Reason, message: str) -> Refusal:
    return Refusal(result.line, column, value, reason, message, result.text)


def _store_round(
    waiting: list[_Incoming],
    answers: list[Answer | None],
    touched: set[int],
    source: str,
    now: datetime,
    imported: Import | None,
) -> list[_Incoming]:
    """Judge and store the first result of every id; give back the rest, for the next round."""
    heads: dict[str, _Incoming] = {}
    rest: list[_Incoming] = []
    moved_on: set[str] = set()
    for incoming in waiting:
        head = heads.setdefault(incoming.source_id, incoming)
        if head is incoming:
            continue
        if head.content == incoming.content and incoming.source_id not in moved_on:
            answers[incoming.place] = Verdict.DUPLICATE
        else:
            rest.append(incoming)
            moved_on.add(incoming.source_id)
    known = _known_versions(source, heads)
    fresh: list[_Incoming] = []
    corrections: list[tuple[_Incoming, _Known]] = []
    for incoming in heads.values():
        current = known.get(incoming.source_id)
        if current is None:
            fresh.append(incoming)
            answers[incoming.place] = Verdict.ACCEPTED
        elif current.content == incoming.content:
            answers[incoming.place] = Verdict.DUPLICATE
        else:
            corrections.append((incoming, current))
    rows = [_row(incoming, source, now, imported) for incoming in fresh]
    rows += _supersede(corrections, answers, touched, source, now, imported)
    _insert(rows)
    touched.update(incoming.patient_id for incoming in fresh)
    return rest


def _known_versions(source: str, ids: Iterable[str]) -> dict[str, _Known]:
    """The current version of each id that is known at the source."""
    rows = _where_in(LabResult.objects.filter(source=source, retired_at__isnull=True), "source_id", ids)
    return {row[0]: _Known(*row[1:]) for row in rows.values_list("source_id", *_KNOWN_FIELDS)}


def _where_in(rows: QuerySet[_M], column: str, values: Iterable[str]) -> QuerySet[_M]:
    """Rows whose column is one of the values: one array parameter on PostgreSQL instead of thousands."""
    if connection.vendor != "postgresql":
        return rows.filter(**{f"{column}__in": list(values)})
    name = f"{connection.ops.quote_name(rows.model._meta.db_table)}.{connection.ops.quote_name(column)}"
    return rows.extra(where=[f"{name} = ANY(%s)"], params=[list(values)])  # noqa: S610 - names are of our own model


def _earlier_versions(corrections: list[tuple[_Incoming, _Known]]) -> dict[int, dict[tuple[object, ...], set[str]]]:
    """For each current version (by id): the contents it has replaced, however long ago, with their statuses."""
    contents: dict[int, dict[tuple[object, ...], set[str]]] = {current.id: {} for _, current in corrections}
    owner: dict[int, int] = {current.supersedes_id: current.id for _, current in corrections if current.supersedes_id}
    while owner:
        following: dict[int, int] = {}
        for row in LabResult.objects.filter(id__in=list(owner)).values_list(*_KNOWN_FIELDS):
            version = _Known(*row)
            contents[owner[version.id]].setdefault(version.content, set()).add(version.status)
            if version.supersedes_id:
                following[version.supersedes_id] = owner[version.id]
        owner = following
    return contents


def _supersede(
    corrections: list[tuple[_Incoming, _Known]],
    answers: list[Answer | None],
    touched: set[int],
    source: str,
    now: datetime,
    imported: Import | None,
) -> list[tuple[Any, ...]]:
    """Retire what is corrected or withdrawn and give the rows that take its place."""
    if not corrections:
        return []
    earlier = _earlier_versions(corrections)
    rows: list[tuple[Any, ...]] = []
    retired: list[LabResult] = []
    for incoming, current in corrections:
        answer = _judge_change(incoming, current, earlier[current.id])
        answers[incoming.place] = answer
        if answer is not Verdict.CORRECTED:
            continue
        # From this moment the old version is no longer believed and the new one is: no gap, no overlap.
        moment = max(incoming.result.received_at or now, current.received_at)
        retired.append(LabResult(id=current.id, retired_at=moment))
        rows.append(_row(incoming, source, now, imported, supersedes=current, received_at=moment))
        touched.update((incoming.patient_id, current.patient_id))
    LabResult.objects.bulk_update(retired, ["retired_at"], batch_size=500)
    return rows


def _judge_change(incoming: _Incoming, current: _Known, earlier: dict[tuple[object, ...], set[str]]) -> Answer:
    """Whether other content under a known id replaces it, is an old version again, or contradicts it."""
    sent = incoming.result
    meant = sent.status in (Status.CORRECTED, Status.WITHDRAWN)
    if incoming.content in earlier:
        # An old version sent again must not come back: only one that is newer by the sender's own time, or newly
        # called a correction, does.
        newer = sent.received_at is not None and sent.received_at > current.received_at
        newly_meant = meant and sent.status not in earlier[incoming.content]
        if not newer and not newly_meant:
            return Verdict.DUPLICATE
    if sent.analyte != current.analyte:
        return _refuse(
            sent, "source_id", sent.source_id, Reason.CONTRADICTS_EARLIER,
            f"This id belongs to a result of {current.analyte}. If ids are of samples, say so in the mapping "
            "(“ids_are_of_samples”).",
        )  # fmt: skip
    if incoming.patient_id != current.patient_id and not meant:
        return _refuse(
            sent, "mrn", sent.mrn, Reason.CONTRADICTS_EARLIER,
            "This id belongs to a result of another patient; send it as corrected if that was wrong.",
        )  # fmt: skip
    if current.status == Status.WITHDRAWN and not meant:
        return _refuse(
            sent, "source_id", sent.source_id, Reason.CONTRADICTS_EARLIER,
            "The laboratory has withdrawn this result; send it as corrected if it stands again.",
        )  # fmt: skip
    return Verdict.CORRECTED


def _row(
    incoming: _Incoming,
    source: str,
    now: datetime,
    imported: Import | None,
    *,
    supersedes: _Known | None = None,
    received_at: datetime | None = None,
) -> tuple[Any, ...]:
    """The values of COLUMNS for a new row."""
    sent = incoming.result
    status: str = sent.status
    if supersedes is not None and status == Status.FINAL and supersedes.status != Status.PRELIMINARY:
        status = Status.CORRECTED  # changed without being called so
    return (
        uuid.uuid4(),
        incoming.patient_id,
        sent.analyte,
        sent.value_text[:64],
        sent.comparator,
        sent.unit_as_sent[:32],
        (sent.code or sent.name)[:64],
        _reference_range(sent),
        None if sent.canonical is None else float(sent.canonical),
        sent.taken_at,
        received_at or sent.received_at or now,
        str(sent.timing),
        str(status),
        source,
        incoming.source_id,
        imported.pk if imported else None,
        sent.line or None,
        supersedes.id if supersedes else None,
        None,
    )


def _reference_range(sent: NormalisedResult) -> str:
    if not (sent.ref_low or sent.ref_high):
        return ""
    text = f"{sent.ref_low}–{sent.ref_high}".replace("\x00", "␀")
    return text.encode("utf-8", "replace").decode()[:64]


def _insert(rows: list[tuple[Any, ...]]) -> None:
    """Write rows of COLUMNS: by COPY on PostgreSQL, else by the ORM.

    The rows stay tuples on the way (unlike `bulk.insert_rows`): making them model instances would cost as much time
    as writing them, and their keys are not needed.
    """
    if not rows:
        return
    if connection.vendor == "postgresql":
        table = connection.ops.quote_name(LabResult._meta.db_table)
        columns = ", ".join(connection.ops.quote_name(column) for column in COLUMNS)
        with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    LabResult.objects.bulk_create([LabResult(**dict(zip(COLUMNS, row, strict=True))) for row in rows], batch_size=400)
