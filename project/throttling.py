"""How fast a caller may ask; a cache that is away slows nobody down.

Its own module: DRF reads it while it builds its views, so it must not import them.
"""

from typing import TYPE_CHECKING

import structlog
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

if TYPE_CHECKING:
    from rest_framework.views import APIView

logger = structlog.get_logger(__name__)


class _ForgivingThrottle(SimpleRateThrottle):
    """A limit that lets requests through while the cache is away: facts must come in when Redis is down."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        try:
            return super().allow_request(request, view)
        except (RedisError, OSError):
            logger.warning("throttle_without_cache", scope=self.scope)
            return True


class CallerThrottle(_ForgivingThrottle):
    """Limits a known caller: an API key by itself, a person by the user."""

    scope = "caller"

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        """Give the key of the caller's counter; None when nobody is known."""
        key = getattr(request.auth, "pk", None)
        if key is not None:
            return f"throttle:key:{key}"
        if request.user.is_authenticated:
            return f"throttle:user:{request.user.pk}"
        return None


class StrangerThrottle(_ForgivingThrottle):
    """Limits callers nobody knows, by address: guessing keys must be slow."""

    scope = "stranger"

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        """Give the key of the address's counter; None for a known caller."""
        if request.auth is not None or request.user.is_authenticated:
            return None
        return f"throttle:stranger:{self.get_ident(request)}"
