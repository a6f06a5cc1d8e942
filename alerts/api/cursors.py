"""Opaque signed cursors: of the event feed, bound to the caller and to what it sees, and of timelines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core import signing

from monitoring.api.refusals import Gone
from monitoring.errors import DomainError
from monitoring.selectors.timeline import Position


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose cursor it is: who asks, and a digest of the units in which the caller sees alerts."""

    identity: str
    sees: str

    @classmethod
    def of(cls, identity: str, unit_ids: Iterable[int], *, everything: bool) -> Viewer:
        """The viewer with this identity; one who sees everything stays the same when units are added."""
        shown = "all" if everything else ",".join(str(unit) for unit in sorted(unit_ids))
        return cls(identity, hashlib.sha256(shown.encode()).hexdigest()[:16])


def _feed_signer() -> signing.Signer:
    return signing.Signer(salt="calciwatch.alert-feed")


def _timeline_signer() -> signing.Signer:
    return signing.Signer(salt="calciwatch.timeline")


def write_feed_cursor(seq: int, viewer: Viewer) -> str:
    """The cursor behind event number `seq` for this viewer."""
    return _feed_signer().sign_object({"seq": seq, "who": viewer.identity, "sees": viewer.sees})


def read_feed_cursor(cursor: str, viewer: Viewer, *, last: int) -> int:
    """The number in the cursor.

    Raises DomainError (400) for one that was altered or belongs to somebody else; Gone (410) when the caller sees
    other units since, or when the feed ends before it (the database was set back): going on would miss events.
    """
    content = _open(_feed_signer(), cursor, "after")
    if content.get("who") != viewer.identity:
        raise _not_this_list("after", cursor)
    if content.get("sees") != viewer.sees or content["seq"] > last:
        raise Gone(
            "cursor-expired",
            "What this caller may see has changed since this cursor was given. Read the alerts anew and go on from the "
            "X-Feed-Cursor of that answer.",
            place="after",
            value=cursor,
            expected="a cursor given since then",
        )
    return int(content["seq"])


def write_timeline_cursor(position: Position, patient: UUID) -> str:
    """The cursor behind a position in the timeline of this patient."""
    return _timeline_signer().sign_object(
        {
            "at": position.at.astimezone(UTC).isoformat(),
            "kind": position.kind,
            "uuid": position.uuid.hex,
            "of": patient.hex,
        }
    )


def read_timeline_cursor(cursor: str, patient: UUID) -> Position:
    """The position in the cursor. Raises DomainError (400) for one that was altered or is of another patient."""
    content = _open(_timeline_signer(), cursor, "cursor")
    if content.get("of") != patient.hex:
        raise _not_this_list("cursor", cursor)
    at = datetime.fromisoformat(content["at"]).astimezone(UTC)
    return Position(at, content["kind"], UUID(content["uuid"]))


def _open(signer: signing.Signer, cursor: str, place: str) -> dict[str, Any]:
    try:
        content: dict[str, Any] = signer.unsign_object(cursor)
    except Exception as problem:  # a damaged cursor fails in many ways, all of them the caller's
        raise _not_this_list(place, cursor) from problem
    return content


def _not_this_list(place: str, cursor: str) -> DomainError:
    return DomainError(
        "invalid-cursor",
        "The cursor does not belong to this list.",
        place=place,
        value=cursor,
        expected="a cursor exactly as a previous answer of the same list gave it to the same caller",
    )
