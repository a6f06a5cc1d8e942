"""The Django app of the project shell: its checks, its commands and the row of the beat lease."""

from django.apps import AppConfig
from django.contrib.admin import site
from django.contrib.admin.apps import SimpleAdminConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class ProjectConfig(AppConfig):
    """The shell as an installed app."""

    name = "project"
    label = "project"
    verbose_name = _("Operations")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks of the configuration."""
        from project import checks  # noqa: F401,PLC0415 - registers itself once the apps are ready


class WardAdminConfig(SimpleAdminConfig):
    """The Django admin with our own site in place of the plain one."""

    default_site = "project.site.WardSite"

    def ready(self) -> None:
        """Register the tables: those of other apps, and the screens of ours."""
        super().ready()
        autodiscover_modules("admin", "admin.screens", register_to=site)
