"""`Idempotency-Key` on POST: a request that is sent again is answered as before and does nothing more."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import QueryDict
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from monitoring.api.refusals import KeyReused, StoredRefusal
from monitoring.api.rights import caller_of
from monitoring.errors import DomainError
from monitoring.models import IdempotentReply
from monitoring.services.idempotency import claim_reply, keep_reply

if TYPE_CHECKING:
    from monitoring.api.views import ApiViewSet

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
LONGEST_KEY = 255
_KEPT_HEADERS = ("ETag", "Location", "Content-Location")

Handler = Callable[..., Response]


def once_per_key(handler: Handler) -> Handler:
    """Let a POST handler run once for each caller and Idempotency-Key; without the header it just runs.

    What the handler does and the memory of its answer are one transaction. A refusal that it raises is rolled back
    and not remembered, so that the request may be mended and sent again with the same key; a StoredRefusal is an
    answer like any other.
    """

    @wraps(handler)
    def run(view: ApiViewSet[Any], request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return handler(view, request, *args, **kwargs)
        _check(key)
        digest = _digest(request)
        with transaction.atomic():
            reply = claim_reply(caller_of(request).identity, key=key, digest=digest, now=timezone.now())
            if reply.digest != digest:
                raise KeyReused(
                    "idempotency-key-reused",
                    "This Idempotency-Key came before with another request. Use a new key for a new request.",
                    place=HEADER,
                    value=key,
                    expected="a key that was not used for another request within the last 24 hours",
                )
            if reply.status is not None:
                return _replay(reply)
            try:
                response = handler(view, request, *args, **kwargs)
            except StoredRefusal as refusal:
                response = view.handle_exception(refusal)
            headers = {name: str(response[name]) for name in _KEPT_HEADERS if name in response}
            if response.content_type:
                headers["Content-Type"] = response.content_type
            keep_reply(
                reply,
                status=response.status_code,
                headers=headers,
                body=json.dumps(response.data, cls=JSONEncoder),
            )
        return response

    return run


def _check(key: str) -> None:
    if not (1 <= len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise DomainError(
            "invalid-idempotency-key",
            "The Idempotency-Key cannot be used.",
            place=HEADER,
            value=key,
            expected=f"1 to {LONGEST_KEY} printable ASCII signs, such as a UUID",
        )


def _digest(request: Request) -> str:
    """A digest of everything that makes the request what it is; a file counts by its content."""
    digest = hashlib.sha256()
    about = [request.method, request.get_full_path(), request.headers.get("If-Match", "")]
    digest.update(json.dumps(about).encode())
    if isinstance(request.data, QueryDict):
        for name, value in sorted(request.data.items()):
            digest.update(json.dumps([name, _content(value) if isinstance(value, UploadedFile) else value]).encode())
    else:
        digest.update(json.dumps(request.data, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _content(file: UploadedFile[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return f"{file.name}:{digest.hexdigest()}"


def _replay(reply: IdempotentReply) -> Response:
    headers = dict(reply.headers)
    content_type = headers.pop("Content-Type", None)
    response = Response(json.loads(reply.body), status=reply.status, headers=headers, content_type=content_type)
    response[REPLAYED_HEADER] = "true"
    return response
