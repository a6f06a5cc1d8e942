"""Laboratory results as the API takes and answers them: each value as sent, beside the canonical one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.serializers import ModelSerializer, Serializer

from monitoring.api import words
from monitoring.api.fields import FiltersSerializer, MomentField, ShownField, StrictSerializer, shown
from monitoring.api.words import choice
from monitoring.clinical.analytes import BY_CODE
from monitoring.ingest.raw import FIELDS, RawResult, Reason, Refusal
from monitoring.models import DisplayUnits, LabResult

MOST_RESULTS = 1000
LONGEST_SOURCE = 60
# "unit" alone is the dialysis unit everywhere in the API; the unit of measure has a name of its own.
API_NAMES: Mapping[str, str] = MappingProxyType({"unit": "value_unit"})
ITEM_FIELDS: Mapping[str, str] = MappingProxyType({API_NAMES.get(name, name): name for name in FIELDS})

_UNIT = "0b6a3a0e-6a52-4f0d-9a63-2e1f5f6f4a11"
ITEM_EXAMPLE = {
    "mrn": "DEMO-0001",
    "code": "2777-1",
    "value": "5.6",
    "value_unit": "mg/dL",
    "taken_at": "2026-03-02T07:10:00Z",
    "timing": "pre",
    "source_id": "L-20260302-0001",
}
RESULT_EXAMPLE = {
    "uuid": "f2a4a57e-52c1-4c0e-9a2c-4be1b8a4ad0c",
    "patient": "5c1f7f1e-3d57-4a3a-8f0e-0b1d6d2f8a10",
    "unit": _UNIT,
    "analyte": "phosphate",
    "value": "5.6",
    "comparator": "",
    "value_unit": "mg/dL",
    "code": "2777-1",
    "reference_range": "2.5–4.5",
    "canonical": {"value": "5.6000", "unit": "mg/dL"},
    "shown": {"value": "1.81", "unit": "mmol/L"},
    "taken_at": "2026-03-02T07:10:00Z",
    "received_at": "2026-03-02T09:00:00Z",
    "timing": "pre",
    "status": "final",
    "source": "NORTH/central-lab",
    "source_id": "L-20260302-0001",
    "retired_at": None,
    "supersedes": None,
    "superseded_by": None,
    "imported": None,
}


class CanonicalSerializer(Serializer[Any]):
    """The one number that the rules read."""

    value = serializers.CharField()
    unit = serializers.CharField()


@extend_schema_field(CanonicalSerializer(allow_null=True))
class CanonicalField(serializers.SerializerMethodField):
    """A method field that answers a canonical value."""


@extend_schema_serializer(examples=[OpenApiExample("A phosphate", value=RESULT_EXAMPLE, response_only=True)])
class LabResultSerializer(ModelSerializer[LabResult]):
    """A result. A correction is a new one that supersedes; the old one keeps its content and is retired."""

    patient = serializers.UUIDField(source="patient.uuid")
    unit = serializers.UUIDField(source="patient.unit.uuid", help_text="The dialysis unit.")
    value = serializers.CharField(source="value_text", help_text="As sent.")
    value_unit = serializers.CharField(source="unit_sent", help_text="The unit of measure as sent.")
    code = serializers.CharField(source="code_sent", help_text="The code or name as sent.")
    analyte = choice(words.ANALYTES)
    timing = choice(words.TIMINGS)
    status = choice(words.LAB_STATUSES)
    comparator = serializers.CharField(allow_blank=True, help_text="`<`, `<=`, `>`, `>=`, or empty.")
    canonical = CanonicalField(help_text="Null for a result the laboratory took back.")
    shown = ShownField(help_text="In the units asked for by `units`, else those of the dialysis unit; for reading.")
    taken_at = MomentField()
    received_at = MomentField()
    retired_at = MomentField(allow_null=True, help_text="Since when it is no longer believed.")
    supersedes = serializers.UUIDField(source="supersedes.uuid", allow_null=True)
    superseded_by = serializers.UUIDField(source="superseded_by.uuid", allow_null=True)
    imported = serializers.UUIDField(source="imported.uuid", allow_null=True, help_text="The import it came with.")

    class Meta:
        model = LabResult
        fields = tuple(RESULT_EXAMPLE)
        read_only_fields = fields

    def get_canonical(self, result: LabResult) -> dict[str, str] | None:
        """Give the canonical value with its unit."""
        if result.value is None:
            return None
        return {"value": f"{result.value:.4f}", "unit": BY_CODE[result.analyte].unit}

    def get_shown(self, result: LabResult) -> dict[str, str] | None:
        """Give the value for reading."""
        wanted = self.context.get("units") or result.patient.unit.display_units
        return shown(result.analyte, result.value, si=wanted == DisplayUnits.SI)


class LabResultFilters(FiltersSerializer):
    """Filters of the list of results."""

    patient = serializers.UUIDField(required=False)
    unit = serializers.UUIDField(required=False, help_text="The dialysis unit.")
    analyte = choice(words.ANALYTES, required=False)
    taken_from = MomentField(required=False, help_text="Taken at or after this.")
    taken_to = MomentField(required=False, help_text="Taken before this.")
    units = choice(words.DISPLAY_UNITS, required=False, help_text="Units of `shown`; default: the dialysis unit's.")


class _ResultItem(Serializer[Any]):
    """One result as a laboratory prints it. What cannot be stored safely waits in quarantine with its reason."""

    strict = True

    mrn = serializers.CharField(max_length=64, help_text="Number of the patient in the unit.")
    code = serializers.CharField(
        max_length=64, required=False, help_text="A LOINC code, a name known here, or the sender's own mapped code."
    )
    name = serializers.CharField(max_length=64, required=False, help_text="What the sender calls it.")
    value = serializers.CharField(
        required=False, max_length=64, help_text="As printed, such as `5.6` or `<0.5`; better a text than a number."
    )
    value_number = serializers.CharField(required=False, help_text="The number, where `value` is blanked out.")
    value_unit = serializers.CharField(max_length=32, required=False, help_text="The unit of measure; never guessed.")
    taken_at = serializers.CharField(help_text="RFC 3339. A time without offset is local to the dialysis unit.")
    received_at = serializers.CharField(required=False, help_text="When the laboratory issued it.")
    timing = choice(words.TIMINGS, required=False, help_text="Side of the dialysis session; unknown when left out.")
    status = choice(words.LAB_STATUSES, required=False, help_text="`final` when left out.")
    source_id = serializers.CharField(
        max_length=128, required=False, help_text="The sender's id. Other content under it is a correction."
    )
    specimen = serializers.CharField(required=False, help_text="Blood, serum or plasma; others are not kept.")
    comment = serializers.CharField(required=False)
    ref_low = serializers.CharField(required=False)
    ref_high = serializers.CharField(required=False)


class LabResultItemSerializer(_ResultItem):
    """One result of a batch."""


class _Envelope(StrictSerializer):
    """Who sends, for which dialysis unit."""

    unit = serializers.UUIDField(help_text="The dialysis unit whose patients these are.")
    source = serializers.CharField(  # type: ignore[assignment] # a field, not the source of one
        max_length=LONGEST_SOURCE, default="api", help_text="Name of the sender; ids are unique in unit and sender."
    )


@extend_schema_serializer(
    examples=[
        OpenApiExample("A phosphate", value={"unit": _UNIT, "source": "central-lab", **ITEM_EXAMPLE}, request_only=True)
    ]
)
class NewLabResultSerializer(_Envelope, _ResultItem):
    """A single result with its sender."""


class EnvelopeSerializer(_Envelope):
    """The part of a single result that is not the result."""


@extend_schema_field(LabResultItemSerializer(many=True))
class ItemsField(serializers.ListField):
    """The items of a batch, of whatever form: each is answered for itself, so none may fail the batch."""

    child = serializers.JSONField(allow_null=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Two results",
            value={
                "unit": _UNIT,
                "source": "central-lab",
                "results": [ITEM_EXAMPLE, {**ITEM_EXAMPLE, "code": "17861-6", "value": "9.6", "source_id": "L-2"}],
            },
            request_only=True,
        )
    ]
)
class BatchSerializer(_Envelope):
    """Up to 1,000 results of one sender for one dialysis unit."""

    results = ItemsField(min_length=1, max_length=MOST_RESULTS)


class ItemAnswerSerializer(Serializer[Any]):
    """What became of one item, in the order of the request."""

    outcome = choice(words.RESULT_OUTCOMES)
    uuid = serializers.UUIDField(allow_null=True, help_text="The stored result; null unless stored just now.")
    reason = serializers.CharField(allow_blank=True, help_text="Why it waits in quarantine: one of " + ", ".join(
        f"`{reason.value}`" for reason in Reason) + ".")  # fmt: skip
    message = serializers.CharField(allow_blank=True, help_text="The same for a person, with what was expected.")
    place = serializers.CharField(allow_blank=True, help_text="Such as `results[3].value_unit`.")
    value = serializers.CharField(allow_blank=True, help_text="What was found there.")


class CountsSerializer(Serializer[Any]):
    """How many items came to which end; they sum up to the items sent."""

    accepted = serializers.IntegerField()
    corrected = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    not_kept = serializers.IntegerField()


_ACCEPTED = {"outcome": "accepted", "uuid": RESULT_EXAMPLE["uuid"], "reason": "", "message": "", "place": "",
             "value": ""}  # fmt: skip


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "One accepted, one waits",
            value={
                "imported": "7d2f9d3a-0a53-4f43-9a31-0a8f6f5c1c55",
                "counts": {"accepted": 1, "corrected": 0, "duplicate": 0, "quarantined": 1, "not_kept": 0},
                "results": [
                    _ACCEPTED,
                    {
                        "outcome": "quarantined",
                        "uuid": None,
                        "reason": "missing_unit",
                        "message": "There is no unit; a calcium without a unit is not taken.",
                        "place": "results[1].value_unit",
                        "value": "",
                    },
                ],
            },
            response_only=True,
        )
    ]
)
class BatchAnswerSerializer(Serializer[Any]):
    """One answer for each item, in the same order."""

    imported = serializers.UUIDField(help_text="The account of this batch, with what waits in quarantine.")
    counts = CountsSerializer()
    results = ItemAnswerSerializer(many=True)


class SingleAnswerSerializer(Serializer[Any]):
    """What became of a single result."""

    outcome = choice(words.STORED_OUTCOMES)
    message = serializers.CharField(allow_blank=True)
    result = LabResultSerializer(allow_null=True, help_text="The stored result; null when it is not kept.")


def read_item(item: Any, number: int) -> RawResult | Refusal:
    """One item of a request as a raw result; a Refusal when it is no object or has a field that is not known.

    Every value becomes the text that was sent; a list or object becomes its JSON, which no field accepts. A field
    that is not known is refused, since a misspelt `specimen` would turn urine into blood.
    """
    text = json.dumps(item, ensure_ascii=False, sort_keys=True)
    if not isinstance(item, dict):
        message = "Expected an object with the fields of a result."
        return Refusal(number, "", text[:200], Reason.NOT_AN_OBJECT, message, text)
    for name, value in item.items():
        if name not in ITEM_FIELDS:
            message = f"There is no such field; known are {', '.join(ITEM_FIELDS)}."
            return Refusal(number, name[:64], _text(value)[:200], Reason.UNKNOWN_FIELD, message, text)
    fields = {ITEM_FIELDS[name]: _text(value) for name, value in item.items()}
    return RawResult(line=number, text=text, **fields)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    return json.dumps(value, ensure_ascii=False)


def place_of(refusal: Refusal, prefix: str = "") -> str:
    """Where in the request the refused value stands, such as `results[3].value_unit`."""
    column = API_NAMES.get(refusal.column, refusal.column)
    return storable(f"{prefix}.{column}" if prefix and column else prefix or column)


def storable(text: str) -> str:
    """The text as an answer can carry it: half characters are shown as such."""
    return text.encode("utf-8", "replace").decode()
