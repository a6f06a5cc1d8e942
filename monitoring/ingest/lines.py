"""Physical lines of a byte stream in bounded memory, and what the bytes say about their encoding."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from monitoring.ingest.raw import FileRefused

CHUNK = 64 * 1024
MAX_LINE = 64 * 1024
# A file whose line runs on for this long is not a table: reading stops instead of passing gigabytes by.
MAX_RUN_ON = 1024 * 1024

_NOT_CSV = (
    (b"PK\x03\x04", "an Excel workbook or another zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
)


@dataclass(frozen=True, slots=True)
class ByteFacts:
    """Encoding and line end of a whole file, found in one pass over its bytes."""

    encoding: str
    terminator: bytes


def inspect_bytes(stream: BinaryIO, *, encoding: str = "") -> ByteFacts:
    """Look through a seekable stream once and say how to cut and decode it; leaves it at the start.

    UTF-8 if every byte of the file fits it (a BOM is skipped), else Windows-1252, unless `encoding` states
    one. Raises FileRefused for an empty file, a file that is no text, and a line that does not end.
    """
    stream.seek(0)
    head = stream.read(CHUNK)
    if not head.strip(b"\xef\xbb\xbf\r\n\t \x00") and not _has_more(stream):
        raise FileRefused("empty-file", "The file is empty; expected a header line and rows.")
    stream.seek(len(head))
    _refuse_other_formats(head)
    terminator = b"\r" if b"\r" in head and b"\n" not in head else b"\n"
    utf8 = codecs.getincrementaldecoder("utf-8")("strict")
    fits_utf8 = True
    line, run = 1, 0
    chunk = head
    while chunk:
        if fits_utf8:
            try:
                utf8.decode(chunk)
            except UnicodeDecodeError:
                fits_utf8 = False
        ends = chunk.count(terminator)
        if ends:
            line, run = line + ends, len(chunk) - chunk.rfind(terminator) - 1
        else:
            run += len(chunk)
        if run > MAX_RUN_ON:
            raise FileRefused(
                "line-without-end",
                f"Line {line} is longer than {MAX_RUN_ON // 1024} kB and does not end; this is not a table "
                "of results. Nothing was taken.",
                line=line,
            )
        chunk = stream.read(CHUNK)
    if fits_utf8:
        try:
            utf8.decode(b"", final=True)
        except UnicodeDecodeError:
            fits_utf8 = False
    stream.seek(0)
    return ByteFacts(encoding or ("utf-8" if fits_utf8 else "cp1252"), terminator)


def _has_more(stream: BinaryIO) -> bool:
    while chunk := stream.read(CHUNK):
        if chunk.strip(b"\r\n\t \x00"):
            return True
    return False


def _refuse_other_formats(head: bytes) -> None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FileRefused(
            "not-a-csv", "The file is in UTF-16 (“Unicode text”); save it as CSV in UTF-8 and send it again."
        )
    for magic, what in _NOT_CSV:
        if head.startswith(magic):
            raise FileRefused("not-a-csv", f"The file is {what}, not a CSV; save it as CSV and send it again.")
    if head.count(b"\x00") > len(head) // 4:
        raise FileRefused("not-a-csv", "The file holds binary content, not text; expected a CSV.")


def physical_lines(stream: BinaryIO, terminator: bytes) -> Iterator[tuple[int, bytes | None]]:
    """Number (from 1) and bytes of every line from the start of the stream, without its end.

    The bytes are None for a line longer than MAX_LINE. Memory is bounded by MAX_LINE and CHUNK.
    """
    stream.seek(0)
    number = 0
    pending = b""
    too_long = False
    while chunk := stream.read(CHUNK):
        pieces = chunk.split(terminator)
        pieces[0] = pending + pieces[0]
        pending = pieces.pop()
        for piece in pieces:
            number += 1
            yield number, None if too_long or len(piece) > MAX_LINE else piece.removesuffix(b"\r")
            too_long = False
        if len(pending) > MAX_LINE:
            too_long, pending = True, b""
    if pending or too_long:
        yield number + 1, None if too_long or len(pending) > MAX_LINE else pending.removesuffix(b"\r")
