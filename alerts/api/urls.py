"""The addresses of the part of the API that is about alerts."""

from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from alerts.api.alerts import AlertViewSet
from alerts.api.feed import AlertEventViewSet
from alerts.api.timeline import TimelineViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("alerts", AlertViewSet, basename="api-alert")
router.register("alert-events", AlertEventViewSet, basename="api-alert-event")

urlpatterns = [
    *router.urls,
    path("patients/<uuid:uuid>/timeline", TimelineViewSet.as_view({"get": "timeline"}), name="api-patient-timeline"),
]
