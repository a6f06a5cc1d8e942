"""Patients: who they are, and up to which version of their facts they have been judged."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from monitoring.models.units import Unit


class Sex(models.TextChoices):
    """As recorded (FHIR administrative-gender)."""

    FEMALE = "female", _("Female")
    MALE = "male", _("Male")
    OTHER = "other", _("Other")
    UNKNOWN = "unknown", _("Unknown")


class DialysisModality(models.TextChoices):
    """How the patient is dialysed."""

    HD = "HD", _("Haemodialysis")
    HDF = "HDF", _("Haemodiafiltration")
    PD = "PD", _("Peritoneal dialysis")


class PatientStatus(models.TextChoices):
    """Only active patients are judged."""

    ACTIVE = "active", _("In the programme")
    TRANSFERRED = "transferred", _("Transferred out")
    TRANSPLANTED = "transplanted", _("Transplanted")
    DECEASED = "deceased", _("Deceased")


class KinAffected(models.TextChoices):
    """Whether a relative has tumoral calcinosis; "not asked" is not "no"."""

    YES = "yes", _("Yes")
    NO = "no", _("No")
    NOT_ASKED = "not_asked", _("Not asked")


class Patient(models.Model):
    """A patient of a unit.

    Dialysis start and onset of chronic kidney disease are different facts and either may be unknown (SEED).
    `facts_version` rises in the transaction of any real change of a fact; `evaluated_version` is the version
    that the last applied judgement had read. A patient is due when they differ or when `next_due` has passed.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="patients", verbose_name=_("unit"))
    mrn = models.CharField(_("MRN"), max_length=64, help_text=_("Medical record number, unique in the unit."))
    family_name = models.CharField(_("family name"), max_length=80)
    given_name = models.CharField(_("given name"), max_length=80)
    birth_date = models.DateField(_("date of birth"), null=True, blank=True)
    sex = models.CharField(_("sex"), max_length=8, choices=Sex, default=Sex.UNKNOWN)
    modality = models.CharField(_("modality"), max_length=4, choices=DialysisModality, default=DialysisModality.HD)
    dialysis_start = models.DateField(_("dialysis since"), null=True, blank=True)
    ckd_onset = models.DateField(_("chronic kidney disease since"), null=True, blank=True)
    kin_affected = models.CharField(
        _("relative with tumoral calcinosis"), max_length=10, choices=KinAffected, default=KinAffected.NOT_ASKED
    )
    status = models.CharField(_("status"), max_length=12, choices=PatientStatus, default=PatientStatus.ACTIVE)
    created_at = models.DateTimeField(auto_now_add=True)

    facts_version = models.PositiveBigIntegerField(default=1, editable=False)
    evaluated_version = models.PositiveBigIntegerField(default=0, editable=False)
    evaluated_as_of = models.DateTimeField(null=True, editable=False)
    next_due = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ("family_name", "given_name", "id")
        verbose_name = _("patient")
        verbose_name_plural = _("patients")
        constraints = [
            models.UniqueConstraint(fields=["unit", "mrn"], name="patient_mrn_unique_in_unit"),
            models.CheckConstraint(condition=~Q(mrn=""), name="patient_mrn_not_empty"),
            models.CheckConstraint(condition=Q(sex__in=Sex.values), name="patient_sex_known"),
            models.CheckConstraint(condition=Q(modality__in=DialysisModality.values), name="patient_modality_known"),
            models.CheckConstraint(condition=Q(status__in=PatientStatus.values), name="patient_status_known"),
            models.CheckConstraint(
                condition=Q(birth_date__isnull=True)
                | Q(dialysis_start__isnull=True)
                | Q(dialysis_start__gte=F("birth_date")),
                name="patient_dialysis_after_birth",
            ),
            models.CheckConstraint(
                condition=Q(birth_date__isnull=True) | Q(ckd_onset__isnull=True) | Q(ckd_onset__gte=F("birth_date")),
                name="patient_ckd_after_birth",
            ),
            models.CheckConstraint(
                condition=Q(evaluated_version__lte=F("facts_version")), name="patient_not_judged_ahead_of_facts"
            ),
        ]
        indexes = [
            # Sweep: patients whose facts have moved on since they were judged.
            models.Index(
                fields=["id"],
                name="patient_facts_unjudged",
                condition=Q(status="active") & ~Q(facts_version=F("evaluated_version")),
            ),
            # Sweep: patients whom time alone makes due.
            models.Index(fields=["next_due"], name="patient_next_due", condition=Q(status="active")),
            models.Index(fields=["unit", "family_name", "given_name"], name="patient_list_of_unit"),
        ]

    def __str__(self) -> str:
        return f"{self.family_name}, {self.given_name} ({self.mrn})"
