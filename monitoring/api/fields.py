"""Fields and serializers that refuse what a guess would have to complete: naive times, unknown names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.serializers import Serializer

from monitoring.api.words import DISPLAY_UNITS, choice
from monitoring.clinical.analytes import BY_CODE
from monitoring.clinical.units import display_value
from monitoring.selectors.labs import as_decimal

FIRST_YEAR, LAST_YEAR = 1900, 2200
_MOST_NAMED = 20


class MomentField(serializers.DateTimeField):
    """A time by RFC 3339 with its offset, answered in UTC; a time without an offset is refused, not guessed."""

    timezone = UTC
    default_error_messages = {
        "naive": "an RFC 3339 time with its offset, such as 2026-03-02T09:00:00Z",
        "range": f"a time in the years {FIRST_YEAR} to {LAST_YEAR}",
    }

    def enforce_timezone(self, value: datetime) -> datetime:
        """Refuse a time without an offset."""
        if value.tzinfo is None:
            self.fail("naive")
        return super().enforce_timezone(value)

    def to_internal_value(self, value: Any) -> datetime:
        """Give the aware UTC time."""
        moment = super().to_internal_value(value)
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            self.fail("range")
        return moment


class DayField(serializers.DateField):
    """A calendar day of a human life."""

    default_error_messages = {"range": f"a day in the years {FIRST_YEAR} to {LAST_YEAR}"}

    def to_internal_value(self, value: Any) -> Any:
        """Give the day."""
        day = super().to_internal_value(value)
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            self.fail("range")
        return day


class StrictSerializer(Serializer[Any]):
    """Reads an object and refuses names it does not know: a misspelt field must not be silently left out."""

    strict = True

    def to_internal_value(self, data: Any) -> Any:
        """Check the names, then the values; all that is wrong is told at once."""
        errors: dict[str, Any] = {}
        if isinstance(data, dict):
            known = {name for name, field in self.fields.items() if not field.read_only}
            strange = sorted(str(name) for name in data if name not in known)[:_MOST_NAMED]
            expected = f"one of: {', '.join(sorted(known))}" if known else "nothing: no name is known here"
            errors = {name[:64]: [expected] for name in strange}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as refused:
            if errors and isinstance(refused.detail, dict):
                raise serializers.ValidationError({**refused.detail, **errors}) from refused
            raise
        if errors:
            raise serializers.ValidationError(errors)
        return value


class FiltersSerializer(StrictSerializer):
    """Filters in the address of a list."""


class ShownValueSerializer(Serializer[Any]):
    """A value in the units of measure asked for (or the unit's own), rounded for reading only."""

    value = serializers.CharField(help_text="Such as `1.81`.")
    unit = serializers.CharField(help_text="Such as `mmol/L`; `mg/dL BUN` where urea is shown as urea nitrogen.")


def shown(analyte: str, value: float | None, *, si: bool) -> dict[str, str] | None:
    """The canonical value as ShownValueSerializer describes it; None for a withdrawn result."""
    if value is None or analyte not in BY_CODE:
        return None
    displayed = display_value(analyte, as_decimal(value), si=si)
    return {"value": str(displayed.number), "unit": displayed.unit}


class UnitsFilter(FiltersSerializer):
    """Which units of measure values are also answered in."""

    units = choice(
        DISPLAY_UNITS, required=False, help_text="Units of `shown` values; default: those of the dialysis unit."
    )


@extend_schema_field(ShownValueSerializer(allow_null=True))
class ShownField(serializers.SerializerMethodField):
    """A method field that answers a shown value."""
