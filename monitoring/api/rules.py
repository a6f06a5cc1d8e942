"""`/rules` and `/rule-sets`: what is judged, by which numbers, and who says so."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from monitoring.api.fields import FiltersSerializer
from monitoring.api.rights import Right
from monitoring.api.serializers.rules import CatalogueSerializer, RuleSerializer, RuleSetSerializer, rule_body
from monitoring.api.views import ApiViewSet
from monitoring.errors import NotFound
from monitoring.models import RuleSet
from monitoring.rules.catalogue import BY_CODE, RULES
from monitoring.selectors.rule_sets import active_rule_set, tuning_of


class RuleViewSet(ApiViewSet[RuleSet]):
    """The catalogue of rules with the numbers of the active rule set."""

    tag = "rules"
    rights = {"list": Right.READ_RULES, "retrieve": Right.READ_RULES}
    queryset = RuleSet.objects.none()
    serializer_class = RuleSerializer
    pagination_class = None
    lookup_field = "code"
    lookup_value_converter = "slug"

    @extend_schema(summary="Read the catalogue", responses={200: CatalogueSerializer})
    def list(self, request: Request) -> Response:
        """Give all rules in the order of the catalogue."""
        self.filters(FiltersSerializer)
        rule_set = active_rule_set()
        tuning = tuning_of(rule_set)
        body = {"rule_set": rule_set.version, "rules": [rule_body(rule, tuning) for rule in RULES]}
        return Response(CatalogueSerializer(body).data)

    @extend_schema(
        summary="Read a rule",
        parameters=[OpenApiParameter("code", str, OpenApiParameter.PATH, description="Such as `L02`.")],
        responses=RuleSerializer,
    )
    def retrieve(self, request: Request, code: str) -> Response:
        """Give one rule."""
        rule = BY_CODE.get(code)
        if rule is None:
            raise NotFound("not-found", "There is no such rule.")
        return Response(RuleSerializer(rule_body(rule, tuning_of(active_rule_set()))).data)


class RuleSetViewSet(ApiViewSet[RuleSet]):
    """The rule sets, for reading."""

    tag = "rules"
    rights = {"list": Right.READ_RULES, "retrieve": Right.READ_RULES}
    keyset: tuple[str, ...] = ("-version", "pk")
    queryset = RuleSet.objects.select_related("author", "approver")
    serializer_class = RuleSetSerializer

    def get_queryset(self) -> QuerySet[RuleSet]:
        """Give all of them: limits are no secret of a unit."""
        return RuleSet.objects.select_related("author", "approver")

    @extend_schema(summary="List rule sets", responses=RuleSetSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Give the rule sets, newest first."""
        self.filters(FiltersSerializer)
        return self.page(self.get_queryset(), RuleSetSerializer)

    @extend_schema(summary="Read a rule set", responses=RuleSetSerializer)
    def retrieve(self, request: Request, uuid: UUID) -> Response:
        """Give one rule set."""
        return Response(RuleSetSerializer(self.pick(self.get_queryset(), uuid)).data)
