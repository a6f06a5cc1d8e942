"""Who is told of what, and who must not be."""

from __future__ import annotations

import pytest

from alerts.lifecycle import EventType
from alerts.policy import Member, choose_recipients, is_told
from monitoring.rules.types import Severity

NURSE = Member(1, "nurse", has_address=True)
DOCTOR = Member(2, "nephrologist", has_address=True)
MANAGER = Member(3, "manager", has_address=True)
AUDITOR = Member(4, "auditor", has_address=True)
SILENT = Member(5, "nephrologist", has_address=False)
UNIT = [NURSE, DOCTOR, MANAGER, AUDITOR, SILENT]
NEW = [EventType.OPENED, EventType.REOPENED, EventType.SEVERITY_RAISED]
ENDED = [EventType.RETRACTED, EventType.CLEARED]


def told(event: EventType, severity: Severity, before: tuple[int, ...] = ()) -> list[int]:
    return [telling.user for telling in choose_recipients(event, severity, UNIT, before)]


@pytest.mark.parametrize("event", NEW)
@pytest.mark.parametrize(
    ("severity", "users"),
    [
        (Severity.INFO, []),
        (Severity.WATCH, []),
        (Severity.URGENT, [2]),
        (Severity.CRITICAL, [1, 2]),
    ],
)
def test_the_doctor_hears_of_urgent_and_the_nurse_of_critical(
    event: EventType, severity: Severity, users: list[int]
) -> None:
    assert told(event, severity) == users


@pytest.mark.parametrize("event", ENDED)
@pytest.mark.parametrize("severity", Severity)
def test_an_end_is_told_to_exactly_those_who_were_told_of_the_beginning(event: EventType, severity: Severity) -> None:
    assert told(event, severity, (2,)) == [2]
    assert told(event, severity) == []


def test_who_has_left_the_unit_since_hears_of_the_end_too() -> None:
    assert told(EventType.RETRACTED, Severity.CRITICAL, (99, 2)) == [2, 99]


def test_nobody_is_told_twice_of_one_event() -> None:
    assert [t.user for t in choose_recipients(EventType.OPENED, Severity.CRITICAL, [NURSE, NURSE])] == [1]
    assert told(EventType.RETRACTED, Severity.URGENT, (2, 2)) == [2]


def test_true_again_is_told_to_those_who_heard_that_it_had_cleared_and_to_those_whom_it_concerns_now() -> None:
    assert told(EventType.BECAME_ACTIVE, Severity.WATCH, (2,)) == [2]
    assert told(EventType.BECAME_ACTIVE, Severity.CRITICAL, (2,)) == [1, 2]
    assert told(EventType.BECAME_ACTIVE, Severity.WATCH) == []


def test_nobody_is_told_without_an_address() -> None:
    silent = [SILENT]
    assert choose_recipients(EventType.OPENED, Severity.CRITICAL, silent) == []
    assert choose_recipients(EventType.RETRACTED, Severity.CRITICAL, silent, (5,)) == []


@pytest.mark.parametrize("event", [e for e in EventType if e not in {*NEW, *ENDED, EventType.BECAME_ACTIVE}])
def test_what_people_do_themselves_and_small_changes_are_not_sent(event: EventType) -> None:
    assert told(event, Severity.CRITICAL, (1, 2)) == []
    assert not is_told(event, condition_before="active")


@pytest.mark.parametrize(("before", "is_news"), [("cleared", True), ("indeterminate", False), ("active", False)])
def test_true_again_is_news_only_after_it_had_been_said_to_have_cleared(before: str, is_news: bool) -> None:
    assert is_told(EventType.BECAME_ACTIVE, condition_before=before) is is_news
