"""How a caller proves who it is: a machine by its key in `Authorization: Bearer cw_…`, a person by a session."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from monitoring.api.rights import GRANTS, Right
from monitoring.models import ApiKey
from monitoring.services.access import find_api_key

CHALLENGE = 'Bearer realm="CalciWatch API"'


class ApiKeyAuthentication(BaseAuthentication):
    """Reads the key of a machine. The same answer for an unknown, an expired and a revoked key."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey] | None:
        """Give the key as `request.auth`; None when the header speaks of something else."""
        scheme, _, secret = request.headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() != "bearer":
            return None
        key = find_api_key(secret.strip(), now=timezone.now())
        if key is None:
            raise AuthenticationFailed("This API key is not known, has expired or has been revoked.")
        return AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        """Give the challenge of a 401."""
        return CHALLENGE


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes the key in the API description; the scopes an operation needs stand beside it."""

    target_class = ApiKeyAuthentication
    name = "ApiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """Describe the header."""
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "cw_…",
            "description": "An API key. It reaches the units and scopes it was made for, and is shown only once.",
        }

    def get_security_requirement(self, auto_schema: AutoSchema) -> dict[str, list[str]]:
        """Name the scopes of which the operation needs one."""
        right: Right | None = getattr(auto_schema.view, "right", None)
        return {self.name: sorted(scope.value for scope in GRANTS[right].scopes) if right else []}


class PersonAuthentication(SessionAuthentication):
    """A logged-in person; writes need the CSRF token."""


class PersonScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Describes the session in the API description."""

    target_class = PersonAuthentication
    name = "Session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """Describe the cookie."""
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "A login in the browser; writes also need the header X-CSRFToken.",
        }
