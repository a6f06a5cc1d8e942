"""Imaging, treatments, procedures and chairside screens as the timeline answers them."""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.serializers import ModelSerializer

from monitoring.api.fields import MomentField
from monitoring.api.words import SIDES, SITES, choice
from monitoring.models import ChairsideScreen, ImagingStudy, Procedure, Treatment


class ImagingStudySerializer(ModelSerializer[ImagingStudy]):
    """A study of one region."""

    modality = serializers.CharField()
    site = choice(SITES)
    side = choice(SIDES)
    performed_at = MomentField()
    calcified_mass = serializers.CharField(help_text="`yes`, `no` or `not_stated`, which is not `no`.")
    canal_extension = serializers.CharField(help_text="`yes`, `no` or `not_stated`.")

    class Meta:
        model = ImagingStudy
        fields = (
            "uuid", "modality", "site", "side", "level", "performed_at", "calcified_mass", "lesion_count", "size_mm",
            "canal_extension", "conclusion",
        )  # fmt: skip
        read_only_fields = fields


class TreatmentSerializer(ModelSerializer[Treatment]):
    """A drug from one day to another."""

    drug_class = serializers.CharField()

    class Meta:
        model = Treatment
        fields = ("uuid", "drug_class", "drug", "dose", "started_on", "ended_on")
        read_only_fields = fields


class ProcedureSerializer(ModelSerializer[Procedure]):
    """An operation or examination."""

    kind = serializers.CharField()
    site = serializers.CharField(allow_blank=True)
    side = choice(SIDES)

    class Meta:
        model = Procedure
        fields = ("uuid", "kind", "site", "side", "performed_on", "note")
        read_only_fields = fields


class ScreenSerializer(ModelSerializer[ChairsideScreen]):
    """The five questions; each answer is `yes`, `no` or `not_asked`, which is not `no`."""

    asked_at = MomentField()
    lump = serializers.CharField()
    stiff_joint = serializers.CharField()
    lasting_pain = serializers.CharField()
    weakness = serializers.CharField()
    skin = serializers.CharField()

    class Meta:
        model = ChairsideScreen
        fields = ("uuid", "asked_at", "lump", "stiff_joint", "lasting_pain", "weakness", "skin", "note")
        read_only_fields = fields
