"""Dialysis units as the API answers them."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework.serializers import ModelSerializer

from monitoring.api.words import DISPLAY_UNITS, choice
from monitoring.models import Unit

UNIT_EXAMPLE = {
    "uuid": "0b6a3a0e-6a52-4f0d-9a63-2e1f5f6f4a11",
    "code": "NORTH",
    "name": "Northgate Dialysis",
    "time_zone": "Europe/London",
    "display_units": "si",
    "pth_upper_limit": 65.0,
    "mineral_interval_days": 92,
    "pth_interval_days": 183,
    "alp_interval_days": 365,
    "dose_interval_days": 45,
}


@extend_schema_serializer(examples=[OpenApiExample("A unit", value=UNIT_EXAMPLE, response_only=True)])
class UnitSerializer(ModelSerializer[Unit]):
    """A dialysis unit: the boundary of what a caller sees."""

    display_units = choice(DISPLAY_UNITS)

    class Meta:
        model = Unit
        fields = tuple(UNIT_EXAMPLE)
