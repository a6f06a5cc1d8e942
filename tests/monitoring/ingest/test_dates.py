"""Dates as printed: read by a stated or proven format, in the unit's zone, with the clock changes in mind."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.errors import InvalidValue
from monitoring.ingest.dates import (
    DAY_FIRST,
    ISO,
    MONTH_FIRST,
    DateEvidence,
    DateFormat,
    UnreadableTime,
    compile_date_format,
    parse_time,
)

LONDON, CASABLANCA, NEW_YORK = (ZoneInfo(key) for key in ("Europe/London", "Africa/Casablanca", "America/New_York"))

READ = [
    ("2024-03-05", ISO, LONDON, (2024, 3, 5, 0, 0)),
    ("2024-07-05", ISO, LONDON, (2024, 7, 4, 23, 0)),  # local midnight in summer time
    ("2024-03-05T07:30:15", ISO, NEW_YORK, (2024, 3, 5, 12, 30, 15)),
    ("2024-03-05 07:30", ISO, CASABLANCA, (2024, 3, 5, 6, 30)),
    ("2024-03-05T07:30Z", ISO, NEW_YORK, (2024, 3, 5, 7, 30)),
    ("2024-03-05T07:30:00.123+02:00", ISO, NEW_YORK, (2024, 3, 5, 5, 30)),
    ("2024-03-05T07:30-0500", ISO, LONDON, (2024, 3, 5, 12, 30)),
    ("2024/03/05 7:30", ISO, LONDON, (2024, 3, 5, 7, 30)),
    ("05-Mar-2024 07:30", ISO, LONDON, (2024, 3, 5, 7, 30)),
    ("05/03/2024 07:30", DAY_FIRST, LONDON, (2024, 3, 5, 7, 30)),
    ("05/03/2024", DAY_FIRST, LONDON, (2024, 3, 5, 0, 0)),
    ("5.3.2024 7:30", DAY_FIRST, LONDON, (2024, 3, 5, 7, 30)),
    ("03/05/2024 12:05 AM", MONTH_FIRST, LONDON, (2024, 3, 5, 0, 5)),
    ("03/05/2024 1:05 PM", MONTH_FIRST, LONDON, (2024, 3, 5, 13, 5)),
    ("2024-03-05", DAY_FIRST, LONDON, (2024, 3, 5, 0, 0)),  # ISO is never in doubt
    ("20240305", compile_date_format("YYYYMMDD"), LONDON, (2024, 3, 5, 0, 0)),
    ("202403050730", compile_date_format("YYYYMMDDHHMM"), LONDON, (2024, 3, 5, 7, 30)),
    ("05.03.2024 07:30", compile_date_format("%d.%m.%Y %H:%M"), LONDON, (2024, 3, 5, 7, 30)),
]


@pytest.mark.parametrize(("text", "date_format", "zone", "expected"), READ)
def test_a_printed_date_is_read(text: str, date_format: DateFormat, zone: ZoneInfo, expected: tuple[int, ...]) -> None:
    moment = parse_time(text, date_format, zone)
    assert moment == datetime(*expected, tzinfo=UTC)  # type: ignore[arg-type, misc]
    assert moment.tzinfo is UTC


REFUSED = [
    ("", ISO, LONDON, "missing_time"),
    ("   ", ISO, LONDON, "missing_time"),
    ("05/03/2024", ISO, LONDON, "bad_time"),  # no format stated: not guessed
    ("25/03/2024", MONTH_FIRST, LONDON, "bad_time"),
    ("2024-02-30", ISO, LONDON, "bad_time"),
    ("2024-03-05 25:00", ISO, LONDON, "bad_time"),
    ("2024-03-05 07:60", ISO, LONDON, "bad_time"),
    ("2024-03-05T07:30+99:00", ISO, LONDON, "bad_time"),
    ("2024-W10-2", ISO, LONDON, "bad_time"),
    ("24-03-05", ISO, LONDON, "bad_time"),
    ("05/03/24", DAY_FIRST, LONDON, "bad_time"),
    ("0224-03-05", ISO, LONDON, "bad_time"),
    ("45356.3", ISO, LONDON, "bad_time"),  # Excel's serial number
    ("yesterday", ISO, LONDON, "bad_time"),
    ("13/05/2024 13:00 PM", DAY_FIRST, LONDON, "bad_time"),
    ("٢٠٢٤-03-05", ISO, LONDON, "bad_time"),
    ("2024-03-31 01:30", ISO, LONDON, "nonexistent_local_time"),
    ("2024-10-27 01:30", ISO, LONDON, "ambiguous_local_time"),
    ("2024-03-10 02:30", ISO, NEW_YORK, "nonexistent_local_time"),
    ("2024-11-03 01:30", ISO, NEW_YORK, "ambiguous_local_time"),
]


@pytest.mark.parametrize(("text", "date_format", "zone", "code"), REFUSED)
def test_a_doubtful_date_is_refused_by_name(text: str, date_format: DateFormat, zone: ZoneInfo, code: str) -> None:
    with pytest.raises(UnreadableTime) as refusal:
        parse_time(text, date_format, zone)
    assert refusal.value.code == code


def test_at_the_clock_change_an_offset_settles_it() -> None:
    assert parse_time("2024-10-27 01:30+01:00", ISO, LONDON) == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)
    assert parse_time("2024-10-27 01:30+00:00", ISO, LONDON) == datetime(2024, 10, 27, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "DD/MM", "DD/MM/YY", "YYYY-MM", "YYYY-DD HH", "day/month/year", "%d/%m/%y", "YYYY-MM-DD-DD", "%"]
)
def test_a_format_that_cannot_work_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        compile_date_format(text)


@given(st.text(max_size=30))
def test_no_format_text_makes_it_fail_otherwise(text: str) -> None:
    with suppress(InvalidValue):
        compile_date_format(text)


@given(st.text(max_size=30), st.sampled_from([ISO, DAY_FIRST, MONTH_FIRST]))
def test_no_date_text_makes_it_fail_otherwise(text: str, date_format: DateFormat) -> None:
    with suppress(UnreadableTime):
        assert parse_time(text, date_format, LONDON).tzinfo is UTC


@given(
    st.integers(min_value=-20 * 365 * 24 * 60, max_value=200 * 365 * 24 * 60),
    st.sampled_from([LONDON, CASABLANCA, NEW_YORK]),
)
def test_a_moment_printed_with_its_offset_is_found_again(minutes: int, zone: ZoneInfo) -> None:
    moment = datetime(1972, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    assert parse_time(moment.astimezone(zone).isoformat(), ISO, LONDON) == moment


EVIDENCE = [
    (["2024-03-05", "05-Mar-2024"], ISO),
    (["05/03/2024", "25/03/2024"], DAY_FIRST),
    (["03/05/2024", "03/25/2024"], MONTH_FIRST),
    (["05/03/2024", "06/03/2024"], None),
    (["25/03/2024", "03/25/2024"], None),
    (["45/45/2024", "nonsense", ""], ISO),  # proves nothing; the rows are refused one by one
]


@pytest.mark.parametrize(("dates", "expected"), EVIDENCE)
def test_the_dates_of_a_whole_file_decide_or_do_not(dates: list[str], expected: DateFormat | None) -> None:
    evidence = DateEvidence()
    for date in dates:
        evidence.add(date)
    assert evidence.decide() is expected
