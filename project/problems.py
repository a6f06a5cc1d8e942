"""Problems by RFC 9457: the stable `type` addresses, the pages behind them and the answers outside of DRF."""

from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views import defaults
from django.views.decorators.http import require_safe

CONTENT_TYPE: Final = "application/problem+json"
MACHINE_PATHS: Final = ("/api/", "/fhir/", "/cds-services")


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of problem: its code never changes, its words may."""

    code: str
    status: int
    title: str
    explanation: str


PROBLEM_TYPES: Final = {
    problem.code: problem
    for problem in (
        ProblemType(
            "validation-error",
            400,
            "Some fields cannot be taken as they are",
            "Each entry of `errors` names the place in the request, the value found there and what was "
            "expected. Nothing of the request was stored.",
        ),
        ProblemType(
            "malformed-request",
            400,
            "The request cannot be read",
            "The body is not valid JSON, or a part of it is cut off. `detail` says where reading stopped.",
        ),
        ProblemType(
            "invalid-cursor",
            400,
            "The cursor does not belong to this list",
            "Use a cursor exactly as the service gave it, with the same address and filters, or start again "
            "without one.",
        ),
        ProblemType(
            "not-authenticated",
            401,
            "Who is asking is not known",
            "Send `Authorization: Bearer <API key>`, or log in. The key may have expired or been withdrawn.",
        ),
        ProblemType(
            "permission-denied",
            403,
            "This caller may not do that",
            "The role or the scopes of the key do not cover this request.",
        ),
        ProblemType(
            "not-found",
            404,
            "There is nothing here for this caller",
            "It does not exist, or it belongs to another unit; the answer is the same for both.",
        ),
        ProblemType("method-not-allowed", 405, "This method does not work here", "The `Allow` header lists what does."),
        ProblemType("not-acceptable", 406, "The wanted format is not offered", "Ask for `application/json`."),
        ProblemType(
            "conflict",
            409,
            "Not possible in the present state",
            "Read the thing again: someone, or the machine, has changed it meanwhile.",
        ),
        ProblemType(
            "stale-version",
            412,
            "The thing has changed since it was read",
            "Read it again and repeat the request with its new `ETag` in `If-Match`.",
        ),
        ProblemType(
            "precondition-required",
            428,
            "The request does not say which version it is based on",
            "Read the thing, decide, and send the `ETag` of what you looked at in `If-Match`.",
        ),
        ProblemType(
            "cursor-expired",
            410,
            "The feed cannot go on from this cursor",
            "What this caller may see has changed since. Read the alerts anew and go on from the `X-Feed-Cursor` of "
            "that answer; so nothing is missed.",
        ),
        ProblemType(
            "idempotency-key-reused",
            422,
            "The Idempotency-Key came before with another request",
            "Use a new key for a new request. The same key stands for the same request for 24 hours.",
        ),
        ProblemType(
            "result-quarantined",
            422,
            "The result waits in quarantine",
            "It was kept, but cannot be stored safely as it is. `errors` names the place and what was expected; once a "
            "mapping is added or the patient is registered, it can be replayed, or send it again mended.",
        ),
        ProblemType(
            "file-refused",
            422,
            "The file cannot be read as a whole",
            "It was kept, but nothing of it was stored. `detail` says what is wrong with it.",
        ),
        ProblemType("too-large", 413, "The request is too large", "Send fewer results at once, or upload a file."),
        ProblemType(
            "unsupported-media-type",
            415,
            "This kind of content is not read here",
            "Set `Content-Type` to a kind the API description names for this address.",
        ),
        ProblemType(
            "too-many-requests",
            429,
            "Too many requests",
            "Wait as many seconds as `Retry-After` says, then go on. Nothing was stored.",
        ),
        ProblemType(
            "internal-error",
            500,
            "The service failed",
            "It is not the fault of the request. Send it again later with the same `Idempotency-Key`; tell "
            "whoever runs the service the request id.",
        ),
    )
}


def problem_body(code: str, *, status: int, detail: str, **more: Any) -> dict[str, Any]:
    """Give the body of a problem. `more` are members beside the five of the standard, such as `errors`."""
    known = PROBLEM_TYPES.get(code)
    return {
        "type": f"/problems/{code}",
        "title": known.title if known else code.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }


def wants_problem(request: HttpRequest) -> bool:
    """Say whether the caller is a machine, by the address."""
    return request.path.startswith(MACHINE_PATHS)


def _answer(request: HttpRequest, code: str, detail: str) -> JsonResponse:
    status = PROBLEM_TYPES[code].status
    body = problem_body(code, status=status, detail=detail, instance=request.path)
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an unknown address: a problem for machines, a page for people."""
    if wants_problem(request):
        return _answer(request, "not-found", "No such address. The API is described at /api/docs/.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a failure without telling its inside."""
    if wants_problem(request):
        return _answer(request, "internal-error", "The service failed while it worked on this request.")
    return defaults.server_error(request)


@require_safe
def problem_index(request: HttpRequest) -> HttpResponse:
    """Show all kinds of problem on one page."""
    return render(request, "project/problems.html", {"problems": list(PROBLEM_TYPES.values())})


@require_safe
def problem_page(request: HttpRequest, code: str) -> HttpResponse:
    """Show one kind of problem; codes of the domain that need no more words than their `detail` say so."""
    known = PROBLEM_TYPES.get(code) or ProblemType(
        code,
        0,
        code.replace("-", " ").capitalize(),
        "The `detail` of the answer says what was refused and why.",
    )
    return render(request, "project/problems.html", {"problems": [known]})
