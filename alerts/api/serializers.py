"""Alerts and their events as the API takes and answers them: ids and evidence, never a patient's name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.serializers import ModelSerializer, Serializer

from alerts.api import words
from alerts.lifecycle import TRANSITIONS, Workflow
from alerts.models import Alert, AlertEvent
from monitoring.api.fields import FiltersSerializer, MomentField, StrictSerializer
from monitoring.api.words import SEVERITIES, choice
from monitoring.rules.catalogue import BY_CODE
from monitoring.rules.wording import scope_name

LONGEST_REASON = 2000

EVIDENCE_EXAMPLE = {
    "of": "finding",
    "uuid": "c0b0d0c7-5f8a-4d55-a0b5-9c3c5f0a7e21",
    "at": "2026-03-02T09:00:00+00:00",
    "analyte": None,
    "value": None,
    "value_unit": None,
    "timing": None,
    "kind": "mass",
    "site": "hip",
    "side": "right",
}
ALERT_EXAMPLE = {
    "uuid": "3e0f4f4e-0a3f-4b61-9f2b-3f6a1f7b6d55",
    "patient": "5c1f7f1e-3d57-4a3a-8f0e-0b1d6d2f8a10",
    "unit": "0b6a3a0e-6a52-4f0d-9a63-2e1f5f6f4a11",
    "rule": "S01",
    "title": "New mass",
    "scope": "hip:right",
    "place": "right hip",
    "group": "signs",
    "severity": "urgent",
    "condition": "active",
    "workflow": "open",
    "outcome": "",
    "episode": 1,
    "sentence": "Firm lump or mass, right hip, noted 2 Mar 2026.",
    "action": "Do not cut or drain it. Plain film now.",
    "clears_when": "The place has been imaged and the lesion closed with a plan.",
    "evidence": [EVIDENCE_EXAMPLE],
    "missing": [],
    "rule_version": 1,
    "rule_set": 1,
    "since": "2026-03-02T09:00:00Z",
    "opened_at": "2026-03-02T09:00:04Z",
    "quiet_until": None,
    "resolved_at": None,
    "assigned_to": None,
    "previous": None,
    "version": 1,
    "changed_at": "2026-03-02T09:00:04Z",
    "allowed": ["acknowledge", "snooze", "note"],
}
STATE_EXAMPLE = {
    "severity": "urgent",
    "condition": "active",
    "workflow": "open",
    "outcome": "",
    "quiet_until": None,
    "assigned_to": None,
    "episode": 1,
}
EVENT_EXAMPLE = {
    "seq": 4711,
    "uuid": "a7a1f0b5-31c5-4b1e-9c5f-2b6b7f1d0e42",
    "type": "opened",
    "at": "2026-03-02T09:00:04Z",
    "alert": ALERT_EXAMPLE["uuid"],
    "alert_version": 1,
    "patient": ALERT_EXAMPLE["patient"],
    "unit": ALERT_EXAMPLE["unit"],
    "rule": "S01",
    "scope": "hip:right",
    "actor": "CalciWatch",
    "reason": "",
    "before": None,
    "after": STATE_EXAMPLE,
    "evidence": [EVIDENCE_EXAMPLE],
    "rule_set": 1,
}


class EvidenceSerializer(Serializer[Any]):
    """A fact that an alert rests on: a result with its value as sent, or a finding with its place."""

    of = choice(("lab_result", "finding"), help_text="Where to read more: `/lab-results/{uuid}` or `/findings/{uuid}`.")
    uuid = serializers.UUIDField()
    at = serializers.DateTimeField(help_text="When it was taken or noted.")
    analyte = serializers.CharField(allow_null=True)
    value = serializers.CharField(allow_null=True, help_text="As sent.")
    value_unit = serializers.CharField(allow_null=True, help_text="The unit of measure as sent.")
    timing = serializers.CharField(allow_null=True)
    kind = serializers.CharField(allow_null=True)
    site = serializers.CharField(allow_null=True)
    side = serializers.CharField(allow_null=True)


class StateSerializer(Serializer[Any]):
    """What of an alert an event changed, or left."""

    severity = choice(SEVERITIES)
    condition = choice(words.CONDITIONS)
    workflow = choice(words.WORKFLOWS)
    outcome = serializers.CharField(allow_blank=True)
    quiet_until = serializers.DateTimeField(allow_null=True)
    assigned_to = serializers.CharField(allow_null=True, help_text="User name.")
    episode = serializers.IntegerField()


def evidence_body(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Evidence as EvidenceSerializer describes it: the row's own keys stay inside."""
    names = ("of", "uuid", "at", "analyte", "value", "timing", "kind", "site", "side")
    return [{**{name: row.get(name) for name in names}, "value_unit": row.get("unit")} for row in rows]


def usernames_of(events: Iterable[AlertEvent]) -> dict[int, str]:
    """The user names of all whom these events name as assignees, in one query at most."""
    ids = {state.get("assigned_to") for event in events for state in (event.before, event.after)} - {None}
    if not ids:
        return {}
    return dict(get_user_model().objects.filter(pk__in=ids).values_list("pk", "username"))


@extend_schema_serializer(examples=[OpenApiExample("A mass", value=ALERT_EXAMPLE, response_only=True)])
class AlertSerializer(ModelSerializer[Alert]):
    """One thing to act on. `version` is its ETag; `allowed` is what this caller may do with it now."""

    patient = serializers.UUIDField(source="patient.uuid")
    unit = serializers.UUIDField(source="unit.uuid")
    title = serializers.SerializerMethodField()
    place = serializers.SerializerMethodField(help_text="The scope in words.")
    severity = serializers.SerializerMethodField()
    condition = choice(words.CONDITIONS, help_text="What the rule says now; `indeterminate` is not `cleared`.")
    workflow = choice(words.WORKFLOWS, help_text="What people have done.")
    outcome = serializers.CharField(allow_blank=True, help_text="How it ended; empty until it is resolved.")
    evidence = serializers.SerializerMethodField()
    missing = serializers.ListField(child=serializers.CharField())
    rule_set = serializers.IntegerField(source="rule_set.version")
    since = MomentField()
    opened_at = MomentField()
    quiet_until = MomentField(allow_null=True)
    resolved_at = MomentField(allow_null=True)
    changed_at = MomentField()
    assigned_to = serializers.CharField(source="assigned_to.username", allow_null=True)
    previous = serializers.UUIDField(source="previous.uuid", allow_null=True, help_text="An earlier alert of the kind.")
    allowed = serializers.SerializerMethodField()

    class Meta:
        model = Alert
        fields = tuple(ALERT_EXAMPLE)
        read_only_fields = fields

    def get_title(self, alert: Alert) -> str:
        """Give the title of the rule."""
        rule = BY_CODE.get(alert.rule)
        return rule.title if rule else alert.rule

    def get_place(self, alert: Alert) -> str:
        """Give the scope in words."""
        rule = BY_CODE.get(alert.rule)
        return scope_name(rule, alert.scope) if rule else alert.scope

    @extend_schema_field(choice(SEVERITIES))
    def get_severity(self, alert: Alert) -> str:
        """Give the severity as a word."""
        return SEVERITIES[alert.severity]

    @extend_schema_field(EvidenceSerializer(many=True))
    def get_evidence(self, alert: Alert) -> list[dict[str, Any]]:
        """Give the evidence without primary keys."""
        return evidence_body(alert.evidence)

    @extend_schema_field(serializers.ListField(child=choice(words.ACTIONS)))
    def get_allowed(self, alert: Alert) -> list[str]:
        """Give the moves that the state allows and that this caller may make in this unit."""
        units = self.context["units_by_action"]
        return [
            action.value
            for state, action in TRANSITIONS
            if state is Workflow(alert.workflow) and alert.unit_id in units[action]
        ]


@extend_schema_serializer(examples=[OpenApiExample("An alert opened", value=EVENT_EXAMPLE, response_only=True)])
class AlertEventSerializer(ModelSerializer[AlertEvent]):
    """Something that happened to an alert; never altered afterwards. `seq` rises in the order of happening."""

    type = choice(words.EVENT_TYPES)
    at = MomentField()
    alert = serializers.UUIDField(source="alert.uuid")
    patient = serializers.UUIDField(source="alert.patient.uuid")
    unit = serializers.UUIDField(source="unit.uuid")
    rule = serializers.CharField(source="alert.rule")
    scope = serializers.CharField(source="alert.scope", allow_blank=True)
    actor = serializers.CharField(source="actor_name")
    before = serializers.SerializerMethodField(help_text="Null when the alert was opened.")
    after = serializers.SerializerMethodField()
    evidence = serializers.SerializerMethodField()
    rule_set = serializers.IntegerField(source="rule_set.version")

    class Meta:
        model = AlertEvent
        fields = tuple(EVENT_EXAMPLE)
        read_only_fields = fields

    @extend_schema_field(StateSerializer(allow_null=True))
    def get_before(self, event: AlertEvent) -> dict[str, Any] | None:
        """Give the state before."""
        return self._state(event.before)

    @extend_schema_field(StateSerializer())
    def get_after(self, event: AlertEvent) -> dict[str, Any] | None:
        """Give the state after."""
        return self._state(event.after)

    @extend_schema_field(EvidenceSerializer(many=True))
    def get_evidence(self, event: AlertEvent) -> list[dict[str, Any]]:
        """Give the evidence without primary keys."""
        return evidence_body(event.evidence)

    def _state(self, state: Mapping[str, Any]) -> dict[str, Any] | None:
        if not state:
            return None
        assignee = state.get("assigned_to")
        name = None if assignee is None else self.context["usernames"].get(assignee, "(unknown)")
        return {**{part: state.get(part) for part in STATE_EXAMPLE}, "assigned_to": name}


class AlertFilters(FiltersSerializer):
    """Filters of the work list."""

    unit = serializers.UUIDField(required=False)
    patient = serializers.UUIDField(required=False)
    severity = choice(SEVERITIES, required=False, help_text="This severity or a higher one.")
    workflow = choice(words.WORKFLOWS, required=False, help_text="All that are not resolved when left out.")
    condition = choice(words.CONDITIONS, required=False)
    rule = serializers.CharField(max_length=8, required=False)


class FeedFilters(FiltersSerializer):
    """Where the feed goes on, how much of it, and how long to wait for something new."""

    after = serializers.CharField(
        required=False, help_text="`next_cursor` of the last answer, or `X-Feed-Cursor`; from the beginning without."
    )
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=100)
    wait = serializers.IntegerField(
        min_value=0, max_value=20, default=0, help_text="Seconds to wait for an event while there is none."
    )


@extend_schema_serializer(
    many=False,
    examples=[
        OpenApiExample(
            "One event",
            value={"results": [EVENT_EXAMPLE], "next_cursor": "eyJzZXEiOjQ3MTF9:1Q2w3E", "more": False},
            response_only=True,
        )
    ],
)
class FeedPageSerializer(Serializer[Any]):
    """Some events in ascending order, at least once each."""

    results = AlertEventSerializer(many=True)
    next_cursor = serializers.CharField(help_text="Where to go on; always there. Keep it once the events are safe.")
    more = serializers.BooleanField(help_text="More events wait: ask again at once.")


def _reason(**options: Any) -> serializers.CharField:
    return serializers.CharField(max_length=LONGEST_REASON, **options)


class _QuietSerializer(StrictSerializer):
    reason = _reason(help_text="The plan, in words.")
    until = MomentField(required=False, help_text="The longest that the severity allows when left out.")


@extend_schema_serializer(
    examples=[OpenApiExample("With a plan", value={"reason": "Film of the hip tomorrow."}, request_only=True)]
)
class AcknowledgeSerializer(_QuietSerializer):
    """Somebody has seen it and has a plan."""


class SnoozeSerializer(_QuietSerializer):
    """Not now; it comes back by itself."""


class ResolveSerializer(StrictSerializer):
    """It is done, with its outcome."""

    reason = _reason()
    outcome = choice(words.PEOPLES)


class AssignSerializer(StrictSerializer):
    """Who looks after it."""

    assignee = serializers.CharField(max_length=150, allow_null=True, help_text="User name of a member of the unit.")
    reason = _reason(required=False, allow_blank=True, default="")


class NoteSerializer(StrictSerializer):
    """A remark, which changes nothing else."""

    reason = _reason(help_text="The remark.")
