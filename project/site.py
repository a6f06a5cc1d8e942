"""The site of all screens: the work list as its first page, a short menu with counts, the page of the rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alerts.admin.work_list import show_work_list
from alerts.lifecycle import Workflow
from alerts.models import Alert, Notification, NotificationStatus
from monitoring.admin.rights import (
    ADD_FACTS,
    CLOSE_ALERTS,
    EVERYBODY,
    MANAGERS,
    READ_ALERTS,
    READ_FACTS,
    Roles,
    may,
    units_with,
    user_of,
)
from monitoring.admin.rules_page import show_rules
from monitoring.models import QuarantinedItem, QuarantineStatus


@dataclass(frozen=True)
class Link:
    """A line of the menu; `count` of None shows none, `pressing` counts stand out (in weight, too)."""

    label: str
    url: str
    current: bool
    count: int | None = None
    pressing: bool = False


@dataclass(frozen=True)
class Section:
    """A group of links; without a heading for the first."""

    heading: str
    links: list[Link]


class WardSite(AdminSite):
    """The Django admin with the ward's menu and first page."""

    site_header = "CalciWatch"
    site_title = "CalciWatch"
    index_title = gettext_lazy("Who needs you today")
    site_url = None
    empty_value_display = "–"

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """With the page of the rules."""
        return [path("rules/", self.admin_view(self.rules_view), name="rules"), *super().get_urls()]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The work list."""
        return show_work_list(request, self)

    def app_index(  # type: ignore[override]  # Django's own is a page, ours leads away
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The menu has everything: there is no list of an app's tables."""
        return HttpResponseRedirect(reverse("admin:index"))

    def rules_view(self, request: HttpRequest) -> TemplateResponse:
        """The rules with their limits and sources."""
        return show_rules(request, self)

    def has_permission(self, request: HttpRequest) -> bool:
        """Active staff; what they see there depends on their units."""
        return bool(super().has_permission(request))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What every page needs: the menu among it."""
        context: dict[str, Any] = super().each_context(request)
        context["menu"] = self.menu(request) if self.has_permission(request) else []
        return context

    def menu(self, request: HttpRequest) -> list[Section]:
        """The menu of this user; a link that leads nowhere for him is not there."""
        here = request.path

        def link(
            label: str, name: str, roles: Roles, count: int | None = None, *, pressing: bool = False
        ) -> Link | None:
            if not may(request, roles):
                return None
            url = reverse(f"admin:{name}")
            current = here == url if name == "index" else here.startswith(url)
            return Link(label, url, current, count, pressing and bool(count))

        superuser = user_of(request).is_superuser
        sections = [
            Section("", _present(
                Link(_("Work list"), reverse("admin:index"), here == reverse("admin:index"), _to_do(request), True),
                link(_("All alerts"), "alerts_alert_changelist", READ_ALERTS),
                link(_("Patients"), "monitoring_patient_changelist", READ_FACTS),
                link(_("Chairside screens"), "monitoring_chairsidescreen_changelist", READ_FACTS),
                link(_("Results"), "monitoring_labresult_changelist", READ_FACTS),
            )),
            Section(_("Coming in"), _present(
                link(_("Imports"), "monitoring_import_changelist", READ_FACTS),
                link(
                    _("Quarantine"), "monitoring_quarantineditem_changelist", READ_FACTS, _waiting(request),
                    pressing=may(request, ADD_FACTS),
                ),
                link(_("Codes"), "monitoring_codemapping_changelist", READ_FACTS),
                link(_("Units of measure"), "monitoring_unitmapping_changelist", READ_FACTS),
            )),
            Section(_("Judging"), _present(
                Link(_("Rules"), reverse("admin:rules"), here == reverse("admin:rules")),
                link(_("Rule sets"), "monitoring_ruleset_changelist", EVERYBODY),
                link(_("Tiers over time"), "monitoring_assessment_changelist", READ_FACTS),
                link(_("Events"), "alerts_alertevent_changelist", READ_ALERTS),
            )),
            Section(_("Administration"), _present(
                link(_("Dialysis units"), "monitoring_unit_changelist", EVERYBODY),
                link(_("Members"), "monitoring_membership_changelist", MANAGERS),
                link(_("API keys"), "monitoring_apikey_changelist", MANAGERS),
                link(
                    _("Notifications"), "alerts_notification_changelist", CLOSE_ALERTS | MANAGERS, _failed(request),
                    pressing=True,
                ),
                *([
                    link(_("Users"), "auth_user_changelist", EVERYBODY),
                    link(_("Schedule"), "django_celery_beat_periodictask_changelist", EVERYBODY),
                ] if superuser else []),
            )),
        ]  # fmt: skip
        return [section for section in sections if section.links]


def _present(*links: Link | None) -> list[Link]:
    return [link for link in links if link is not None]


def _to_do(request: HttpRequest) -> int:
    """Patients with an alert that nobody has looked at."""
    waiting = Alert.objects.filter(unit__in=units_with(request, READ_ALERTS), workflow=Workflow.OPEN)
    return waiting.order_by().values("patient").distinct().count()


def _waiting(request: HttpRequest) -> int:
    units = units_with(request, READ_FACTS)
    return QuarantinedItem.objects.filter(unit__in=units, status=QuarantineStatus.WAITING).count()


def _failed(request: HttpRequest) -> int:
    units = units_with(request, CLOSE_ALERTS | MANAGERS)
    return Notification.objects.filter(event__unit__in=units, status=NotificationStatus.FAILED).count()
