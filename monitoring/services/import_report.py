"""The report of one import for the sender: every row of the file, what became of it, and why."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice

from monitoring.ingest.csv_file import read_csv
from monitoring.ingest.raw import Ignored, RawResult, Refusal
from monitoring.models import Import, ImportStatus, LabResult, QuarantinedItem, QuarantineStatus
from monitoring.services.imports import ImportReader, reader_of

HEADER = ("line", "status", "column", "value", "reason", "message")
# A spreadsheet runs a cell that begins so; an apostrophe in front makes it text.
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n")
_WAITING_WORDS = {
    QuarantineStatus.WAITING: "quarantined",
    QuarantineStatus.REPLAYED: "accepted after replay",
    QuarantineStatus.DISMISSED: "dismissed",
}

_Cells = tuple[str, str, str, str, str, str]


def write_report(imported: Import) -> Iterator[str]:
    """The report as lines of CSV, header first, one line for each row read, in the order of the file.

    Statuses: accepted, already known, not kept, quarantined, accepted after replay, dismissed; for a file that was
    refused as a whole one line with status refused. It is made from the file as kept, so that it can be asked for at
    any time. Cells that a spreadsheet would run as a formula are made harmless.
    """
    yield _line(HEADER)
    if imported.status == ImportStatus.REFUSED:
        yield _line(("", "refused", "", "", "", imported.message))
        return
    waiting = {item.line: item for item in QuarantinedItem.objects.filter(imported=imported).defer("raw", "fields")}
    reader = reader_of(imported, now=imported.received_at)
    if reader.layout is None:
        for _, item in sorted(waiting.items()):
            yield _line(_of_item(item))
        return
    stored = LabResult.objects.filter(imported=imported, line__isnull=False)
    accepted = set(stored.values_list("line", flat=True))
    rows = read_csv(io.BytesIO(imported.content), reader.layout)
    for row in islice(rows, imported.rows_read):
        if row.line in waiting:
            yield _line(_of_item(waiting[row.line]))
        else:
            yield _line(_of_row(row, reader, accepted=row.line in accepted))


def _of_item(item: QuarantinedItem) -> _Cells:
    status = _WAITING_WORDS[QuarantineStatus(item.status)]
    return (str(item.line), status, item.column, item.value, item.reason, item.message)


def _of_row(row: RawResult | Refusal, reader: ImportReader, *, accepted: bool) -> _Cells:
    line = str(row.line)
    if accepted:
        return (line, "accepted", "", row.value, "", "")
    outcome = row if isinstance(row, Refusal) else reader.normaliser.normalise(row)
    if isinstance(outcome, Ignored):
        return (line, "not kept", "", row.value, "", f"{outcome.what}: {outcome.why}")
    return (line, "already known", "", row.value, "", "The same result is stored already.")


def _line(cells: tuple[str, ...]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([_harmless(cell) for cell in cells])
    return text.getvalue()


def _harmless(cell: str) -> str:
    return "'" + cell if cell.startswith(_FORMULA_SIGNS) else cell
