"""Laboratory results: each as sent, beside the one canonical number that the rules read."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from monitoring.clinical.analytes import ANALYTES
from monitoring.models.patients import Patient
from monitoring.models.receiving import Import

ANALYTE_CHOICES = [(analyte.code, analyte.name) for analyte in ANALYTES]


class LabStatus(models.TextChoices):
    """Status of a result (HL7 OBX-11 and FHIR Observation.status come down to these)."""

    PRELIMINARY = "preliminary", _("Preliminary")
    FINAL = "final", _("Final")
    CORRECTED = "corrected", _("Corrected")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Timing(models.TextChoices):
    """Side of the dialysis session; unknown is a value of its own, never read as pre."""

    PRE = "pre", _("Before dialysis")
    POST = "post", _("After dialysis")
    UNKNOWN = "unknown", _("Not stated")


class LabResult(models.Model):
    """One result.

    `value` is the canonical number (unit: `clinical.analytes`), rounded to four decimals at reception; a withdrawn
    result has none. A correction or withdrawal is a new row that supersedes; the row before it keeps its content and
    gets `retired_at`, the moment from which it was no longer believed, so that any past moment can be judged as known
    then. `source` is unique across units because the services write it as "UNIT/sender".
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    patient = models.ForeignKey(
        Patient, on_delete=models.PROTECT, related_name="lab_results", verbose_name=_("patient")
    )
    analyte = models.CharField(_("analyte"), max_length=20, choices=ANALYTE_CHOICES)
    value_text = models.CharField(_("value as sent"), max_length=64)
    comparator = models.CharField(
        _("comparator"), max_length=2, blank=True, choices=[("<", "<"), ("<=", "≤"), (">", ">"), (">=", "≥")]
    )
    unit_sent = models.CharField(_("unit as sent"), max_length=32)
    code_sent = models.CharField(_("code as sent"), max_length=64, blank=True)
    reference_range = models.CharField(_("reference range as sent"), max_length=64, blank=True)
    value = models.FloatField(_("canonical value"), null=True, blank=True)
    taken_at = models.DateTimeField(_("taken"))
    received_at = models.DateTimeField(_("received"))
    timing = models.CharField(_("timing"), max_length=8, choices=Timing, default=Timing.UNKNOWN)
    status = models.CharField(_("status"), max_length=12, choices=LabStatus, default=LabStatus.FINAL)
    source = models.CharField(_("source"), max_length=80)
    source_id = models.CharField(_("id at the source"), max_length=128)
    imported = models.ForeignKey(
        Import, on_delete=models.PROTECT, null=True, blank=True, related_name="lab_results", verbose_name=_("import")
    )
    line = models.PositiveIntegerField(_("line"), null=True, blank=True)
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )
    retired_at = models.DateTimeField(_("no longer believed since"), null=True, blank=True)

    class Meta:
        ordering = ("-taken_at", "-id")
        verbose_name = _("laboratory result")
        verbose_name_plural = _("laboratory results")
        constraints = [
            models.UniqueConstraint(
                fields=["source", "source_id"], condition=Q(retired_at__isnull=True), name="lab_result_current_once"
            ),
            models.CheckConstraint(
                condition=Q(status="withdrawn", value__isnull=True) | (~Q(status="withdrawn") & Q(value__gte=0)),
                name="lab_result_value_unless_withdrawn",
            ),
            models.CheckConstraint(condition=~Q(source_id="") & ~Q(source=""), name="lab_result_has_source"),
            models.CheckConstraint(condition=Q(timing__in=Timing.values), name="lab_result_timing_known"),
            models.CheckConstraint(condition=Q(status__in=LabStatus.values), name="lab_result_status_known"),
            models.CheckConstraint(
                condition=Q(comparator__in=["", "<", "<=", ">", ">="]), name="lab_result_comparator_known"
            ),
            models.CheckConstraint(
                condition=Q(retired_at__isnull=True) | Q(retired_at__gte=models.F("received_at")),
                name="lab_result_retired_after_received",
            ),
        ]
        indexes = [
            # The engine's reader: the believed results of one analyte of a range of patients, index only on PostgreSQL.
            models.Index(
                fields=["analyte", "patient", "taken_at"],
                include=["id", "value", "comparator", "timing"],
                name="lab_result_believed",
                condition=Q(retired_at__isnull=True) & ~Q(status="withdrawn"),
            ),
            # The results page of a patient.
            models.Index(fields=["patient", "-taken_at"], name="lab_result_of_patient"),
        ]

    def __str__(self) -> str:
        return f"{self.get_analyte_display()} {self.value_text} {self.unit_sent}"
