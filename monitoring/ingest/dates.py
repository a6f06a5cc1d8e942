"""Reading of dates and times as senders print them; a format is stated or proven, never guessed per row."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

from monitoring.errors import InvalidValue

_TIME = r"(?:(?:[T ]\s*)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d{1,9})?)?"
_ISO = re.compile(
    r"(?P<year>\d{4})(?P<sep>[-/.])(?P<month>\d{1,2})(?P=sep)(?P<day>\d{1,2})"
    + _TIME
    + r"\s?(?P<offset>Z|[+-]\d{2}(?::?\d{2})?)?)?",
    re.ASCII | re.IGNORECASE,
)
_TAIL = _TIME + r"(?:\s?(?P<half>[AP]M))?)?"
_DAY_FIRST = re.compile(
    r"(?P<day>\d{1,2})(?P<sep>[-/.])(?P<month>\d{1,2})(?P=sep)(?P<year>\d{4})" + _TAIL, re.ASCII | re.IGNORECASE
)
_MONTH_FIRST = re.compile(
    r"(?P<month>\d{1,2})(?P<sep>[-/.])(?P<day>\d{1,2})(?P=sep)(?P<year>\d{4})" + _TAIL, re.ASCII | re.IGNORECASE
)
_NAMED_MONTH = re.compile(
    r"(?P<day>\d{1,2})[-/. ](?P<name>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[-/. ](?P<year>\d{4})" + _TAIL,
    re.ASCII | re.IGNORECASE,
)
_MONTHS: Mapping[str, int] = MappingProxyType(
    {
        name: number
        for number, name in enumerate(
            ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
        )
    }
)
_EARLIEST_YEAR = 1950


class UnreadableTime(InvalidValue):
    """A text that is no date or time in the stated format; `code` is a reason of quarantine."""


@dataclass(frozen=True, slots=True)
class DateFormat:
    """How a sender prints dates: a name for people, and the pattern beside ISO 8601 that is accepted."""

    name: str
    pattern: re.Pattern[str] | None


ISO = DateFormat("ISO 8601 (2024-03-31 or 2024-03-31T07:30+02:00)", None)
DAY_FIRST = DateFormat("DD/MM/YYYY [HH:MM]", _DAY_FIRST)
MONTH_FIRST = DateFormat("MM/DD/YYYY [HH:MM]", _MONTH_FIRST)

_TOKENS = (
    ("YYYY", "year", r"\d{4}"),
    ("MON", "name", "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"),
    ("MM", "month", r"\d{1,2}"),
    ("DD", "day", r"\d{1,2}"),
    ("HH", "hour", r"\d{1,2}"),
    ("MI", "minute", r"\d{2}"),
    ("SS", "second", r"\d{2}"),
    ("AM", "half", "[AP]M"),
)
_PERCENT = (("%Y", "YYYY"), ("%m", "MM"), ("%d", "DD"), ("%H", "HH"), ("%I", "HH"), ("%M", "MI"), ("%S", "SS"),
            ("%b", "MON"), ("%p", "AM"))  # fmt: skip


def compile_date_format(text: str) -> DateFormat:
    """The format that a mapping states: "ISO", or parts such as "DD/MM/YYYY HH:MM" or "%d.%m.%Y %H:%M".

    "MM" after "HH" is minutes. Raises InvalidValue when year, month or day is missing, or anything but the
    known parts and separators is found. Two-digit years are not offered.
    """
    if text.strip().casefold() in ("iso", "iso 8601", "iso8601"):
        return ISO
    if "%" in text:
        for percent, token in _PERCENT:
            text = text.replace(percent, token)
    rest, pattern, seen = text.strip().upper(), "", set[str]()
    while rest:
        if "hour" in seen and rest.startswith("MM"):
            rest = "MI" + rest[2:]
        for token, group, digits in _TOKENS:
            if rest.startswith(token) and group not in seen:
                seen.add(group)
                pattern += f"(?P<{group}>{digits})"
                rest = rest[len(token) :]
                break
        else:
            if rest[0] not in " /.-:T,":
                raise _bad_format(text)
            pattern += re.escape(rest[0])
            rest = rest[1:]
    if not ({"year", "day"} <= seen and ("month" in seen) != ("name" in seen)):
        raise _bad_format(text)
    if "hour" in seen and "minute" not in seen:
        raise _bad_format(text)
    return DateFormat(text, re.compile(pattern, re.ASCII | re.IGNORECASE))


def _bad_format(text: str) -> InvalidValue:
    return InvalidValue(
        "bad-date-format",
        f"“{text}” is not a date format; expected “ISO” or parts such as “DD/MM/YYYY HH:MM”.",
    )


def parse_time(text: str, date_format: DateFormat, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, of a date or time as printed; a date alone is that day's local midnight.

    ISO 8601 is always accepted; a time without an offset is local to `zone`. Raises UnreadableTime with
    code "missing_time", "bad_time", "nonexistent_local_time" or "ambiguous_local_time" (clock changes).
    """
    trimmed = text.strip()
    if not trimmed:
        raise UnreadableTime("missing_time", f"There is no date; expected {date_format.name}.")
    match = _ISO.fullmatch(trimmed) or _NAMED_MONTH.fullmatch(trimmed)
    if match is None and date_format.pattern is not None:
        match = date_format.pattern.fullmatch(trimmed)
    if match is None:
        raise UnreadableTime("bad_time", f"“{_short(trimmed)}” is not a date in the form {date_format.name}.")
    parts = match.groupdict()
    local = _local_time(trimmed, parts)
    offset = parts.get("offset")
    if offset:
        return _with_offset(trimmed, local, offset)
    return _to_utc(trimmed, local, zone)


def _local_time(text: str, parts: Mapping[str, str | None]) -> datetime:
    number = parts.get("month")
    month = int(number) if number else _MONTHS[(parts.get("name") or "").lower()]
    hour = int(parts.get("hour") or 0)
    half = (parts.get("half") or "").upper()
    if half:
        if not 1 <= hour <= 12:
            raise UnreadableTime("bad_time", f"“{_short(text)}” has no such hour.")
        hour = hour % 12 + (12 if half == "PM" else 0)
    try:
        local = datetime(  # noqa: DTZ001 - a wall-clock time; its zone is attached by the caller
            int(parts["year"] or 0), month, int(parts["day"] or 0),
            hour, int(parts.get("minute") or 0), int(parts.get("second") or 0),
        )  # fmt: skip
    except ValueError:
        raise UnreadableTime("bad_time", f"“{_short(text)}” is not a day or time that exists.") from None
    if local.year < _EARLIEST_YEAR:
        raise UnreadableTime("bad_time", f"“{_short(text)}” lies before {_EARLIEST_YEAR}.")
    return local


def _with_offset(text: str, local: datetime, offset: str) -> datetime:
    stamp = local.isoformat() + ("+00:00" if offset in "Zz" else offset)
    try:
        return datetime.fromisoformat(stamp).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnreadableTime("bad_time", f"“{_short(text)}” has no such offset from UTC.") from None


def _to_utc(text: str, local: datetime, zone: ZoneInfo) -> datetime:
    first, second = local.replace(tzinfo=zone, fold=0), local.replace(tzinfo=zone, fold=1)
    try:
        moment = first.astimezone(UTC)
        if first.utcoffset() == second.utcoffset():
            return moment
        happened = moment.astimezone(zone).replace(tzinfo=None) == local
    except OverflowError:
        raise UnreadableTime("bad_time", f"“{_short(text)}” is out of range.") from None
    if happened:
        raise UnreadableTime(
            "ambiguous_local_time",
            f"“{_short(text)}” happened twice in {zone.key} (clocks went back); send it with its offset, "
            "such as +01:00.",
        )
    raise UnreadableTime(
        "nonexistent_local_time",
        f"“{_short(text)}” did not happen in {zone.key} (clocks went forward); send it with its offset.",
    )


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"


@dataclass(slots=True)
class DateEvidence:
    """What the dates of a whole file prove about their order of day and month."""

    day_first: int = 0
    month_first: int = 0
    open: int = 0
    example: str = ""
    _seen: set[str] = field(default_factory=set)

    def add(self, text: str) -> None:
        """Take note of one date as printed; ISO dates and texts that are no dates prove nothing."""
        if text in self._seen:
            return
        if len(self._seen) < 10_000:
            self._seen.add(text)
        match = _DAY_FIRST.fullmatch(text.strip())
        if match is None:
            return
        day, month = int(match["day"]), int(match["month"])
        if day > 12 >= month:
            self.day_first += 1
        elif month > 12 >= day:
            self.month_first += 1
        elif day <= 12 and month <= 12:
            self.open += 1
            self.example = self.example or text.strip()

    def decide(self) -> DateFormat | None:
        """The one format that all dates of the file fit, or None when they prove none or contradict."""
        if self.day_first and self.month_first:
            return None
        if self.day_first:
            return DAY_FIRST
        if self.month_first:
            return MONTH_FIRST
        return None if self.open else ISO
