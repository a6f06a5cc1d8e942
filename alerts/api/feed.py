"""`/alert-events`: the feed by which other systems follow every alert, in order, missing nothing."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from alerts.api.cursors import Viewer, read_feed_cursor, write_feed_cursor
from alerts.api.serializers import AlertEventSerializer, FeedFilters, FeedPageSerializer, usernames_of
from alerts.api.waiting import wait_until
from alerts.models import AlertEvent
from alerts.selectors import last_event_number, read_feed
from monitoring.api.openapi import ProblemSerializer
from monitoring.api.rights import Caller, Right
from monitoring.api.views import ApiViewSet


def viewer_of(caller: Caller) -> tuple[Viewer, list[int]]:
    """The viewer for cursors, and the keys of the units in which this caller sees alerts."""
    unit_ids = sorted(caller.units(Right.READ_ALERTS).values_list("pk", flat=True))
    everything = caller.key is None and caller.user.is_superuser
    return Viewer.of(caller.identity, unit_ids, everything=everything), unit_ids


class AlertEventViewSet(ApiViewSet[AlertEvent]):
    """The feed of events of the caller's units."""

    tag = "alerts"
    rights = {"list": Right.READ_ALERTS}
    pagination_class = None
    queryset = AlertEvent.objects.none()
    serializer_class = AlertEventSerializer

    @extend_schema(
        summary="Follow the events",
        parameters=[FeedFilters],
        responses={
            200: FeedPageSerializer,
            (410, "application/problem+json"): OpenApiResponse(
                ProblemSerializer, "The cursor cannot go on: read the alerts anew, go on from their X-Feed-Cursor."
            ),
        },
    )
    def list(self, request: Request) -> Response:
        """Give the events behind a cursor in the order in which they were committed, at least once each.

        Keep `next_cursor` after the events are safe on your side and ask again with it. To begin with the present
        state, read `/alerts` and go on from its header `X-Feed-Cursor`.
        """
        wanted = self.filters(FeedFilters)
        viewer, unit_ids = viewer_of(self.caller)
        after = 0
        if wanted.get("after"):
            after = read_feed_cursor(wanted["after"], viewer, last=last_event_number())
        page = read_feed(after, unit_ids=unit_ids, limit=wanted["limit"])
        seconds = float(wanted["wait"])
        if not page.events and unit_ids and seconds:
            found = [page]

            def something_new() -> bool:
                if last_event_number() != found[-1].reached:
                    found.append(read_feed(found[-1].reached, unit_ids=unit_ids, limit=wanted["limit"]))
                return bool(found[-1].events)

            wait_until(something_new, seconds=seconds)
            page = found[-1]
        body = {
            "results": AlertEventSerializer(
                page.events, many=True, context={"usernames": usernames_of(page.events)}
            ).data,
            "next_cursor": write_feed_cursor(page.reached, viewer),
            "more": page.more,
        }
        return Response(body)
