"""Versions of alerts as strong ETags, and the `If-Match` that a change of an alert must carry."""

from __future__ import annotations

import re

from rest_framework.request import Request

from monitoring.api.refusals import PreconditionRequired
from monitoring.errors import StaleVersion

_STRONG_TAG = re.compile(r'"([^"]*)"')


def etag_of(version: int) -> str:
    """The strong ETag of a version."""
    return f'"{version}"'


def demand_match(request: Request, version: int) -> int:
    """The version that the caller looked at, when it is the current `version`.

    Raises PreconditionRequired (428) without `If-Match` and for `*`, which would decide over what nobody has looked at;
    StaleVersion (412) when the alert has moved on. A weak tag never matches (RFC 9110, strong comparison).
    """
    sent = request.headers.get("If-Match", "").strip()
    if not sent or sent == "*":
        raise PreconditionRequired(
            "precondition-required",
            "Send the ETag of the alert you looked at in If-Match, so that nobody decides over a change unseen.",
            place="If-Match",
            value=sent,
            expected=etag_of(version),
        )
    tags = [tag.strip() for tag in sent.split(",")]
    if not any(match[1] == str(version) for tag in tags if (match := _STRONG_TAG.fullmatch(tag))):
        raise StaleVersion(
            "stale-version",
            "This alert has changed since you looked at it. Read it again, then decide.",
            place="If-Match",
            value=sent,
            expected=etag_of(version),
        )
    return version
