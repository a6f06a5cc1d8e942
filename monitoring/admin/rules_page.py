"""The page of the rules: what each says, the limits in force, and the source of every one."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from monitoring.admin.showing import plain_number, severity_chip
from monitoring.models import RuleSet
from monitoring.rules.catalogue import RULES
from monitoring.rules.scoring import CAPS, TIER_FROM, UNCALIBRATED
from monitoring.rules.sources import SOURCES
from monitoring.rules.types import Rule, RuleKind, Tuning
from monitoring.rules.wording import rule_text
from monitoring.selectors.rule_sets import active_rule_set, tuning_of


def group_name(group: str) -> str:
    """The name of a group of rules."""
    names = {"signs": _("Signs"), "minerals": _("Minerals"), "data": _("Missing data"), "surveillance": _("Follow-up")}
    return names.get(group, group)


def sources_of(rule: Rule) -> list[dict[str, str]]:
    """The sources of a rule, spelled out."""
    return [{"key": key, "text": SOURCES[key]} for key in rule.source]


def describe_rule(rule: Rule, tuning: Tuning) -> dict[str, Any]:
    """Everything the page says of one rule, with the limits that are in force."""
    values = tuning.values(rule)
    return {
        "code": rule.code,
        "title": rule.title,
        "chip": severity_chip(rule.severity) if rule.kind is not RuleKind.LOG else SafeString(""),
        "log": rule.kind is RuleKind.LOG,
        "entry": rule_text(rule, rule.entry, values),
        "exit": rule_text(rule, rule.exit, values),
        "raised": rule_text(rule, rule.raised_when, values),
        "action": rule.action,
        "why": rule.why,
        "sources": sources_of(rule),
        "version": rule.version,
        "parameters": [
            {
                "name": parameter.name.replace("_", " "),
                "value": plain_number(values[parameter.name]),
                "unit": parameter.unit,
                "default": plain_number(float(parameter.default)),
                "changed": values[parameter.name] != parameter.default,
                "range": f"{plain_number(float(parameter.low))} – {plain_number(float(parameter.high))}",
                "meaning": parameter.meaning,
            }
            for parameter in rule.parameters
        ],
    }


def show_rules(request: HttpRequest, site: AdminSite) -> TemplateResponse:
    """The rules in their order of judging, group by group."""
    rule_set: RuleSet = active_rule_set()
    tuning = tuning_of(rule_set)
    groups: dict[str, list[dict[str, Any]]] = {}
    for rule in RULES:
        groups.setdefault(rule.group, []).append(describe_rule(rule, tuning))
    context = {
        **site.each_context(request),
        "title": _("Rules"),
        "rule_set": rule_set,
        "groups": [(group_name(group), rules) for group, rules in groups.items()],
        "caps": CAPS,
        "tier_from": TIER_FROM,
        "uncalibrated": UNCALIBRATED,
    }
    return TemplateResponse(request, "monitoring/rules_page.html", context)
