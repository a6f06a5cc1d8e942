"""Checks of the configuration: combinations that start, but would harm."""

from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import override_settings

SAFE: dict[str, Any] = {
    "DEBUG": False,
    "HTTPS": True,
    "ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]", "calciwatch.example"],
    "CSRF_TRUSTED_ORIGINS": ["https://calciwatch.example"],
    "EMBEDDED": False,
    "REDIS_URL": "redis://redis:6379/0",
}


def found(**changed: Any) -> set[str]:
    """Give the ids of our checks that complain."""
    with override_settings(**{**SAFE, **changed}):
        return {message.id for message in run_checks() if str(message.id).startswith("calciwatch.")}


@pytest.mark.parametrize(
    ("sentence", "changed", "ids"),
    [
        ("a server behind TLS is fine", {}, set()),
        ("debug pages on a server are refused", {"DEBUG": True}, {"calciwatch.E001"}),
        ("debug pages on this machine alone are fine", {"DEBUG": True, "ALLOWED_HOSTS": ["localhost"]}, set()),
        ("a star is refused", {"ALLOWED_HOSTS": ["*"]}, {"calciwatch.E002"}),
        ("plain HTTP under a foreign name is warned of", {"HTTPS": False}, {"calciwatch.W001"}),
        ("plain HTTP on this machine alone is fine", {"HTTPS": False, "ALLOWED_HOSTS": ["localhost"]}, set()),
        ("an origin without scheme is refused", {"CSRF_TRUSTED_ORIGINS": ["x.example"]}, {"calciwatch.E003"}),
        ("a server database with the broker in a folder is warned of", {"REDIS_URL": None}, {"calciwatch.W002"}),
        ("everything embedded needs no REDIS_URL", {"REDIS_URL": None, "EMBEDDED": True}, set()),
        ("a task longer than the visibility timeout is refused", {"CELERY_TASK_TIME_LIMIT": 300}, {"calciwatch.E004"}),
    ],
)  # fmt: skip
def test_configuration(sentence: str, changed: dict[str, Any], ids: set[str]) -> None:
    assert found(**changed) == ids, sentence
