"""`/units`: the dialysis units that the caller reaches."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from monitoring.api.fields import FiltersSerializer
from monitoring.api.rights import Right
from monitoring.api.serializers.units import UnitSerializer
from monitoring.api.views import ApiViewSet
from monitoring.models import Unit


class UnitViewSet(ApiViewSet[Unit]):
    """Dialysis units."""

    tag = "units"
    rights = {"list": Right.SEE_UNITS, "retrieve": Right.SEE_UNITS}
    keyset: tuple[str, ...] = ("code", "pk")
    serializer_class = UnitSerializer

    def get_queryset(self) -> QuerySet[Unit]:
        """Give the units of the caller."""
        return self.caller.units(Right.SEE_UNITS)

    @extend_schema(summary="List the units", responses=UnitSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Give the units that this caller reaches, by code."""
        self.filters(FiltersSerializer)
        return self.page(self.get_queryset(), UnitSerializer)

    @extend_schema(summary="Read a unit", responses=UnitSerializer)
    def retrieve(self, request: Request, uuid: UUID) -> Response:
        """Give one unit."""
        return Response(UnitSerializer(self.pick(self.get_queryset(), uuid)).data)
