"""Who may see which units, and API keys: made once, shown once, kept as a digest."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db import transaction
from django.db.models import Q, QuerySet

from monitoring.errors import InvalidValue
from monitoring.models import ApiKey, Membership, Role, Scope, Unit

# "cw_" tells secret scanners whose key it is; the prefix is what people recognise a key by.
_PREFIX_LENGTH = 11
# `last_used_at` is written at most this often, so that reading does not write each time.
_USE_NOTED_EVERY = timedelta(minutes=5)


@dataclass(frozen=True)
class NewKey:
    """A key just made: `secret` is shown once and cannot be had again."""

    key: ApiKey
    secret: str


def create_api_key(
    *, name: str, scopes: Iterable[str], units: Iterable[Unit], expires_at: datetime | None, created_by: User | None
) -> NewKey:
    """Make a key for `units` with `scopes`. Raises InvalidValue for an unknown scope or no unit at all."""
    wanted, chosen = sorted(set(scopes)), list(units)
    unknown = [scope for scope in wanted if scope not in Scope.values]
    if unknown or not wanted:
        raise InvalidValue(
            "unknown-scope", "A key needs known scopes.", field="scopes", value=unknown, expected=Scope.values
        )
    if not chosen:
        raise InvalidValue("no-unit", "A key needs at least one unit.", field="units", value=[], expected="units")
    secret = "cw_" + secrets.token_urlsafe(32)
    with transaction.atomic():
        key = ApiKey.objects.create(
            name=name,
            prefix=secret[:_PREFIX_LENGTH],
            digest=_digest(secret),
            scopes=wanted,
            expires_at=expires_at,
            created_by=created_by,
        )
        key.units.set(chosen)
    return NewKey(key, secret)


def find_api_key(secret: str, *, now: datetime) -> ApiKey | None:
    """The live key with this secret, None for an unknown, expired or revoked one. Notes its use now and then."""
    key = ApiKey.objects.filter(digest=_digest(secret), revoked_at=None).first()
    if key is None or (key.expires_at is not None and key.expires_at <= now):
        return None
    unnoted = Q(last_used_at=None) | Q(last_used_at__lt=now - _USE_NOTED_EVERY)
    if key.last_used_at is None or key.last_used_at < now - _USE_NOTED_EVERY:
        ApiKey.objects.filter(unnoted, pk=key.pk).update(last_used_at=now)
    return key


def _digest(secret: str) -> str:
    # The secret is 256 random bits, so a plain hash is as good as a slow one.
    return hashlib.sha256(secret.encode()).hexdigest()


def units_for(user: AbstractBaseUser | AnonymousUser, *roles: Role) -> QuerySet[Unit]:
    """The units that `user` belongs to, in one of `roles` when given; all of them for a superuser."""
    if not getattr(user, "is_authenticated", False):
        return Unit.objects.none()
    if getattr(user, "is_superuser", False):
        return Unit.objects.all()
    mine = Membership.objects.filter(user=user.pk)
    if roles:
        mine = mine.filter(role__in=roles)
    return Unit.objects.filter(pk__in=mine.values("unit_id"))
