"""`/patients/{uuid}/timeline`: what happened to a patient, facts and alerts in one, newest first."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from alerts.api.cursors import read_timeline_cursor, write_timeline_cursor
from alerts.api.serializers import AlertEventSerializer, usernames_of
from alerts.api.words import TIMELINE_KINDS
from alerts.models import AlertEvent
from alerts.selectors import events_of
from monitoring.api.fields import FiltersSerializer, MomentField
from monitoring.api.rights import Right
from monitoring.api.serializers.care import (
    ImagingStudySerializer,
    ProcedureSerializer,
    ScreenSerializer,
    TreatmentSerializer,
)
from monitoring.api.serializers.findings import FindingSerializer
from monitoring.api.serializers.labs import LabResultSerializer
from monitoring.api.views import ApiViewSet
from monitoring.api.words import DISPLAY_UNITS, choice
from monitoring.models import Patient
from monitoring.selectors.patients import patients_of
from monitoring.selectors.timeline import FACTS, Entry, Source, read_timeline

# Which member of an entry shows the row, and by which serializer.
SHOWN_AS: dict[str, tuple[str, type[Serializer[Any]]]] = {
    "alert": ("alert_event", AlertEventSerializer),
    "finding": ("finding", FindingSerializer),
    "imaging": ("imaging_study", ImagingStudySerializer),
    "lab_result": ("lab_result", LabResultSerializer),
    "procedure": ("procedure", ProcedureSerializer),
    "screen": ("screen", ScreenSerializer),
    "treatment_started": ("treatment", TreatmentSerializer),
    "treatment_stopped": ("treatment", TreatmentSerializer),
}
MEMBERS = tuple(dict.fromkeys(member for member, _ in SHOWN_AS.values()))


class TimelineFilters(FiltersSerializer):
    """Where the timeline goes on, how much of it, and in which units of measure."""

    cursor = serializers.CharField(required=False, help_text="`next_cursor` of the last answer.")
    limit = serializers.IntegerField(min_value=1, max_value=500, default=100)
    units = choice(DISPLAY_UNITS, required=False, help_text="Units of `shown`; default: the dialysis unit's.")


class TimelineEntrySerializer(Serializer[Any]):
    """Something that happened; exactly one of the members that follow `uuid` is not null."""

    at = MomentField()
    day_only = serializers.BooleanField(help_text="Only the day is known; `at` is its midnight in UTC.")
    kind = choice(TIMELINE_KINDS)
    uuid = serializers.UUIDField()
    alert_event = AlertEventSerializer(allow_null=True)
    finding = FindingSerializer(allow_null=True)
    imaging_study = ImagingStudySerializer(allow_null=True)
    lab_result = LabResultSerializer(allow_null=True)
    procedure = ProcedureSerializer(allow_null=True)
    screen = ScreenSerializer(allow_null=True)
    treatment = TreatmentSerializer(allow_null=True)


class TimelineSerializer(Serializer[Any]):
    """One page of a timeline, newest first."""

    results = TimelineEntrySerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="Where the older ones go on; null at the end.")
    left_out = serializers.ListField(
        child=serializers.CharField(), help_text="What this caller may not see: `alert` without the right to alerts."
    )


class TimelineViewSet(ApiViewSet[Patient]):
    """The timeline of a patient."""

    tag = "patients"
    rights = {"timeline": Right.READ_FACTS}
    pagination_class = None
    serializer_class = TimelineSerializer
    queryset = Patient.objects.none()

    @extend_schema(summary="Read the timeline", parameters=[TimelineFilters], responses=TimelineSerializer)
    def timeline(self, request: Request, uuid: UUID) -> Response:
        """Give results, findings, imaging, treatments, procedures, screens and alerts, newest first."""
        wanted = self.filters(TimelineFilters)
        patient = self.pick(patients_of(self.caller.units(Right.READ_FACTS)), uuid)
        sees_alerts = self.caller.units(Right.READ_ALERTS).filter(pk=patient.unit_id).exists()
        sources = (Source("alert", self._alert_events, "at"), *FACTS) if sees_alerts else FACTS
        cursor = wanted.get("cursor")
        entries, more = read_timeline(
            patient,
            sources,
            behind=read_timeline_cursor(cursor, patient.uuid) if cursor else None,
            limit=wanted["limit"],
        )
        context = {
            "units": wanted.get("units"),
            "usernames": usernames_of(entry.row for entry in entries if isinstance(entry.row, AlertEvent)),
        }
        body = {
            "results": [_body(entry, context) for entry in entries],
            "next_cursor": write_timeline_cursor(entries[-1].position, patient.uuid) if more else None,
            "left_out": [] if sees_alerts else ["alert"],
        }
        return Response(body)

    def _alert_events(self, patient: Patient) -> QuerySet[Any]:
        return events_of(self.caller.units(Right.READ_ALERTS)).filter(alert__patient=patient)


def _body(entry: Entry, context: dict[str, Any]) -> dict[str, Any]:
    member, serializer = SHOWN_AS[entry.position.kind]
    return {
        "at": MomentField().to_representation(entry.position.at),
        "day_only": entry.day_only,
        "kind": entry.position.kind,
        "uuid": str(entry.position.uuid),
        **dict.fromkeys(MEMBERS),
        member: serializer(entry.row, context=context).data,
    }
