"""Forms for what staff find and do; every save goes through the services that raise the version of the facts."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import ForeignKey, ManyToManyField, QuerySet
from django.forms import HiddenInput, ModelChoiceField, RadioSelect
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitoring.admin.base import MomentField, WardAdmin, keep_seconds, now, render_in
from monitoring.admin.patient_page import name_place, summarise_screen
from monitoring.admin.patients import UnitOfPatientFilter
from monitoring.admin.rights import ADD_FACTS, CHANGE_FACTS, READ_FACTS, person_of, units_with
from monitoring.admin.showing import show_time
from monitoring.errors import DomainError
from monitoring.models import (
    ChairsideScreen,
    Finding,
    Histology,
    ImagingStudy,
    Lesion,
    Patient,
    Prescription,
    Procedure,
    Treatment,
    Unit,
)
from monitoring.services.recording import (
    change_finding,
    link_lesions,
    record_fact,
    record_finding,
    resolve_finding,
    withdraw_finding,
)


class FactAdmin(WardAdmin):
    """Something known of one patient: opened from the patient's page, saved by a service, and back to the page."""

    unit_path = "patient__unit"
    reading = READ_FACTS
    adding = CHANGE_FACTS
    changing = CHANGE_FACTS
    list_select_related: ClassVar[Any] = ("patient__unit",)
    list_filter: ClassVar[Any] = (UnitOfPatientFilter,)
    search_fields = ("patient__mrn", "patient__family_name")
    fact_fields: tuple[str, ...] = ()
    moment_field = ""

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The patient first (hidden when adding, since he was chosen on the page before)."""
        return ["patient", *self.fact_fields]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A fact does not move to another patient."""
        return ("patient",) if obj else ()

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Needs a patient, whom the page of the patient names."""
        patient = self.patient_asked_for(request)
        if patient is None:
            self.message_user(request, _("Choose the patient first, then add on the patient's page."), messages.INFO)
            return HttpResponseRedirect(reverse("admin:monitoring_patient_changelist"))
        titled = {"title": _("Add %(what)s") % {"what": self.opts.verbose_name}, "subtitle": str(patient)}
        response: HttpResponse = super().add_view(
            request, form_url, titled | {"patient": patient, "show_save_and_continue": False} | (extra_context or {})
        )
        return response

    def patient_asked_for(self, request: HttpRequest) -> Patient | None:
        """The patient named in the address or form, when the user may add facts to him."""
        asked = request.POST.get("patient") or request.GET.get("patient") or ""
        if not asked.isdecimal():
            return None
        return Patient.objects.filter(pk=int(asked), unit__in=units_with(request, self.adding)).first()

    def unit_of_form(self, request: HttpRequest, object_id: str | None) -> Unit | None:
        """The unit of the patient at hand."""
        if object_id:
            return super().unit_of_form(request, object_id)
        patient = self.patient_asked_for(request)
        return patient.unit if patient else None

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """The moment is now, unless somebody says otherwise."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        if self.moment_field:
            initial.setdefault(self.moment_field, timezone.localtime())
        return initial

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        """Only this patient, and only this patient's lesions."""
        if db_field.name == "patient":
            asked = self.patient_asked_for(request)
            kwargs["queryset"] = Patient.objects.filter(pk=asked.pk) if asked else Patient.objects.none()
            kwargs["widget"] = HiddenInput()
        elif db_field.name == "lesion":
            kwargs["queryset"] = self._lesions(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Only this patient's lesions, as boxes to tick."""
        kwargs["queryset"] = self._lesions(request)
        kwargs["widget"] = forms.CheckboxSelectMultiple
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def _lesions(self, request: HttpRequest) -> QuerySet[Lesion]:
        match = request.resolver_match
        object_id = match.kwargs.get("object_id") if match else None
        if object_id:
            row = self.get_object(request, object_id)
            return Lesion.objects.filter(patient_id=row.patient_id) if row else Lesion.objects.none()
        asked = self.patient_asked_for(request)
        return Lesion.objects.filter(patient_id=asked.pk) if asked else Lesion.objects.none()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save through the service; the version of the patient's facts rises when something differs."""
        if change:
            keep_seconds(obj, form)
        record_fact(obj, now=now())

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Back to the patient."""
        return self.back_to_patient(request, obj)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Back to the patient."""
        return self.back_to_patient(request, obj)

    def back_to_patient(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Say that it is saved and show the patient; he is judged anew in a moment."""
        self.message_user(request, _("Saved. The patient will be judged again in a moment."), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:monitoring_patient_change", args=[obj.patient_id]))


@admin.register(ChairsideScreen)
class ChairsideScreenAdmin(FactAdmin):
    """The monthly five questions."""

    adding = ADD_FACTS
    moment_field = "asked_at"
    fact_fields = ("asked_at", "lump", "stiff_joint", "lasting_pain", "weakness", "skin", "note")
    list_display = ("patient", "asked", "answers")
    ordering = ("-asked_at", "-pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the patient, whom every row names."""
        return super().get_queryset(request).select_related("patient__unit")

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Answers as buttons: one press each."""
        kwargs["widget"] = RadioSelect(attrs={"class": "inline-choices"})
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    @admin.display(description=gettext_lazy("asked"), ordering="asked_at")
    def asked(self, screen: ChairsideScreen) -> str:
        """When it was asked, in the unit's time."""
        return show_time(screen.asked_at, screen.patient.unit)

    @admin.display(description=gettext_lazy("answers"))
    def answers(self, screen: ChairsideScreen) -> str:
        """What was said yes to."""
        return summarise_screen(screen)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save with the name of who asked."""
        if not change:
            obj.recorded_by = person_of(request)
        super().save_model(request, obj, form, change)

    def back_to_patient(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """A yes is only a beginning: remind of the finding, which the rules read."""
        response = super().back_to_patient(request, obj)
        if "yes" in {obj.lump, obj.stiff_joint, obj.lasting_pain, obj.weakness, obj.skin}:
            self.message_user(
                request,
                _("There was a yes. Please record what you found, so that the rules can see it."),
                messages.WARNING,
            )
        return response


@admin.register(Finding)
class FindingAdmin(FactAdmin):
    """Signs and symptoms. A change writes a new row and retires the old one, so the past stays as it was known."""

    adding = ADD_FACTS
    moment_field = "noted_at"
    fact_fields = ("kind", "site", "side", "intensity", "growing", "size_mm", "onset", "noted_at", "lesion", "note")
    list_display = ("patient", "kind", "place", "noted", "status")
    ordering = ("-noted_at", "-pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """What is believed now; what was replaced lives on as history."""
        return super().get_queryset(request).filter(retired_at=None).select_related("patient__unit")

    @admin.display(description=gettext_lazy("place"))
    def place(self, finding: Finding) -> str:
        """The place in words."""
        return name_place(finding.site, finding.side)

    @admin.display(description=gettext_lazy("noted"), ordering="noted_at")
    def noted(self, finding: Finding) -> str:
        """When it was noted, in the unit's time."""
        return show_time(finding.noted_at, finding.patient.unit)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Record a new finding, or supersede a known one."""
        if not change:
            record_finding(obj, now=now(), actor=person_of(request))
            return
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        change_finding(obj, changes=changes, now=now(), actor=person_of(request))

    def get_urls(self) -> list[URLPattern]:
        """With the two ways a finding ends."""
        end = path(
            "<int:object_id>/<str:how>/",
            self.admin_site.admin_view(self.end_view),
            name="monitoring_finding_end",
        )
        usual = super().get_urls()
        # Behind the usual ones but before the one that catches everything.
        return [*usual[:-1], end, usual[-1]]

    def end_view(self, request: HttpRequest, object_id: int, how: str) -> HttpResponseBase:
        """Ask, then say that a finding is gone, or that it was entered in error."""
        finding = self.get_object(request, str(object_id))
        if finding is None or how not in {"gone", "error"} or not self.has_change_permission(request, finding):
            raise Http404
        return render_in(finding.patient.unit, lambda: self._end(request, finding, how))

    def _end(self, request: HttpRequest, finding: Finding, how: str) -> HttpResponseBase:
        form = GoneForm(request.POST or None, initial={"resolved_at": timezone.localtime()})
        if request.method == "POST" and (how == "error" or form.is_valid()):
            try:
                if how == "error":
                    withdraw_finding(finding, now=now(), actor=person_of(request))
                else:
                    resolve_finding(
                        finding, resolved_at=form.cleaned_data["resolved_at"], now=now(), actor=person_of(request)
                    )
            except DomainError as refused:
                self.message_user(request, refused.message, messages.ERROR)
                return HttpResponseRedirect(request.get_full_path())
            return self.back_to_patient(request, finding)
        words = f"{finding.get_kind_display()}, {name_place(finding.site, finding.side)}"
        return self.page(
            request,
            "monitoring/finding_end.html",
            {
                "title": _("Gone: %(finding)s") % {"finding": words}
                if how == "gone"
                else _("Entered in error: %(finding)s") % {"finding": words},
                "subtitle": str(finding.patient),
                "finding": finding,
                "how": how,
                "form": form,
            },
        )


class GoneForm(forms.Form):
    """Since when a finding is gone."""

    resolved_at = MomentField(label=gettext_lazy("Gone since"))


@admin.register(Lesion)
class LesionAdmin(FactAdmin):
    """Deposits, to which findings and studies attach."""

    fact_fields = ("site", "side", "certainty", "certain_since", "course", "first_noted", "closed_at", "note")
    list_display = ("patient", "__str__", "certainty", "course", "closed_at")


@admin.register(ImagingStudy)
class ImagingStudyAdmin(FactAdmin):
    """Imaging with its report in structured fields."""

    moment_field = "performed_at"
    fact_fields = (
        "modality",
        "site",
        "side",
        "level",
        "performed_at",
        "lesions",
        "calcified_mass",
        "mass_is_new_or_larger",
        "lesion_count",
        "size_mm",
        "well_limited",
        "polylobed",
        "amorphous",
        "fluid_calcium_level",
        "bone_erosion",
        "soft_tissue_without_calcification",
        "foraminal_extension",
        "canal_extension",
        "conclusion",
    )
    list_display = ("patient", "__str__", "calcified_mass")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """What is believed now."""
        return super().get_queryset(request).filter(retired_at=None).select_related("patient__unit")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Attach lesions by the service, which checks whose they are."""
        link_lesions(form.instance, lesions=list(form.cleaned_data["lesions"]))


@admin.register(Histology)
class HistologyAdmin(FactAdmin):
    """What the pathologist saw."""

    moment_field = "taken_at"
    fact_fields = (
        "lesion",
        "taken_at",
        "amorphous_calcium",
        "giant_cells",
        "fibrous_septa",
        "crystals",
        "malignancy_excluded",
        "conclusion",
    )
    list_display = ("patient", "__str__")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the lesion, by which a row is named."""
        return super().get_queryset(request).select_related("patient__unit", "lesion")


@admin.register(Prescription)
class PrescriptionAdmin(FactAdmin):
    """Dialysis prescriptions."""

    fact_fields = (
        "sessions_per_week",
        "minutes",
        "dialysate_calcium",
        "dialysate_bicarbonate",
        "started_on",
        "ended_on",
    )
    list_display = ("patient", "__str__", "started_on", "ended_on")


@admin.register(Treatment)
class TreatmentAdmin(FactAdmin):
    """Drugs."""

    fact_fields = ("drug_class", "drug", "dose", "started_on", "ended_on")
    list_display = ("patient", "__str__", "started_on", "ended_on")


@admin.register(Procedure)
class ProcedureAdmin(FactAdmin):
    """Operations and examinations after them."""

    fact_fields = ("kind", "site", "side", "performed_on", "note")
    list_display = ("patient", "__str__", "performed_on")
