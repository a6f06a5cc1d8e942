"""`/patients`: who is watched, how each stands, and why."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from monitoring.api.idempotency import once_per_key
from monitoring.api.rights import Right
from monitoring.api.serializers.patients import (
    AssessmentPageSerializer,
    NewPatientSerializer,
    PatientChangesSerializer,
    PatientFilters,
    PatientSerializer,
    assessment_page,
)
from monitoring.api.views import ApiViewSet
from monitoring.api.words import TIERS
from monitoring.models import Patient
from monitoring.selectors.patients import assessment_history, at_least, patients_of, with_risk
from monitoring.services.recording import change_patient, register_patient

HISTORY = 100


class PatientViewSet(ApiViewSet[Patient]):
    """Patients of the caller's units."""

    tag = "patients"
    rights = {
        "list": Right.READ_FACTS,
        "retrieve": Right.READ_FACTS,
        "assessment": Right.READ_FACTS,
        "create": Right.CHANGE_FACTS,
        "partial_update": Right.CHANGE_FACTS,
    }
    row_address = "api-patient-detail"
    keyset: tuple[str, ...] = ("mrn", "pk")
    serializer_class = PatientSerializer

    def get_queryset(self) -> QuerySet[Patient]:
        """Give the patients whom the caller may see."""
        return patients_of(self.caller.units(Right.READ_FACTS))

    @extend_schema(summary="List patients", parameters=[PatientFilters], responses=PatientSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Give patients with their current assessment, by number or by risk."""
        wanted = self.filters(PatientFilters)
        rows = self.get_queryset()
        if "unit" in wanted:
            rows = rows.filter(unit__uuid=wanted["unit"])
        if "mrn" in wanted:
            rows = rows.filter(mrn=wanted["mrn"])
        if "status" in wanted:
            rows = rows.filter(status=wanted["status"])
        if "tier" in wanted:
            rows = at_least(rows, TIERS.index(wanted["tier"]))
        if wanted["order"] == "risk":
            rows, self.keyset = with_risk(rows), ("-risk_tier", "-risk_score", "pk")
        return self.page(rows, PatientSerializer)

    @extend_schema(summary="Read a patient", responses=PatientSerializer)
    def retrieve(self, request: Request, uuid: UUID) -> Response:
        """Give one patient with the current assessment."""
        return Response(PatientSerializer(self.pick(self.get_queryset(), uuid)).data)

    @extend_schema(summary="Register a patient", request=NewPatientSerializer, responses={201: PatientSerializer})
    @once_per_key
    def create(self, request: Request) -> Response:
        """Register a patient of a unit. A number that exists there is a conflict (409)."""
        about = self.read(NewPatientSerializer)
        unit = self.caller.choose_unit(about.pop("unit"), Right.CHANGE_FACTS, seen_by=Right.SEE_UNITS)
        patient = register_patient(unit, mrn=about.pop("mrn"), now=timezone.now(), **about)
        fresh = patients_of(self.caller.units(Right.CHANGE_FACTS)).get(pk=patient.pk)
        return self.created(PatientSerializer(fresh).data, patient.uuid)

    @extend_schema(summary="Change a patient", request=PatientChangesSerializer, responses={200: PatientSerializer})
    def partial_update(self, request: Request, uuid: UUID) -> Response:
        """Change what is known of a patient; without a difference nothing happens."""
        patient = self.pick_to_write(patients_of, uuid, seen_by=Right.READ_FACTS)
        change_patient(patient, changes=self.read(PatientChangesSerializer))
        fresh = patients_of(self.caller.units(Right.CHANGE_FACTS)).get(pk=patient.pk)
        return Response(PatientSerializer(fresh).data)

    @extend_schema(summary="Read why the tier is what it is", responses=AssessmentPageSerializer)
    @action(detail=True, methods=["get"], url_path="assessment")
    def assessment(self, request: Request, uuid: UUID) -> Response:
        """Give the assessment line by line, what is missing, and what it was before."""
        patient = self.pick(self.get_queryset(), uuid)
        history = assessment_history(patient, limit=HISTORY)
        return Response(AssessmentPageSerializer(assessment_page(patient, history)).data)
