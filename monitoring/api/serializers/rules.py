"""The catalogue of rules and the rule sets as the API answers them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers
from rest_framework.serializers import ModelSerializer, Serializer

from monitoring.api import words
from monitoring.api.fields import MomentField
from monitoring.api.words import choice
from monitoring.models import RuleSet
from monitoring.rules.catalogue import BY_CODE
from monitoring.rules.sources import SOURCES
from monitoring.rules.types import Rule, Tuning
from monitoring.rules.wording import rule_text


class ParameterSerializer(Serializer[Any]):
    """A number of a rule; `value` is that of the active rule set."""

    name = serializers.CharField()
    value = serializers.FloatField()
    default = serializers.FloatField()
    unit = serializers.CharField()
    low = serializers.FloatField(help_text="The lowest value a rule set may give it.")
    high = serializers.FloatField(help_text="The highest value a rule set may give it.")
    meaning = serializers.CharField()


class SourceSerializer(Serializer[Any]):
    """A source that the rule cites."""

    key = serializers.CharField()
    citation = serializers.CharField()


class NeedSerializer(Serializer[Any]):
    """An analyte that the rule reads; `days` is null when it reads the whole history."""

    analyte = serializers.CharField()
    days = serializers.IntegerField(allow_null=True)


def rule_body(rule: Rule, tuning: Tuning) -> dict[str, Any]:
    """The rule as RuleSerializer describes it, with the numbers of `tuning` in its texts."""
    values = tuning.values(rule)
    return {
        "code": rule.code,
        "title": rule.title,
        "kind": rule.kind.value,
        "severity": rule.severity.name.lower(),
        "scope": rule.scope.value,
        "group": rule.group,
        "entry": rule_text(rule, rule.entry, values),
        "exit": rule_text(rule, rule.exit, values),
        "raised_when": rule_text(rule, rule.raised_when, values),
        "action": rule_text(rule, rule.action, values),
        "why": rule_text(rule, rule.why, values),
        "parameters": [
            {
                "name": parameter.name,
                "value": values[parameter.name],
                "default": parameter.default,
                "unit": parameter.unit,
                "low": parameter.low,
                "high": parameter.high,
                "meaning": parameter.meaning,
            }
            for parameter in rule.parameters
        ],
        "needs": [{"analyte": need.analyte, "days": need.days} for need in rule.needs],
        "sources": [{"key": key, "citation": SOURCES[key]} for key in rule.source],
        "version": rule.version,
    }


@extend_schema_serializer(
    examples=[OpenApiExample("A rule", value=rule_body(BY_CODE["L02"], Tuning()), response_only=True)]
)
class RuleSerializer(Serializer[Any]):
    """A rule of the catalogue, in words and numbers, with its sources spelled out."""

    code = serializers.CharField()
    title = serializers.CharField()
    kind = choice(words.RULE_KINDS)
    severity = choice(words.SEVERITIES)
    scope = choice(words.RULE_SCOPES)
    group = serializers.CharField()
    entry = serializers.CharField()
    exit = serializers.CharField()
    raised_when = serializers.CharField(allow_blank=True)
    action = serializers.CharField()
    why = serializers.CharField()
    parameters = ParameterSerializer(many=True)
    needs = NeedSerializer(many=True)
    sources = SourceSerializer(many=True)
    version = serializers.IntegerField()


@extend_schema_serializer(many=False)
class CatalogueSerializer(Serializer[Any]):
    """All rules with the numbers of the active rule set."""

    rule_set = serializers.IntegerField(help_text="Version of the active rule set.")
    rules = RuleSerializer(many=True)


RULE_SET_EXAMPLE = {
    "uuid": "9f4e7b50-1f39-4f8e-8d0b-3c8e51b1a2f0",
    "version": 1,
    "status": "active",
    "overrides": {},
    "note": "The defaults of the catalogue.",
    "author": None,
    "approver": None,
    "created_at": "2026-01-01T00:00:00Z",
    "activated_at": None,
}


@extend_schema_serializer(examples=[OpenApiExample("The first rule set", value=RULE_SET_EXAMPLE, response_only=True)])
class RuleSetSerializer(ModelSerializer[RuleSet]):
    """A version of the limits: overrides of the catalogue's parameters."""

    overrides = serializers.DictField(
        child=serializers.DictField(child=serializers.FloatField()), help_text="{rule code: {parameter: value}}"
    )
    status = choice(words.RULE_SET_STATUSES)
    author = serializers.CharField(source="author.username", allow_null=True)
    approver = serializers.CharField(source="approver.username", allow_null=True)
    created_at = MomentField()
    activated_at = MomentField(allow_null=True)

    class Meta:
        model = RuleSet
        fields = tuple(RULE_SET_EXAMPLE)
        read_only_fields = fields
