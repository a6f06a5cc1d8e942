"""The policy of the HTTP API: how errors look, how lists are paged, how fast a caller may ask."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import structlog
from django.core import signing
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as ModelValidationError
from django.db.models import Model, Q, QuerySet
from django.http import Http404
from redis.exceptions import RedisError
from rest_framework import exceptions
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView, set_rollback

from monitoring.errors import DomainError
from project.problems import CONTENT_TYPE, problem_body

logger = structlog.get_logger(__name__)

# Long enough to recognise a value in a file, short enough that an answer never repeats a whole upload.
LONGEST_SHOWN_VALUE: Final = 200

EXPECTED_BY_CODE: Final = {
    "required": "a value; the field is missing",
    "null": "a value, not null",
    "blank": "a text that is not empty",
    "empty": "at least one entry",
    "not_a_list": "a list",
    "not_a_dict": "an object",
    "invalid_choice": "one of the choices the API description names",
    "does_not_exist": "the id of something this caller can see",
    "unique": "a value that no other row has",
}

CODES_BY_STATUS: Final = {
    400: "malformed-request",
    401: "not-authenticated",
    403: "permission-denied",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    413: "too-large",
    415: "unsupported-media-type",
    429: "too-many-requests",
}


class InvalidCursor(DomainError):
    """A cursor that was altered, or that belongs to another list."""

    status = 400


def problem_response(failure: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer any refusal as an RFC 9457 problem with a stable `type`; None leaves a failure to Django."""
    request: Request | None = context.get("request")
    headers: dict[str, str] = {}
    if isinstance(failure, DomainError):
        body = _domain_problem(failure)
    elif isinstance(failure, exceptions.ValidationError):
        body = _validation_problem(failure.detail, failure.status_code, request)
    elif isinstance(failure, ModelValidationError):
        detail = exceptions.ValidationError(
            failure.message_dict if hasattr(failure, "error_dict") else failure.messages
        ).detail
        body = _validation_problem(detail, 400, request)
    else:
        refused = _as_api_exception(failure)
        if refused is None:
            return None
        headers = _headers(refused)
        code = CODES_BY_STATUS.get(refused.status_code, "internal-error")
        body = problem_body(code, status=refused.status_code, detail=str(refused.detail))
    if request is not None:
        body["instance"] = request.path
    set_rollback()
    return Response(body, status=body["status"], headers=headers, content_type=CONTENT_TYPE)


def _as_api_exception(failure: Exception) -> exceptions.APIException | None:
    if isinstance(failure, exceptions.APIException):
        return failure
    if isinstance(failure, Http404):
        return exceptions.NotFound()
    if isinstance(failure, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(failure, RequestDataTooBig):
        too_large = exceptions.APIException("The body is larger than this service reads at once.")
        too_large.status_code = 413
        return too_large
    return None


def _headers(refused: exceptions.APIException) -> dict[str, str]:
    headers: dict[str, str] = {}
    challenge = getattr(refused, "auth_header", None)
    if challenge:
        headers["WWW-Authenticate"] = challenge
    wait = getattr(refused, "wait", None)
    if wait is not None:
        # Rounded up: a caller who waits exactly that long must not be refused again.
        headers["Retry-After"] = str(max(1, int(-(-wait // 1))))
    return headers


def _domain_problem(failure: DomainError) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if failure.context:
        extra["context"] = {name: _showable(value) for name, value in failure.context.items()}
        if {"place", "value", "expected"} & failure.context.keys():
            extra["errors"] = [
                {
                    "place": str(failure.context.get("place", "")),
                    "value": _showable(failure.context.get("value")),
                    "expected": _showable(failure.context.get("expected", failure.message)),
                    "message": failure.message,
                    "code": failure.code,
                }
            ]
    return problem_body(failure.code, status=failure.status, detail=failure.message, **extra)


def _validation_problem(detail: Any, status: int, request: Request | None) -> dict[str, Any]:
    sent = _sent(request)
    errors = [_field_error(path, message, sent) for path, message in _flatten(detail, ())]
    count = len(errors)
    words = "One thing" if count == 1 else f"{count} things"
    return problem_body("validation-error", status=status, detail=f"{words} cannot be taken as sent.", errors=errors)


def _sent(request: Request | None) -> Any:
    if request is None:
        return None
    return request.query_params if request.method in {"GET", "HEAD"} else request.data


def _field_error(path: Sequence[str | int], message: Any, sent: Any) -> dict[str, Any]:
    code = str(getattr(message, "code", "invalid"))
    return {
        "place": _place(path),
        "value": _showable(_look_up(sent, path)),
        "expected": EXPECTED_BY_CODE.get(code, str(message)),
        "message": str(message),
        "code": code,
    }


def _flatten(detail: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Walk DRF's nested detail to its sentences; an entry of a list of objects is told by its number."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _flatten(inner, path if name == "non_field_errors" else (*path, name))
    elif isinstance(detail, list | tuple):
        nested = any(isinstance(inner, Mapping | list | tuple) for inner in detail)
        for number, inner in enumerate(detail):
            yield from _flatten(inner, (*path, number) if nested else path)
    else:
        yield path, detail


def _place(path: Sequence[str | int]) -> str:
    """Write a place the way people read it: `results[3].value`; empty when it is the whole request."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def _look_up(sent: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        if isinstance(sent, Mapping):
            sent = sent.get(str(step), sent.get(step))
        elif isinstance(sent, list | tuple) and isinstance(step, int) and step < len(sent):
            sent = sent[step]
        else:
            return None
    return None if isinstance(sent, Mapping | list) else sent


def _showable(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): _showable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_showable(inner) for inner in value]
    text = str(value)
    return text if len(text) <= LONGEST_SHOWN_VALUE else f"{text[:LONGEST_SHOWN_VALUE]}…"


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

    def paginate_queryset(self, queryset: QuerySet[Any], request: Request, view: APIView | None = None) -> list[Any]:
        """Give one page of rows. Raises InvalidCursor and ValidationError (at `limit`)."""
        self.request = request
        self.keyset: tuple[str, ...] = tuple(getattr(view, "keyset", self.default_keyset))
        limit = self._limit(request)
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
                "next": {"type": ["string", "null"], "format": "uri", "description": "The next page."},
                "next_cursor": {"type": ["string", "null"], "description": "The cursor in `next`."},
            },
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
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
            raise exceptions.ValidationError({self.limit_name: [f"a whole number from 1 to {self.largest_page_size}"]})
        return int(sent)

    @staticmethod
    def _signer() -> signing.Signer:
        return signing.Signer(salt="calciwatch.keyset")

    def _sign(self, row: Model | Mapping[str, Any]) -> str:
        position = [self._text(_attribute(row, name.lstrip("-"))) for name in self.keyset]
        return self._signer().sign_object({"order": list(self.keyset), "after": position})

    @staticmethod
    def _text(value: Any) -> Any:
        if isinstance(value, datetime | date):
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


class _ForgivingThrottle(SimpleRateThrottle):
    """A limit that lets requests through while the cache is away: facts must come in when Redis is down."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        try:
            return super().allow_request(request, view)
        except (RedisError, OSError):
            logger.warning("throttle_without_cache", scope=self.scope)
            return True


class CallerThrottle(_ForgivingThrottle):
    """Limits a known caller: an API key by itself, a person by the user."""

    scope = "caller"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """Give the key of the caller's counter; None when nobody is known."""
        key = getattr(request.auth, "pk", None)
        if key is not None:
            return f"throttle:key:{key}"
        if request.user and request.user.is_authenticated:
            return f"throttle:user:{request.user.pk}"
        return None


class StrangerThrottle(_ForgivingThrottle):
    """Limits callers nobody knows, by address: guessing keys must be slow."""

    scope = "stranger"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """Give the key of the address's counter; None for a known caller."""
        if request.auth is not None or (request.user and request.user.is_authenticated):
            return None
        return f"throttle:stranger:{self.get_ident(request)}"
