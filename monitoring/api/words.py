"""The words of which the API takes and answers one; the API description names each list after its meaning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any

from rest_framework import serializers

from monitoring.clinical.analytes import BY_CODE
from monitoring.clinical.findings import FindingKind, FindingStatus, Intensity
from monitoring.clinical.sites import Side, Site
from monitoring.models import (
    DialysisModality,
    DisplayUnits,
    ImportStatus,
    LabStatus,
    PatientStatus,
    QuarantineStatus,
    RuleSetStatus,
    Sex,
    Tier,
    Timing,
)
from monitoring.models.patients import KinAffected
from monitoring.rules.scoring import CAPS
from monitoring.rules.types import RuleKind, ScopeKind, Severity
from monitoring.services.submissions import Outcome


def _words(values: Iterable[Enum]) -> tuple[str, ...]:
    return tuple(str(value.value) for value in values)


ANALYTES = tuple(BY_CODE)
DISPLAY_UNITS = _words(DisplayUnits)
FINDING_KINDS = _words(FindingKind)
FINDING_STATUSES = _words(FindingStatus)
IMPORT_STATUSES = _words(ImportStatus)
INTENSITIES = _words(Intensity)
KIN_AFFECTED = _words(KinAffected)
LAB_STATUSES = _words(LabStatus)
MODALITIES = _words(DialysisModality)
PATIENT_ORDERS = ("mrn", "risk")
PATIENT_STATUSES = _words(PatientStatus)
POINTS_STATES = ("counted", "no", "unknown")
QUARANTINE_STATUSES = _words(QuarantineStatus)
RESULT_OUTCOMES = _words(Outcome)
RULE_KINDS = _words(RuleKind)
RULE_SCOPES = _words(ScopeKind)
RULE_SET_STATUSES = _words(RuleSetStatus)
SCORE_PARTS = tuple(CAPS)
SEVERITIES = tuple(severity.name.lower() for severity in Severity)
SEXES = _words(Sex)
SIDES = _words(Side)
SITES = _words(Site)
STORED_OUTCOMES = tuple(word for word in RESULT_OUTCOMES if word != Outcome.QUARANTINED.value)
TIERS = tuple(tier.name.lower() for tier in Tier)
TIMINGS = _words(Timing)


def choice(words: Sequence[str], **options: Any) -> serializers.ChoiceField:
    """A field that takes one of these words."""
    return serializers.ChoiceField(choices=list(words), **options)
