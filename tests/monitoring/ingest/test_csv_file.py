"""Malformed and well-formed CSV files: a clear answer each, no row lost, nothing accepted wrongly."""

import io
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import BinaryIO
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.ingest.csv_file import examine_csv, read_csv
from monitoring.ingest.dates import compile_date_format
from monitoring.ingest.mapping import DEFAULT_MAPPING, ColumnMapping
from monitoring.ingest.normalise import Conventions, Normaliser
from monitoring.ingest.raw import FileRefused, Ignored, NormalisedResult, Outcome, RawResult, Reason, Refusal

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
HEADER = "mrn,loinc,value,unit,taken_at,timing\n"
ROW = "A1,2777-1,5.6,mg/dL,2024-03-05T07:30,pre\n"


def read_file(content: bytes | str, mapping: ColumnMapping = DEFAULT_MAPPING) -> list[Outcome]:
    """Every row's outcome, as the import would see it."""
    stream = io.BytesIO(content.encode() if isinstance(content, str) else content)
    layout = examine_csv(stream, mapping)
    rules = Conventions(ZoneInfo("Europe/London"), NOW, layout.decimal, mapping.thousands, layout.date_format)
    normaliser = Normaliser(rules, mapping, layout.column_of)
    return [row if isinstance(row, Refusal) else normaliser.normalise(row) for row in read_csv(stream, layout)]


def accepted(outcomes: list[Outcome]) -> list[NormalisedResult]:
    return [outcome for outcome in outcomes if isinstance(outcome, NormalisedResult)]


def refused(outcomes: list[Outcome]) -> list[tuple[int, str, str]]:
    return [(row.line, row.column, row.reason) for row in outcomes if isinstance(row, Refusal)]


def refusal_of(content: bytes | str, mapping: ColumnMapping = DEFAULT_MAPPING) -> FileRefused:
    with pytest.raises(FileRefused) as refusal:
        read_file(content, mapping)
    return refusal.value


def test_a_plain_file_is_read_exactly() -> None:
    [result] = accepted(read_file(HEADER + ROW))
    assert (result.line, result.mrn, result.analyte) == (2, "A1", "phosphate")
    assert (result.value_text, result.unit_as_sent, result.canonical) == ("5.6", "mg/dL", Decimal("5.6"))
    assert result.taken_at == datetime(2024, 3, 5, 7, 30, tzinfo=UTC)
    assert (result.timing, result.status) == ("pre", "final")
    assert result.text == ROW.strip()


def test_no_header() -> None:
    refusal = refusal_of(ROW * 3)
    assert refusal.code == "no-header"
    assert "A1,2777-1" in refusal.message


def test_no_header_even_when_the_file_has_words() -> None:
    assert refusal_of("Laboratory of Saint Elsewhere\nMarch list\n" + ROW).code == "no-header"


@pytest.mark.parametrize("delimiter", [";", "\t", "|", ","])
def test_the_delimiter_is_found(delimiter: str) -> None:
    outcomes = read_file((HEADER + ROW).replace(",", delimiter))
    assert [result.canonical for result in accepted(outcomes)] == [Decimal("5.6")]


def test_wrong_delimiter_stated() -> None:
    refusal = refusal_of(HEADER + ROW, ColumnMapping(delimiter=";"))
    assert refusal.code == "no-header"


def test_wrong_delimiter_unknown_one() -> None:
    assert refusal_of((HEADER + ROW).replace(",", "~")).code == "no-header"


def test_excel_separator_line_is_understood() -> None:
    [result] = accepted(read_file("sep=;\r\n" + (HEADER + ROW).replace(",", ";").replace("\n", "\r\n")))
    assert result.line == 3


def test_byte_order_mark() -> None:
    [result] = accepted(read_file(b"\xef\xbb\xbf" + (HEADER + ROW).encode()))
    assert result.mrn == "A1"


def test_latin_1() -> None:
    content = (HEADER.strip() + ",comment\n" + ROW.strip() + ",prélevé à 7 h\n").encode("latin-1")
    content += "A2,14879-1,1.8,µmol/L,2024-03-05T07:30,pre,\n".encode("latin-1")
    content += "A3,14682-9,884.2,µmol/L,2024-03-05T07:30,pre,\n".encode("latin-1")
    outcomes = read_file(content)
    first, third = accepted(outcomes)
    assert first.comment == "prélevé à 7 h"
    assert third.canonical == Decimal(10)
    assert refused(outcomes) == [(3, "unit", "unit_not_of_analyte")]


def test_quoted_newline_keeps_the_line_numbers() -> None:
    content = (
        "mrn,loinc,value,unit,taken_at,comment\r\n"
        'A1,2777-1,5.6,mg/dL,2024-03-05,"drawn\r\nlate, by ""night"" staff"\r\n'
        "\r\n"
        "A2,2777-1,nonsense,mg/dL,2024-03-05,\r\n"
    )
    outcomes = read_file(content)
    [result] = accepted(outcomes)
    assert result.comment == 'drawn\nlate, by "night" staff'
    assert refused(outcomes) == [(5, "value", "not_a_number")]


@pytest.mark.parametrize("content", [b"", b"\n\n  \r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_empty(content: bytes) -> None:
    assert refusal_of(content).code == "empty-file"


@pytest.mark.parametrize("blank", ["", "   ", ",,,,,", " , , , , , ", '"","","","","",""'])
def test_a_blank_line_is_no_row(blank: str) -> None:
    outcomes = read_file(HEADER + blank + "\n" + ROW)
    assert [row.line for row in outcomes] == [3] == [row.line for row in accepted(outcomes)]


def test_header_only_is_a_file_without_rows() -> None:
    assert read_file(HEADER) == []


class _EndlessLine:
    """Two gigabytes in one line, made up as they are read; counts what is asked of it."""

    def __init__(self, before: bytes) -> None:
        self.before, self.place, self.handed_out = before, 0, 0

    def seek(self, place: int) -> int:
        self.place = place
        return place

    def read(self, size: int) -> bytes:
        size = min(size, max(0, 2 * 1024**3 - self.place))
        piece = (self.before[self.place : self.place + size] + b"x" * size)[:size]
        self.place += size
        self.handed_out += size
        return piece


@pytest.mark.parametrize(("before", "line"), [("", 1), (HEADER, 2), (HEADER + ROW, 3)])
def test_endless_line_is_cut_short(before: str, line: int) -> None:
    stream = _EndlessLine(before.encode())
    with pytest.raises(FileRefused) as refusal:
        examine_csv(stream, DEFAULT_MAPPING)  # type: ignore[arg-type]
    assert refusal.value.code == "line-without-end"
    assert f"Line {line} " in refusal.value.message
    assert stream.handed_out < 3 * 1024 * 1024


def test_one_long_line_is_refused_and_its_neighbours_are_taken() -> None:
    outcomes = read_file(HEADER + ROW + "A2," + "9" * 100_000 + "\n" + ROW)
    assert [row.line for row in accepted(outcomes)] == [2, 4]
    assert refused(outcomes) == [(3, "", "line_too_long")]


def test_one_long_field_is_refused() -> None:
    outcomes = read_file(HEADER + ROW.replace("pre", "p" * 9000) + ROW)
    assert refused(outcomes) == [(2, "", "field_too_long")]


def test_dates_in_three_styles_are_refused_as_a_file_and_told_how_to_write_them() -> None:
    rows = [ROW.replace("2024-03-05T07:30", date) for date in ("2024-03-05", "25/03/2024", "03/25/2024")]
    refusal = refusal_of(HEADER + "".join(rows))
    assert refusal.code == "date-format-mixed"
    assert "date_format" in refusal.message


def test_dates_in_three_styles_with_the_format_stated() -> None:
    rows = [ROW.replace("2024-03-05T07:30", date) for date in ("2024-03-05", "25/03/2024", "03/25/2024")]
    outcomes = read_file(HEADER + "".join(rows), ColumnMapping(date_format=compile_date_format("DD/MM/YYYY")))
    assert [row.taken_at.day for row in accepted(outcomes)] == [5, 25]
    assert refused(outcomes) == [(4, "taken_at", "bad_time")]


def test_a_date_that_no_row_decides_is_never_guessed() -> None:
    refusal = refusal_of(HEADER + ROW.replace("2024-03-05T07:30", "05/03/2024 07:30"))
    assert refusal.code == "date-format-unclear"
    assert "05/03/2024 07:30" in refusal.message


def test_one_row_that_decides_the_order_decides_it_for_the_file() -> None:
    rows = [ROW.replace("2024-03-05T07:30", date) for date in ("05/03/2024 07:30", "25/03/2024 07:30")]
    assert [row.taken_at.month for row in accepted(read_file(HEADER + "".join(rows)))] == [3, 3]


SEMICOLONS = "mrn;loinc;value;unit;taken_at\nA1;2777-1;5,6;mg/dL;2024-03-05\nA1;17861-6;9;mg/dL;2024-03-05\n"


def test_decimal_commas_are_proven_by_semicolons() -> None:
    assert [row.canonical for row in accepted(read_file(SEMICOLONS))] == [Decimal("5.6"), Decimal(9)]


def test_decimal_commas_and_points_in_one_file_ask_for_a_word() -> None:
    refusal = refusal_of(SEMICOLONS + "A1;2731-8;1.234;pg/mL;2024-03-05\n")
    assert refusal.code == "decimal-sign-unclear"
    assert "“5,6”" in refusal.message


def test_decimal_commas_stated() -> None:
    outcomes = read_file(SEMICOLONS + "A1;2731-8;1.234;pg/mL;2024-03-05\n", ColumnMapping(decimal=","))
    assert len(accepted(outcomes)) == 2
    assert refused(outcomes) == [(4, "value", "ambiguous_separator")]


def test_decimal_commas_between_commas_ask_for_a_word() -> None:
    assert refusal_of(HEADER + ROW.replace("5.6", '"5,6"')).code == "decimal-sign-unclear"


def test_a_quoted_thousand_among_points_is_refused_alone() -> None:
    outcomes = read_file(HEADER + ROW + ROW.replace("5.6", '"1,234"'))
    assert len(accepted(outcomes)) == 1
    assert refused(outcomes) == [(3, "value", "ambiguous_separator")]


def test_a_value_below_the_limit_of_detection_keeps_its_sign() -> None:
    [result] = accepted(read_file(HEADER + ROW.replace("5.6", "<0.5")))
    assert (result.value_text, result.comparator, result.canonical) == ("<0.5", "<", Decimal("0.5"))


@pytest.mark.parametrize("value", ["haemolysed", "HEMOLYZED", "sample haemolysed"])
def test_haemolysed_is_refused(value: str) -> None:
    assert refused(read_file(HEADER + ROW.replace("5.6", value))) == [(2, "value", "haemolysed")]


def test_missing_unit() -> None:
    outcomes = read_file(HEADER + ROW.replace("mg/dL", "") + ROW)
    assert refused(outcomes) == [(2, "unit", "missing_unit")]
    assert len(accepted(outcomes)) == 1


def test_unknown_code_waits_and_a_known_useless_one_is_counted() -> None:
    outcomes = read_file(HEADER + ROW.replace("2777-1", "99999-9") + ROW.replace("2777-1", "2823-3"))
    assert refused(outcomes) == [(2, "loinc", "unknown_code")]
    assert [row.what for row in outcomes if isinstance(row, Ignored)] == ["2823-3"]


def test_duplicate_lines_are_both_read_for_the_store_to_tell_apart() -> None:
    first, second = accepted(read_file(HEADER + ROW + ROW))
    assert (first.line, second.line) == (2, 3)
    assert first.text == second.text


def test_unclosed_quote_spoils_only_its_own_line() -> None:
    outcomes = read_file(HEADER + 'A1,2777-1,"5.6,mg/dL,2024-03-05T07:30,pre\n' + ROW * 80)
    assert refused(outcomes) == [(2, "", "unclosed_quote")]
    assert [row.line for row in accepted(outcomes)] == list(range(3, 83))


def test_text_outside_quotes_is_refused() -> None:
    assert refused(read_file(HEADER + ROW.replace("A1", '"A1"x') + ROW)) == [(2, "", "bad_quoting")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("A1,2777-1,5,6,mg/dL,2024-03-05T07:30,pre", "wrong_field_count"),  # an unquoted decimal comma
        ("A1,2777-1,5.6,mg/dL", "wrong_field_count"),
        ("A1,2777-1,5,6,mg/dL,2024-03-05T07:30,", "wrong_field_count"),  # the same, with a blank at the end
        ("A1,2777-1,5.6\x00,mg/dL,2024-03-05T07:30,pre", "nul_byte"),
        (",2777-1,5.6,mg/dL,2024-03-05T07:30,pre", "missing_patient"),
        ("A1,,5.6,mg/dL,2024-03-05T07:30,pre", "missing_code"),
        ("A1,2777-1,,mg/dL,2024-03-05T07:30,pre", "empty"),
        ("A1,2777-1,5.6,mg/dL,,pre", "missing_time"),
        ("A1,2777-1,5.6,mg/dL,2024-02-30,pre", "bad_time"),
        ("A1,2777-1,5.6,mg/dL,2124-03-05,pre", "future_time"),
        ("A1,2777-1,5.6,mg/dL,2024-03-31T01:30,pre", "nonexistent_local_time"),
        ("A1,2777-1,5.6,mg/dL,2023-10-29T01:30,pre", "ambiguous_local_time"),
        ("A1,2777-1,5.6,mg/dL,2023-10-29T01:30+00:00,pre", None),
        ("A1,2777-1,5.6,mg/dL,2024-03-05T07:30,sometimes", "unknown_timing"),
        ("A1,11065-0,60,mg/dL,2024-03-05T07:30,post", "timing_conflict"),
        ("A1,17861-6,2.3,mg/dL,2024-03-05T07:30,pre", "probable_unit_swap"),
        ("A1,2777-1,99,mg/dL,2024-03-05T07:30,pre", "implausible"),
    ],
)
def test_each_bad_row_has_its_own_reason(row: str, reason: str | None) -> None:
    outcomes = read_file(HEADER + row + "\n" + ROW)
    assert [reason for _, _, reason in refused(outcomes)] == ([reason] if reason else [])
    assert accepted(outcomes)[-1].line == 3


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04 the rest of a workbook", "Excel"),
        ((HEADER + ROW).encode("utf-16"), "UTF-16"),
        (b"%PDF-1.7 report", "PDF"),
        (bytes(range(4)) * 100 + b"\x00" * 900, "binary"),
    ],
)
def test_a_file_that_is_no_csv_is_named(content: bytes, what: str) -> None:
    refusal = refusal_of(content)
    assert refusal.code == "not-a-csv"
    assert what in refusal.message


@pytest.mark.parametrize(
    ("header", "code", "words"),
    [
        ("mrn,loinc,value,taken_at", "missing-column", "unit"),
        ("mrn,value,unit,taken_at", "missing-column", "analyte or loinc"),
        ("loinc,value,unit", "missing-column", "mrn, taken_at"),
        ("mrn,loinc,value,unit,taken_at,taken_at", "double-column", "taken_at"),
        ("mrn,loinc,value,unit,collected_at,date", "double-column", "taken_at"),
    ],
)
def test_a_header_without_what_is_needed_says_what_is_missing(header: str, code: str, words: str) -> None:
    refusal = refusal_of(header + "\nA1,2777-1,5.6,mg/dL,2024-03-05,x\n")
    assert refusal.code == code
    assert words in refusal.message


def test_a_mapped_column_that_is_not_there_is_named() -> None:
    refusal = refusal_of(HEADER + ROW, ColumnMapping(columns={"mrn": "IPP", "value": "value"}))
    assert refusal.code == "missing-column"
    assert "“IPP”" in refusal.message


def test_old_mac_line_ends() -> None:
    outcomes = read_file((HEADER + ROW + ROW).replace("\n", "\r"))
    assert [row.line for row in accepted(outcomes)] == [2, 3]


def test_an_interrupted_file_is_taken_up_behind_a_line() -> None:
    stream = io.BytesIO((HEADER + ROW * 5).encode())
    layout = examine_csv(stream, DEFAULT_MAPPING)
    assert [row.line for row in read_csv(stream, layout, after_line=4)] == [5, 6]


def _lines(outcomes: list[Outcome]) -> Counter[str]:
    return Counter(row.text for row in outcomes)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_make_the_reader_fail(content: bytes) -> None:
    for whole in (content, HEADER.encode() + content):
        with suppress(FileRefused):  # a refusal of the file is an answer; anything else is not
            assert all(isinstance(row, NormalisedResult | Refusal | Ignored) for row in read_file(whole))


_CELL = st.text(alphabet=st.sampled_from('ab15.,"\n ;µ\t'), max_size=8)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(_CELL, st.just(ROW.strip())), max_size=12))
def test_every_line_is_in_exactly_one_row(lines: list[str]) -> None:
    body = "\n".join(lines)
    mapping = ColumnMapping(decimal=".", date_format=compile_date_format("ISO"), delimiter=",")
    outcomes = read_file(HEADER + body + "\n", mapping)
    physical = [line for line in body.split("\n") if line.replace(",", "").strip()]
    in_rows = [line for row in outcomes for line in row.text.split("\n")]
    missing = Counter(physical) - Counter(in_rows)
    # only a row whose every field is blank, such as `""`, is passed over
    assert not [line for line in missing if line.replace(",", "").replace('"', "").strip()]
    numbers = [row.line for row in outcomes]
    assert numbers == sorted(set(numbers))


@settings(max_examples=100, deadline=None)
@given(
    good=st.integers(min_value=1, max_value=5),
    junk=st.lists(st.sampled_from(["x", "A1,2777-1,5.6", "a,b,c,d,e,f", "A1,2777-1,?,mg/dL,2024-03-05,pre"])),
)
def test_one_row_never_affects_another(good: int, junk: list[str]) -> None:
    mapping = ColumnMapping(decimal=".", date_format=compile_date_format("ISO"), delimiter=",")
    content = HEADER
    for number in range(good):
        content += "".join(line + "\n" for line in junk[number::good]) + ROW
    results = accepted(read_file(content, mapping))
    assert [result.canonical for result in results] == [Decimal("5.6")] * good


class _Chunked(io.BytesIO):
    """Hands out few bytes at a time, so that line ends fall on every possible place of a chunk."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 7, 7) if size and size > 0 else size)


def test_lines_are_the_same_whatever_the_size_of_the_reads() -> None:
    content = (HEADER + ROW.replace("pre", '"pre\n"') + "x" * 70_000 + "\n" + ROW).replace("\n", "\r\n").encode()

    def rows(stream: BinaryIO) -> Iterator[RawResult | Refusal]:
        return read_csv(stream, examine_csv(stream, DEFAULT_MAPPING))

    assert list(rows(_Chunked(content))) == list(rows(io.BytesIO(content)))
    assert Reason.LINE_TOO_LONG in [row.reason for row in rows(io.BytesIO(content)) if isinstance(row, Refusal)]
