"""Sentences for people: why a rule stands and what would clear it, in the unit's own units of measure and time zone."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from monitoring.clinical.findings import FINDING_NAMES, FindingKind
from monitoring.clinical.sites import Side, Site, place_name
from monitoring.clinical.units import display_value
from monitoring.rules.catalogue import BY_CODE
from monitoring.rules.types import Parameter, Params, Rule, RuleFinding, from_seconds

# mg2/dL2 to mmol2/L2: 0.2495 x 0.3229 (derived from the factors of calcium and phosphate).
PRODUCT_TO_SI = Decimal("0.0806")
_TIMES = {"d": "days", "a": "years"}
_COUNTS = {1: "one more result", 2: "two more results in a row"}
_ANALYTE_OF_RULE = {
    "L01": "phosphate",
    "L02": "phosphate",
    "L05": "calcium_corrected",
    "L07": "phosphate",
    "L08": "pth",
    "L10": "pth",
    "L12": "bicarbonate",
}


@dataclass(frozen=True)
class Words:
    """What a screen says of one alert."""

    sentence: str
    action: str
    clears_when: str


def show_value(rule: str, value: float | None, *, ionised: bool = False, si: bool = False) -> str:
    """A value of a rule's series with its unit, such as "5.6 mg/dL"; None is one that is only bounded."""
    if value is None:
        return "not known exactly (albumin missing)"
    number = Decimal(repr(float(value)))
    if ionised:
        return f"{number:.2f} mmol/L ionised"
    if rule in ("L03", "L04"):
        return f"{number * PRODUCT_TO_SI:.2f} mmol²/L²" if si else f"{number:.1f} mg²/dL²"
    shown = display_value(_ANALYTE_OF_RULE[rule], number, si=si)
    return f"{shown.number} {shown.unit}"


def show_parameter(rule: Rule, parameter: Parameter, value: float, *, si: bool = False) -> str:
    """A limit of a rule with its unit, such as "5.5 mg/dL", "1.78 mmol/L" or "28 days"."""
    if parameter.unit in _TIMES:
        return f"{value:g} {_TIMES[parameter.unit]}"
    if parameter.unit == "{ULN}":
        return f"{value:g} times"
    if parameter.unit == "{ratio}":
        return f"{value:g}"
    if parameter.unit == "{share}":
        return f"{value:.0%}"
    if parameter.unit in ("mmol/L", "mg/L"):
        return f"{value:g} {parameter.unit}"
    return show_value(rule.code, value, si=si)


def rule_text(rule: Rule, text: str, params: Params, *, si: bool = False) -> str:
    """`text` of the catalogue with the limits of its rule put in, each with its unit; other marks stay."""
    shown = {p.name: show_parameter(rule, p, params[p.name], si=si) for p in rule.parameters if p.name in params}
    return text.format_map(_Keep(shown))


class _Keep(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


def scope_name(rule: Rule, scope: str) -> str:
    """The scope in words: "right hip" for a place, the title of the awaited rule for L06."""
    if not scope:
        return ""
    if ":" in scope:
        site, side = scope.split(":")
        return place_name(Site(site), Side(side))
    awaited = BY_CODE.get(scope)
    return f"{scope} ({awaited.title})" if awaited else scope


def describe(finding: RuleFinding, params: Params, *, si: bool, zone: ZoneInfo) -> Words:
    """The words for `finding`, judged with `params`: values in SI or conventional units, dates in `zone`."""
    rule = BY_CODE[finding.rule]
    numbers = finding.numbers
    parts: dict[str, str] = {
        "since": f"{finding.since.astimezone(zone):%-d %b %Y}",
        "place": scope_name(rule, finding.scope),
        "scope": scope_name(rule, finding.scope),
        "missing": ", ".join(finding.missing),
        "at_place": f", {scope_name(rule, finding.scope)}" if finding.scope else "",
    }
    if "kinds" in numbers:
        parts["findings"] = ", ".join(FINDING_NAMES[FindingKind(kind)] for kind in numbers["kinds"])
    if "values" in numbers:
        rows = list(zip(numbers["values"], numbers["times"], numbers["ionised"], strict=True))
        parts["count"] = str(len(rows))
        parts["values"] = "; ".join(
            f"{show_value(rule.code, value, ionised=flag, si=si)} on {from_seconds(moment).astimezone(zone):%-d %b %Y}"
            for value, moment, flag in rows
        )
    sentence = rule_text(rule, rule.sentence.format_map(_Keep(parts)), params, si=si)
    return Words(
        sentence=sentence[:1].upper() + sentence[1:],
        action=rule.action,
        clears_when=clears_when(finding, params, si=si),
    )


def clears_when(finding: RuleFinding, params: Params, *, si: bool) -> str:
    """The exit in words; for a series, how many more results it takes from here."""
    rule = BY_CODE[finding.rule]
    more = finding.numbers.get("more")
    if more in _COUNTS and rule.clears:
        return rule_text(rule, rule.clears.format_map(_Keep({"more": _COUNTS[more]})), params, si=si)
    return rule_text(rule, rule.exit, params, si=si)
