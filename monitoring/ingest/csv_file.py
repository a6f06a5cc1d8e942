"""Streaming reader of long-format CSV: one laboratory result a row, a header, bounded memory, exact line numbers."""

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import BinaryIO

from monitoring.ingest.dates import ISO, DateEvidence, DateFormat
from monitoring.ingest.lines import MAX_LINE, ByteFacts, inspect_bytes, physical_lines
from monitoring.ingest.mapping import ColumnMapping
from monitoring.ingest.raw import FIELDS, FileRefused, RawResult, Reason, Refusal

MAX_FIELD = 8 * 1024
# A quoted note of more lines than this is an unclosed quote: the lines after it are rows again.
MAX_LINES_IN_ROW = 50
_DELIMITERS = (",", ";", "\t", "|")
_DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_BOM = "\ufeff"

# Column names understood without a mapping (compared without case, spaces, dashes and underscores).
_USUAL_NAMES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("mrn", ("mrn", "patientmrn", "medicalrecordnumber", "hospitalnumber", "patientid", "patient", "ipp")),
    ("code", ("loinc", "loinccode", "code", "testcode", "analytecode", "localcode")),
    ("name", ("analyte", "test", "testname", "analytename", "name", "parameter", "component")),
    ("value", ("value", "result", "resultvalue", "valuetext")),
    ("unit", ("unit", "units", "uom", "resultunit", "valueunit")),
    ("taken_at", ("takenat", "collectedat", "collectiontime", "collectiondate", "collectiondatetime",
                  "sampledat", "sampletime", "sampledate", "drawnat", "datetaken", "date", "datetime")),
    ("received_at", ("receivedat", "reportedat", "reporttime", "resulttime", "resultedat")),
    ("timing", ("timing", "prepost", "dialysistiming")),
    ("status", ("status", "resultstatus")),
    ("source_id", ("sourceid", "resultid", "labresultid", "observationid")),
    ("specimen", ("specimen", "specimentype", "fluid", "sampletype")),
    ("comment", ("comment", "comments", "note", "notes")),
    ("ref_low", ("reflow", "referencelow", "refrangelower", "rangelow")),
    ("ref_high", ("refhigh", "referencehigh", "refrangeupper", "rangehigh")),
)  # fmt: skip
_FIELD_BY_USUAL_NAME: Mapping[str, str] = MappingProxyType(
    {usual: name for name, usuals in _USUAL_NAMES for usual in usuals}
)
_COMMA_NUMBER = re.compile(r"[<>=≤≥ ]*\d+,\d+", re.ASCII)
_POINT_NUMBER = re.compile(r"[<>=≤≥ ]*\d*\.\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is to be cut and its numbers and dates read: stated by the mapping or proven by the file."""

    bytes: ByteFacts
    delimiter: str
    header: tuple[str, ...]
    header_line: int
    places: tuple[tuple[str, int], ...]
    decimal: str
    date_format: DateFormat

    def column_of(self, name: str) -> str:
        """The sender's name of one of our fields, or our own where the file has no such column."""
        return next((self.header[place] for field, place in self.places if field == name), name)


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    text: str
    cells: list[str] | None
    refusal: Reason | None = None
    detail: str = ""


def examine_csv(stream: BinaryIO, mapping: ColumnMapping) -> Layout:
    """Look through a seekable file once and decide how it is read.

    Raises FileRefused, saying what was expected, when there is no header, a needed column is missing, or
    decimal signs or dates can be read in two ways and the mapping does not state which.
    """
    facts = inspect_bytes(stream, encoding=mapping.encoding)
    delimiter, header, header_line, places = _read_header(stream, facts, mapping)
    layout = Layout(facts, delimiter, header, header_line, places, mapping.decimal or ".", mapping.date_format or ISO)
    if mapping.decimal and mapping.date_format:
        return layout
    return _prove_conventions(stream, layout, mapping)


def read_csv(stream: BinaryIO, layout: Layout, *, after_line: int = 0) -> Iterator[RawResult | Refusal]:
    """Every row of the file in order, as sent, or a refusal where it cannot be cut into its fields.

    Blank lines are not rows. With `after_line`, rows that start at or before that line are passed over, for
    an import that goes on where it was interrupted. Never raises for what a row contains.
    """
    width = len(layout.header)
    places = dict(layout.places)
    picks = [places.get(name) for name in FIELDS]
    for row in _cut_rows(stream, layout.bytes, layout.delimiter):
        if row.line <= max(layout.header_line, after_line):
            continue
        if row.cells is None:
            yield _refuse(row, row.refusal or Reason.BAD_QUOTING, row.detail)
            continue
        cells = row.cells
        if len(cells) != width:  # even one blank too many may be an unquoted decimal comma before it
            detail = f"The row has {len(cells)} fields, the header {width}; a delimiter is missing or not quoted."
            yield _refuse(row, Reason.WRONG_FIELD_COUNT, detail)
            continue
        if len(row.text) > MAX_FIELD and max(map(len, cells)) > MAX_FIELD:
            yield _refuse(row, Reason.FIELD_TOO_LONG, f"A field is longer than {MAX_FIELD // 1024} kB.")
            continue
        yield RawResult(row.line, row.text, *["" if pick is None else cells[pick].strip() for pick in picks])


def _refuse(row: _Row, reason: Reason, message: str) -> Refusal:
    return Refusal(row.line, "", row.text[:200], reason, message, row.text)


def _cut_rows(stream: BinaryIO, facts: ByteFacts, delimiter: str) -> Iterator[_Row]:
    """Rows from physical lines, the header among them; blank lines are passed over."""
    source = physical_lines(stream, facts.terminator)
    waiting: deque[tuple[int, bytes | None]] = deque()

    def next_line() -> tuple[int, bytes | None] | None:
        return waiting.popleft() if waiting else next(source, None)

    while (current := next_line()) is not None:
        number, data = current
        if data is None or b"\x00" in data:
            yield _damaged(number, data, facts)
            continue
        text = _decode(data, facts)
        if number == 1:
            text = text.removeprefix(_BOM)
        if '"' not in text:
            cells = text.split(delimiter)
            if cells[0].strip() or any(cell.strip() for cell in cells):
                yield _Row(number, text, cells)
            continue
        row, taken = _gather_quoted(number, text, delimiter, facts, next_line)
        if row is None:
            waiting.extendleft(reversed(taken))
            yield _Row(number, text, None, Reason.UNCLOSED_QUOTE, "A quoted field is not closed.")
        elif row.cells is None or any(cell.strip() for cell in row.cells):
            yield row


def _damaged(number: int, data: bytes | None, facts: ByteFacts) -> _Row:
    if data is None:
        return _Row(number, "", None, Reason.LINE_TOO_LONG, f"The line is longer than {MAX_LINE // 1024} kB.")
    shown = _decode(data, facts).replace("\x00", "␀")
    return _Row(number, shown, None, Reason.NUL_BYTE, "The line holds a NUL byte; it is damaged.")


def _gather_quoted(
    number: int,
    text: str,
    delimiter: str,
    facts: ByteFacts,
    next_line: Callable[[], tuple[int, bytes | None] | None],
) -> tuple[_Row | None, list[tuple[int, bytes | None]]]:
    """A row with quotes and the further lines it took; no row when its quote is not closed within reason."""
    taken: list[tuple[int, bytes | None]] = []
    row = _parse_quoted(number, text, delimiter)
    while row is None and len(taken) < MAX_LINES_IN_ROW and len(text) <= MAX_FIELD:
        following = next_line()
        if following is None:
            break
        taken.append(following)
        if following[1] is None or b"\x00" in following[1]:
            break
        piece = _decode(following[1], facts)
        text += "\n" + piece
        # only a line that holds a quote can close the field
        row = _parse_quoted(number, text, delimiter) if '"' in piece else None
    return row, taken


def _parse_quoted(number: int, text: str, delimiter: str) -> _Row | None:
    """The row in a text with quotes, or None when a quoted field is still open at its end."""
    reader = csv.reader([line + "\n" for line in text.split("\n")], delimiter=delimiter, strict=True)
    try:
        cells = next(reader)
    except csv.Error as error:
        if "end of data" in str(error):
            return None
        return _Row(number, text, None, Reason.BAD_QUOTING, "Text stands outside the quotes of a field.")
    except StopIteration:
        return None
    return _Row(number, text, cells)


def _decode(data: bytes, facts: ByteFacts) -> str:
    return data.decode(facts.encoding, errors="replace")


def _read_header(
    stream: BinaryIO, facts: ByteFacts, mapping: ColumnMapping
) -> tuple[str, tuple[str, ...], int, tuple[tuple[str, int], ...]]:
    """Delimiter, column names, line of the header, and where each of our fields stands."""
    stated = mapping.delimiter
    number, text = _first_text_line(stream, facts, after=0)
    hint = re.fullmatch(r'"?sep=(.)"?', text)  # Excel's own first line
    if hint and hint[1] in _DELIMITERS:
        stated = stated or hint[1]
        number, text = _first_text_line(stream, facts, after=number)
    best: tuple[int, str, tuple[str, ...], dict[str, int]] = (-1, ",", (), {})
    for delimiter in (stated,) if stated else _DELIMITERS:
        row = _parse_quoted(number, text, delimiter)
        names = tuple(name.strip() for name in (row.cells if row and row.cells else ()))
        found = _find_places(names, mapping)
        if len(found) > best[0]:
            best = (len(found), delimiter, names, found)
    _, delimiter, header, places = best
    _check_places(header, places, delimiter, text, mapping)
    return delimiter, header, number, tuple(places.items())


def _first_text_line(stream: BinaryIO, facts: ByteFacts, *, after: int) -> tuple[int, str]:
    for number, data in physical_lines(stream, facts.terminator):
        if number <= after:
            continue
        if data is None:
            raise FileRefused("no-header", f"Line {number} is too long for a header; expected column names.")
        text = _decode(data, facts).removeprefix(_BOM)
        if text.strip():
            return number, text
    raise FileRefused("empty-file", "The file is empty; expected a header line and rows.")


def _fold_column(name: str) -> str:
    return re.sub(r"[\s_\-.]+", "", name).casefold()


def _find_places(header: tuple[str, ...], mapping: ColumnMapping) -> dict[str, int]:
    places: dict[str, int] = {}
    if mapping.columns:
        folded = [name.strip().casefold() for name in header]
        for field, column in mapping.columns.items():
            if column.strip().casefold() in folded:
                places[field] = folded.index(column.strip().casefold())
        return places
    for place, name in enumerate(header):
        usual = _FIELD_BY_USUAL_NAME.get(_fold_column(name))
        if usual and usual not in places:
            places[usual] = place
    return places


def _check_places(
    header: tuple[str, ...], places: dict[str, int], delimiter: str, text: str, mapping: ColumnMapping
) -> None:
    shown = text if len(text) <= 120 else text[:120] + "…"
    if not places:
        raise FileRefused(
            "no-header",
            "The first line does not name the columns (mrn, analyte or loinc, value, unit, taken_at); "
            f"it reads “{shown}”. Add a header line, or state the delimiter and columns in a mapping.",
        )
    for field, column in mapping.columns.items():
        if field not in places:
            raise FileRefused(
                "missing-column",
                f"The column “{column}” (our “{field}”) is not in the file; it has {', '.join(header)}.",
                column=column,
            )
    folded = [name.casefold() for name in header]
    for field, place in places.items():
        if folded.count(folded[place]) > 1:
            raise FileRefused("double-column", f"The column “{header[place]}” stands twice in the header.")
        if not mapping.columns and sum(_FIELD_BY_USUAL_NAME.get(_fold_column(name)) == field for name in header) > 1:
            raise FileRefused("double-column", f"Two columns can be “{field}”; state in a mapping which one is meant.")
    given = set(places) | set(mapping.constants)
    missing = [field for field in ("mrn", "value", "unit", "taken_at") if field not in given]
    if not given & {"code", "name"}:
        missing.insert(1, "analyte or loinc")
    if missing:
        found = ", ".join(header[place] for place in places.values())
        raise FileRefused(
            "missing-column",
            f"No column for {', '.join(missing)} was found (delimiter: {_DELIMITER_NAMES[delimiter]}; "
            f"understood: {found}). Name the columns so, or state them in a mapping.",
            missing=missing,
        )


def _prove_conventions(stream: BinaryIO, layout: Layout, mapping: ColumnMapping) -> Layout:
    """Decide decimal sign and date order from every row of the file, or refuse the file."""
    index = dict(layout.places)
    values, dates = index.get("value"), [index[name] for name in ("taken_at", "received_at") if name in index]
    evidence = DateEvidence()
    commas = points = 0
    example = ""
    width = len(layout.header)
    for row in _cut_rows(stream, layout.bytes, layout.delimiter):
        if row.cells is None or row.line <= layout.header_line or len(row.cells) < width:
            continue
        if values is not None and not mapping.decimal:
            value = row.cells[values].strip()
            if "," in value and _COMMA_NUMBER.fullmatch(value):
                commas, example = commas + 1, example or value
            elif "." in value and _POINT_NUMBER.fullmatch(value):
                points += 1
        if not mapping.date_format:
            for place in dates:
                evidence.add(row.cells[place].strip())
    decimal = mapping.decimal or _prove_decimal(commas, points, example, layout)
    date_format = mapping.date_format or _prove_dates(evidence, layout)
    return Layout(
        layout.bytes, layout.delimiter, layout.header, layout.header_line, layout.places, decimal, date_format
    )


def _prove_decimal(commas: int, points: int, example: str, layout: Layout) -> str:
    if not commas:
        return "."
    if layout.delimiter == "," and points:
        return "."  # a quoted "1,234" among points is refused row by row
    if layout.delimiter == ";" and not points:
        return ","
    raise FileRefused(
        "decimal-sign-unclear",
        f"Numbers such as “{example}” in “{layout.column_of('value')}” can be read in two ways; "
        "state “decimal” (“,” or “.”) in the mapping.",
        example=example,
    )


def _prove_dates(evidence: DateEvidence, layout: Layout) -> DateFormat:
    decided = evidence.decide()
    if decided is not None:
        return decided
    column = layout.column_of("taken_at")
    if evidence.day_first and evidence.month_first:
        raise FileRefused(
            "date-format-mixed",
            f"The dates in “{column}” are written day first in some rows and month first in others; "
            "write them as 2024-03-31 07:30, or state “date_format” in the mapping.",
        )
    raise FileRefused(
        "date-format-unclear",
        f"A date such as “{evidence.example}” in “{column}” can be read day first or month first and no row "
        "of the file decides; state “date_format” in the mapping.",
        example=evidence.example,
    )
