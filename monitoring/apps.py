"""Registers the monitoring app and sees to it that an active rule set exists."""

from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


def ensure_first_rule_set(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Version 1 of the rule set: the catalogue's own defaults, active."""
    rule_set = sender.get_model("RuleSet")
    if not rule_set._default_manager.using(using).exists():
        rule_set._default_manager.using(using).create(
            version=1, status="active", note="The defaults of the catalogue.", overrides={}
        )


class MonitoringConfig(AppConfig):
    """Facts about patients and the judgements made of them."""

    name = "monitoring"
    verbose_name = _("Patients and facts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make our lookups known; create what every database needs after its tables exist."""
        import_module("monitoring.selectors.lookups").register_lookups()
        post_migrate.connect(ensure_first_rule_set, sender=self)
