"""Alerts in a list with bulk actions, and the page of one: why it is there, what would clear it, what was done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alerts.admin.acting import (
    MOST_AT_ONCE,
    ROLES_OF_ACTION,
    act_on_alerts,
    address_of_action,
    allowed_actions,
)
from alerts.admin.words import action_words, change_words, event_words, state_kind, state_words, title_of
from alerts.lifecycle import Action, EventType, Workflow
from alerts.models import CONDITION_CHOICES, WORKFLOW_CHOICES, Alert, AlertEvent
from monitoring.admin.base import ReadOnlyAdmin, now, render_in
from monitoring.admin.patient_page import name_place
from monitoring.admin.patients import OwnUnitFilter
from monitoring.admin.rights import READ_ALERTS, READ_FACTS, may
from monitoring.admin.rules_page import group_name, sources_of
from monitoring.admin.showing import NOTHING, severity_chip, show_age_of, show_day_in, show_time
from monitoring.clinical.analytes import BY_CODE as ANALYTE_BY_CODE
from monitoring.clinical.findings import FINDING_NAMES, FindingKind
from monitoring.models import Timing
from monitoring.rules.catalogue import BY_CODE, RULES


class LiveFilter(admin.SimpleListFilter):
    """Live alerts, unless another state is asked for."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The states, and everything."""
        return [*((value, str(label)) for value, label in WORKFLOW_CHOICES), ("all", _("All"))]

    def choices(self, changelist: Any) -> Any:
        """Name the default for what it is."""
        for choice in super().choices(changelist):
            if choice["query_string"] == changelist.get_query_string(remove=[self.parameter_name]):
                choice["display"] = _("Live")
            yield choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        """The alerts in this state."""
        wanted = self.value()
        if wanted == "all":
            return queryset
        return queryset.filter(workflow=wanted) if wanted else queryset.exclude(workflow=Workflow.RESOLVED)


class ConditionFilter(admin.SimpleListFilter):
    """What the rule says now."""

    title = gettext_lazy("condition")
    parameter_name = "condition"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The three conditions."""
        return [(value, str(label)) for value, label in CONDITION_CHOICES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        """The alerts of this condition."""
        return queryset.filter(condition=self.value()) if self.value() else queryset


class RuleFilter(admin.SimpleListFilter):
    """Alerts of one rule, with its code alone: the titles would fill the page."""

    title = gettext_lazy("rule")
    parameter_name = "rule"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The rules of the catalogue that open alerts."""
        return [(rule.code, rule.code) for rule in sorted(RULES, key=lambda rule: rule.code) if rule.kind != "log"]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        """The alerts of this rule."""
        return queryset.filter(rule=self.value()) if self.value() else queryset


def _bulk(action: Action) -> Callable[..., HttpResponseBase | None]:
    """The list's way to `action`: an intermediate page that asks, for all chosen rows at once."""

    @admin.action(description=f"{action.value.capitalize()} …", permissions=[action.value])
    def act(screen: AlertAdmin, request: HttpRequest, chosen: QuerySet[Alert]) -> HttpResponseBase | None:
        return screen.act_in_bulk(request, action, chosen)

    act.__name__ = action.value
    return act


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    """Alerts, worst first."""

    reading = READ_ALERTS
    list_display: Any = (
        "severity_shown",
        "patient_name",
        "title",
        "state",
        "true_since",
        "unit_code",
        "assigned_to",
    )
    list_display_links = ("severity_shown", "title")
    list_filter: ClassVar[Any] = ("severity", LiveFilter, ConditionFilter, RuleFilter, OwnUnitFilter)
    search_fields = ("patient__mrn", "patient__family_name", "patient__given_name", "rule")
    search_help_text = gettext_lazy("Search by MRN, name or rule")
    ordering = ("-severity", "opened_at", "pk")
    actions: Any = (_bulk(Action.ACKNOWLEDGE), _bulk(Action.SNOOZE), _bulk(Action.RESOLVE))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With everything a row shows, in one query."""
        rows = super().get_queryset(request)
        return rows.select_related("patient", "unit", "assigned_to", "previous", "rule_set")

    # Who may act: the names are what `permissions` of the actions ask for.

    def has_acknowledge_permission(self, request: HttpRequest) -> bool:
        """Nurses and nephrologists."""
        return may(request, ROLES_OF_ACTION[Action.ACKNOWLEDGE])

    def has_snooze_permission(self, request: HttpRequest) -> bool:
        """Nurses and nephrologists."""
        return may(request, ROLES_OF_ACTION[Action.SNOOZE])

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        """Nephrologists."""
        return may(request, ROLES_OF_ACTION[Action.RESOLVE])

    @admin.display(description=gettext_lazy("severity"), ordering="severity")
    def severity_shown(self, alert: Alert) -> SafeString:
        """The severity as a label."""
        return severity_chip(alert.severity)

    @admin.display(description=gettext_lazy("patient"), ordering="patient__family_name")
    def patient_name(self, alert: Alert) -> str:
        """Name and number."""
        return str(alert.patient)

    @admin.display(description=gettext_lazy("what"), ordering="rule")
    def title(self, alert: Alert) -> str:
        """Rule and place."""
        return f"{alert.rule} {title_of(alert)}"

    @admin.display(description=gettext_lazy("state"), ordering="workflow")
    def state(self, alert: Alert) -> str:
        """The state in words."""
        return state_words(alert)

    @admin.display(description=gettext_lazy("since"), ordering="since")
    def true_since(self, alert: Alert) -> str:
        """Since when it is true, in the unit's time."""
        return show_day_in(alert.since, alert.unit)

    @admin.display(description=gettext_lazy("unit"), ordering="unit__code")
    def unit_code(self, alert: Alert) -> str:
        """The unit in short."""
        return alert.unit.code

    # Acting --------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """With the page to act on one alert."""
        act = path("<int:object_id>/<str:action>/", self.admin_site.admin_view(self.act_view), name="alerts_alert_act")
        usual = super().get_urls()
        # Django's own addresses of an alert ("…/change/", "…/history/") come first.
        return [*usual[:-1], act, usual[-1]]

    def act_in_bulk(self, request: HttpRequest, action: Action, chosen: QuerySet[Alert]) -> HttpResponseBase | None:
        """Act on the chosen alerts of units where the user has the right."""
        alerts = [alert for alert in chosen[: MOST_AT_ONCE + 1] if action in allowed_actions(request, alert)]
        if len(alerts) > MOST_AT_ONCE:
            self.message_user(request, _("Please choose at most %(n)s alerts at once.") % {"n": MOST_AT_ONCE})
            return None
        context = self._frame(request) | {"bulk": f"{action.value}"}
        unit = alerts[0].unit if alerts else None
        back = request.get_full_path()
        return render_in(unit, lambda: act_on_alerts(request, action=action, alerts=alerts, context=context, back=back))

    def act_view(self, request: HttpRequest, object_id: int, action: str) -> HttpResponseBase:
        """Act on one alert."""
        alert: Alert | None = self.get_object(request, str(object_id))
        if alert is None or action not in {a.value for a in Action}:
            raise Http404
        wanted = Action(action)
        if not may(request, ROLES_OF_ACTION[wanted], alert.unit_id):
            raise Http404
        # A move that is no longer allowed is refused by the service in words, unless it was never possible.
        back = reverse("admin:alerts_alert_change", args=[alert.pk])
        applying = request.method == "POST" and "apply" in request.POST
        alerts = [alert] if applying or wanted in allowed_actions(request, alert) else []
        return render_in(
            alert.unit,
            lambda: act_on_alerts(request, action=wanted, alerts=alerts, context=self._frame(request), back=back),
        )

    def _frame(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts}

    # The page ------------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of one alert."""
        alert: Alert | None = self.get_object(request, object_id)
        if alert is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[no-any-return,attr-defined]
        rule = BY_CODE.get(alert.rule)
        moment = now()
        return TemplateResponse(
            request,
            "alerts/alert_page.html",
            {
                **self._frame(request),
                "title": title_of(alert),
                "alert": alert,
                "chip": severity_chip(alert.severity),
                "state": state_words(alert),
                "kind": state_kind(alert),
                "since": show_time(alert.since, alert.unit),
                "opened": show_time(alert.opened_at, alert.unit),
                "age": show_age_of(alert.since, moment),
                "evidence": [describe_evidence(row, alert) for row in alert.evidence],
                "rule": rule,
                "group": group_name(alert.group),
                "sources": sources_of(rule) if rule else [],
                "moves": [
                    {"address": address_of_action(alert, action), **action_words(action), "name": action.value}
                    for action in allowed_actions(request, alert)
                ],
                "events": read_events(alert),
                "sees_patient": may(request, READ_FACTS, alert.unit_id),
            },
        )


def describe_evidence(row: dict[str, Any], alert: Alert) -> dict[str, str]:
    """One row of evidence: what, the value as sent, when, and the side of the session."""
    at = datetime.fromisoformat(row["at"])
    if row.get("of") == "lab_result":
        return {
            "what": ANALYTE_BY_CODE[row["analyte"]].name,
            "value": f"{row['value']} {row['unit']}",
            "at": show_time(at, alert.unit),
            "timing": str(Timing(row["timing"]).label),
            "url": reverse("admin:monitoring_labresult_change", args=[row["pk"]]),
        }
    return {
        "what": FINDING_NAMES[FindingKind(row["kind"])],
        "value": name_place(row["site"], row["side"]),
        "at": show_time(at, alert.unit),
        "timing": NOTHING,
        "url": "",
    }


def read_events(alert: Alert) -> list[dict[str, Any]]:
    """What happened to the alert, newest first, in two queries."""
    events = list(AlertEvent.objects.filter(alert=alert).order_by("-seq"))
    ids = {side.get("assigned_to") for event in events for side in (event.before, event.after)} - {None}
    people = {user.pk: user.get_full_name() or user.get_username() for user in User.objects.filter(pk__in=ids)}
    return [
        {
            "seq": event.seq,
            "at": show_time(event.at, alert.unit),
            "what": event_words(EventType(event.type)),
            "who": event.actor_name,
            "reason": event.reason,
            "changes": change_words(event.before, event.after, alert.unit, people),
        }
        for event in events
    ]
