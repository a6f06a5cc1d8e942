"""Remembers for a day how a request with an Idempotency-Key was answered, in the transaction of what it did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction

from monitoring.models import IdempotentReply

KEPT_FOR = timedelta(hours=24)
_CLEARED_AT_ONCE = 100


def claim_reply(caller: str, *, key: str, digest: str, now: datetime) -> IdempotentReply:
    """The row for this caller and key: with a status when the request was answered before, else new and locked.

    Must run inside a transaction. A second request with the same key waits here until the first one's transaction has
    ended, so what a request does, it does once.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("claim_reply must run inside the transaction of the request")
    old = IdempotentReply.objects.filter(created_at__lte=now - KEPT_FOR)
    old.filter(caller=caller, key=key).delete()
    others = old.select_for_update(skip_locked=True).order_by("created_at", "id")
    IdempotentReply.objects.filter(pk__in=list(others.values_list("pk", flat=True)[:_CLEARED_AT_ONCE])).delete()
    IdempotentReply.objects.bulk_create(
        [IdempotentReply(caller=caller, key=key, digest=digest, created_at=now)], ignore_conflicts=True
    )
    return IdempotentReply.objects.select_for_update().get(caller=caller, key=key)


def keep_reply(reply: IdempotentReply, *, status: int, headers: Mapping[str, str], body: str) -> None:
    """Write down the answer; it becomes visible with everything else the request did."""
    reply.status, reply.headers, reply.body = status, dict(headers), body
    reply.save(update_fields=["status", "headers", "body"])
