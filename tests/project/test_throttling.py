"""How fast a caller may ask."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import caches
from redis.exceptions import ConnectionError as RedisConnectionError
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from project.throttling import CallerThrottle, StrangerThrottle


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """No counts of other tests."""
    caches["default"].clear()


def request_of(*, auth: Any = None, user: Any = None, address: str = "10.0.0.1") -> Any:
    """Give a request of a caller."""
    request: Any = APIRequestFactory().get("/api/v1/alerts/", REMOTE_ADDR=address)
    request.auth, request.user = auth, user or AnonymousUser()
    return request


def allowed(throttle: type[Any], request: Any, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Say whether a request passes a limit of two a minute."""
    monkeypatch.setattr(throttle, "THROTTLE_RATES", {"caller": "2/min", "stranger": "2/min"})
    passed: bool = throttle().allow_request(request, APIView())
    return passed


def test_a_stranger_is_stopped_at_the_limit_and_another_address_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [allowed(StrangerThrottle, request_of(), monkeypatch) for _ in range(3)]
    assert answers == [True, True, False]
    assert allowed(StrangerThrottle, request_of(address="10.0.0.2"), monkeypatch)


def test_a_forged_forwarding_header_gives_no_new_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2):
        request = request_of()
        request.META["HTTP_X_FORWARDED_FOR"] = f"1.2.3.{number}"
        assert allowed(StrangerThrottle, request, monkeypatch)
    assert not allowed(StrangerThrottle, request_of(), monkeypatch)


def test_each_key_has_its_own_quota_wherever_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = SimpleNamespace(pk=1), SimpleNamespace(pk=2)
    answers = [allowed(CallerThrottle, request_of(auth=first, address=f"10.0.0.{n}"), monkeypatch) for n in range(3)]
    assert answers == [True, True, False]
    assert allowed(CallerThrottle, request_of(auth=second), monkeypatch)


def test_a_known_caller_does_not_use_up_the_strangers_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    known = request_of(auth=SimpleNamespace(pk=1))
    assert all(allowed(StrangerThrottle, known, monkeypatch) for _ in range(5))


def test_facts_still_come_in_while_the_cache_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RedisConnectionError("gone")

    monkeypatch.setattr(CallerThrottle, "cache", SimpleNamespace(get=fail, set=fail))
    assert allowed(CallerThrottle, request_of(auth=SimpleNamespace(pk=1)), monkeypatch)
