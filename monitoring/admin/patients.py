"""The list of patients by risk, and the page of one: why the tier is what it is, values, charts, findings, care."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from monitoring.admin.base import WardAdmin, now
from monitoring.admin.patient_page import (
    describe_patient,
    draw_charts,
    explain_score,
    read_care,
    read_findings,
    read_recent_results,
    split_cards,
)
from monitoring.admin.rights import ADD_FACTS, CHANGE_FACTS, READ_FACTS, may, units_with
from monitoring.admin.showing import NOTHING, show_day_in, show_value, tier_chip
from monitoring.models import Assessment, LabResult, Patient, Tier
from monitoring.selectors.patients import patients_of, with_risk
from monitoring.services.recording import change_patient, register_patient

_LAST_SHOWN = ("phosphate", "calcium")
# Facts that a nurse may add; the others are the nephrologist's.
NURSES_FACTS = frozenset({"finding", "chairsidescreen"})


class PatientList(ChangeList):
    """A page of patients with their last phosphate and calcium, fetched in one query for the page."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the page, then the last results of its patients."""
        super().get_results(request)
        page = list(self.result_list)
        keys = [getattr(patient, f"last_{analyte}") for patient in page for analyte in _LAST_SHOWN]
        results = LabResult.objects.in_bulk([key for key in keys if key is not None])
        for patient in page:
            patient.last = {name: results.get(getattr(patient, f"last_{name}")) for name in _LAST_SHOWN}
        self.result_list = page

    def _get_default_ordering(self) -> tuple[str, ...]:
        # Only so that the arrow stands at the column by which the list is sorted.
        return ("-risk_tier",)


class TierFilter(admin.SimpleListFilter):
    """Patients of one tier."""

    title = _("tier")
    parameter_name = "tier"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The tiers, highest first."""
        return [(str(tier.value), str(tier.label)) for tier in reversed(Tier)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Patient]) -> QuerySet[Patient]:
        """Those whose current tier it is."""
        value = self.value()
        if value not in {str(tier.value) for tier in Tier}:
            return queryset
        current = Assessment.objects.filter(superseded_at=None, tier=int(value or 0))
        return queryset.filter(pk__in=current.values("patient_id"))


class OwnUnitFilter(admin.SimpleListFilter):
    """Rows of one of the user's units; absent for who has one unit only."""

    title = _("unit")
    parameter_name = "unit"
    path = "unit"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The user's own units."""
        units = units_with(request, model_admin.reading)
        return [(unit.code, unit.code) for unit in units]

    def has_output(self) -> bool:
        """Whether there is anything to choose."""
        return len(self.lookup_choices) > 1

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows of the chosen unit."""
        return queryset.filter(**{f"{self.path}__code": self.value()}) if self.value() else queryset


class UnitOfPatientFilter(OwnUnitFilter):
    """Rows of patients of one of the user's units."""

    path = "patient__unit"


class PatientAdmin(WardAdmin):
    """Patients by risk. The page of a patient is for reading; what is known of the person is changed on its own form.

    The app that acts on verdicts extends this with its live alerts (`panels`, `patient_page`).
    """

    reading = READ_FACTS
    adding = CHANGE_FACTS
    changing = CHANGE_FACTS
    patient_page = "monitoring/patient_page.html"
    list_display: Any = ("name", "number", "unit_code", "tier", "score", "phosphate", "calcium", "judged")
    list_filter: ClassVar[Any] = (TierFilter, OwnUnitFilter, "status")
    search_fields = ("mrn", "family_name", "given_name")
    search_help_text = _("Search by MRN or name")
    sortable_by = ("name", "number", "tier", "score")
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("unit", "mrn", "family_name", "given_name", "birth_date", "sex")}),
        (
            _("Kidney disease"),
            {
                "fields": ("modality", "dialysis_start", "ckd_onset", "kin_affected", "status"),
                "description": _("Leave a date empty when it is not known: nothing is assumed then."),
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Patient]:
        """Patients of the user's units with their current assessment and the keys of their last results."""
        rows = with_risk(patients_of(units_with(request, self.reading)))
        for analyte in _LAST_SHOWN:
            last = LabResult.objects.filter(
                patient=OuterRef("pk"), analyte=analyte, retired_at=None, value__isnull=False
            ).order_by("-taken_at", "-pk")
            rows = rows.annotate(**{f"last_{analyte}": Subquery(last.values("pk")[:1])})
        return rows

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Highest risk first."""
        return ("-risk_tier", "-risk_score", "family_name", "given_name", "pk")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list that knows last results."""
        return PatientList

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A patient does not change unit here: alerts and results stay with the unit they were made in."""
        return ("unit",) if obj else ()

    @admin.display(description=_("patient"), ordering="family_name")
    def name(self, patient: Patient) -> str:
        """The name as on a list."""
        return f"{patient.family_name}, {patient.given_name}"

    @admin.display(description=_("MRN"), ordering="mrn")
    def number(self, patient: Patient) -> SafeString:
        """The record number on one line."""
        return format_html('<span class="nowrap">{}</span>', patient.mrn)

    @admin.display(description=_("unit"))
    def unit_code(self, patient: Patient) -> str:
        """The unit in short."""
        return patient.unit.code

    @admin.display(description=_("tier"), ordering="risk_tier")
    def tier(self, patient: Any) -> SafeString:
        """The current tier as a label."""
        return tier_chip(patient.current[0].tier if patient.current else None)

    @admin.display(description=_("score"), ordering="risk_score")
    def score(self, patient: Any) -> str:
        """The score; a dash before the first judgement."""
        return str(patient.current[0].score) if patient.current else NOTHING

    @admin.display(description=_("last phosphate"))
    def phosphate(self, patient: Any) -> SafeString:
        """The last phosphate and its day."""
        return self._last(patient, "phosphate")

    @admin.display(description=_("last calcium"))
    def calcium(self, patient: Any) -> SafeString:
        """The last total calcium, not corrected, and its day."""
        return self._last(patient, "calcium")

    @admin.display(description=_("judged"))
    def judged(self, patient: Patient) -> str:
        """When the rules last looked; "waiting" when facts have come since."""
        if patient.facts_version != patient.evaluated_version and patient.status == "active":
            return str(_("waiting"))
        return show_day_in(patient.evaluated_as_of, patient.unit)

    def _last(self, patient: Any, analyte: str) -> SafeString:
        result = patient.last[analyte]
        if result is None:
            return format_html('<span class="unknown">{}</span>', _("unknown"))
        day = show_day_in(result.taken_at, patient.unit)
        return format_html(
            '<span class="nowrap">{}</span><br><span class="sub">{}</span>', show_value(result, patient.unit), day
        )

    # The page ------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """The form has an address of its own; the usual one is the page."""
        edit = path(
            "<path:object_id>/edit/", self.admin_site.admin_view(self.edit_view), name="monitoring_patient_edit"
        )
        return [edit, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of a patient."""
        patient = self.get_object(request, object_id)
        if patient is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[no-any-return,attr-defined]
        moment = now()
        current = patient.current[0] if patient.current else None
        return TemplateResponse(
            request,
            self.patient_page,
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": str(patient),
                "patient": patient,
                "facts": describe_patient(patient, moment),
                "tier": tier_chip(current.tier if current else None),
                "assessment": current,
                "score": explain_score(current),
                "judged": self.judged(patient),
                "drawings": draw_charts(patient, moment),
                "draws": read_recent_results(patient),
                "findings": read_findings(patient),
                "columns": split_cards(read_care(patient)),
                "may_edit": self.has_change_permission(request, patient),
                "may_write": may(request, CHANGE_FACTS, patient.unit_id),
                "may_add": may(request, ADD_FACTS, patient.unit_id),
                "nurses_facts": NURSES_FACTS,
                **self.panels(request, patient),
            },
        )

    def panels(self, request: HttpRequest, patient: Patient) -> dict[str, Any]:
        """What another app adds to the page."""
        return {}

    def edit_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The form about the person."""
        response: HttpResponseBase = self.changeform_view(
            request, object_id, "", {"show_save_and_continue": False, "show_delete": False}
        )
        return response

    def save_model(self, request: HttpRequest, obj: Patient, form: Any, change: bool) -> None:
        """Register or change through the services, so that the version of the facts rises exactly on a change."""
        if change:
            change_patient(obj, changes={name: form.cleaned_data[name] for name in form.changed_data})
            return
        about = {name: value for name, value in form.cleaned_data.items() if name not in {"unit", "mrn"}}
        saved = register_patient(obj.unit, mrn=obj.mrn, now=now(), **about)
        obj.pk, obj.uuid = saved.pk, saved.uuid
        obj._state.adding = False

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """On to the new patient's page."""
        self.message_user(request, _("%(patient)s is registered.") % {"patient": obj}, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:monitoring_patient_change", args=[obj.pk]))

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Back to the patient's page."""
        self.message_user(request, _("Saved."), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:monitoring_patient_change", args=[obj.pk]))
