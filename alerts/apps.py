"""Registers the alerts app, its counter of events, and its ear for changed facts."""

from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


def ensure_event_counter(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """The one row from which events take their numbers."""
    sender.get_model("EventCounter")._default_manager.using(using).get_or_create(id=1)


class AlertsConfig(AppConfig):
    """Alerts, their events and who is told."""

    name = "alerts"
    verbose_name = _("Alerts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Create the counter after the tables exist; connect the receivers once the models are ready."""
        post_migrate.connect(ensure_event_counter, sender=self)
        import_module("alerts.receivers")
