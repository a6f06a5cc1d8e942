"""Who is told of an event, by which channel: pure decisions with their reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from alerts.lifecycle import Condition, EventType
from monitoring.rules.types import Severity

# Events that are told by role.
TOLD: frozenset[EventType] = frozenset({EventType.OPENED, EventType.REOPENED, EventType.SEVERITY_RAISED})
# Events that are told to those who were told that the alert was there.
ENDED: frozenset[EventType] = frozenset({EventType.RETRACTED, EventType.CLEARED})
# Lowest severity told by e-mail, per role; "watch" is a named work list and not sent (expert default, uncalibrated).
TOLD_FROM: dict[str, Severity] = {"nephrologist": Severity.URGENT, "nurse": Severity.CRITICAL}


@dataclass(frozen=True)
class Member:
    """A person of a unit who could be told."""

    user: int
    role: str
    has_address: bool


@dataclass(frozen=True)
class Telling:
    """Tell `user` by `channel`, because `why`."""

    user: int
    channel: str
    why: str


def choose_recipients(
    event: EventType, severity: Severity, members: Iterable[Member], told_before: Iterable[int] = ()
) -> list[Telling]:
    """Whom to tell of `event` on an alert of `severity`, in the order of `members`, nobody twice.

    A retraction and a clearing concern exactly those who were told that the alert was there. Those who heard that it
    had cleared must hear that it is true again; whether it had cleared is for `is_told` to say.
    """
    known = {member.user: member for member in members}
    before = [
        Telling(user, "email", "was told of this alert before")
        for user in sorted(set(told_before))
        if user not in known or known[user].has_address
    ]
    if event in ENDED:
        return before
    if event not in TOLD and event is not EventType.BECAME_ACTIVE:
        return []
    by_role = [
        Telling(member.user, "email", f"{member.role} of the unit, told from {TOLD_FROM[member.role].name.lower()}")
        for member in known.values()
        if member.has_address and member.role in TOLD_FROM and severity >= TOLD_FROM[member.role]
    ]
    if event is not EventType.BECAME_ACTIVE:
        return by_role
    chosen = {telling.user for telling in by_role}
    return [*by_role, *(telling for telling in before if telling.user not in chosen)]


def is_told(event: EventType, *, condition_before: str) -> bool:
    """Whether anybody is told of such an event; "true again" only when it had been said to have cleared."""
    if event is EventType.BECAME_ACTIVE:
        return condition_before == Condition.CLEARED.value
    return event in TOLD or event in ENDED
