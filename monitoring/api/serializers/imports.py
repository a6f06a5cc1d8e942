"""Imports and what waits of them, as the API takes and answers them."""

from __future__ import annotations

import json
from typing import Any

from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.serializers import ModelSerializer

from monitoring.api.fields import FiltersSerializer, MomentField, StrictSerializer
from monitoring.api.words import IMPORT_STATUSES, QUARANTINE_STATUSES, choice
from monitoring.models import Import, QuarantinedItem

_UUID = "7d2f9d3a-0a53-4f43-9a31-0a8f6f5c1c55"
IMPORT_EXAMPLE = {
    "uuid": _UUID,
    "unit": "0b6a3a0e-6a52-4f0d-9a63-2e1f5f6f4a11",
    "source": "central-lab",
    "kind": "csv",
    "filename": "march.csv",
    "status": "finished",
    "message": "",
    "received_at": "2026-03-02T09:00:00Z",
    "finished_at": "2026-03-02T09:00:01Z",
    "rows_read": 120,
    "rows_accepted": 116,
    "rows_duplicate": 2,
    "rows_quarantined": 2,
    "rows_not_kept": 0,
    "quarantine": f"/api/v1/imports/{_UUID}/quarantine",
    "report": f"/api/v1/imports/{_UUID}/report",
}
ITEM_EXAMPLE = {
    "uuid": "2d0c6c1f-94d1-4b63-8c3d-5e4f2a3f9f10",
    "line": 17,
    "column": "unit",
    "value": "",
    "reason": "missing_unit",
    "message": "There is no unit; a calcium without a unit is not taken.",
    "raw": "DEMO-0001,calcium,9.6,,2026-03-02T07:10",
    "mrn": "DEMO-0001",
    "status": "waiting",
    "created_at": "2026-03-02T09:00:00Z",
    "closed_at": None,
}


@extend_schema_serializer(examples=[OpenApiExample("A finished import", value=IMPORT_EXAMPLE, response_only=True)])
class ImportSerializer(ModelSerializer[Import]):
    """An import with the account of its rows: read = accepted + duplicate + quarantined + not kept."""

    unit = serializers.UUIDField(source="unit.uuid")
    status = choice(IMPORT_STATUSES)
    received_at = MomentField()
    finished_at = MomentField(allow_null=True)
    quarantine = serializers.SerializerMethodField(help_text="Where the rows are that wait.")
    report = serializers.SerializerMethodField(help_text="Every row and what became of it, as CSV.")

    class Meta:
        model = Import
        fields = tuple(IMPORT_EXAMPLE)
        read_only_fields = fields

    @extend_schema_field(serializers.CharField())
    def get_quarantine(self, imported: Import) -> str:
        """Give the address."""
        return reverse("api-import-quarantine", kwargs={"uuid": imported.uuid})

    @extend_schema_field(serializers.CharField())
    def get_report(self, imported: Import) -> str:
        """Give the address."""
        return reverse("api-import-report", kwargs={"uuid": imported.uuid})


@extend_schema_serializer(examples=[OpenApiExample("A row", value=ITEM_EXAMPLE, response_only=True)])
class QuarantinedItemSerializer(ModelSerializer[QuarantinedItem]):
    """A row that waits, with its place, what was received and what was expected."""

    status = choice(QUARANTINE_STATUSES)
    created_at = MomentField()
    closed_at = MomentField(allow_null=True)

    class Meta:
        model = QuarantinedItem
        fields = tuple(ITEM_EXAMPLE)
        read_only_fields = fields


class MappingField(serializers.CharField):
    """The JSON document that describes the sender's columns, codes and dates, as a text of the form."""

    default_error_messages = {"not_an_object": "a JSON object"}

    def to_internal_value(self, data: Any) -> Any:
        """Give the document; what it says is judged by the service."""
        try:
            document = json.loads(super().to_internal_value(data))
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            self.fail("not_an_object")
        return document


class UploadSerializer(StrictSerializer):
    """A CSV file of laboratory results, one result a row."""

    file = serializers.FileField(allow_empty_file=True, max_length=255)
    unit = serializers.UUIDField(help_text="The dialysis unit whose patients these are.")
    source = serializers.CharField(  # type: ignore[assignment] # a field, not the source of one
        max_length=60, required=False, help_text="Name of the sender; ids are unique in unit and sender."
    )
    mapping = MappingField(required=False, help_text="A JSON document; see the README for its keys.")


class ImportFilters(FiltersSerializer):
    """Filters of the list of imports."""

    unit = serializers.UUIDField(required=False)
    status = choice(IMPORT_STATUSES, required=False)


class QuarantineFilters(FiltersSerializer):
    """Filters of the rows of an import that wait or waited."""

    status = choice(QUARANTINE_STATUSES, required=False)
    reason = serializers.CharField(max_length=48, required=False)
