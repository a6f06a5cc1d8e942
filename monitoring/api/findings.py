"""`/findings`: signs and symptoms are recorded, changed, said to be gone, or taken back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from monitoring.api.idempotency import once_per_key
from monitoring.api.rights import NOT_SEEN, Right
from monitoring.api.serializers.findings import (
    FindingChangesSerializer,
    FindingFilters,
    FindingSerializer,
    NewFindingSerializer,
    ResolveFindingSerializer,
    WithdrawFindingSerializer,
)
from monitoring.api.views import ApiViewSet
from monitoring.models import Finding, Lesion, Patient, Unit
from monitoring.selectors.findings import findings_of
from monitoring.selectors.patients import patients_of
from monitoring.services.recording import change_finding, record_finding, resolve_finding, withdraw_finding


class FindingViewSet(ApiViewSet[Finding]):
    """Findings of the caller's units."""

    tag = "findings"
    rights = {
        "list": Right.READ_FACTS,
        "retrieve": Right.READ_FACTS,
        "create": Right.ADD_FACTS,
        "partial_update": Right.CHANGE_FACTS,
        "resolve": Right.CHANGE_FACTS,
        "withdraw": Right.CHANGE_FACTS,
    }
    row_address = "api-finding-detail"
    keyset: tuple[str, ...] = ("-noted_at", "-pk")
    serializer_class = FindingSerializer

    def get_queryset(self) -> QuerySet[Finding]:
        """Give the findings that the caller may see, in all versions."""
        return findings_of(self.caller.units(Right.READ_FACTS))

    @extend_schema(summary="List findings", parameters=[FindingFilters], responses=FindingSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Give the findings that are believed now, the last noted first."""
        wanted = self.filters(FindingFilters)
        rows = self.get_queryset().filter(retired_at=None)
        for name, lookup in (
            ("patient", "patient__uuid"),
            ("unit", "patient__unit__uuid"),
            ("kind", "kind"),
            ("status", "status"),
        ):
            if name in wanted:
                rows = rows.filter(**{lookup: wanted[name]})
        return self.page(rows, FindingSerializer)

    @extend_schema(summary="Read a finding", responses=FindingSerializer)
    def retrieve(self, request: Request, uuid: UUID) -> Response:
        """Give one version of a finding, also one that a change has replaced."""
        return Response(FindingSerializer(self.pick(self.get_queryset(), uuid)).data)

    @extend_schema(summary="Record a finding", request=NewFindingSerializer, responses={201: FindingSerializer})
    @once_per_key
    def create(self, request: Request) -> Response:
        """Record what was found in a patient; the patient is judged at once."""
        about = self.read(NewFindingSerializer)
        now = timezone.now()
        patient = self._patient(about.pop("patient"))
        finding = Finding(patient=patient, **{"noted_at": now, **self._with_lesion(about, patient)})
        return self._made(record_finding(finding, now=now, actor=self.caller.person))

    @extend_schema(summary="Change a finding", request=FindingChangesSerializer, responses={200: FindingSerializer})
    def partial_update(self, request: Request, uuid: UUID) -> Response:
        """Replace a finding by a changed one, whose id is new; without a difference it comes back as it is."""
        finding = self._finding(uuid)
        changes = self._with_lesion(self.read(FindingChangesSerializer), finding.patient)
        return self._changed(change_finding(finding, changes=changes, now=timezone.now(), actor=self.caller.person))

    @extend_schema(summary="Say that it is gone", request=ResolveFindingSerializer, responses={200: FindingSerializer})
    @action(detail=True, methods=["post"])
    @once_per_key
    def resolve(self, request: Request, uuid: UUID) -> Response:
        """Say since when the finding has been gone; it was true until then."""
        finding = self._finding(uuid)
        now = timezone.now()
        moment = self.read(ResolveFindingSerializer).get("resolved_at", now)
        return self._changed(resolve_finding(finding, resolved_at=moment, now=now, actor=self.caller.person))

    @extend_schema(summary="Take it back", request=WithdrawFindingSerializer, responses={200: FindingSerializer})
    @action(detail=True, methods=["post"])
    @once_per_key
    def withdraw(self, request: Request, uuid: UUID) -> Response:
        """Say that the finding was never true; alerts that rest on it are retracted."""
        finding = self._finding(uuid)
        self.read(WithdrawFindingSerializer)
        return self._changed(withdraw_finding(finding, now=timezone.now(), actor=self.caller.person))

    def _finding(self, uuid: UUID) -> Finding:
        return self.pick_to_write(findings_of, uuid, seen_by=Right.READ_FACTS)

    def _patient(self, uuid: UUID) -> Patient:
        patient = patients_of(self.caller.units(Right.ADD_FACTS)).filter(uuid=uuid).first()
        if patient is not None:
            return patient
        if patients_of(self.caller.units(Right.READ_FACTS)).filter(uuid=uuid).exists():
            raise PermissionDenied(f"This caller may not {Right.ADD_FACTS.value} in this unit.")
        raise ValidationError({"patient": [ErrorDetail(NOT_SEEN, code="does_not_exist")]})

    def _with_lesion(self, about: dict[str, Any], patient: Patient) -> dict[str, Any]:
        """`about` with the lesion itself in the place of its id."""
        if about.get("lesion") is None:
            return about
        lesion = Lesion.objects.filter(uuid=about["lesion"], patient=patient).first()
        if lesion is None:
            raise ValidationError({"lesion": [ErrorDetail(NOT_SEEN, code="does_not_exist")]})
        return {**about, "lesion": lesion}

    def _fresh(self, finding: Finding) -> Finding:
        return findings_of(Unit.objects.filter(pk=finding.patient.unit_id)).get(pk=finding.pk)

    def _made(self, finding: Finding) -> Response:
        return self.created(FindingSerializer(self._fresh(finding)).data, finding.uuid)

    def _changed(self, finding: Finding) -> Response:
        body = FindingSerializer(self._fresh(finding)).data
        return Response(body, headers={"Content-Location": self.address(finding.uuid)})
