"""How the API describes itself: rights and keys of each operation, and the problems it may answer with."""

from __future__ import annotations

from typing import Any, Final, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework import serializers
from rest_framework.serializers import Serializer

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"

IDEMPOTENCY_PARAMETER: Final = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Any text that is new for a new request, such as a UUID. Sent again within 24 hours, the same request "
    "is answered as before and does nothing more; another request with it is refused (422).",
    examples=[OpenApiExample("A UUID", value="8e03978e-40d5-43e8-bc93-6894a57f9324")],
)

# What any operation may answer with, beside what it names itself.
COMMON_PROBLEMS: Final = {
    400: "Something cannot be taken as sent; `errors` names each place, value and what was expected.",
    401: "The caller is not known.",
    403: "The caller is known but has not the right; `detail` names the missing scope or role.",
    406: "Only JSON is offered.",
    429: "Too many requests; `Retry-After` says for how many seconds to wait.",
}
NOT_FOUND: Final = "It does not exist, or it is not for this caller; the answer is the same for both."
UNREADABLE: Final = "The content is of a kind that is not read here."
TOO_LARGE: Final = "The body is larger than this service reads at once."
CONFLICT: Final = "Not possible in the present state."
UNPROCESSABLE: Final = "Well formed, but a value cannot be taken, or the Idempotency-Key came with another request."


class ProblemEntrySerializer(Serializer[Any]):
    """One place in the request that is wrong."""

    place = serializers.CharField(help_text="Such as `results[3].value`; empty when it is the whole request.")
    value = serializers.JSONField(help_text="What was found there; null for what identifies a patient.")
    expected = serializers.JSONField()
    message = serializers.CharField()
    code = serializers.CharField()


class ProblemSerializer(Serializer[Any]):
    """A refusal by RFC 9457; `type` never changes and leads to a page that explains it."""

    type = serializers.CharField(help_text="Such as `/problems/validation-error`.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    instance = serializers.CharField(required=False)
    errors = ProblemEntrySerializer(many=True, required=False)  # type: ignore[assignment] # a field, not the property
    context = serializers.DictField(  # type: ignore[assignment] # a field, not the property
        required=False, help_text="More about the refusal, by name."
    )


EXAMPLE_PROBLEM: Final = {
    "type": "/problems/validation-error",
    "title": "Some fields cannot be taken as they are",
    "status": 400,
    "detail": "One thing cannot be taken as sent.",
    "code": "validation-error",
    "instance": "/api/v1/findings",
    "errors": [
        {
            "place": "site",
            "value": "hipp",
            "expected": "one of the choices the API description names",
            "message": '"hipp" is not a valid choice.',
            "code": "invalid_choice",
        }
    ],
}


class ApiSchema(AutoSchema):
    """Adds to each operation what all of them share."""

    def get_tags(self) -> list[str]:
        """Group by resource."""
        tag = getattr(self.view, "tag", "")
        return [tag] if tag else super().get_tags()

    def get_override_parameters(self) -> list[Any]:
        """Offer the Idempotency-Key wherever something is posted."""
        return [IDEMPOTENCY_PARAMETER] if self.method == "POST" else []

    def _map_basic_serializer(self, serializer: Any, direction: str) -> dict[str, Any]:
        schema: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if direction == "request" and getattr(serializer, "strict", False):
            schema["additionalProperties"] = False
        return schema

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status, words in self._problems().items():
            body = bodies.setdefault(str(status), {"description": words})
            if "content" not in body:
                known = self._get_response_for_code(  # type: ignore[no-untyped-call]
                    ProblemSerializer, str(status), [PROBLEM_MEDIA_TYPE], direction
                )
                said = body["description"]
                bodies[str(status)] = {**known, "description": words if said in ("", "No response body") else said}
        return dict(sorted(bodies.items()))

    def _problems(self) -> dict[int, str]:
        problems = dict(COMMON_PROBLEMS)
        if "{" in self.path:
            problems[404] = NOT_FOUND
        if self.method in ("POST", "PATCH", "PUT"):
            problems |= {409: CONFLICT, 413: TOO_LARGE, 415: UNREADABLE, 422: UNPROCESSABLE}
        return {**problems, **getattr(self.view, "problems", {}).get(getattr(self.view, "action", ""), {})}
