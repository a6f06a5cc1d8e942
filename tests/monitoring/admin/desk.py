"""People at their desks: members of a unit, logged in to the screens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from monitoring.models import Membership, Unit

BACKEND = "django.contrib.auth.backends.ModelBackend"


def add_member(unit: Unit, role: str, name: str) -> User:
    """A member of staff with a role in `unit`."""
    user = User.objects.create_user(username=name, first_name=name.title(), last_name="Tester", is_staff=True)
    Membership.objects.create(user=user, unit=unit, role=role)
    return user


def desk_of(user: Any) -> Client:
    """A browser in which `user` is logged in."""
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


def text_of(response: Any) -> str:
    """The page as text, with plain spaces."""
    assert response.status_code == 200, response.status_code
    return str(response.content.decode()).replace("\u00a0", " ").replace("&nbsp;", " ")


def queries_of(ask: Callable[[], Any]) -> int:
    """How many queries a request needs, once caches of the process are warm."""
    ask()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        ask()
    return len(queries)


def said(response: Any) -> str:
    """The messages on the page that a redirect leads to."""
    return " | ".join(str(message) for message in response.context["messages"])
