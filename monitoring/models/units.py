"""Dialysis units: where patients are treated, in which zone, shown in which units of measure."""

from __future__ import annotations

import uuid
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class DisplayUnits(models.TextChoices):
    """Which units of measure the screens of a unit use."""

    CONVENTIONAL = "conventional", _("Conventional (mg/dL)")
    SI = "si", _("SI (mmol/L)")


def validate_time_zone(value: str) -> None:
    """Refuse a name that is not an IANA time zone."""
    if value not in available_timezones():
        raise ValidationError(_("“%(value)s” is not an IANA time zone such as Europe/London."), params={"value": value})


class Unit(models.Model):
    """A dialysis unit: the boundary of who may see what."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    code = models.CharField(
        _("code"),
        max_length=16,
        unique=True,
        validators=[RegexValidator(r"^[A-Z0-9][A-Z0-9_-]*$", _("Use capital letters, digits, “-” and “_”."))],
    )
    name = models.CharField(_("name"), max_length=120)
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[validate_time_zone])
    display_units = models.CharField(
        _("units on screens"), max_length=16, choices=DisplayUnits, default=DisplayUnits.CONVENTIONAL
    )
    pth_upper_limit = models.FloatField(
        _("PTH upper limit of normal, pg/mL"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Of the assay in use. Leave empty when unknown: nothing is assumed then."),
    )
    # Longest time between two measurements, in days (KDIGO intervals by M20; dialysis dose monthly by KD06).
    mineral_interval_days = models.PositiveSmallIntegerField(_("calcium and phosphate every … days"), default=92)
    pth_interval_days = models.PositiveSmallIntegerField(_("PTH every … days"), default=183)
    alp_interval_days = models.PositiveSmallIntegerField(_("alkaline phosphatase every … days"), default=365)
    dose_interval_days = models.PositiveSmallIntegerField(_("dialysis dose every … days"), default=45)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("code",)
        verbose_name = _("unit")
        verbose_name_plural = _("units")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(mineral_interval_days__gte=1)
                & models.Q(pth_interval_days__gte=1)
                & models.Q(alp_interval_days__gte=1)
                & models.Q(dose_interval_days__gte=1),
                name="unit_intervals_at_least_one_day",
            ),
            models.CheckConstraint(
                condition=models.Q(pth_upper_limit__isnull=True) | models.Q(pth_upper_limit__gt=0),
                name="unit_pth_upper_limit_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"
