"""Alerts, the append-only events of their life, the one-row counter that numbers them, and the outbox."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from alerts.lifecycle import Condition, EventType, Outcome, Workflow
from monitoring.models import Patient, RuleSet, Unit


class SeverityChoice(models.IntegerChoices):
    """Severity of an alert, in rising order (monitoring.rules.types.Severity)."""

    INFO = 0, _("Info")
    WATCH = 1, _("Watch")
    URGENT = 2, _("Urgent")
    CRITICAL = 3, _("Critical")


CONDITION_CHOICES = [
    (Condition.ACTIVE.value, _("Active")),
    (Condition.CLEARED.value, _("Cleared, not reviewed")),
    (Condition.INDETERMINATE.value, _("Cannot be judged: data missing")),
]
WORKFLOW_CHOICES = [
    (Workflow.OPEN.value, _("Open")),
    (Workflow.ACKNOWLEDGED.value, _("Acknowledged")),
    (Workflow.SNOOZED.value, _("Snoozed")),
    (Workflow.RESOLVED.value, _("Resolved")),
]
OUTCOME_CHOICES = [
    (Outcome.CONFIRMED.value, _("Confirmed")),
    (Outcome.TREATED.value, _("Treated")),
    (Outcome.NOT_CONFIRMED.value, _("Not confirmed")),
    (Outcome.DATA_ERROR.value, _("Error in the data")),
    (Outcome.ALREADY_KNOWN.value, _("Already known")),
    (Outcome.RETRACTED.value, _("Retracted: no longer true after a correction")),
    (Outcome.CLEARED.value, _("Cleared by itself")),
]


class Alert(models.Model):
    """One thing to act on: patient + rule + scope. `version` is its ETag and rises with every event."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="alerts", verbose_name=_("patient"))
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="alerts", verbose_name=_("unit"))
    rule = models.CharField(_("rule"), max_length=8)
    scope = models.CharField(_("scope"), max_length=40, blank=True)
    group = models.CharField(_("group"), max_length=16)
    severity = models.PositiveSmallIntegerField(_("severity"), choices=SeverityChoice)
    condition = models.CharField(_("condition"), max_length=16, choices=CONDITION_CHOICES)
    workflow = models.CharField(_("workflow"), max_length=16, choices=WORKFLOW_CHOICES)
    outcome = models.CharField(_("outcome"), max_length=16, choices=OUTCOME_CHOICES, blank=True)
    episode = models.PositiveSmallIntegerField(_("episode"), default=1)
    sentence = models.TextField(_("why"))
    action = models.TextField(_("suggested action"))
    clears_when = models.TextField(_("what would clear it"))
    evidence = models.JSONField(_("evidence"), default=list)
    missing = models.JSONField(_("missing inputs"), default=list)
    rule_version = models.PositiveSmallIntegerField(_("rule version"))
    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, related_name="+", verbose_name=_("rule set"))
    since = models.DateTimeField(_("true since"))
    opened_at = models.DateTimeField(_("opened"))
    quiet_until = models.DateTimeField(_("acknowledged or snoozed until"), null=True, blank=True)
    resolved_at = models.DateTimeField(_("resolved"), null=True, blank=True)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="assigned_alerts",
        verbose_name=_("assigned to"),
    )
    previous = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="followed_by",
        verbose_name=_("earlier alert"),
    )
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        ordering = ("-severity", "opened_at", "id")
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "rule", "scope"],
                condition=~Q(workflow="resolved"),
                name="alert_one_unresolved_per_key",
            ),
            models.CheckConstraint(
                condition=Q(workflow="resolved", resolved_at__isnull=False) & ~Q(outcome="")
                | ~Q(workflow="resolved") & Q(resolved_at__isnull=True, outcome=""),
                name="alert_resolved_with_outcome",
            ),
            models.CheckConstraint(
                condition=Q(workflow__in=["acknowledged", "snoozed"], quiet_until__isnull=False)
                | ~Q(workflow__in=["acknowledged", "snoozed"]) & Q(quiet_until__isnull=True),
                name="alert_quiet_until_when_quiet",
            ),
            models.CheckConstraint(
                condition=Q(condition__in=[c.value for c in Condition]), name="alert_condition_known"
            ),
            models.CheckConstraint(condition=Q(workflow__in=[w.value for w in Workflow]), name="alert_workflow_known"),
            models.CheckConstraint(condition=Q(severity__in=SeverityChoice.values), name="alert_severity_known"),
        ]
        indexes = [
            # The work list of a unit, worst first.
            models.Index(
                fields=["unit", "-severity", "opened_at"], name="alert_work_list", condition=~Q(workflow="resolved")
            ),
            # Reconcile: the live alerts of a range of patients, and the last resolved one of a key.
            models.Index(fields=["patient", "rule", "scope", "-resolved_at"], name="alert_by_key"),
            # Expiry of acknowledgement and snooze.
            models.Index(
                fields=["quiet_until"], name="alert_quiet_expiry", condition=Q(workflow__in=["acknowledged", "snoozed"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.scope} ({self.get_severity_display()})".replace("  ", " ")


class EventCounter(models.Model):
    """The one row whose lock makes the order of `seq` the order of commits."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    last_seq = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="event_counter_single_row")]

    def __str__(self) -> str:
        return str(self.last_seq)


class AlertEvent(models.Model):
    """Something that happened to an alert: written once, in the transaction of the change, never altered."""

    seq = models.PositiveBigIntegerField(_("number"), unique=True)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="events", verbose_name=_("alert"))
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+", verbose_name=_("unit"))
    type = models.CharField(_("event"), max_length=20, choices=[(t.value, t.value) for t in EventType])
    at = models.DateTimeField(_("at"))
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    actor_name = models.CharField(_("by"), max_length=160)
    reason = models.TextField(_("reason"), blank=True)
    before = models.JSONField(_("before"), default=dict)
    after = models.JSONField(_("after"), default=dict)
    evidence = models.JSONField(_("evidence"), default=list)
    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, related_name="+", verbose_name=_("rule set"))
    alert_version = models.PositiveIntegerField()

    class Meta:
        ordering = ("seq",)
        verbose_name = _("alert event")
        verbose_name_plural = _("alert events")
        constraints = [
            models.UniqueConstraint(fields=["alert", "alert_version"], name="alert_event_one_per_version"),
        ]
        indexes = [
            # The feed of a caller who sees some units.
            models.Index(fields=["unit", "seq"], name="alert_event_feed_of_unit"),
        ]

    def __str__(self) -> str:
        return f"{self.seq}: {self.type}"


class NotificationStatus(models.TextChoices):
    """Where a notification stands."""

    PENDING = "pending", _("Waiting")
    LEASED = "leased", _("Being sent")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed, needs a person")


class Notification(models.Model):
    """One row of the outbox: one event to one recipient by one channel."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    event = models.ForeignKey(
        AlertEvent, on_delete=models.PROTECT, related_name="notifications", verbose_name=_("event")
    )
    channel = models.CharField(_("channel"), max_length=16, default="email")
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="notifications", verbose_name=_("to")
    )
    status = models.CharField(_("status"), max_length=8, choices=NotificationStatus, default=NotificationStatus.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"))
    leased_until = models.DateTimeField(_("being sent until"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    last_error = models.TextField(_("last error"), blank=True)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        constraints = [
            models.UniqueConstraint(fields=["event", "channel", "recipient"], name="notification_once_per_recipient"),
            models.CheckConstraint(
                condition=Q(status="leased", leased_until__isnull=False)
                | ~Q(status="leased") & Q(leased_until__isnull=True),
                name="notification_lease_when_leased",
            ),
            models.CheckConstraint(
                condition=Q(status="sent", sent_at__isnull=False) | ~Q(status="sent") & Q(sent_at__isnull=True),
                name="notification_sent_has_time",
            ),
        ]
        indexes = [
            # The sweep: what is due to be sent, and what a dead worker left leased.
            models.Index(fields=["next_attempt_at"], name="notification_pending", condition=Q(status="pending")),
            models.Index(fields=["leased_until"], name="notification_leased", condition=Q(status="leased")),
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {self.get_status_display()}"


__all__ = [
    "Alert",
    "AlertEvent",
    "EventCounter",
    "Notification",
    "NotificationStatus",
    "SeverityChoice",
]
