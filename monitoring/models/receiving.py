"""What came in from outside, what waits in quarantine and why, and how a sender's own words are read."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from monitoring.models.units import Unit


class ImportStatus(models.TextChoices):
    """How far an import has come."""

    RECEIVED = "received", _("Received, waiting")
    RUNNING = "running", _("Running")
    FINISHED = "finished", _("Finished")
    REFUSED = "refused", _("Refused as a whole")
    INTERRUPTED = "interrupted", _("Interrupted, can be resumed")


class Import(models.Model):
    """One file, message or batch as received: kept whole, with an account of every row."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="imports", verbose_name=_("unit"))
    source = models.CharField(_("source"), max_length=64, help_text=_("The sender, such as the laboratory's name."))
    kind = models.CharField(_("kind"), max_length=16, default="csv")
    filename = models.CharField(_("file name"), max_length=255, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, editable=False)
    content = models.BinaryField(_("as received"), default=bytes, editable=False)
    mapping = models.JSONField(_("mapping"), default=dict, blank=True)
    status = models.CharField(_("status"), max_length=12, choices=ImportStatus, default=ImportStatus.RECEIVED)
    message = models.TextField(_("message"), blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    received_at = models.DateTimeField(_("received"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    rows_read = models.PositiveIntegerField(_("rows read"), default=0)
    rows_accepted = models.PositiveIntegerField(_("accepted"), default=0)
    rows_duplicate = models.PositiveIntegerField(_("already known"), default=0)
    rows_quarantined = models.PositiveIntegerField(_("in quarantine"), default=0)
    rows_not_kept = models.PositiveIntegerField(_("not kept by this service"), default=0)

    class Meta:
        ordering = ("-received_at", "-id")
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        constraints = [
            # Conservation: every row read is accounted for, exactly once.
            models.CheckConstraint(
                condition=Q(
                    rows_read=F("rows_accepted") + F("rows_duplicate") + F("rows_quarantined") + F("rows_not_kept")
                ),
                name="import_rows_conserved",
            ),
            models.CheckConstraint(condition=Q(status__in=ImportStatus.values), name="import_status_known"),
        ]
        indexes = [models.Index(fields=["unit", "-received_at"], name="import_list_of_unit")]

    def __str__(self) -> str:
        return f"{self.filename or self.kind} · {self.source} · {self.received_at:%Y-%m-%d %H:%M}"


class QuarantineStatus(models.TextChoices):
    """What became of an item that could not be stored safely."""

    WAITING = "waiting", _("Waiting")
    REPLAYED = "replayed", _("Replayed and stored")
    DISMISSED = "dismissed", _("Dismissed by a person")


class QuarantinedItem(models.Model):
    """A row or value that waits, with its place, what was received, and why it could not be stored."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    imported = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="quarantined", verbose_name=_("import"))
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="quarantined", verbose_name=_("unit"))
    line = models.PositiveIntegerField(_("line"))
    column = models.CharField(_("column"), max_length=120, blank=True)
    value = models.TextField(_("value received"), blank=True)
    reason = models.CharField(_("reason"), max_length=48)
    message = models.TextField(_("what was expected"))
    raw = models.TextField(_("row as received"), blank=True)
    fields = models.JSONField(_("fields as received"), default=dict, blank=True)
    mrn = models.CharField(_("MRN as received"), max_length=64, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=QuarantineStatus, default=QuarantineStatus.WAITING)
    created_at = models.DateTimeField(_("waiting since"))
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ("imported", "line", "id")
        verbose_name = _("item in quarantine")
        verbose_name_plural = _("items in quarantine")
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="quarantined_item_has_reason"),
            models.CheckConstraint(
                condition=Q(status="waiting", closed_at__isnull=True)
                | (~Q(status="waiting") & Q(closed_at__isnull=False)),
                name="quarantined_item_closed_when_not_waiting",
            ),
        ]
        indexes = [
            models.Index(fields=["unit", "reason"], name="quarantine_waiting", condition=Q(status="waiting")),
            models.Index(fields=["unit", "mrn"], name="quarantine_waiting_for_patient", condition=Q(status="waiting")),
        ]

    def __str__(self) -> str:
        return f"{self.reason} (line {self.line})"


class CodeMapping(models.Model):
    """How a source's own code for an analyte is read."""

    unit = models.ForeignKey(Unit, on_delete=models.CASCADE, related_name="code_mappings", verbose_name=_("unit"))
    source = models.CharField(_("source"), max_length=64)
    code = models.CharField(_("the sender's code"), max_length=64)
    target = models.CharField(
        _("means"), max_length=32, help_text=_("An analyte of this service, a LOINC code, or “not_kept”.")
    )

    class Meta:
        ordering = ("unit", "source", "code")
        verbose_name = _("code mapping")
        verbose_name_plural = _("code mappings")
        constraints = [models.UniqueConstraint(fields=["unit", "source", "code"], name="code_mapping_once_per_source")]

    def __str__(self) -> str:
        return f"{self.source}: {self.code} → {self.target}"


class UnitMapping(models.Model):
    """How a source's own spelling of a unit of measure is read."""

    unit = models.ForeignKey(Unit, on_delete=models.CASCADE, related_name="unit_mappings", verbose_name=_("unit"))
    source = models.CharField(_("source"), max_length=64)
    spelling = models.CharField(_("the sender's spelling"), max_length=32)
    ucum = models.CharField(_("UCUM unit"), max_length=16)

    class Meta:
        ordering = ("unit", "source", "spelling")
        verbose_name = _("unit-of-measure mapping")
        verbose_name_plural = _("unit-of-measure mappings")
        constraints = [
            models.UniqueConstraint(fields=["unit", "source", "spelling"], name="unit_mapping_once_per_source")
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.spelling} → {self.ucum}"
