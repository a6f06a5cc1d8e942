"""`/lab-results`: results come in one by one or in batches, each answered for itself, and are read again."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from monitoring.api.fields import UnitsFilter
from monitoring.api.idempotency import once_per_key
from monitoring.api.openapi import ProblemSerializer
from monitoring.api.refusals import StoredRefusal
from monitoring.api.rights import Right
from monitoring.api.serializers.labs import (
    BatchAnswerSerializer,
    BatchSerializer,
    EnvelopeSerializer,
    LabResultFilters,
    LabResultSerializer,
    NewLabResultSerializer,
    SingleAnswerSerializer,
    place_of,
    read_item,
    storable,
)
from monitoring.api.views import ApiViewSet
from monitoring.ingest.raw import Refusal
from monitoring.models import Import, LabResult
from monitoring.selectors.labs import believed, lab_results_of
from monitoring.services.submissions import ItemAnswer, Outcome, submit_batch, submit_result

_ENVELOPE = ("unit", "source")
WAITS = {
    "type": "/problems/result-quarantined",
    "title": "Result quarantined",
    "status": 422,
    "detail": "There is no unit; a calcium without a unit is not taken.",
    "code": "result-quarantined",
    "context": {
        "reason": "missing_unit",
        "quarantine": "/api/v1/imports/7d2f9d3a-0a53-4f43-9a31-0a8f6f5c1c55/quarantine",
    },
    "instance": "/api/v1/lab-results",
    "errors": [
        {
            "place": "value_unit",
            "value": "",
            "expected": "There is no unit; a calcium without a unit is not taken.",
            "message": "There is no unit; a calcium without a unit is not taken.",
            "code": "result-quarantined",
        }
    ],
}  # fmt: skip


class LabResultViewSet(ApiViewSet[LabResult]):
    """Laboratory results of the caller's units."""

    tag = "lab-results"
    rights = {
        "list": Right.READ_FACTS,
        "retrieve": Right.READ_FACTS,
        "create": Right.ADD_FACTS,
        "batch": Right.ADD_FACTS,
    }
    row_address = "api-lab-result-detail"
    # Without a patient, in the order of arrival: an index carries it, whatever the number of results.
    keyset: tuple[str, ...] = ("-pk",)
    serializer_class = LabResultSerializer

    def get_queryset(self) -> QuerySet[LabResult]:
        """Give the results that the caller may see, in all versions."""
        return lab_results_of(self.caller.units(Right.READ_FACTS))

    @extend_schema(summary="List results", parameters=[LabResultFilters], responses=LabResultSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Give the results that are believed now: of one patient the last taken first, else the last received first."""
        wanted = self.filters(LabResultFilters)
        rows = believed(self.get_queryset())
        if "patient" in wanted:
            rows, self.keyset = rows.filter(patient__uuid=wanted["patient"]), ("-taken_at", "-pk")
        for name, lookup in (
            ("unit", "patient__unit__uuid"),
            ("analyte", "analyte"),
            ("taken_from", "taken_at__gte"),
            ("taken_to", "taken_at__lt"),
        ):
            if name in wanted:
                rows = rows.filter(**{lookup: wanted[name]})
        return self.page(rows, LabResultSerializer, units=wanted.get("units"))

    @extend_schema(summary="Read a result", parameters=[UnitsFilter], responses=LabResultSerializer)
    def retrieve(self, request: Request, uuid: UUID) -> Response:
        """Give one version of a result, also one that a correction has replaced."""
        units = self.filters(UnitsFilter).get("units")
        result = self.pick(self.get_queryset(), uuid)
        return Response(LabResultSerializer(result, context={"units": units}).data)

    @extend_schema(
        summary="Send one result",
        request=NewLabResultSerializer,
        responses={
            201: OpenApiResponse(SingleAnswerSerializer, "Stored: accepted, or corrected what was known."),
            200: OpenApiResponse(SingleAnswerSerializer, "Nothing to store: a duplicate, or not kept by this service."),
            (422, "application/problem+json"): OpenApiResponse(
                ProblemSerializer,
                "It waits in quarantine; `errors` says what was expected. Or the Idempotency-Key was used before.",
                examples=[OpenApiExample("It waits", value=WAITS)],
            ),
        },
    )
    @once_per_key
    def create(self, request: Request) -> Response:
        """Store one result. What cannot be stored safely waits in quarantine and is answered as a problem (422)."""
        body = request.data if isinstance(request.data, dict) else {}
        envelope = self.read(EnvelopeSerializer, {name: body[name] for name in _ENVELOPE if name in body})
        unit = self.caller.choose_unit(envelope["unit"], Right.ADD_FACTS, seen_by=Right.SEE_UNITS)
        item = read_item({name: value for name, value in body.items() if name not in _ENVELOPE}, 1)
        answer, stored, account = submit_result(
            unit,
            item=item,
            source=envelope["source"],
            content=as_content(request.data),
            actor=self.caller.person,
            now=timezone.now(),
        )
        if answer.refusal is not None:
            raise _waits(answer.refusal, account)
        made = answer.outcome in (Outcome.ACCEPTED, Outcome.CORRECTED)
        reply = Response(
            SingleAnswerSerializer(
                {"outcome": answer.outcome, "message": storable(answer.message), "result": stored}
            ).data,
            status=201 if made else 200,
        )
        if stored is not None:
            reply["Location"] = self.address(stored.uuid)
        return reply

    @extend_schema(summary="Send up to 1,000 results", request=BatchSerializer, responses={200: BatchAnswerSerializer})
    @action(detail=False, methods=["post"], url_path="batch")
    @once_per_key
    def batch(self, request: Request) -> Response:
        """Store a batch; one answer for each item, in order. A bad item affects no other, and waits in quarantine."""
        body = self.read(BatchSerializer)
        unit = self.caller.choose_unit(body["unit"], Right.ADD_FACTS, seen_by=Right.SEE_UNITS)
        imported, answers = submit_batch(
            unit,
            items=[read_item(item, number) for number, item in enumerate(body["results"], start=1)],
            source=body["source"],
            content=as_content(request.data),
            actor=self.caller.person,
            now=timezone.now(),
        )
        stored = dict(LabResult.objects.filter(imported=imported).values_list("line", "uuid"))
        ends = Counter(answer.outcome for answer in answers)
        page = {
            "imported": imported.uuid,
            "counts": {outcome.value: ends[outcome] for outcome in Outcome},
            "results": [_item_body(answer, place, stored.get(place + 1)) for place, answer in enumerate(answers)],
        }
        return Response(BatchAnswerSerializer(page).data)


def as_content(body: Any) -> bytes:
    """What was received, as it is kept."""
    return json.dumps(body).encode()


def _waits(refusal: Refusal, account: Import | None) -> StoredRefusal:
    context: dict[str, Any] = {"reason": str(refusal.reason)}
    if account is not None:
        context["quarantine"] = reverse("api-import-quarantine", kwargs={"uuid": account.uuid})
    return StoredRefusal(
        "result-quarantined",
        storable(refusal.message),
        place=place_of(refusal),
        value=storable(refusal.value),
        expected=storable(refusal.message),
        **context,
    )


def _item_body(answer: ItemAnswer, place: int, uuid: UUID | None) -> dict[str, Any]:
    refusal = answer.refusal
    return {
        "outcome": answer.outcome,
        "uuid": uuid,
        "reason": str(refusal.reason) if refusal else "",
        "message": storable(answer.message),
        "place": place_of(refusal, f"results[{place}]") if refusal else "",
        "value": storable(refusal.value) if refusal else "",
    }
