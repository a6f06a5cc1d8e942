"""The list and the page of patients, with their live alerts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from alerts.admin.words import state_kind, state_words, title_of
from alerts.lifecycle import Workflow
from alerts.models import Alert
from alerts.selectors import live_alerts
from monitoring.admin.base import now
from monitoring.admin.patients import PatientAdmin
from monitoring.admin.showing import NOTHING, severity_chip, show_age_of, show_day_in
from monitoring.models import Patient


@admin.register(Patient)
class WatchedPatientAdmin(PatientAdmin):
    """Patients with what is to do for them."""

    patient_page = "alerts/patient_page.html"
    list_display = ("name", "number", "unit_code", "tier", "score", "live", "phosphate", "calcium", "judged")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Patient]:
        """With the number of live alerts."""
        live = Alert.objects.filter(patient=OuterRef("pk")).exclude(workflow=Workflow.RESOLVED)
        counted = live.order_by().values("patient").annotate(n=Count("pk")).values("n")
        return super().get_queryset(request).annotate(live_alerts=Coalesce(Subquery(counted), 0))

    @admin.display(description=_("live alerts"))
    def live(self, patient: Any) -> str:
        """How many alerts are not resolved."""
        return str(patient.live_alerts) if patient.live_alerts else NOTHING

    def panels(self, request: HttpRequest, patient: Patient) -> dict[str, Any]:
        """The live alerts, worst first."""
        moment = now()
        rows = live_alerts().filter(patient=patient).select_related("unit").order_by("-severity", "opened_at", "pk")
        return {
            "live_alerts": [
                {
                    "chip": severity_chip(alert.severity),
                    "rule": alert.rule,
                    "title": title_of(alert),
                    "sentence": alert.sentence,
                    "action": alert.action,
                    "state": state_words(alert),
                    "kind": state_kind(alert),
                    "since": show_day_in(alert.since, alert.unit),
                    "age": show_age_of(alert.since, moment),
                    "url": reverse("admin:alerts_alert_change", args=[alert.pk]),
                }
                for alert in rows
            ],
            "resolved_url": reverse("admin:alerts_alert_changelist") + f"?state=all&q={patient.mrn}",
        }
