"""Signs and symptoms, and the monthly five questions asked at the chair, whose "no" is a fact too."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from monitoring.clinical.findings import FINDING_NAMES, FindingStatus, Intensity
from monitoring.clinical.sites import SITE_NAMES, Side
from monitoring.models.lesions import Lesion
from monitoring.models.patients import Patient

KIND_CHOICES = [(kind.value, name) for kind, name in FINDING_NAMES.items()]
SITE_CHOICES = [(site.value, name) for site, name in SITE_NAMES.items()]
SIDE_CHOICES = [
    (Side.LEFT.value, _("left")),
    (Side.RIGHT.value, _("right")),
    (Side.BILATERAL.value, _("both sides")),
    (Side.MIDLINE.value, _("midline")),
    (Side.UNKNOWN.value, _("side not stated")),
]


class ScreenAnswer(models.TextChoices):
    """An answer to a screening question; "not asked" is not "no"."""

    YES = "yes", _("Yes")
    NO = "no", _("No")
    NOT_ASKED = "not_asked", _("Not asked")


class ChairsideScreen(models.Model):
    """The monthly five questions (expert default): lump, stiff joint, pain of six weeks, weakness, skin."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="screens", verbose_name=_("patient"))
    asked_at = models.DateTimeField(_("asked"))
    lump = models.CharField(_("a lump?"), max_length=9, choices=ScreenAnswer, default=ScreenAnswer.NOT_ASKED)
    stiff_joint = models.CharField(
        _("a stiff joint?"), max_length=9, choices=ScreenAnswer, default=ScreenAnswer.NOT_ASKED
    )
    lasting_pain = models.CharField(
        _("joint or neck pain for six weeks or more?"),
        max_length=9,
        choices=ScreenAnswer,
        default=ScreenAnswer.NOT_ASKED,
    )
    weakness = models.CharField(
        _("weak, numb or unsteady?"), max_length=9, choices=ScreenAnswer, default=ScreenAnswer.NOT_ASKED
    )
    skin = models.CharField(
        _("a skin sore or discharge?"), max_length=9, choices=ScreenAnswer, default=ScreenAnswer.NOT_ASKED
    )
    note = models.TextField(_("note"), blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        ordering = ("-asked_at", "-id")
        verbose_name = _("chairside screen")
        verbose_name_plural = _("chairside screens")
        indexes = [models.Index(fields=["patient", "-asked_at"], name="screen_of_patient")]

    def __str__(self) -> str:
        return f"{self.patient.mrn} {self.asked_at:%Y-%m-%d}"


class Finding(models.Model):
    """A sign or symptom at a place. A change of content supersedes the row, so the past can be judged as known then."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="findings", verbose_name=_("patient"))
    lesion = models.ForeignKey(
        Lesion, on_delete=models.PROTECT, null=True, blank=True, related_name="findings", verbose_name=_("lesion")
    )
    kind = models.CharField(_("finding"), max_length=24, choices=KIND_CHOICES)
    site = models.CharField(_("place"), max_length=16, choices=SITE_CHOICES)
    side = models.CharField(_("side"), max_length=10, choices=SIDE_CHOICES, default=Side.UNKNOWN.value)
    intensity = models.CharField(
        _("how bad"),
        max_length=10,
        choices=[(i.value, i.value) for i in Intensity],
        default=Intensity.UNKNOWN.value,
    )
    onset = models.DateField(_("since"), null=True, blank=True, help_text=_("Leave empty when not known."))
    noted_at = models.DateTimeField(_("noted"))
    size_mm = models.PositiveSmallIntegerField(_("largest diameter, mm"), null=True, blank=True)
    growing = models.BooleanField(_("new or growing"), null=True, blank=True)
    status = models.CharField(
        _("status"),
        max_length=10,
        choices=[(s.value, s.value) for s in FindingStatus],
        default=FindingStatus.PRESENT.value,
    )
    resolved_at = models.DateTimeField(_("gone since"), null=True, blank=True)
    screen = models.ForeignKey(
        ChairsideScreen, on_delete=models.PROTECT, null=True, blank=True, related_name="findings"
    )
    note = models.TextField(_("note"), blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    recorded_at = models.DateTimeField(_("recorded"))
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )
    retired_at = models.DateTimeField(_("no longer believed since"), null=True, blank=True)

    class Meta:
        ordering = ("-noted_at", "-id")
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        constraints = [
            models.CheckConstraint(
                condition=Q(status="resolved", resolved_at__isnull=False)
                | (~Q(status="resolved") & Q(resolved_at__isnull=True)),
                name="finding_resolved_has_date",
            ),
            models.CheckConstraint(
                condition=Q(resolved_at__isnull=True) | Q(resolved_at__gte=F("noted_at")),
                name="finding_resolved_after_noted",
            ),
            models.CheckConstraint(
                condition=Q(status__in=[s.value for s in FindingStatus]), name="finding_status_known"
            ),
        ]
        indexes = [
            # The engine's reader: the believed findings of a range of patients.
            models.Index(fields=["patient", "noted_at"], name="finding_believed", condition=Q(retired_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.get_site_display()}"
