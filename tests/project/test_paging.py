"""Lists in pages by position."""

from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from project.paging import InvalidCursor, KeysetPagination

pytestmark = pytest.mark.django_db

ORDER = ("-date_joined", "pk")


@pytest.fixture
def users() -> list[User]:
    """Seven users; several joined at the same moment."""
    days = [1, 1, 1, 2, 2, 3, 3]
    return [
        User.objects.create(username=f"u{number}", date_joined=datetime(2026, 1, day, tzinfo=UTC))
        for number, day in enumerate(days)
    ]


def page(keyset: Sequence[str] = ORDER, **query: Any) -> Any:
    """Ask for one page; gives the names and the next cursor."""
    pagination = KeysetPagination()
    request = Request(APIRequestFactory().get("/api/v1/users/", query))
    rows = pagination.paginate_queryset(User.objects.all(), request, SimpleNamespace(keyset=tuple(keyset)))  # type: ignore[arg-type]
    body = pagination.get_paginated_response([user.username for user in rows]).data
    return SimpleNamespace(**body)


def all_pages(limit: int) -> list[str]:
    """Follow the cursors to the end."""
    names: list[str] = []
    query: dict[str, Any] = {"limit": limit}
    while True:
        answer = page(**query)
        names += answer.results
        if answer.next_cursor is None:
            assert answer.next is None
            return names
        assert answer.next_cursor in answer.next
        query = {"limit": limit, "cursor": answer.next_cursor}


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8])
def test_every_row_comes_once_whatever_the_size_of_the_page(limit: int, users: list[User]) -> None:
    assert all_pages(limit) == ["u5", "u6", "u3", "u4", "u0", "u1", "u2"]


def test_rows_written_and_removed_meanwhile_move_nothing(users: list[User]) -> None:
    first = page(limit=3)
    User.objects.create(username="newest", date_joined=datetime(2026, 2, 1, tzinfo=UTC))
    users[5].delete()
    assert page(limit=10, cursor=first.next_cursor).results == ["u4", "u0", "u1", "u2"]


def test_the_last_page_has_no_next_even_when_it_is_full(users: list[User]) -> None:
    assert page(limit=7).next_cursor is None


@pytest.mark.parametrize("cursor", ["x", "a.b", "e30.forged", "🙂"])
def test_a_forged_cursor_is_refused(cursor: str, users: list[User]) -> None:
    with pytest.raises(InvalidCursor):
        page(cursor=cursor)


def test_a_cursor_of_another_order_is_refused(users: list[User]) -> None:
    cursor = page(limit=2).next_cursor
    with pytest.raises(InvalidCursor):
        page(keyset=("pk",), cursor=cursor)


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "ten", "1.5", "", "9" * 40, "²"])
def test_a_limit_outside_of_what_is_offered_is_refused_not_corrected(limit: str, users: list[User]) -> None:
    with pytest.raises(ValidationError, match="a whole number from 1 to 1000"):
        page(limit=limit)
