"""The errors of the domain: each says what was wrong, where, and what was expected."""

from __future__ import annotations

from typing import Any


class DomainError(Exception):
    """A request that the domain refuses.

    `code` is stable and machine-readable (`kebab-case`), `message` is a sentence for a person,
    `context` names the place, the value and what was expected; `status` hints the HTTP answer.
    """

    status = 400

    def __init__(self, code: str, message: str, **context: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.context = context


class InvalidValue(DomainError):
    """A value that cannot be taken as it stands (422)."""

    status = 422


class NotFound(DomainError):
    """A thing that does not exist, or not for this caller (404)."""

    status = 404


class Conflict(DomainError):
    """A request that is well formed but not possible in the present state (409)."""

    status = 409


class StaleVersion(DomainError):
    """A write based on a version that is no longer the newest (412)."""

    status = 412


class Forbidden(DomainError):
    """A request that this caller may not make (403)."""

    status = 403
