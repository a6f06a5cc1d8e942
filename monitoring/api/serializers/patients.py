"""Patients and their assessments as the API takes and answers them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.serializers import ModelSerializer, Serializer

from monitoring.api import words
from monitoring.api.fields import DayField, FiltersSerializer, MomentField, StrictSerializer
from monitoring.api.words import TIERS, choice
from monitoring.models import Assessment, Patient, PatientStatus
from monitoring.rules.scoring import CAPS, UNCALIBRATED

ASSESSMENT_EXAMPLE = {
    "tier": "critical",
    "score": 10,
    "missing": ["phosphate", "calcium", "albumin", "PTH"],
    "set_by": ["score", "S03"],
    "awaiting": [],
    "rule_set": 1,
    "as_of": "2026-03-02T09:00:00Z",
}
PATIENT_EXAMPLE = {
    "uuid": "5c1f7f1e-3d57-4a3a-8f0e-0b1d6d2f8a10",
    "unit": "0b6a3a0e-6a52-4f0d-9a63-2e1f5f6f4a11",
    "mrn": "DEMO-0001",
    "family_name": "Marble",
    "given_name": "Rami",
    "birth_date": "1968-05-04",
    "sex": "male",
    "modality": "HD",
    "dialysis_start": None,
    "ckd_onset": "2001-01-01",
    "kin_affected": "not_asked",
    "status": "active",
    "assessment": ASSESSMENT_EXAMPLE,
    "judged_at": "2026-03-02T09:00:04Z",
    "awaits_judgement": False,
}


def tier_word(tier: int) -> str:
    """The tier as the API calls it."""
    return TIERS[tier]


class AssessmentSerializer(ModelSerializer[Assessment]):
    """What the combined tier C01 says of a patient."""

    tier = serializers.SerializerMethodField()
    rule_set = serializers.IntegerField(source="rule_set.version", help_text="Version of the rule set that judged.")
    missing = serializers.ListField(child=serializers.CharField(), help_text="Inputs that are absent or too old.")
    set_by = serializers.ListField(child=serializers.CharField(), help_text="What set the tier: rules, or `score`.")
    awaiting = serializers.ListField(
        child=serializers.CharField(), help_text="Rules that one value has passed without standing yet."
    )
    as_of = MomentField(help_text="Since when this has been so.")

    class Meta:
        model = Assessment
        fields: tuple[str, ...] = ("tier", "score", "missing", "set_by", "awaiting", "rule_set", "as_of")

    @extend_schema_field(choice(TIERS))
    def get_tier(self, assessment: Assessment) -> str:
        """Give the tier as a word."""
        return tier_word(assessment.tier)


class PastAssessmentSerializer(AssessmentSerializer):
    """An assessment of the history; `until` is empty for the one that stands."""

    until = MomentField(source="superseded_at", allow_null=True)

    class Meta(AssessmentSerializer.Meta):
        fields: tuple[str, ...] = (*AssessmentSerializer.Meta.fields, "until")


class PointsLineSerializer(Serializer[Any]):
    """One line of the score."""

    code = serializers.CharField()
    part = choice(words.SCORE_PARTS, help_text="The part of the score, whose sum is capped.")
    label = serializers.CharField()  # type: ignore[assignment] # a field, not the label of one
    points = serializers.IntegerField()
    state = choice(words.POINTS_STATES, help_text="`unknown` is not `no`: it was not measured or not asked.")


class PartSerializer(Serializer[Any]):
    """One part of the score: what its lines sum up to and what of it counts."""

    part = choice(words.SCORE_PARTS)
    sum = serializers.IntegerField()
    cap = serializers.IntegerField()
    counted = serializers.IntegerField()


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "The founding patient",
            value={
                "patient": PATIENT_EXAMPLE["uuid"],
                "assessment": ASSESSMENT_EXAMPLE,
                "points": [
                    {"code": "mass", "part": "symptoms", "label": "Mass", "points": 5, "state": "counted"},
                    {"code": "L01", "part": "laboratory", "label": "Phosphate above target", "points": 0,
                     "state": "unknown"},
                ],
                "parts": [{"part": "symptoms", "sum": 9, "cap": 8, "counted": 8}],
                "notice": UNCALIBRATED,
                "judged_at": "2026-03-02T09:00:04Z",
                "awaits_judgement": False,
                "due_at": "2026-04-01T09:00:00Z",
                "history": [{**ASSESSMENT_EXAMPLE, "until": None}],
            },
            response_only=True,
        )
    ]
)  # fmt: skip
class AssessmentPageSerializer(Serializer[Any]):
    """Why the tier of a patient is what it is, line by line, and what it was before."""

    patient = serializers.UUIDField()
    assessment = AssessmentSerializer(allow_null=True, help_text="Null while nobody has judged this patient.")
    points = PointsLineSerializer(many=True)
    parts = PartSerializer(many=True)
    notice = serializers.CharField(help_text="To be shown beside every score.")
    judged_at = MomentField(allow_null=True)
    awaits_judgement = serializers.BooleanField(help_text="Facts have come in that this does not know yet.")
    due_at = MomentField(allow_null=True, help_text="When time alone may change the verdict.")
    history = PastAssessmentSerializer(many=True, help_text="The newest 100, newest first.")


def assessment_page(patient: Patient, history: list[Assessment]) -> dict[str, Any]:
    """What AssessmentPageSerializer describes, of a patient with `current`."""
    current: Assessment | None = next(iter(patient.current), None)  # type: ignore[attr-defined]
    lines = current.points if current else []
    sums = {part: sum(line["points"] for line in lines if line["part"] == part) for part in CAPS}
    return {
        "patient": patient.uuid,
        "assessment": current,
        "points": lines,
        "parts": [
            {"part": part, "sum": sums[part], "cap": cap, "counted": min(sums[part], cap)} for part, cap in CAPS.items()
        ],
        "notice": UNCALIBRATED,
        "judged_at": patient.evaluated_as_of,
        "awaits_judgement": awaits_judgement(patient),
        "due_at": patient.next_due,
        "history": history,
    }


def awaits_judgement(patient: Patient) -> bool:
    """Whether facts have come in that the last judgement did not know; patients out of the programme are not judged."""
    return patient.status == PatientStatus.ACTIVE and patient.facts_version != patient.evaluated_version


@extend_schema_serializer(examples=[OpenApiExample("A patient", value=PATIENT_EXAMPLE, response_only=True)])
class PatientSerializer(ModelSerializer[Patient]):
    """A patient with the current assessment."""

    unit = serializers.UUIDField(source="unit.uuid")
    sex = choice(words.SEXES)
    modality = choice(words.MODALITIES)
    kin_affected = choice(words.KIN_AFFECTED)
    status = choice(words.PATIENT_STATUSES)
    assessment = serializers.SerializerMethodField()
    judged_at = MomentField(source="evaluated_as_of", allow_null=True)
    awaits_judgement = serializers.SerializerMethodField(
        help_text="Facts have come in that the assessment does not know yet."
    )

    class Meta:
        model = Patient
        fields = tuple(PATIENT_EXAMPLE)

    @extend_schema_field(AssessmentSerializer(allow_null=True))
    def get_assessment(self, patient: Patient) -> Any:
        """Give the current assessment, None while there is none."""
        current: Assessment | None = next(iter(patient.current), None)  # type: ignore[attr-defined]
        return AssessmentSerializer(current).data if current else None

    def get_awaits_judgement(self, patient: Patient) -> bool:
        """Say whether the assessment lags behind the facts."""
        return awaits_judgement(patient)


class PatientChangesSerializer(StrictSerializer):
    """What may be changed of a patient. An unknown date is null; it is never completed by a guess."""

    family_name = serializers.CharField(max_length=80, required=False)
    given_name = serializers.CharField(max_length=80, required=False)
    birth_date = DayField(allow_null=True, required=False)
    sex = choice(words.SEXES, required=False)
    modality = choice(words.MODALITIES, required=False)
    dialysis_start = DayField(allow_null=True, required=False)
    ckd_onset = DayField(allow_null=True, required=False)
    kin_affected = choice(words.KIN_AFFECTED, required=False)
    status = choice(words.PATIENT_STATUSES, required=False)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A new patient",
            value={
                "unit": "0b6a3a0e-6a52-4f0d-9a63-2e1f5f6f4a11",
                "mrn": "DEMO-0099",
                "family_name": "Calcite",
                "given_name": "Ada",
                "birth_date": "1961-02-17",
                "sex": "female",
                "dialysis_start": "2019-10-01",
            },
            request_only=True,
        )
    ]
)
class NewPatientSerializer(PatientChangesSerializer):
    """A patient to be registered."""

    unit = serializers.UUIDField()
    mrn = serializers.CharField(max_length=64, help_text="Medical record number, unique in the unit.")
    family_name = serializers.CharField(max_length=80)
    given_name = serializers.CharField(max_length=80)


class PatientFilters(FiltersSerializer):
    """Filters of the list of patients. There is none for names: addresses end up in logs."""

    unit = serializers.UUIDField(required=False)
    mrn = serializers.CharField(max_length=64, required=False, help_text="Exactly this number.")
    tier = choice(TIERS, required=False, help_text="This tier or a higher one.")
    status = choice(words.PATIENT_STATUSES, required=False)
    order = choice(words.PATIENT_ORDERS, default="mrn", help_text="`risk`: highest tier and score first.")
