"""Who may do what over the API: rights, the roles and scopes that give them, and the caller who has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet
from rest_framework.exceptions import ErrorDetail, PermissionDenied, ValidationError
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from monitoring.models import ApiKey, Membership, Role, Scope, Unit
from monitoring.services.access import units_for


class Right(StrEnum):
    """Something a caller may do in a unit."""

    SEE_UNITS = "see units"
    READ_RULES = "read rules"
    READ_FACTS = "read patients and facts"
    ADD_FACTS = "add results and findings"
    CHANGE_FACTS = "register patients and change facts"
    READ_ALERTS = "read alerts"
    TEND_ALERTS = "acknowledge, snooze and note"
    CLOSE_ALERTS = "resolve and assign"


@dataclass(frozen=True, slots=True)
class Grant:
    """The roles of people and the scopes of keys that give a right; any one of them is enough."""

    roles: frozenset[Role]
    scopes: frozenset[Scope]
    reading: bool = False


_EVERYBODY = frozenset(Role)
_CARERS = frozenset({Role.NURSE, Role.NEPHROLOGIST})
_PHYSICIAN = frozenset({Role.NEPHROLOGIST})
_ANY_SCOPE = frozenset(Scope)

GRANTS: Mapping[Right, Grant] = MappingProxyType(
    {
        Right.SEE_UNITS: Grant(_EVERYBODY, _ANY_SCOPE, reading=True),
        Right.READ_RULES: Grant(_EVERYBODY, _ANY_SCOPE, reading=True),
        Right.READ_FACTS: Grant(_CARERS | {Role.MANAGER}, frozenset({Scope.FACTS_READ}), reading=True),
        Right.ADD_FACTS: Grant(_CARERS, frozenset({Scope.FACTS_WRITE})),
        Right.CHANGE_FACTS: Grant(_PHYSICIAN, frozenset({Scope.FACTS_WRITE})),
        Right.READ_ALERTS: Grant(_EVERYBODY, frozenset({Scope.ALERTS_READ}), reading=True),
        Right.TEND_ALERTS: Grant(_CARERS, frozenset({Scope.ALERTS_WRITE})),
        Right.CLOSE_ALERTS: Grant(_PHYSICIAN, frozenset({Scope.ALERTS_WRITE})),
    }
)

NOT_SEEN = "There is no such thing here for this caller."


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a machine by its key, or a person by a session."""

    user: User | AnonymousUser
    key: ApiKey | None = None

    @property
    def identity(self) -> str:
        """A short text that no two callers share; it holds no name and no secret."""
        return f"key:{self.key.uuid.hex}" if self.key else f"user:{self.user.pk}"

    @property
    def name(self) -> str:
        """The name under which an act of this caller is written down."""
        if self.key is not None:
            return f"{self.key.name} ({self.key.prefix}…)"
        return (self.person.get_full_name() if self.person else "") or self.user.get_username()

    @property
    def person(self) -> User | None:
        """The person, when it is one."""
        return self.user if isinstance(self.user, User) else None

    def units(self, right: Right) -> QuerySet[Unit]:
        """The units in which this caller has the right; one query, or a part of another."""
        grant = GRANTS[right]
        if self.key is not None:
            return self.key.units.all() if self.has_scope(right) else Unit.objects.none()
        return units_for(self.user, *grant.roles)

    def has_scope(self, right: Right) -> bool:
        """Whether the key's scopes give the right (in its units)."""
        return self.key is not None and not GRANTS[right].scopes.isdisjoint(self.key.scopes)

    def choose_unit(self, uuid: UUID, right: Right, *, seen_by: Right, place: str = "unit") -> Unit:
        """The unit with this id, in which the caller has `right`.

        Raises ValidationError at `place` for a unit the caller does not see, PermissionDenied for one that is only
        seen.
        """
        unit = self.units(right).filter(uuid=uuid).first()
        if unit is not None:
            return unit
        if self.units(seen_by).filter(uuid=uuid).exists():
            raise PermissionDenied(f"This caller may not {right.value} in this unit.")
        raise ValidationError({place: [ErrorDetail(NOT_SEEN, code="does_not_exist")]})

    def demand(self, right: Right, unit: Unit | int) -> None:
        """Raise PermissionDenied unless the caller has the right in this unit (or its primary key)."""
        if not self.units(right).filter(pk=unit.pk if isinstance(unit, Unit) else unit).exists():
            raise PermissionDenied(f"This caller may not {right.value} in this unit.")


def caller_of(request: Request) -> Caller:
    """Who makes this request."""
    return Caller(request.user, request.auth if isinstance(request.auth, ApiKey) else None)


class HasRight(BasePermission):
    """Lets a caller on who has the view's right in some unit; which rows that means, the selectors say.

    A person who belongs to no unit may read, and finds nothing.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Say yes, or raise PermissionDenied with what is missing."""
        right: Right = view.right  # type: ignore[attr-defined]
        grant = GRANTS[right]
        caller = caller_of(request)
        if caller.key is not None:
            if not caller.has_scope(right):
                wanted = " or ".join(sorted(scope.value for scope in grant.scopes))
                raise PermissionDenied(f"This key lacks the scope {wanted}.")
            return True
        if not caller.user.is_authenticated:
            return False
        if caller.user.is_superuser:
            return True
        roles = set(Membership.objects.filter(user_id=caller.user.pk).values_list("role", flat=True))
        if not roles.isdisjoint(grant.roles) or (grant.reading and not roles):
            return True
        held = ", ".join(sorted(roles)) or "none"
        raise PermissionDenied(f"To {right.value} needs the role {_words(grant.roles)}; yours: {held}.")


def _words(roles: frozenset[Role]) -> str:
    return " or ".join(role.value for role in Role if role in roles)
