"""How the HTTP API refuses: as RFC 9457 problems that name the place, the value and what was expected."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as ModelValidationError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from monitoring.errors import DomainError
from project.problems import CONTENT_TYPE, problem_body

# Long enough to recognise a value in a file, short enough that an answer never repeats a whole upload.
LONGEST_SHOWN_VALUE: Final = 200

# Answers are kept in the logs of proxies and clients: what identifies a patient is not repeated in them.
IDENTITY: Final = frozenset({"mrn", "family_name", "given_name", "birth_date"})

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
        context = failure.context
        about_place = {"place", "field", "value", "expected"}
        more = {name: _showable(value) for name, value in context.items() if name not in about_place}
        if more:
            extra["context"] = more
        if about_place & context.keys():
            # The domain speaks of fields, HTTP of places in the request.
            place = _legible(str(context.get("place", context.get("field", ""))))
            extra["errors"] = [
                {
                    "place": place,
                    "value": None if place in IDENTITY else _showable(context.get("value")),
                    "expected": _showable(context.get("expected", failure.message)),
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
        "place": _legible(_place(path)),
        "value": None if path and path[-1] in IDENTITY else _showable(_look_up(sent, path)),
        "expected": EXPECTED_BY_CODE.get(code, _legible(str(message))),
        "message": _legible(str(message)),
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
        return {_legible(str(name)): _showable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_showable(inner) for inner in value]
    text = _legible(str(value))
    return text if len(text) <= LONGEST_SHOWN_VALUE else f"{text[:LONGEST_SHOWN_VALUE]}…"


def _legible(text: str) -> str:
    """The text as an answer can carry it: JSON can send half characters, UTF-8 cannot give them back."""
    return text.encode("utf-8", "replace").decode()
