"""What is done for the patient: dialysis prescription and sessions, drugs, procedures."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from monitoring.clinical.sites import SITE_NAMES, Side
from monitoring.models.patients import Patient

SITE_CHOICES = [(site.value, name) for site, name in SITE_NAMES.items()]
SIDE_CHOICES = [(side.value, side.value) for side in Side]


class TreatmentClass(models.TextChoices):
    """Drug classes that the rules read."""

    CALCIUM_BINDER = "calcium_binder", _("Calcium-based binder")
    OTHER_BINDER = "other_binder", _("Calcium-free binder")
    ACTIVE_VITAMIN_D = "active_vitamin_d", _("Active vitamin D or analogue")
    NATIVE_VITAMIN_D = "native_vitamin_d", _("Native vitamin D")
    CALCIMIMETIC = "calcimimetic", _("Calcimimetic")
    VITAMIN_K_ANTAGONIST = "vitamin_k_antagonist", _("Vitamin K antagonist")
    SODIUM_THIOSULFATE = "sodium_thiosulfate", _("Sodium thiosulfate")
    BISPHOSPHONATE = "bisphosphonate", _("Bisphosphonate")
    OTHER = "other", _("Other")


class ProcedureKind(models.TextChoices):
    """Procedures that change the course or the rules."""

    EXCISION = "excision", _("Excision of a deposit")
    PARATHYROIDECTOMY = "parathyroidectomy", _("Parathyroidectomy")
    TRANSPLANT = "transplant", _("Kidney transplant")
    EXAMINATION = "examination", _("Examination after excision")


class Prescription(models.Model):
    """The dialysis prescription from one date to another (open while `ended_on` is empty)."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    patient = models.ForeignKey(
        Patient, on_delete=models.PROTECT, related_name="prescriptions", verbose_name=_("patient")
    )
    sessions_per_week = models.DecimalField(_("sessions a week"), max_digits=3, decimal_places=1, null=True, blank=True)
    minutes = models.PositiveSmallIntegerField(_("minutes a session"), null=True, blank=True)
    dialysate_calcium = models.DecimalField(
        _("dialysate calcium, mmol/L"), max_digits=3, decimal_places=2, null=True, blank=True
    )
    dialysate_bicarbonate = models.DecimalField(
        _("dialysate bicarbonate, mmol/L"), max_digits=3, decimal_places=1, null=True, blank=True
    )
    started_on = models.DateField(_("from"))
    ended_on = models.DateField(_("until"), null=True, blank=True)
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        ordering = ("-started_on", "-id")
        verbose_name = _("dialysis prescription")
        verbose_name_plural = _("dialysis prescriptions")
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_on__isnull=True) | Q(ended_on__gte=F("started_on")),
                name="prescription_ends_after_start",
            ),
            models.CheckConstraint(
                condition=Q(dialysate_calcium__isnull=True) | Q(dialysate_calcium__gt=0, dialysate_calcium__lt=5),
                name="prescription_dialysate_calcium_plausible",
            ),
        ]
        indexes = [models.Index(fields=["patient", "-started_on"], name="prescription_of_patient")]

    def __str__(self) -> str:
        return f"{self.sessions_per_week} × {self.minutes} min"


class SessionRecord(models.Model):
    """One dialysis session: what was planned, what was delivered."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    patient = models.ForeignKey(
        Patient, on_delete=models.PROTECT, related_name="session_records", verbose_name=_("patient")
    )
    planned_at = models.DateTimeField(_("planned"))
    planned_minutes = models.PositiveSmallIntegerField(_("planned minutes"), null=True, blank=True)
    delivered_minutes = models.PositiveSmallIntegerField(_("delivered minutes"), null=True, blank=True)
    missed = models.BooleanField(_("missed"), default=False)
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        ordering = ("-planned_at", "-id")
        verbose_name = _("dialysis session")
        verbose_name_plural = _("dialysis sessions")
        constraints = [
            models.UniqueConstraint(fields=["patient", "planned_at"], name="session_once"),
            models.CheckConstraint(
                condition=Q(missed=False) | Q(delivered_minutes__isnull=True) | Q(delivered_minutes=0),
                name="session_missed_delivers_nothing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.planned_at:%Y-%m-%d}"


class Treatment(models.Model):
    """A drug from one date to another (open while `ended_on` is empty)."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="treatments", verbose_name=_("patient"))
    drug_class = models.CharField(_("class"), max_length=24, choices=TreatmentClass)
    drug = models.CharField(_("drug"), max_length=80, blank=True)
    dose = models.CharField(_("dose"), max_length=80, blank=True)
    started_on = models.DateField(_("from"))
    ended_on = models.DateField(_("until"), null=True, blank=True)
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        ordering = ("-started_on", "-id")
        verbose_name = _("treatment")
        verbose_name_plural = _("treatments")
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_on__isnull=True) | Q(ended_on__gte=F("started_on")), name="treatment_ends_after_start"
            ),
            models.CheckConstraint(condition=Q(drug_class__in=TreatmentClass.values), name="treatment_class_known"),
        ]
        indexes = [models.Index(fields=["patient", "-started_on"], name="treatment_of_patient")]

    def __str__(self) -> str:
        return self.drug or self.get_drug_class_display()


class Procedure(models.Model):
    """An operation or examination that changes the course."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="procedures", verbose_name=_("patient"))
    kind = models.CharField(_("procedure"), max_length=20, choices=ProcedureKind)
    site = models.CharField(_("place"), max_length=16, choices=SITE_CHOICES, blank=True)
    side = models.CharField(_("side"), max_length=10, choices=SIDE_CHOICES, default=Side.UNKNOWN.value)
    performed_on = models.DateField(_("performed"))
    note = models.TextField(_("note"), blank=True)
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        ordering = ("-performed_on", "-id")
        verbose_name = _("procedure")
        verbose_name_plural = _("procedures")
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=ProcedureKind.values), name="procedure_kind_known"),
        ]
        indexes = [models.Index(fields=["patient", "-performed_on"], name="procedure_of_patient")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.performed_on}"
