"""Rule sets (which limits apply) and assessments (what they said of a patient, kept as history)."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from monitoring.models.patients import Patient


class RuleSetStatus(models.TextChoices):
    """Life of a rule set."""

    DRAFT = "draft", _("Draft")
    SHADOW = "shadow", _("Shadow: judged, nothing sent")
    ACTIVE = "active", _("Active")
    RETIRED = "retired", _("Retired")


class RuleSet(models.Model):
    """A version of the limits: overrides of the catalogue's parameters, by an author, approved by another person."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    version = models.PositiveIntegerField(_("version"), unique=True)
    overrides = models.JSONField(
        _("overrides"), default=dict, blank=True, help_text=_("{rule code: {parameter: value}}")
    )
    status = models.CharField(_("status"), max_length=8, choices=RuleSetStatus, default=RuleSetStatus.DRAFT)
    note = models.TextField(_("note"), blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    activated_at = models.DateTimeField(_("active since"), null=True, blank=True)

    class Meta:
        ordering = ("-version",)
        verbose_name = _("rule set")
        verbose_name_plural = _("rule sets")
        constraints = [
            models.UniqueConstraint(fields=["status"], condition=Q(status="active"), name="rule_set_one_active"),
            models.CheckConstraint(
                condition=Q(approver__isnull=True) | Q(author__isnull=True) | ~Q(approver=F("author")),
                name="rule_set_approved_by_another",
            ),
            models.CheckConstraint(condition=Q(status__in=RuleSetStatus.values), name="rule_set_status_known"),
        ]

    def __str__(self) -> str:
        return f"v{self.version} ({self.get_status_display()})"


class Tier(models.IntegerChoices):
    """The combined tier C01, in rising order."""

    ROUTINE = 0, _("Routine")
    WATCH = 1, _("Watch")
    HIGH = 2, _("High")
    URGENT = 3, _("Urgent")
    CRITICAL = 4, _("Critical")


class Assessment(models.Model):
    """What C01 said of a patient from `as_of` on, until a row with other content took its place."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    patient = models.ForeignKey(
        Patient, on_delete=models.CASCADE, related_name="assessments", verbose_name=_("patient")
    )
    tier = models.PositiveSmallIntegerField(_("tier"), choices=Tier)
    score = models.PositiveSmallIntegerField(_("score"))
    points = models.JSONField(_("points, line by line"), default=list)
    missing = models.JSONField(_("missing inputs"), default=list)
    set_by = models.JSONField(_("rules that set the tier"), default=list)
    awaiting = models.JSONField(_("awaiting confirmation"), default=list)
    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, related_name="+", verbose_name=_("rule set"))
    fingerprint = models.BigIntegerField(editable=False)
    as_of = models.DateTimeField(_("since"))
    superseded_at = models.DateTimeField(_("until"), null=True, blank=True)

    class Meta:
        ordering = ("-as_of", "-id")
        verbose_name = _("assessment")
        verbose_name_plural = _("assessments")
        constraints = [
            models.UniqueConstraint(
                fields=["patient"], condition=Q(superseded_at__isnull=True), name="assessment_one_current"
            ),
            models.CheckConstraint(condition=Q(tier__in=Tier.values), name="assessment_tier_known"),
        ]
        indexes = [
            models.Index(fields=["patient", "-as_of"], name="assessment_history"),
            models.Index(
                fields=["-tier", "-score"], name="assessment_by_risk", condition=Q(superseded_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_tier_display()} ({self.score})"
