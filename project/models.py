"""The lease by which only one of several beats runs the schedule, and the proof that one does."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class BeatLease(models.Model):
    """Who runs the schedule until when. Times are the database's, so machines' clocks need not agree."""

    name = models.CharField(_("name"), max_length=32, primary_key=True)
    holder = models.CharField(_("holder"), max_length=120)
    expires_at = models.DateTimeField(_("expires"))
    last_tick_at = models.DateTimeField(_("last tick"))

    class Meta:
        verbose_name = _("beat lease")
        verbose_name_plural = _("beat leases")

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"
