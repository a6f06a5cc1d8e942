"""The addresses of the part of the API that is about patients and facts."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from monitoring.api.findings import FindingViewSet
from monitoring.api.imports import ImportViewSet
from monitoring.api.lab_results import LabResultViewSet
from monitoring.api.patients import PatientViewSet
from monitoring.api.rules import RuleSetViewSet, RuleViewSet
from monitoring.api.units import UnitViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("units", UnitViewSet, basename="api-unit")
router.register("patients", PatientViewSet, basename="api-patient")
router.register("lab-results", LabResultViewSet, basename="api-lab-result")
router.register("findings", FindingViewSet, basename="api-finding")
router.register("imports", ImportViewSet, basename="api-import")
router.register("rules", RuleViewSet, basename="api-rule")
router.register("rule-sets", RuleSetViewSet, basename="api-rule-set")

urlpatterns = router.urls
