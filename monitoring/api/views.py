"""What all views of the API have in common: who asks, which right an action needs, where a new thing is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.urls import reverse
from rest_framework import viewsets
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from monitoring.api.authentication import ApiKeyAuthentication, PersonAuthentication
from monitoring.api.openapi import ApiSchema
from monitoring.api.rights import Caller, HasRight, Right, caller_of
from monitoring.errors import NotFound
from monitoring.models import Unit

_Row = TypeVar("_Row", bound=Model)


class ApiViewSet(viewsets.GenericViewSet[_Row]):
    """A view set whose rows are named by UUID; `rights` says which right each action needs."""

    authentication_classes = (ApiKeyAuthentication, PersonAuthentication)
    permission_classes = (HasRight,)
    filter_backends = ()
    schema = ApiSchema()
    lookup_field = "uuid"
    lookup_value_converter = "uuid"
    rights: ClassVar[Mapping[str, Right]] = {}
    tag: ClassVar[str] = ""
    # The order of pages: columns that are never null, the last of them unique.
    keyset: tuple[str, ...] = ("pk",)
    # Name of the address at which one row is read.
    row_address: ClassVar[str] = ""

    @property
    def right(self) -> Right:
        """The right that this request needs."""
        # OPTIONS and methods that are not allowed have no action; they show nothing but need a known caller.
        return self.rights.get(self.action or "", Right.SEE_UNITS)

    @property
    def caller(self) -> Caller:
        """Who asks."""
        return caller_of(self.request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the caller; one who is refused counts as a stranger, so that guessing keys is slow."""
        try:
            super().initial(request, *args, **kwargs)
        except (AuthenticationFailed, NotAuthenticated):
            self.check_throttles(request)
            raise

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Any:
        """Let no cache on the way keep what is said of patients."""
        response.headers.setdefault("Cache-Control", "no-store")
        return super().finalize_response(request, response, *args, **kwargs)

    def pick(self, rows: QuerySet[_Row], uuid: UUID) -> _Row:
        """The row with this id among those the caller may see. Raises NotFound."""
        row = rows.filter(uuid=uuid).first()
        if row is None:
            raise NotFound("not-found", "It does not exist, or it is not for this caller.")
        return row

    def pick_to_write(self, rows_of: Callable[[QuerySet[Unit]], QuerySet[_Row]], uuid: UUID, *, seen_by: Right) -> _Row:
        """The row with this id, in a unit where the caller has the right of this request.

        Raises NotFound for a row the caller does not see, PermissionDenied for one that is only seen.
        """
        row = rows_of(self.caller.units(self.right)).filter(uuid=uuid).first()
        if row is None:
            self.pick(rows_of(self.caller.units(seen_by)), uuid)
            raise PermissionDenied(f"This caller may not {self.right.value} in this unit.")
        return row

    def read(self, serializer_class: type[Serializer[Any]], data: Any = None) -> dict[str, Any]:
        """What was sent, checked and as Python values: the body, or `data`. Raises ValidationError."""
        serializer = serializer_class(data=self.request.data if data is None else data, context={"view": self})
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def filters(self, serializer_class: type[Serializer[Any]]) -> dict[str, Any]:
        """The filters in the address. Raises ValidationError, also for a name that is none: a slip of the pen must not
        answer with everything."""
        paging = {"limit", "cursor"} if getattr(self, "paginator", None) else set()
        sent = {name: text for name, text in self.request.query_params.items() if name not in paging}
        return self.read(serializer_class, sent)

    def page(self, rows: QuerySet[_Row], serializer_class: type[Serializer[Any]], **context: Any) -> Response:
        """One keyset page of the rows, in the view's `keyset` order."""
        found = self.paginate_queryset(rows)
        answer = serializer_class(found, many=True, context={"view": self, **context})
        return self.get_paginated_response(answer.data)

    def created(self, body: Any, uuid: UUID, *, status: int = 201) -> Response:
        """The answer to a row just made, with its address."""
        return Response(body, status=status, headers={"Location": self.address(uuid)})

    def address(self, uuid: UUID) -> str:
        """Where the row with this id is read."""
        return reverse(self.row_address, kwargs={"uuid": uuid})
