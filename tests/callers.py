"""Ways to call the API in tests: a person with a session, a machine with a key; and counting its queries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from monitoring.models import Membership, Unit
from monitoring.services.access import create_api_key

API = "/api/v1"
ALL_SCOPES = ("facts:read", "facts:write", "alerts:read", "alerts:write")
PROBLEM = "application/problem+json"


def person(user: Any) -> APIClient:
    """A client that is logged in as this user."""
    client = APIClient()
    client.force_login(user)
    return client


def machine(*units: Unit, scopes: Iterable[str] = ALL_SCOPES, expires_at: datetime | None = None) -> APIClient:
    """A client with a key for these units and scopes."""
    made = create_api_key(name="LIS", scopes=scopes, units=units, expires_at=expires_at, created_by=None)
    return bearer(made.secret)


def bearer(secret: str) -> APIClient:
    """A client that shows this secret."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def give_role(user: Any, unit: Unit, role: str) -> None:
    """Make the user that in the unit, whatever it was before."""
    Membership.objects.update_or_create(user=user, unit=unit, defaults={"role": role})


def problem_of(answer: Any, status: int) -> dict[str, Any]:
    """The body of an answer that must be a problem with this status."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == PROBLEM
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["type"] == f"/problems/{body['code']}"
    return body


def queries_of(client: APIClient, address: str) -> int:
    """How many statements a GET makes."""
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    assert answer.status_code == 200, answer.content
    return len(queries)


def utc(text: str) -> datetime:
    """The time in an answer."""
    assert text.endswith("Z"), f"{text} is not in UTC"
    return datetime.fromisoformat(text).astimezone(UTC)
