"""Who is told of an event, by which channel: pure decisions with their reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from alerts.lifecycle import EventType
from monitoring.rules.types import Severity

# Events that are worth telling; a retraction goes to those who were told before.
TOLD: frozenset[EventType] = frozenset({EventType.OPENED, EventType.REOPENED, EventType.SEVERITY_RAISED})
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

    A retraction and a clearing concern exactly those who were told that the alert was there.
    """
    known = {member.user: member for member in members}
    if event in (EventType.RETRACTED, EventType.CLEARED):
        return [
            Telling(user, "email", "was told of this alert before")
            for user in sorted(set(told_before))
            if user not in known or known[user].has_address
        ]
    if event not in TOLD:
        return []
    return [
        Telling(member.user, "email", f"{member.role} of the unit, told from {TOLD_FROM[member.role].name.lower()}")
        for member in known.values()
        if member.has_address and member.role in TOLD_FROM and severity >= TOLD_FROM[member.role]
    ]
