"""Refusals that belong to HTTP more than to the domain."""

from __future__ import annotations

from monitoring.errors import DomainError


class StoredRefusal(DomainError):
    """A request that was refused, but of which something was stored on purpose: it must not be rolled back."""

    status = 422


class PreconditionRequired(DomainError):
    """A write that does not say which version it is based on (RFC 6585)."""

    status = 428


class Gone(DomainError):
    """Something that was there once and will not come back (410)."""

    status = 410


class KeyReused(DomainError):
    """An Idempotency-Key that came before with another request (422)."""

    status = 422
