"""How the screens show severities, tiers, times and values: in words and shapes, never by colour alone."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring.clinical.units import display_value
from monitoring.models import DisplayUnits, LabResult, Tier, Unit
from monitoring.rules.types import Severity
from monitoring.selectors.labs import as_decimal

# Each level has a shape of its own, so that it can be told without colours and in print.
_SEVERITY_MARKS = {
    Severity.INFO: ("info", "○"),
    Severity.WATCH: ("watch", "●"),
    Severity.URGENT: ("urgent", "◆"),
    Severity.CRITICAL: ("critical", "▲"),
}
_TIER_MARKS = {
    Tier.ROUTINE: ("info", "○"),
    Tier.WATCH: ("watch", "●"),
    Tier.HIGH: ("high", "■"),
    Tier.URGENT: ("urgent", "◆"),
    Tier.CRITICAL: ("critical", "▲"),
}
NOTHING = "–"


def severity_word(severity: int) -> str:
    """The severity in a word."""
    words = {
        Severity.INFO: _("Info"),
        Severity.WATCH: _("Watch"),
        Severity.URGENT: _("Urgent"),
        Severity.CRITICAL: _("Critical"),
    }
    return words[Severity(severity)]


def chip(kind: str, mark: str, text: str) -> SafeString:
    """A label with a shape and a word; `kind` names its colour in the style sheet."""
    return format_html(
        '<span class="chip is-{}"><span class="mark" aria-hidden="true">{}</span>{}</span>', kind, mark, text
    )


def severity_chip(severity: int, text: str = "") -> SafeString:
    """The severity as a label; `text` stands in place of the word."""
    kind, mark = _SEVERITY_MARKS[Severity(severity)]
    return chip(kind, mark, text or severity_word(severity))


def severity_kind(severity: int) -> tuple[str, str]:
    """Colour name and shape of a severity."""
    return _SEVERITY_MARKS[Severity(severity)]


def tier_chip(tier: int | None) -> SafeString:
    """The tier as a label; None is a patient whom nobody has judged yet."""
    if tier is None:
        return chip("none", "…", _("Not judged yet"))
    kind, mark = _TIER_MARKS[Tier(tier)]
    return chip(kind, mark, str(Tier(tier).label))


def zone_of(unit: Unit) -> ZoneInfo:
    """The time zone of the unit."""
    return ZoneInfo(unit.time_zone)


def show_time(moment: datetime | None, unit: Unit) -> str:
    """A moment in the unit's own time, to the minute."""
    if moment is None:
        return NOTHING
    local = moment.astimezone(zone_of(unit))
    return f"{show_day(local)}, {local:%H:%M}"


def show_day(moment: Any) -> str:
    """A date, such as 3 Mar 2026, that stays on one line; a dash for an unknown one."""
    return f"{moment:%-d\u00a0%b\u00a0%Y}" if moment else NOTHING


def show_day_in(moment: datetime | None, unit: Unit) -> str:
    """The day of a moment in the unit's own time."""
    return show_day(moment.astimezone(zone_of(unit))) if moment else NOTHING


def show_age_of(moment: datetime, now: datetime) -> str:
    """How long ago, in the largest sensible unit: minutes, hours, days."""
    minutes = max(0, int((now - moment).total_seconds() // 60))
    if minutes < 60:
        return ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    if minutes < 48 * 60:
        return ngettext("%(n)d hour", "%(n)d hours", minutes // 60) % {"n": minutes // 60}
    days = minutes // 1440
    return ngettext("%(n)d day", "%(n)d days", days) % {"n": days}


def uses_si(unit: Unit) -> bool:
    """Whether the screens of this unit use SI units."""
    return unit.display_units == DisplayUnits.SI


def show_value(result: LabResult, unit: Unit) -> str:
    """A result in the units of measure of the unit's screens; a withdrawn one has no value."""
    if result.value is None:
        return _("withdrawn")
    shown = display_value(result.analyte, as_decimal(result.value), si=uses_si(unit))
    unit_of_measure = shown.unit.replace("umol", "µmol")
    return f"{show_comparator(result.comparator)}{shown.number} {unit_of_measure}".rstrip()


def show_as_sent(result: LabResult) -> str:
    """A result exactly as its sender wrote it."""
    text = result.value_text
    shown = text if text.startswith(("<", ">")) else f"{result.comparator}{text}"
    # "1" is how UCUM writes "no unit".
    return f"{shown} {'' if result.unit_sent == '1' else result.unit_sent}".strip()


def show_comparator(comparator: str) -> str:
    """The comparator as printed in front of a number."""
    return {"<=": "≤ ", ">=": "≥ ", "<": "< ", ">": "> "}.get(comparator, "")


def plain_number(value: float) -> str:
    """A number without a needless fraction."""
    return f"{Decimal(repr(value)).normalize():f}"
