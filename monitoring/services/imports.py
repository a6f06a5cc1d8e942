"""Takes in a laboratory's file: kept whole, stored in chunks, every row answered; may be broken off and sent again."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from types import MappingProxyType
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from monitoring.clinical.analytes import CodeMeaning, find_meaning
from monitoring.clinical.units import to_ucum
from monitoring.errors import InvalidValue
from monitoring.ingest.csv_file import Layout, examine_csv, read_csv
from monitoring.ingest.mapping import ColumnMapping, load_mapping
from monitoring.ingest.normalise import Conventions, Normaliser
from monitoring.ingest.raw import FIELDS, FileRefused, Ignored, NormalisedResult, RawResult, Refusal
from monitoring.models import (
    CodeMapping,
    Import,
    ImportStatus,
    Patient,
    QuarantinedItem,
    QuarantineStatus,
    Unit,
    UnitMapping,
)
from monitoring.services.reception import Verdict, receive_results

MAX_FILE_BYTES = 64 * 1024 * 1024
# One transaction each: small enough to bound memory and the time that locks are held.
CHUNK_ROWS = 10_000
# "UNIT/source" must fit the column of a result.
_LONGEST_SOURCE = 60
_LONGEST_RAW = 8 * 1024


@dataclass(frozen=True, slots=True)
class ImportReader:
    """What is needed to read the rows of one import again in just the same way."""

    mapping: ColumnMapping
    layout: Layout | None
    normaliser: Normaliser


class _Overtaken(Exception):
    """Another worker has taken this chunk."""


def import_results(
    unit: Unit,
    *,
    stream: BinaryIO,
    filename: str,
    source: str = "",
    mapping: Mapping[str, Any] | None = None,
    actor: User | None = None,
    now: datetime,
    register_patients: bool = False,
) -> Import:
    """Take in a CSV file and store its rows; the Import tells what became of them.

    Status is "finished", or "refused" when the file as a whole cannot be read (its message says why). Raises
    InvalidMapping or InvalidValue for a wrong mapping or source. See `receive_file` and `process_import`.
    """
    imported = receive_file(
        unit, stream=stream, filename=filename, source=source, mapping=mapping, actor=actor, now=now
    )
    return process_import(imported.pk, register_patients=register_patients)


def receive_file(
    unit: Unit,
    *,
    stream: BinaryIO,
    filename: str,
    source: str = "",
    mapping: Mapping[str, Any] | None = None,
    actor: User | None = None,
    now: datetime,
) -> Import:
    """Keep a file as received, to be processed later; nothing of it is judged yet.

    `mapping` is the JSON document of `ingest.mapping`; `source` names the sender (default: the mapping's, else
    "csv") and with the unit makes ids unique. `now` is the time of reception; later dates are refused. A file
    over MAX_FILE_BYTES is refused without being kept.
    """
    document = dict(mapping or {})
    mapped = load_mapping(json.dumps(document))
    sender = source.strip() or mapped.source or "csv"
    if len(sender) > _LONGEST_SOURCE:
        raise InvalidValue("source-too-long", f"The source has more than {_LONGEST_SOURCE} signs.")
    content = stream.read(MAX_FILE_BYTES + 1)
    too_large = len(content) > MAX_FILE_BYTES
    return Import.objects.create(
        unit=unit,
        source=sender,
        kind="csv",
        filename=_storable(filename)[-255:],
        sha256="" if too_large else hashlib.sha256(content).hexdigest(),
        content=b"" if too_large else content,
        mapping=document,
        status=ImportStatus.REFUSED if too_large else ImportStatus.RECEIVED,
        message=f"The file is larger than {MAX_FILE_BYTES // 1024**2} MB; send it in parts." if too_large else "",
        actor=actor,
        received_at=now,
        finished_at=now if too_large else None,
    )


def process_import(import_id: int, *, register_patients: bool = False, chunk_rows: int = CHUNK_ROWS) -> Import:
    """Read an import's file and store its rows, chunk by chunk, each chunk and its counts in one transaction.

    Goes on behind the rows already counted, so that after a crash it can simply be run again; two runs at a time
    do no harm. An import that is finished or refused is left as it is. `register_patients` adds unknown patient
    numbers as unnamed patients instead of letting their results wait. An unexpected error marks the import as
    interrupted and is raised.
    """
    imported = Import.objects.select_related("unit").get(pk=import_id)
    if imported.status in (ImportStatus.FINISHED, ImportStatus.REFUSED):
        return imported
    _set_status(imported, ImportStatus.RUNNING, "")
    try:
        reader = reader_of(imported, now=imported.received_at)
        for chunk in _chunks(_rows_left(imported, reader), chunk_rows):
            _store_chunk(imported, chunk, reader, register_patients=register_patients)
    except FileRefused as refusal:
        _set_status(imported, ImportStatus.REFUSED, refusal.message)
    except _Overtaken:
        imported.refresh_from_db()
        return imported
    except BaseException as error:
        _set_status(imported, ImportStatus.INTERRUPTED, f"Broken off by {type(error).__name__}; it can be resumed.")
        raise
    else:
        _set_status(imported, ImportStatus.FINISHED, "")
    imported.refresh_from_db()
    return imported


def reader_of(imported: Import, *, now: datetime) -> ImportReader:
    """The means to read an import's rows as they were read first, by the mappings known at present.

    The mapping sent with the file goes before the unit's own tables of codes and units. Raises FileRefused when the
    file as a whole cannot be read.
    """
    mapping = _mapping_of(imported)
    zone = ZoneInfo(imported.unit.time_zone)
    if imported.kind != "csv":
        return ImportReader(mapping, None, Normaliser(Conventions(zone, now), mapping))
    layout = examine_csv(io.BytesIO(imported.content), mapping)
    conventions = Conventions(zone, now, layout.decimal, mapping.thousands, layout.date_format)
    return ImportReader(mapping, layout, Normaliser(conventions, mapping, layout.column_of))


def quarantine(imported: Import, refusals: Iterable[Refusal], *, now: datetime) -> int:
    """Keep what cannot be stored, with its place, reason and fields, so that it can be replayed; gives the number.

    A row that waits already from an earlier import of the same source, or that a person has dismissed there, does not
    wait twice.
    """
    items = [_quarantined(imported, refusal, now) for refusal in refusals]
    answered = set(
        QuarantinedItem.objects.filter(
            unit=imported.unit,
            imported__source=imported.source,
            status__in=(QuarantineStatus.WAITING, QuarantineStatus.DISMISSED),
            raw__in={item.raw for item in items if item.raw},
        )
        .exclude(imported=imported)
        .values_list("raw", "reason")
        if items
        else ()
    )
    new = [item for item in items if (item.raw, item.reason) not in answered]
    QuarantinedItem.objects.bulk_create(new, batch_size=500)
    return len(new)


def _mapping_of(imported: Import) -> ColumnMapping:
    mapping = load_mapping(json.dumps(imported.mapping))
    codes: dict[str, CodeMeaning | None] = {}
    tables = {"unit": imported.unit, "source": imported.source}
    for code, target in CodeMapping.objects.filter(**tables).values_list("code", "target"):
        meaning = find_meaning(target)
        if meaning is not None or target.replace("_", " ").strip().casefold() == "not kept":
            codes[code] = meaning
    units: dict[str, str] = {}
    for spelling, unit in UnitMapping.objects.filter(**tables).values_list("spelling", "ucum"):
        ucum = to_ucum(unit)
        if ucum is not None:
            units[spelling] = ucum
    return replace(
        mapping,
        code_map=MappingProxyType({**codes, **mapping.code_map}),
        unit_map=MappingProxyType({**units, **mapping.unit_map}),
    )


def _rows_left(imported: Import, reader: ImportReader) -> Iterator[RawResult | Refusal]:
    if reader.layout is None:
        raise FileRefused("not-a-csv", "Only CSV files can be processed in this way.")
    return islice(read_csv(io.BytesIO(imported.content), reader.layout), imported.rows_read, None)


def _chunks(rows: Iterator[RawResult | Refusal], size: int) -> Iterator[list[RawResult | Refusal]]:
    while chunk := list(islice(rows, size)):
        yield chunk


def _store_chunk(
    imported: Import, chunk: list[RawResult | Refusal], reader: ImportReader, *, register_patients: bool
) -> None:
    """Store one chunk with its counts; raises _Overtaken, storing nothing, when another worker was first."""
    now = imported.received_at
    results: list[NormalisedResult] = []
    raws: list[RawResult] = []
    refusals: list[Refusal] = []
    not_kept = 0
    for row in chunk:
        outcome = row if isinstance(row, Refusal) else reader.normaliser.normalise(row)
        if isinstance(outcome, Refusal):
            refusals.append(outcome)
        elif isinstance(outcome, Ignored):
            not_kept += 1
        elif isinstance(row, RawResult):
            results.append(outcome)
            raws.append(row)
    with transaction.atomic():
        # The database checks conservation at every statement, so the rows are first booked as not kept and then
        # moved to where they belong.
        claimed = Import.objects.filter(
            pk=imported.pk, rows_read=imported.rows_read, status=ImportStatus.RUNNING
        ).update(rows_read=F("rows_read") + len(chunk), rows_not_kept=F("rows_not_kept") + len(chunk))
        if not claimed:
            raise _Overtaken
        if register_patients:
            _register_unknown(imported.unit, {result.mrn for result in results})
        answers = receive_results(
            imported.unit,
            results=results,
            source=imported.source,
            now=now,
            imported=imported,
            ids_are_of_samples=reader.mapping.ids_are_of_samples,
        )
        refusals += [
            replace(answer, raw=raw, column=reader.layout.column_of(answer.column) if reader.layout else answer.column)
            for answer, raw in zip(answers, raws, strict=True)
            if isinstance(answer, Refusal)
        ]
        quarantined = quarantine(imported, sorted(refusals, key=lambda refusal: refusal.line), now=now)
        duplicates = sum(answer is Verdict.DUPLICATE for answer in answers) + len(refusals) - quarantined
        Import.objects.filter(pk=imported.pk).update(
            rows_accepted=F("rows_accepted") + len(chunk) - quarantined - duplicates - not_kept,
            rows_duplicate=F("rows_duplicate") + duplicates,
            rows_quarantined=F("rows_quarantined") + quarantined,
            rows_not_kept=F("rows_not_kept") - len(chunk) + not_kept,
        )
    imported.rows_read += len(chunk)


def _register_unknown(unit: Unit, mrns: set[str]) -> None:
    known = set(Patient.objects.filter(unit=unit, mrn__in=mrns).values_list("mrn", flat=True))
    Patient.objects.bulk_create(
        [
            Patient(unit=unit, mrn=mrn, family_name="(name not known)", given_name=mrn[:80])
            for mrn in sorted(mrns - known)
        ],
        batch_size=500,
        ignore_conflicts=True,
    )


def _quarantined(imported: Import, refusal: Refusal, now: datetime) -> QuarantinedItem:
    raw = refusal.raw
    fields = {name: _storable(getattr(raw, name)) for name in FIELDS if getattr(raw, name)} if raw else {}
    return QuarantinedItem(
        imported=imported,
        unit_id=imported.unit_id,
        line=refusal.line,
        column=_storable(refusal.column)[:120],
        value=_storable(refusal.value),
        reason=str(refusal.reason),
        message=_storable(refusal.message),
        raw=_storable(refusal.text)[:_LONGEST_RAW],
        fields=fields,
        mrn=_storable(raw.mrn)[:64] if raw else "",
        created_at=now,
    )


def _storable(text: str) -> str:
    """The text as every database can hold it: no NUL, no half characters."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "␀").encode("utf-8", "replace").decode()


def _set_status(imported: Import, status: ImportStatus, message: str) -> None:
    ended = status in (ImportStatus.FINISHED, ImportStatus.REFUSED)
    Import.objects.filter(pk=imported.pk).exclude(status__in=(ImportStatus.FINISHED, ImportStatus.REFUSED)).update(
        status=status, message=_storable(message), finished_at=timezone.now() if ended else None
    )
