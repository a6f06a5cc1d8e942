"""Who may do what on the screens: the roles of a request's user in their units, read once per request."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet
from django.http import HttpRequest

from monitoring.api.rights import GRANTS, Right
from monitoring.models import Membership, Role, Unit
from monitoring.services.access import units_for

Roles = frozenset[Role]

EVERYBODY: Roles = frozenset(Role)
NOBODY: Roles = frozenset()
MANAGERS: Roles = frozenset({Role.MANAGER})

# The same table as the API's, so that a screen never allows what the API refuses.
READ_FACTS: Roles = GRANTS[Right.READ_FACTS].roles
ADD_FACTS: Roles = GRANTS[Right.ADD_FACTS].roles
CHANGE_FACTS: Roles = GRANTS[Right.CHANGE_FACTS].roles
READ_ALERTS: Roles = GRANTS[Right.READ_ALERTS].roles
TEND_ALERTS: Roles = GRANTS[Right.TEND_ALERTS].roles
CLOSE_ALERTS: Roles = GRANTS[Right.CLOSE_ALERTS].roles

_CACHE = "_calciwatch_roles"


def user_of(request: HttpRequest) -> User | AnonymousUser:
    """The user of the request, as the type that this project uses."""
    user: User | AnonymousUser = request.user
    return user


def person_of(request: HttpRequest) -> User:
    """The person who is logged in. Raises TypeError for a stranger: the admin lets none come this far."""
    user = request.user
    if not isinstance(user, User):
        raise TypeError("nobody is logged in")
    return user


def roles_of(request: HttpRequest) -> dict[int, Role]:
    """Primary key of a unit -> the user's role there; one query per request."""
    known: dict[int, Role] | None = getattr(request, _CACHE, None)
    if known is None:
        pk = request.user.pk
        rows = Membership.objects.filter(user_id=pk).values_list("unit_id", "role") if pk is not None else ()
        known = {unit: Role(role) for unit, role in rows}
        setattr(request, _CACHE, known)
    return known


def may(request: HttpRequest, roles: Roles, unit_id: int | None = None) -> bool:
    """Whether the user has one of `roles` in this unit (in any unit, when none is named); a superuser always."""
    user = user_of(request)
    if not (user.is_active and user.is_staff):
        return False
    if user.is_superuser:
        return True
    mine = roles_of(request)
    if unit_id is not None:
        return mine.get(unit_id) in roles
    return not roles.isdisjoint(mine.values())


def units_with(request: HttpRequest, roles: Roles) -> QuerySet[Unit]:
    """The units in which the user has one of `roles`; all of them for a superuser; none for an empty set of roles."""
    if not roles and not user_of(request).is_superuser:
        return Unit.objects.none()
    return units_for(user_of(request), *roles)
