"""The work list: who needs you today. Live alerts of one's units by patient, the worst first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.models import AnonymousUser, User
from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, F, Max, Min, OuterRef, Q, QuerySet, Subquery, Value, When
from django.http import HttpRequest, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from alerts.admin.words import state_kind, state_words, title_of
from alerts.lifecycle import Condition, Workflow
from alerts.models import Alert
from alerts.selectors import live_alerts
from monitoring.admin.base import now
from monitoring.admin.rights import READ_ALERTS, READ_FACTS, may, roles_of, units_with, user_of
from monitoring.admin.rules_page import group_name
from monitoring.admin.showing import severity_kind, severity_word, show_age_of, show_day_in, tier_chip
from monitoring.models import Assessment, Unit
from monitoring.rules.types import Severity

PATIENTS_ON_A_PAGE = 40
# What a person has seen and planned stands behind what nobody has looked at.
_NOBODY_LOOKED = Q(workflow=Workflow.OPEN)
STATES = ("open", "cleared", "acknowledged", "snoozed")


@dataclass(frozen=True)
class Choice:
    """One filter chip: its words, where it leads, how many alerts there are, whether it is chosen."""

    label: str
    url: str
    count: int
    chosen: bool
    kind: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Facet:
    """A row of chips of which one may be chosen."""

    title: str
    choices: list[Choice]


@dataclass
class Row:
    """One patient of the work list with the alerts that match."""

    patient: Any
    tier: Any
    score: int | None
    alerts: list[dict[str, Any]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    quiet: bool = True


def with_state(rows: QuerySet[Alert], user: User | AnonymousUser) -> QuerySet[Alert]:
    """The alerts with `state` (one of STATES) and `mine` ("yes" or "no")."""
    return rows.annotate(
        state=Case(
            # Not by keywords: When has a `condition` of its own.
            When(Q(workflow=Workflow.OPEN, condition=Condition.CLEARED), then=Value("cleared")),
            default=F("workflow"),
        ),
        mine=Case(When(assigned_to=user.pk, then=Value("yes")), default=Value("no")),
    )


def count_alerts(rows: QuerySet[Alert]) -> list[dict[str, Any]]:
    """How many alerts there are of each combination of what can be filtered by; one query."""
    names = ("unit__code", "severity", "state", "group", "mine")
    return list(rows.order_by().values(*names).annotate(n=Count("pk")))


class Filters:
    """What was chosen in the address of the page; what is not known there is ignored."""

    columns: Mapping[str, str] = {
        "unit": "unit__code",
        "severity": "severity",
        "state": "state",
        "group": "group",
        "mine": "mine",
    }

    def __init__(self, query: QueryDict, counts: list[dict[str, Any]]) -> None:
        self.counts = counts
        known = {name: {str(row[column]) for row in counts} for name, column in self.columns.items()}
        self.chosen = {
            name: str(query[name])
            for name in self.columns
            if query.get(name) and query[name] in known[name] | set(STATES)
        }

    def apply(self, rows: QuerySet[Alert]) -> QuerySet[Alert]:
        """The alerts that match everything chosen."""
        return rows.filter(**{self.columns[name]: value for name, value in self.chosen.items()})

    def url(self, name: str, value: str) -> str:
        """The address with this choice instead of the present one; "" takes it away."""
        query = QueryDict(mutable=True)
        query.update({key: chosen for key, chosen in self.chosen.items() if key != name})
        if value:
            query[name] = value
        return f"?{query.urlencode()}"

    def count(self, name: str, value: str) -> int:
        """How many alerts match `value`, all other choices kept."""
        wanted = {key: chosen for key, chosen in self.chosen.items() if key != name}
        if value:
            wanted[name] = value
        return sum(
            row["n"] for row in self.counts if all(str(row[self.columns[key]]) == v for key, v in wanted.items())
        )

    def facet(self, name: str, title: str, values: list[tuple[str, str, str, str]]) -> Facet:
        """The chips for `values` (value, label, kind, mark), those without any alert left out, "all" in front."""
        now_chosen = self.chosen.get(name, "")
        choices = [Choice(_("All"), self.url(name, ""), self.count(name, ""), not now_chosen)]
        for value, label, kind, mark in values:
            count = self.count(name, value)
            if count or value == now_chosen:
                choices.append(Choice(label, self.url(name, value), count, value == now_chosen, kind, mark))
        return Facet(title, choices)


def facets_of(filters: Filters, units: list[Unit]) -> list[Facet]:
    """The rows of chips above the list."""
    severities = [(str(s.value), severity_word(s), *severity_kind(s)) for s in reversed(Severity)]
    states = [
        ("open", _("Open"), "", ""),
        ("cleared", _("Cleared, not reviewed"), "", ""),
        ("acknowledged", _("Acknowledged"), "", ""),
        ("snoozed", _("Snoozed"), "", ""),
    ]
    groups = [(group, group_name(group), "", "") for group in sorted({row["group"] for row in filters.counts})]
    facets = [filters.facet("severity", _("Severity"), severities), filters.facet("state", _("State"), states)]
    facets.append(filters.facet("group", _("About"), groups))
    if len(units) > 1:
        facets.append(filters.facet("unit", _("Unit"), [(unit.code, unit.code, "", "") for unit in units]))
    mine = filters.facet("mine", _("Assigned"), [("yes", _("To me"), "", "")])
    if len(mine.choices) > 1:
        facets.append(mine)
    return facets


def rank_patients(rows: QuerySet[Alert]) -> QuerySet[Any, Any]:
    """A row per patient of these alerts: worst first; whose alerts all have a plan comes behind.

    Order: worst alert that nobody has looked at, tier, score, worst alert at all, the longest waiting.
    """
    current = Assessment.objects.filter(patient=OuterRef("patient_id"), superseded_at=None)
    return (
        rows.order_by()
        .values("patient_id")
        .annotate(
            worst_open=Max(Case(When(_NOBODY_LOOKED, then=F("severity")), default=Value(-1))),
            worst=Max("severity"),
            first=Min("opened_at"),
            tier=Max(Subquery(current.values("tier")[:1])),
            score=Max(Subquery(current.values("score")[:1])),
        )
        .order_by(F("worst_open").desc(), F("tier").desc(nulls_last=True), F("score").desc(nulls_last=True),
                  F("worst").desc(), "first", "patient_id")
    )  # fmt: skip


def read_rows(page: list[dict[str, Any]], rows: QuerySet[Alert], moment: datetime) -> list[Row]:
    """The patients of one page with their matching alerts; two queries."""
    ids = [row["patient_id"] for row in page]
    by_patient: dict[int, Row] = {}
    matching = rows.filter(patient_id__in=ids).select_related("patient", "unit", "assigned_to")
    for alert in matching.order_by("-severity", "opened_at", "pk"):
        row = by_patient.get(alert.patient_id)
        if row is None:
            row = by_patient[alert.patient_id] = Row(alert.patient, None, None)
            row.patient.unit = alert.unit
        kind, mark = severity_kind(alert.severity)
        row.alerts.append(
            {
                "kind": kind,
                "mark": mark,
                "severity": severity_word(alert.severity),
                "rule": alert.rule,
                "title": title_of(alert),
                "sentence": alert.sentence,
                "state": state_words(alert),
                "state_kind": state_kind(alert),
                "since": show_day_in(alert.since, alert.unit),
                "age": show_age_of(alert.since, moment),
                "assigned": alert.assigned_to,
                "url": reverse("admin:alerts_alert_change", args=[alert.pk]),
            }
        )
        row.quiet &= alert.workflow != Workflow.OPEN
        row.missing += [name for name in alert.missing if name not in row.missing]
    for ranked in page:
        row = by_patient.get(ranked["patient_id"])
        if row is not None:
            row.tier, row.score = tier_chip(ranked["tier"]), ranked["score"]
    return [by_patient[patient] for patient in ids if patient in by_patient]


def show_work_list(request: HttpRequest, site: AdminSite) -> TemplateResponse:
    """The first page after login, for everybody who may read alerts somewhere."""
    user = user_of(request)
    units = list(units_with(request, READ_ALERTS))
    live = with_state(live_alerts().filter(unit__in=units), user)
    filters = Filters(request.GET, count_alerts(live))
    matching = filters.apply(live)
    paginator = Paginator(rank_patients(matching), PATIENTS_ON_A_PAGE)
    page: Page[Any] = paginator.get_page(request.GET.get("page"))
    total = filters.count("", "")
    critical = sum(
        row["n"] for row in filters.counts if row["severity"] == Severity.CRITICAL and row["state"] == "open"
    )
    return TemplateResponse(
        request,
        "alerts/work_list.html",
        {
            **site.each_context(request),
            "title": _("Who needs you today"),
            "rows": read_rows(list(page.object_list), matching, now()),
            "page": page,
            "facets": facets_of(filters, units),
            "patients": paginator.count,
            "alerts": total,
            "critical": critical,
            "filtered": bool(filters.chosen),
            "query": filters.url("", "")[1:],
            "units": units,
            "many_units": len(units) > 1,
            "sees_patients": may(request, READ_FACTS),
            "member": user.is_superuser or bool(roles_of(request)),
        },
    )
