"""Lists in pages by position (keyset), with an opaque signed cursor."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.db.models import Model, Q, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from monitoring.errors import DomainError

if TYPE_CHECKING:
    from rest_framework.views import APIView


class InvalidCursor(DomainError):
    """A cursor that was altered, or that belongs to another list."""

    status = 400


class KeysetPagination(BasePagination):
    """Pages by position instead of by number, so that a row written meanwhile moves nothing.

    The view states its order in `keyset`, a tuple of field names (`-` for falling) that are never null and
    end in a unique one; the default is the primary key. The answer is `{"results", "next", "next_cursor"}`; the
    cursor is opaque and signed, and is refused with another order.
    """

    page_size = 100
    largest_page_size = 1000
    cursor_name = "cursor"
    limit_name = "limit"
    default_keyset: tuple[str, ...] = ("pk",)

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: "APIView | None" = None
    ) -> list[Any]:
        """Give one page of rows. Raises InvalidCursor and ValidationError (at `limit`)."""
        self.request = request
        self.keyset: tuple[str, ...] = tuple(getattr(view, "keyset", self.default_keyset))
        limit = self._limit(request)
        if not isinstance(queryset, QuerySet):
            raise TypeError("a page is read from a queryset, which can be ordered")
        rows = queryset.order_by(*self.keyset)
        cursor = request.query_params.get(self.cursor_name)
        if cursor:
            rows = rows.filter(self._after(self._read(cursor)))
        found = list(rows[: limit + 1])
        page = found[:limit]
        self.next_cursor = self._sign(page[-1]) if len(found) > limit else None
        return page

    def get_paginated_response(self, data: Any) -> Response:
        """Wrap one page."""
        following = None
        if self.next_cursor is not None:
            following = replace_query_param(
                remove_query_param(self.request.build_absolute_uri(), self.cursor_name),
                self.cursor_name,
                self.next_cursor,
            )
        return Response({"results": data, "next": following, "next_cursor": self.next_cursor})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe the wrapping for the API description."""
        return {
            "type": "object",
            "required": ["results", "next", "next_cursor"],
            "properties": {
                "results": schema,
                "next": {
                    "type": ["string", "null"],
                    "format": "uri",
                    "description": "The next page.",
                    "example": None,
                },
                "next_cursor": {
                    "type": ["string", "null"],
                    "description": "The cursor in `next`.",
                    "example": None,
                },
            },
        }

    def get_schema_operation_parameters(self, view: "APIView") -> list[dict[str, Any]]:
        """Describe the two query parameters."""
        return [
            {
                "name": self.limit_name,
                "in": "query",
                "required": False,
                "description": "Rows in a page.",
                "schema": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": self.largest_page_size,
                    "default": self.page_size,
                },
            },
            {
                "name": self.cursor_name,
                "in": "query",
                "required": False,
                "description": "Where the page starts; exactly as a previous answer gave it.",
                "schema": {"type": "string"},
            },
        ]

    def _limit(self, request: Request) -> int:
        sent = request.query_params.get(self.limit_name)
        if sent is None:
            return self.page_size
        if not sent.isascii() or not sent.isdigit() or not 1 <= int(sent[:9]) <= self.largest_page_size:
            raise ValidationError({self.limit_name: [f"a whole number from 1 to {self.largest_page_size}"]})
        return int(sent)

    @staticmethod
    def _signer() -> signing.Signer:
        return signing.Signer(salt="calciwatch.keyset", sep=".")

    def _sign(self, row: Model | Mapping[str, Any]) -> str:
        position = [self._text(_attribute(row, name.lstrip("-"))) for name in self.keyset]
        return self._signer().sign_object({"order": list(self.keyset), "after": position})

    @staticmethod
    def _text(value: Any) -> Any:
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, bool | int | float | str):
            return value
        if value is None:
            raise ValueError("a keyset column holds null, which has no place in an order")
        return str(value) if not isinstance(value, Decimal) else format(value, "f")

    def _read(self, cursor: str) -> list[Any]:
        refusal = InvalidCursor(
            "invalid-cursor",
            "The cursor does not belong to this list.",
            place=self.cursor_name,
            value=cursor,
            expected="a cursor exactly as a previous page of the same list gave it",
        )
        try:
            content = self._signer().unsign_object(cursor)
        except Exception as problem:  # a damaged cursor fails in many ways, all of them the caller's
            raise refusal from problem
        if content["order"] != list(self.keyset):
            raise refusal
        after: list[Any] = content["after"]
        return after

    def _after(self, position: Sequence[Any]) -> Q:
        """Rows behind the position in the order of all columns, so that equal first columns lose no row."""
        behind = Q()
        equal = Q()
        for name, value in zip(self.keyset, position, strict=True):
            field = name.lstrip("-")
            comparison = "lt" if name.startswith("-") else "gt"
            behind |= equal & Q(**{f"{field}__{comparison}": value})
            equal &= Q(**{field: value})
        return behind


def _attribute(row: Model | Mapping[str, Any], name: str) -> Any:
    if isinstance(row, Mapping):
        return row[name]
    value: Any = row
    for step in name.split("__"):
        value = getattr(value, step)
    return value
