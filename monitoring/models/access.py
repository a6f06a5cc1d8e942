"""Memberships and API keys: the only two ways by which a caller reaches rows."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from monitoring.models.units import Unit


class Role(models.TextChoices):
    """What a person does in a unit; the table of rights is in docs/architecture.md."""

    NURSE = "nurse", _("Nurse")
    NEPHROLOGIST = "nephrologist", _("Nephrologist")
    MANAGER = "manager", _("Unit manager")
    AUDITOR = "auditor", _("Auditor")


class Membership(models.Model):
    """A person's role in a unit."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("user")
    )
    unit = models.ForeignKey(Unit, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("unit"))
    role = models.CharField(_("role"), max_length=16, choices=Role)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("unit", "user")
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [
            models.UniqueConstraint(fields=["user", "unit"], name="membership_one_role_per_unit"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()} · {self.unit.code}"


class Scope(models.TextChoices):
    """What an API key may do; a key carries a list of these."""

    FACTS_READ = "facts:read", _("Read patients and facts")
    FACTS_WRITE = "facts:write", _("Send facts")
    ALERTS_READ = "alerts:read", _("Read alerts and the event feed")
    ALERTS_WRITE = "alerts:write", _("Acknowledge, snooze, resolve alerts")


class ApiKey(models.Model):
    """A machine's key: only its SHA-256 is kept, with a prefix by which people recognise it."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(_("begins with"), max_length=12, unique=True, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(_("scopes"), default=list)
    units = models.ManyToManyField(Unit, related_name="api_keys", verbose_name=_("units"))
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class IdempotentReply(models.Model):
    """The answer to a request that came with an Idempotency-Key, written in the transaction of what it did.

    A row of its own and not the cache: it must be true for all processes, and survive a restart. While `status` is
    empty, the request is being worked on in the transaction that wrote the row, so nobody else sees it so.
    """

    caller = models.CharField(max_length=48)
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["caller", "key"], name="idempotent_reply_once_per_caller_and_key"),
        ]
        indexes = [
            # Clearing away what is older than a day.
            models.Index(fields=["created_at"], name="idempotent_reply_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.caller} {self.created_at:%Y-%m-%d %H:%M}"
