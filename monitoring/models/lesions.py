"""Lesions and what was learned of them by imaging and histology."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from monitoring.clinical.sites import SITE_NAMES, Side
from monitoring.models.patients import Patient

SITE_CHOICES = [(site.value, name) for site, name in SITE_NAMES.items()]
SIDE_CHOICES = [(side.value, side.value) for side in Side]


class Certainty(models.TextChoices):
    """How sure it is that the lesion is tumoral calcinosis; the last two make it "known"."""

    SUSPECTED = "suspected", _("Suspected")
    TYPICAL_IMAGING = "typical_imaging", _("Typical on imaging")
    HISTOLOGY = "histology", _("Confirmed by histology")
    EXCLUDED = "excluded", _("Something else")


class Course(models.TextChoices):
    """How the lesion behaves."""

    NEW = "new", _("New")
    GROWING = "growing", _("Growing")
    STABLE = "stable", _("Stable")
    SHRINKING = "shrinking", _("Shrinking")
    GONE = "gone", _("Gone")


class Modality(models.TextChoices):
    """Kinds of imaging study."""

    XR = "XR", _("X-ray")
    US = "US", _("Ultrasound")
    CT = "CT", _("CT")
    MRI = "MRI", _("MRI")
    SCINTIGRAPHY = "NM", _("Scintigraphy")
    PET = "PET", _("PET")


class Report(models.TextChoices):
    """A yes/no question of a report; "not stated" is not "no"."""

    YES = "yes", _("Yes")
    NO = "no", _("No")
    NOT_STATED = "not_stated", _("Not stated")


class Lesion(models.Model):
    """A deposit at one place, to which findings, studies and histology attach."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="lesions", verbose_name=_("patient"))
    site = models.CharField(_("place"), max_length=16, choices=SITE_CHOICES)
    side = models.CharField(_("side"), max_length=10, choices=SIDE_CHOICES, default=Side.UNKNOWN.value)
    certainty = models.CharField(_("certainty"), max_length=16, choices=Certainty, default=Certainty.SUSPECTED)
    certain_since = models.DateTimeField(_("certain since"), null=True, blank=True)
    course = models.CharField(_("course"), max_length=10, choices=Course, default=Course.NEW)
    first_noted = models.DateField(_("first noted"), null=True, blank=True)
    closed_at = models.DateTimeField(
        _("closed with a plan"), null=True, blank=True, help_text=_("A clinician has seen the imaging and made a plan.")
    )
    note = models.TextField(_("note"), blank=True)
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        ordering = ("patient", "site", "side")
        verbose_name = _("lesion")
        verbose_name_plural = _("lesions")
        constraints = [
            models.CheckConstraint(condition=Q(certainty__in=Certainty.values), name="lesion_certainty_known"),
            models.CheckConstraint(condition=Q(course__in=Course.values), name="lesion_course_known"),
            models.CheckConstraint(
                condition=~Q(certainty__in=["typical_imaging", "histology"]) | Q(certain_since__isnull=False),
                name="lesion_known_has_date",
            ),
        ]
        indexes = [models.Index(fields=["patient"], name="lesion_of_patient")]

    def __str__(self) -> str:
        return f"{self.get_side_display()} {self.get_site_display()}"


class ImagingStudy(models.Model):
    """A study of one region, with the report in structured fields (CLINICAL terms of SEED, EU1, JPN05, MEL, GIR)."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    patient = models.ForeignKey(
        Patient, on_delete=models.PROTECT, related_name="imaging_studies", verbose_name=_("patient")
    )
    lesions = models.ManyToManyField(Lesion, blank=True, related_name="imaging_studies", verbose_name=_("lesions"))
    modality = models.CharField(_("modality"), max_length=4, choices=Modality)
    site = models.CharField(_("region"), max_length=16, choices=SITE_CHOICES)
    side = models.CharField(_("side"), max_length=10, choices=SIDE_CHOICES, default=Side.UNKNOWN.value)
    level = models.CharField(_("level"), max_length=24, blank=True, help_text=_("Such as C2–C4."))
    performed_at = models.DateTimeField(_("performed"))
    calcified_mass = models.CharField(
        _("calcified mass by a joint"), max_length=10, choices=Report, default=Report.NOT_STATED
    )
    mass_is_new_or_larger = models.CharField(
        _("new or larger than before"), max_length=10, choices=Report, default=Report.NOT_STATED
    )
    lesion_count = models.PositiveSmallIntegerField(_("number of masses"), null=True, blank=True)
    size_mm = models.PositiveSmallIntegerField(_("largest diameter, mm"), null=True, blank=True)
    well_limited = models.CharField(_("well limited"), max_length=10, choices=Report, default=Report.NOT_STATED)
    polylobed = models.CharField(_("polylobed"), max_length=10, choices=Report, default=Report.NOT_STATED)
    amorphous = models.CharField(_("amorphous content"), max_length=10, choices=Report, default=Report.NOT_STATED)
    fluid_calcium_level = models.CharField(
        _("fluid-calcium level"), max_length=10, choices=Report, default=Report.NOT_STATED
    )
    bone_erosion = models.CharField(
        _("bone erosion or destruction"), max_length=10, choices=Report, default=Report.NOT_STATED
    )
    soft_tissue_without_calcification = models.CharField(
        _("soft-tissue part without calcification"), max_length=10, choices=Report, default=Report.NOT_STATED
    )
    foraminal_extension = models.CharField(
        _("reaches into the foramina"), max_length=10, choices=Report, default=Report.NOT_STATED
    )
    canal_extension = models.CharField(
        _("reaches into the spinal canal"), max_length=10, choices=Report, default=Report.NOT_STATED
    )
    conclusion = models.TextField(_("conclusion"), blank=True)
    recorded_at = models.DateTimeField(_("recorded"))
    retired_at = models.DateTimeField(_("no longer believed since"), null=True, blank=True)

    class Meta:
        ordering = ("-performed_at", "-id")
        verbose_name = _("imaging study")
        verbose_name_plural = _("imaging studies")
        constraints = [
            models.CheckConstraint(condition=Q(modality__in=Modality.values), name="imaging_modality_known"),
        ]
        indexes = [models.Index(fields=["patient", "performed_at"], name="imaging_of_patient")]

    def __str__(self) -> str:
        return f"{self.get_modality_display()} {self.get_site_display()} {self.performed_at:%Y-%m-%d}"


class Histology(models.Model):
    """What the pathologist saw (JPN05, ISN, HEJ)."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    patient = models.ForeignKey(
        Patient, on_delete=models.PROTECT, related_name="histologies", verbose_name=_("patient")
    )
    lesion = models.ForeignKey(Lesion, on_delete=models.PROTECT, related_name="histologies", verbose_name=_("lesion"))
    taken_at = models.DateTimeField(_("specimen taken"))
    amorphous_calcium = models.CharField(
        _("amorphous calcium deposits"), max_length=10, choices=Report, default=Report.NOT_STATED
    )
    giant_cells = models.CharField(
        _("histiocytes and giant cells"), max_length=10, choices=Report, default=Report.NOT_STATED
    )
    fibrous_septa = models.CharField(_("fibrous septa"), max_length=10, choices=Report, default=Report.NOT_STATED)
    crystals = models.CharField(
        _("crystals"),
        max_length=16,
        choices=[
            ("hydroxyapatite", _("hydroxyapatite")),
            ("oxalate", _("oxalate")),
            ("other", _("other")),
            ("not_stated", _("not stated")),
        ],
        default="not_stated",
    )
    malignancy_excluded = models.CharField(
        _("malignancy excluded"), max_length=10, choices=Report, default=Report.NOT_STATED
    )
    conclusion = models.TextField(_("conclusion"), blank=True)
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        ordering = ("-taken_at", "-id")
        verbose_name = _("histology")
        verbose_name_plural = _("histologies")
        indexes = [models.Index(fields=["patient"], name="histology_of_patient")]

    def __str__(self) -> str:
        return f"{self.lesion} {self.taken_at:%Y-%m-%d}"
