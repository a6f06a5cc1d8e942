"""Findings as the API takes and answers them."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.serializers import ModelSerializer

from monitoring.api.fields import DayField, FiltersSerializer, MomentField, StrictSerializer
from monitoring.api.words import FINDING_KINDS, FINDING_STATUSES, INTENSITIES, SIDES, SITES, choice
from monitoring.ingest.normalise import FUTURE_TOLERANCE
from monitoring.models import Finding

LARGEST_MM = 2000
_PATIENT = "5c1f7f1e-3d57-4a3a-8f0e-0b1d6d2f8a10"

FINDING_EXAMPLE = {
    "uuid": "c0b0d0c7-5f8a-4d55-a0b5-9c3c5f0a7e21",
    "patient": _PATIENT,
    "unit": "0b6a3a0e-6a52-4f0d-9a63-2e1f5f6f4a11",
    "kind": "mass",
    "site": "hip",
    "side": "right",
    "intensity": "unknown",
    "onset": "2026-02-01",
    "noted_at": "2026-03-02T09:00:00Z",
    "size_mm": 45,
    "growing": True,
    "status": "present",
    "resolved_at": None,
    "note": "Firm, not tender.",
    "lesion": None,
    "recorded_at": "2026-03-02T09:04:11Z",
    "retired_at": None,
    "supersedes": None,
    "superseded_by": None,
}


@extend_schema_serializer(examples=[OpenApiExample("A mass", value=FINDING_EXAMPLE, response_only=True)])
class FindingSerializer(ModelSerializer[Finding]):
    """A sign or symptom. A change makes a new one that supersedes; the old one keeps its content and is retired."""

    patient = serializers.UUIDField(source="patient.uuid")
    unit = serializers.UUIDField(source="patient.unit.uuid")
    kind = choice(FINDING_KINDS)
    site = choice(SITES)
    side = choice(SIDES)
    intensity = choice(INTENSITIES)
    status = choice(FINDING_STATUSES)
    noted_at = MomentField()
    resolved_at = MomentField(allow_null=True)
    recorded_at = MomentField()
    retired_at = MomentField(allow_null=True, help_text="Since when it is no longer believed.")
    lesion = serializers.UUIDField(source="lesion.uuid", allow_null=True)
    supersedes = serializers.UUIDField(source="supersedes.uuid", allow_null=True)
    superseded_by = serializers.UUIDField(source="superseded_by.uuid", allow_null=True)

    class Meta:
        model = Finding
        fields = tuple(FINDING_EXAMPLE)
        read_only_fields = fields


@extend_schema_serializer(
    examples=[OpenApiExample("It has grown", value={"size_mm": 60, "growing": True}, request_only=True)]
)
class FindingChangesSerializer(StrictSerializer):
    """What may be changed of a finding."""

    kind = choice(FINDING_KINDS, required=False)
    site = choice(SITES, required=False)
    side = choice(SIDES, required=False)
    intensity = choice(INTENSITIES, required=False)
    onset = DayField(allow_null=True, required=False, help_text="Null when not known.")
    noted_at = MomentField(required=False)
    size_mm = serializers.IntegerField(min_value=0, max_value=LARGEST_MM, allow_null=True, required=False)
    growing = serializers.BooleanField(allow_null=True, required=False)
    note = serializers.CharField(allow_blank=True, max_length=4000, required=False)
    lesion = serializers.UUIDField(allow_null=True, required=False, help_text="A lesion of the same patient.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what has not happened yet, and an onset behind the moment at which it was noted."""
        latest = timezone.now() + FUTURE_TOLERANCE
        noted = attrs.get("noted_at")
        if noted is not None and noted > latest:
            raise serializers.ValidationError({"noted_at": ["a time that has passed"]})
        onset = attrs.get("onset")
        # A day has begun somewhere up to 14 hours before it begins in UTC.
        last_day = ((noted or latest).astimezone(UTC) + timedelta(hours=14)).date()
        if onset is not None and onset > last_day:
            raise serializers.ValidationError({"onset": ["a day not after the finding was noted"]})
        return attrs


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A mass at the hip",
            value={"patient": _PATIENT, "kind": "mass", "site": "hip", "side": "right", "onset": "2026-02-01",
                   "size_mm": 45},
            request_only=True,
        )
    ]
)  # fmt: skip
class NewFindingSerializer(FindingChangesSerializer):
    """A finding to be recorded; `noted_at` is now when it is left out."""

    patient = serializers.UUIDField()
    kind = choice(FINDING_KINDS)
    site = choice(SITES)


class ResolveFindingSerializer(StrictSerializer):
    """Since when the finding has been gone; now when it is left out."""

    resolved_at = MomentField(required=False)

    def validate_resolved_at(self, moment: Any) -> Any:
        """Refuse what has not happened yet."""
        if moment > timezone.now() + FUTURE_TOLERANCE:
            raise serializers.ValidationError("a time that has passed")
        return moment


class WithdrawFindingSerializer(StrictSerializer):
    """Nothing need be said: the finding was never true."""


class FindingFilters(FiltersSerializer):
    """Filters of the list of findings."""

    patient = serializers.UUIDField(required=False)
    unit = serializers.UUIDField(required=False)
    kind = choice(FINDING_KINDS, required=False)
    status = choice(FINDING_STATUSES, required=False)
