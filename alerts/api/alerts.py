"""`/alerts`: the work list, each alert with its version, and what people do about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from alerts.api.cursors import write_feed_cursor
from alerts.api.feed import viewer_of
from alerts.api.preconditions import demand_match, etag_of
from alerts.api.serializers import (
    AcknowledgeSerializer,
    AlertEventSerializer,
    AlertFilters,
    AlertSerializer,
    AssignSerializer,
    NoteSerializer,
    ResolveSerializer,
    SnoozeSerializer,
    usernames_of,
)
from alerts.lifecycle import Action, Workflow
from alerts.models import Alert
from alerts.selectors import alerts_of, events_of, last_event_number
from alerts.services.transitions import change_alert
from monitoring.api.idempotency import once_per_key
from monitoring.api.openapi import ProblemSerializer
from monitoring.api.rights import NOT_SEEN, Right
from monitoring.api.views import ApiViewSet
from monitoring.api.words import SEVERITIES

RIGHT_OF_ACTION = {
    Action.ACKNOWLEDGE: Right.TEND_ALERTS,
    Action.SNOOZE: Right.TEND_ALERTS,
    Action.NOTE: Right.TEND_ALERTS,
    Action.RESOLVE: Right.CLOSE_ALERTS,
    Action.ASSIGN: Right.CLOSE_ALERTS,
}
_Handler = TypeVar("_Handler", bound=Callable[..., Response])
_PROBLEM = "application/problem+json"
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description='The `ETag` of the alert as you looked at it, such as `"3"`.',
)
ETAG = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, response=[200], description='The version, such as `"3"`; for `If-Match`.'
)
FEED_CURSOR = OpenApiParameter(
    "X-Feed-Cursor",
    str,
    OpenApiParameter.HEADER,
    response=[200],
    description="Taken before the alerts were read: the feed goes on from here without a gap. Use the first page's.",
)


def _moves(summary: str, serializer: type[Serializer[Any]]) -> Callable[[_Handler], _Handler]:
    """What the API description says of every action on an alert."""
    return extend_schema(
        summary=summary,
        request=serializer,
        parameters=[IF_MATCH, ETAG],
        responses={
            200: AlertSerializer,
            (409, _PROBLEM): OpenApiResponse(
                ProblemSerializer, "The state does not allow it; `context.allowed` says what it does."
            ),
            (412, _PROBLEM): OpenApiResponse(ProblemSerializer, "The alert has changed since: look again."),
            (428, _PROBLEM): OpenApiResponse(ProblemSerializer, "`If-Match` is missing."),
        },
    )


class AlertViewSet(ApiViewSet[Alert]):
    """Alerts of the caller's units."""

    tag = "alerts"
    rights = {
        "list": Right.READ_ALERTS,
        "retrieve": Right.READ_ALERTS,
        "events": Right.READ_ALERTS,
        **{move.value: right for move, right in RIGHT_OF_ACTION.items()},
    }
    row_address = "api-alert-detail"
    # The worst first; of equals the longest open.
    keyset: tuple[str, ...] = ("-severity", "opened_at", "pk")
    serializer_class = AlertSerializer

    def get_queryset(self) -> QuerySet[Alert]:
        """Give the alerts that the caller may see."""
        return alerts_of(self.caller.units(Right.READ_ALERTS))

    @extend_schema(summary="List alerts", parameters=[AlertFilters, FEED_CURSOR], responses=AlertSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Give the work list, the worst first: everything that is not resolved, unless `workflow` says otherwise."""
        wanted = self.filters(AlertFilters)
        viewer, _ = viewer_of(self.caller)
        # Before the alerts are read, so that what changes meanwhile is told by the feed.
        cursor = write_feed_cursor(last_event_number(), viewer)
        rows = self.get_queryset()
        if "workflow" in wanted:
            rows = rows.filter(workflow=wanted["workflow"])
        else:
            rows = rows.exclude(workflow=Workflow.RESOLVED)
        if "severity" in wanted:
            rows = rows.filter(severity__gte=SEVERITIES.index(wanted["severity"]))
        for name, lookup in (
            ("unit", "unit__uuid"),
            ("patient", "patient__uuid"),
            ("condition", "condition"),
            ("rule", "rule"),
        ):
            if name in wanted:
                rows = rows.filter(**{lookup: wanted[name]})
        answer = self.page(rows, AlertSerializer, units_by_action=self._units_by_action())
        answer["X-Feed-Cursor"] = cursor
        return answer

    @extend_schema(summary="Read an alert", parameters=[ETAG], responses=AlertSerializer)
    def retrieve(self, request: Request, uuid: UUID) -> Response:
        """Give one alert; its `ETag` is what a change must send in `If-Match`."""
        return self._answer(self.pick(self.get_queryset(), uuid))

    @extend_schema(summary="Read what happened to an alert", responses=AlertEventSerializer(many=True))
    @action(detail=True, methods=["get"])
    def events(self, request: Request, uuid: UUID) -> Response:
        """Give the events of one alert, from its opening on."""
        alert = self.pick(self.get_queryset(), uuid)
        self.keyset = ("seq",)
        rows: Any = events_of(self.caller.units(Right.READ_ALERTS)).filter(alert=alert)
        found: Any = self.paginate_queryset(rows)
        answer = AlertEventSerializer(found, many=True, context={"usernames": usernames_of(found)})
        return self.get_paginated_response(answer.data)

    @_moves("Acknowledge: seen, with a plan", AcknowledgeSerializer)
    @action(detail=True, methods=["post"])
    @once_per_key
    def acknowledge(self, request: Request, uuid: UUID) -> Response:
        """Say that somebody has seen the alert and has a plan; it is quiet until then, and loud again if it worsens."""
        return self._move(uuid, Action.ACKNOWLEDGE, AcknowledgeSerializer)

    @_moves("Snooze: not now", SnoozeSerializer)
    @action(detail=True, methods=["post"])
    @once_per_key
    def snooze(self, request: Request, uuid: UUID) -> Response:
        """Put the alert off; it comes back by itself, and at once if it worsens."""
        return self._move(uuid, Action.SNOOZE, SnoozeSerializer)

    @_moves("Resolve with an outcome", ResolveSerializer)
    @action(detail=True, methods=["post"])
    @once_per_key
    def resolve(self, request: Request, uuid: UUID) -> Response:
        """Close the alert with its outcome; if the rule fires again soon, it is opened again."""
        return self._move(uuid, Action.RESOLVE, ResolveSerializer)

    @_moves("Assign to somebody", AssignSerializer)
    @action(detail=True, methods=["post"])
    @once_per_key
    def assign(self, request: Request, uuid: UUID) -> Response:
        """Say who looks after the alert; null gives it back to all."""
        return self._move(uuid, Action.ASSIGN, AssignSerializer)

    @_moves("Add a note", NoteSerializer)
    @action(detail=True, methods=["post"])
    @once_per_key
    def note(self, request: Request, uuid: UUID) -> Response:
        """Write a remark into the alert's history; possible also after it was resolved."""
        return self._move(uuid, Action.NOTE, NoteSerializer)

    def _move(self, uuid: UUID, move: Action, serializer: type[Serializer[Any]]) -> Response:
        alert = self.pick_to_write(alerts_of, uuid, seen_by=Right.READ_ALERTS)
        wanted = self.read(serializer)
        version = demand_match(self.request, alert.version)
        if move is Action.ASSIGN:
            wanted["assignee"] = self._member(wanted["assignee"], alert)
        change_alert(
            alert,
            action=move,
            now=timezone.now(),
            actor=self.caller.person,
            actor_name=self.caller.name,
            expected_version=version,
            **wanted,
        )
        return self._answer(alerts_of(self.caller.units(self.right)).get(pk=alert.pk))

    def _member(self, username: str | None, alert: Alert) -> User | None:
        if username is None:
            return None
        member = (
            get_user_model().objects.filter(username=username, is_active=True, memberships__unit=alert.unit_id).first()
        )
        if member is None:
            raise ValidationError({"assignee": [ErrorDetail(NOT_SEEN, code="does_not_exist")]})
        return member

    def _answer(self, alert: Alert) -> Response:
        body = AlertSerializer(alert, context={"units_by_action": self._units_by_action()}).data
        return Response(body, headers={"ETag": etag_of(alert.version)})

    def _units_by_action(self) -> dict[Action, set[int]]:
        """For each action the units in which this caller may take it: two queries."""
        units = {
            right: set(self.caller.units(right).values_list("pk", flat=True)) for right in set(RIGHT_OF_ACTION.values())
        }
        return {move: units[right] for move, right in RIGHT_OF_ACTION.items()}
