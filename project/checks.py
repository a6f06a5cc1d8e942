"""System checks of the configuration: combinations that start, but would harm."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's own name

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})


@register(Tags.security)
def check_debug(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Debug pages show patients' data to whoever causes an error."""
    if settings.DEBUG and set(settings.ALLOWED_HOSTS) - LOCAL_HOSTS:
        return [
            Error(
                "CALCIWATCH_DEBUG is on while CALCIWATCH_HOSTS names hosts other than this machine.",
                hint="Switch CALCIWATCH_DEBUG off, or empty CALCIWATCH_HOSTS.",
                id="calciwatch.E001",
            )
        ]
    return []


@register(Tags.security)
def check_hosts(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """A star answers to any name, which password-reset mails then repeat."""
    if "*" in settings.ALLOWED_HOSTS:
        return [
            Error(
                "CALCIWATCH_HOSTS holds *, which answers to any name.",
                hint="List the names under which people open CalciWatch, separated by commas.",
                id="calciwatch.E002",
            )
        ]
    return []


@register(Tags.security)
def check_https(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Passwords and patients' data must not cross a network in the clear."""
    if not settings.HTTPS and set(settings.ALLOWED_HOSTS) - LOCAL_HOSTS:
        return [
            Warning(
                "CALCIWATCH_HTTPS is off while CALCIWATCH_HOSTS names hosts other than this machine: "
                "passwords and patients' data cross the network in the clear.",
                hint="Put a proxy with TLS in front, set CALCIWATCH_PROXIES=1 and CALCIWATCH_HTTPS=true.",
                id="calciwatch.W001",
            )
        ]
    return []


@register(Tags.security)
def check_origins(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Django wants a scheme in each origin and fails forms later without one."""
    wrong = [origin for origin in settings.CSRF_TRUSTED_ORIGINS if "://" not in origin]
    if wrong:
        return [
            Error(
                f"CALCIWATCH_ORIGINS holds {wrong[0]!r}; expected an origin with scheme, such as "
                "https://calciwatch.example.org.",
                id="calciwatch.E003",
            )
        ]
    return []


@register(Tags.database)
def check_embedded_broker(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Several machines share a database but cannot share a socket in a folder."""
    if not settings.EMBEDDED and settings.REDIS_URL is None:
        return [
            Warning(
                "DATABASE_URL is set but REDIS_URL is not: the broker is a socket in the data folder, which "
                "workers on other machines cannot reach.",
                hint="Set REDIS_URL, or ignore this when everything runs on this machine by `manage.py up`.",
                id="calciwatch.W002",
            )
        ]
    return []


@register(Tags.compatibility)
def check_time_limits(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """A message is handed out again when it stays unacknowledged longer than the visibility timeout."""
    visibility = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    if visibility <= settings.CELERY_TASK_TIME_LIMIT:
        return [
            Error(
                f"The time limit of tasks ({settings.CELERY_TASK_TIME_LIMIT} s) must be below the broker's "
                f"visibility timeout ({visibility} s), else a task still running is started again.",
                id="calciwatch.E004",
            )
        ]
    return []
