"""Laboratory results and assessments: records that are read here and written elsewhere."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from monitoring.admin.base import ReadOnlyAdmin
from monitoring.admin.patients import UnitOfPatientFilter
from monitoring.admin.rights import READ_FACTS
from monitoring.admin.showing import NOTHING, show_as_sent, show_time, show_value, tier_chip
from monitoring.models import Assessment, LabResult


@admin.register(LabResult)
class LabResultAdmin(ReadOnlyAdmin):
    """Results as sent beside the number the rules read. A correction comes from the laboratory, never from here."""

    unit_path = "patient__unit"
    reading = READ_FACTS
    list_display: Any = (
        "patient",
        "analyte",
        "value_shown",
        "as_sent",
        "timing",
        "taken",
        "status",
        "believed",
    )
    list_filter: ClassVar[Any] = ("analyte", "timing", "status", UnitOfPatientFilter)
    search_fields = ("patient__mrn", "patient__family_name")
    ordering = ("-taken_at", "-pk")
    fields = (
        "patient",
        "analyte",
        "value_shown",
        "as_sent",
        "code_sent",
        "reference_range",
        "timing",
        "taken",
        "received",
        "status",
        "source",
        "source_id",
        "imported",
        "line",
        "supersedes",
        "believed",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With patient and unit; the files that results came in are large and not wanted here."""
        rows = super().get_queryset(request).select_related("patient__unit", "imported", "supersedes")
        return rows.defer("imported__content")

    @admin.display(description=_("value"))
    def value_shown(self, result: LabResult) -> str:
        """In the units of the unit's screens."""
        return show_value(result, result.patient.unit)

    @admin.display(description=_("as sent"))
    def as_sent(self, result: LabResult) -> str:
        """As the sender wrote it."""
        return show_as_sent(result)

    @admin.display(description=_("taken"), ordering="taken_at")
    def taken(self, result: LabResult) -> str:
        """When the sample was taken, in the unit's time."""
        return show_time(result.taken_at, result.patient.unit)

    @admin.display(description=_("received"))
    def received(self, result: LabResult) -> str:
        """When it came in, in the unit's time."""
        return show_time(result.received_at, result.patient.unit)

    @admin.display(description=_("believed"))
    def believed(self, result: LabResult) -> str:
        """Whether it is believed still, or since when no longer."""
        if result.retired_at is None:
            return str(_("yes"))
        return str(_("until %(moment)s") % {"moment": show_time(result.retired_at, result.patient.unit)})


@admin.register(Assessment)
class AssessmentAdmin(ReadOnlyAdmin):
    """The history of tiers: what was said of a patient, from when until when."""

    unit_path = "patient__unit"
    reading = READ_FACTS
    list_display: Any = ("patient", "tier_shown", "score", "why", "since", "until")
    list_filter: ClassVar[Any] = ("tier", UnitOfPatientFilter)
    search_fields = ("patient__mrn", "patient__family_name")
    ordering = ("-as_of", "-pk")
    fields = ("patient", "tier_shown", "score", "why", "what_was_missing", "since", "until", "rule_set")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With patient, unit and rule set."""
        return super().get_queryset(request).select_related("patient__unit", "rule_set")

    @admin.display(description=_("tier"), ordering="tier")
    def tier_shown(self, assessment: Assessment) -> SafeString:
        """The tier as a label."""
        return tier_chip(assessment.tier)

    @admin.display(description=_("set by"))
    def why(self, assessment: Assessment) -> str:
        """The rules, or the score, that set the tier."""
        return ", ".join(assessment.set_by) or NOTHING

    @admin.display(description=_("missing inputs"))
    def what_was_missing(self, assessment: Assessment) -> str:
        """Inputs that were unknown."""
        return ", ".join(assessment.missing) or str(_("none"))

    @admin.display(description=_("since"), ordering="as_of")
    def since(self, assessment: Assessment) -> str:
        """From when it held, in the unit's time."""
        return show_time(assessment.as_of, assessment.patient.unit)

    @admin.display(description=_("until"))
    def until(self, assessment: Assessment) -> str:
        """Until when it held."""
        if assessment.superseded_at is None:
            return str(_("now"))
        return show_time(assessment.superseded_at, assessment.patient.unit)
