"""`/imports`: files of results are uploaded, accounted for row by row, and what waits is read."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from kombu.exceptions import OperationalError
from rest_framework.decorators import action
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from structlog import get_logger

from monitoring.api.idempotency import once_per_key
from monitoring.api.openapi import ProblemSerializer
from monitoring.api.refusals import StoredRefusal
from monitoring.api.rights import Right
from monitoring.api.serializers.imports import (
    ImportFilters,
    ImportSerializer,
    QuarantinedItemSerializer,
    QuarantineFilters,
    UploadSerializer,
)
from monitoring.api.views import ApiViewSet
from monitoring.errors import Conflict
from monitoring.models import Import, ImportStatus, QuarantinedItem
from monitoring.selectors_imports import imports_of
from monitoring.services.import_report import write_report
from monitoring.services.imports import process_import, receive_file
from monitoring.tasks import process_import_task

logger = get_logger(__name__)

# A file this small is read while the caller waits (about a second); a larger one by a worker.
AT_ONCE_BYTES = 256 * 1024


class CsvRenderer(JSONRenderer):
    """Lets a caller ask for CSV; the report itself is streamed, a refusal is still a JSON problem."""

    media_type = "text/csv"
    format = "csv"


class ImportViewSet(ApiViewSet[Import]):
    """Imports of the caller's units."""

    tag = "imports"
    rights = {
        "list": Right.READ_FACTS,
        "retrieve": Right.READ_FACTS,
        "quarantine": Right.READ_FACTS,
        "report": Right.READ_FACTS,
        "create": Right.ADD_FACTS,
    }
    row_address = "api-import-detail"
    keyset: tuple[str, ...] = ("-received_at", "-pk")
    parser_classes = (MultiPartParser, FormParser)
    serializer_class = ImportSerializer

    def get_queryset(self) -> QuerySet[Import]:
        """Give the imports that the caller may see."""
        return imports_of(self.caller.units(Right.READ_FACTS))

    @extend_schema(summary="List imports", parameters=[ImportFilters], responses=ImportSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Give imports, newest first; batches sent over the API are among them."""
        wanted = self.filters(ImportFilters)
        rows = self.get_queryset()
        if "unit" in wanted:
            rows = rows.filter(unit__uuid=wanted["unit"])
        if "status" in wanted:
            rows = rows.filter(status=wanted["status"])
        return self.page(rows, ImportSerializer)

    @extend_schema(summary="Read an import", responses=ImportSerializer)
    def retrieve(self, request: Request, uuid: UUID) -> Response:
        """Give one import with the account of its rows."""
        return Response(ImportSerializer(self.pick(self.get_queryset(), uuid)).data)

    @extend_schema(
        summary="Upload a CSV file",
        request={"multipart/form-data": UploadSerializer},
        responses={
            201: OpenApiResponse(ImportSerializer, "Read: the counts say what became of the rows."),
            202: OpenApiResponse(ImportSerializer, "Kept, to be read by a worker: ask again at `Location`."),
        },
    )
    @once_per_key
    def create(self, request: Request) -> Response:
        """Keep a file of results whole and read it: a small one at once, a larger one soon.

        A file that cannot be read as a whole is answered as a problem (422); it is kept, too.
        """
        about = self.read(UploadSerializer)
        unit = self.caller.choose_unit(about["unit"], Right.ADD_FACTS, seen_by=Right.SEE_UNITS)
        file = about["file"]
        imported = receive_file(
            unit,
            stream=file,
            filename=file.name,
            source=about.get("source", ""),
            mapping=about.get("mapping"),
            actor=self.caller.person,
            now=timezone.now(),
        )
        at_once = file.size <= AT_ONCE_BYTES
        if imported.status == ImportStatus.RECEIVED:
            if at_once:
                imported = process_import(imported.pk)
            else:
                transaction.on_commit(lambda: _enqueue(imported.pk), robust=True)
        if imported.status == ImportStatus.REFUSED:
            raise StoredRefusal(
                "file-refused",
                imported.message,
                place="file",
                value=imported.filename,
                expected="a CSV file of laboratory results, one result a row",
                imported=reverse("api-import-detail", kwargs={"uuid": imported.uuid}),
            )
        return self.created(ImportSerializer(imported).data, imported.uuid, status=201 if at_once else 202)

    @extend_schema(
        summary="Read what waits of an import",
        parameters=[QuarantineFilters],
        responses=QuarantinedItemSerializer(many=True),
    )
    @action(detail=True, methods=["get"])
    def quarantine(self, request: Request, uuid: UUID) -> Response:
        """Give the rows that could not be stored safely, in the order of the file, with place and reason."""
        wanted = self.filters(QuarantineFilters)
        rows = QuarantinedItem.objects.filter(imported=self.pick(self.get_queryset(), uuid))
        for name in ("status", "reason"):
            if name in wanted:
                rows = rows.filter(**{name: wanted[name]})
        self.keyset = ("line", "pk")
        page: Any = self.paginate_queryset(rows)  # type: ignore[arg-type]
        return self.get_paginated_response(QuarantinedItemSerializer(page, many=True).data)

    @extend_schema(
        summary="Download the report",
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (409, "application/problem+json"): OpenApiResponse(ProblemSerializer, "The file is still being read."),
        },
    )
    @action(detail=True, methods=["get"], renderer_classes=[CsvRenderer, JSONRenderer])
    def report(self, request: Request, uuid: UUID) -> StreamingHttpResponse:
        """Give every row of the file and what became of it, as CSV that a spreadsheet opens safely."""
        imported = self.pick(self.get_queryset(), uuid)
        if imported.status not in (ImportStatus.FINISHED, ImportStatus.REFUSED):
            raise Conflict("import-not-finished", "The file is still being read; ask again when it is finished.")
        return StreamingHttpResponse(
            (line.encode() for line in write_report(imported)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="import-{imported.uuid}.csv"'},
        )


def _enqueue(import_id: int) -> None:
    try:
        process_import_task.delay(import_id)
    except OperationalError:
        logger.warning("broker_away_import_left_to_sweep", import_id=import_id)
