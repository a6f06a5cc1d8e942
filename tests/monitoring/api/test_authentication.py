"""Who gets in, with what, and what those who do not are told."""

from __future__ import annotations

import base64
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client, override_settings
from django.utils import timezone
from rest_framework.test import APIClient

from monitoring.models import ApiKey, Unit
from monitoring.services.access import create_api_key
from project.throttling import StrangerThrottle
from tests.builders import add_patient
from tests.callers import ALL_SCOPES, API, bearer, give_role, machine, person, problem_of
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


def test_without_a_key_or_a_session_the_answer_is_401_with_a_challenge(unit_a: Unit) -> None:
    answer = APIClient().get(f"{API}/patients")
    assert problem_of(answer, 401)["code"] == "not-authenticated"
    assert answer["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize(
    ("sentence", "header"),
    [
        ("a key nobody made", "Bearer cw_0000000000000000000000000000000000000000000"),
        ("an empty key", "Bearer "),
        ("a key of another kind", "Bearer eyJhbGciOiJub25lIn0.e30."),
        ("a key with a letter beyond ASCII", "Bearer cw_\xff\xfe"),
    ],
)
def test_a_wrong_key_is_401(sentence: str, header: str, unit_a: Unit) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=header)
    answer = client.get(f"{API}/units")
    problem_of(answer, 401)
    assert "WWW-Authenticate" in answer, sentence


@pytest.mark.parametrize(
    ("sentence", "change"),
    [
        ("expired a second ago", {"expires_at": timedelta(seconds=-1)}),
        ("revoked", {"revoked_at": timedelta(0)}),
    ],
)
def test_a_key_that_is_over_is_401_and_says_the_same_as_an_unknown_one(
    sentence: str, change: dict[str, timedelta], unit_a: Unit
) -> None:
    made = create_api_key(name="LIS", scopes=ALL_SCOPES, units=[unit_a], expires_at=None, created_by=None)
    client = bearer(made.secret)
    assert client.get(f"{API}/units").status_code == 200
    moments = {name: timezone.now() + later for name, later in change.items()}
    ApiKey.objects.filter(pk=made.key.pk).update(**moments)
    over = problem_of(client.get(f"{API}/units"), 401)
    unknown = problem_of(bearer("cw_unknown").get(f"{API}/units"), 401)
    assert over["detail"] == unknown["detail"], sentence


def test_a_key_notes_that_it_was_used(unit_a: Unit) -> None:
    client = machine(unit_a)
    assert ApiKey.objects.get().last_used_at is None
    client.get(f"{API}/units")
    assert ApiKey.objects.get().last_used_at is not None


@pytest.mark.parametrize(
    ("method", "path", "needs"),
    [
        ("get", "patients", "facts:read"),
        ("get", "lab-results", "facts:read"),
        ("get", "findings", "facts:read"),
        ("get", "imports", "facts:read"),
        ("post", "patients", "facts:write"),
        ("post", "lab-results", "facts:write"),
        ("post", "lab-results/batch", "facts:write"),
        ("post", "findings", "facts:write"),
        ("get", "alerts", "alerts:read"),
        ("get", "alert-events", "alerts:read"),
    ],
)
def test_a_key_without_the_scope_is_403_and_is_told_which(method: str, path: str, needs: str, unit_a: Unit) -> None:
    others = [scope for scope in ALL_SCOPES if scope != needs]
    answer = getattr(machine(unit_a, scopes=others), method)(f"{API}/{path}")
    assert needs in problem_of(answer, 403)["detail"]
    allowed = getattr(machine(unit_a, scopes=[needs]), method)(f"{API}/{path}")
    assert allowed.status_code in {200, 400}, allowed.content


@pytest.mark.parametrize(
    ("role", "method", "path", "may"),
    [
        ("nurse", "get", "patients", True),
        ("nurse", "post", "patients", False),
        ("nurse", "post", "findings", True),
        ("nurse", "post", "lab-results", True),
        ("nephrologist", "post", "patients", True),
        ("manager", "get", "patients", True),
        ("manager", "get", "alerts", True),
        ("manager", "post", "findings", False),
        ("manager", "post", "lab-results/batch", False),
        ("auditor", "get", "patients", False),
        ("auditor", "get", "lab-results", False),
        ("auditor", "get", "findings", False),
        ("auditor", "get", "imports", False),
        ("auditor", "get", "alerts", True),
        ("auditor", "get", "rules", True),
        ("auditor", "get", "rule-sets", True),
    ],
)
def test_roles_may_do_what_the_table_of_rights_says(
    role: str, method: str, path: str, may: bool, alice: Any, unit_a: Unit
) -> None:
    give_role(alice, unit_a, role)
    answer = getattr(person(alice), method)(f"{API}/{path}")
    assert answer.status_code in ({200, 400} if may else {403}), answer.content
    if not may:
        assert role in problem_of(answer, 403)["detail"]


@pytest.mark.parametrize("path", ["patients", "lab-results", "findings", "imports", "alerts", "units"])
def test_carol_who_belongs_to_no_unit_sees_nothing(path: str, carol: Any, unit_a: Unit) -> None:
    add_patient(unit_a)
    answer = person(carol).get(f"{API}/{path}")
    assert answer.status_code == 200
    assert answer.json()["results"] == []


def test_carol_may_not_write_anywhere(carol: Any, unit_a: Unit) -> None:
    body = {"unit": str(unit_a.uuid), "mrn": "1", "family_name": "Nobody", "given_name": "No"}
    problem_of(person(carol).post(f"{API}/patients", body), 403)


def test_a_session_needs_the_csrf_token_to_write_and_not_to_read(alice: Any, unit_a: Unit) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    assert browser.get(f"{API}/patients").status_code == 200
    refused = browser.post(f"{API}/findings", {}, content_type="application/json")
    assert "CSRF" in problem_of(refused, 403)["detail"]
    browser.cookies["csrftoken"] = "t" * 32
    headers = {"X-CSRFToken": "t" * 32}
    taken = browser.post(f"{API}/findings", {}, content_type="application/json", headers=headers)
    assert problem_of(taken, 400)["errors"][0]["place"] == "kind"


def test_a_password_in_the_header_is_no_way_in(alice: Any, unit_a: Unit) -> None:
    client = APIClient()
    pair = base64.b64encode(f"alice:{PASSWORD}".encode()).decode()
    client.credentials(HTTP_AUTHORIZATION=f"Basic {pair}")
    problem_of(client.get(f"{API}/patients"), 401)


def test_a_logged_in_person_who_shows_a_wrong_key_is_refused_not_taken_for_the_person(alice: Any) -> None:
    client = person(alice)
    client.credentials(HTTP_AUTHORIZATION="Bearer cw_wrong")
    problem_of(client.get(f"{API}/patients"), 401)


def test_guessing_keys_is_slowed_down(unit_a: Unit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StrangerThrottle, "THROTTLE_RATES", {"stranger": "3/min", "caller": "100/min"})
    client = bearer("cw_guess")
    assert [client.get(f"{API}/units").status_code for _ in range(5)] == [401, 401, 401, 429, 429]
    assert machine(unit_a).get(f"{API}/units").status_code == 200, "a known key from the same address goes on"


def test_neither_the_key_nor_a_name_stands_in_the_log(
    unit_a: Unit, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    made = create_api_key(name="LIS", scopes=ALL_SCOPES, units=[unit_a], expires_at=None, created_by=None)
    add_patient(unit_a, mrn="SECRET-77", family_name="Garnetson")
    with caplog.at_level(logging.DEBUG):
        client = bearer(made.secret)
        client.get(f"{API}/patients")
        client.post(f"{API}/patients", {"unit": str(unit_a.uuid), "mrn": "SECRET-77", "family_name": "Garnetson"})
        client.get(f"{API}/nowhere")
    printed = capfd.readouterr()
    for text in (*(record.getMessage() for record in caplog.records), printed.out, printed.err):
        assert made.secret not in text
        assert "Garnetson" not in text


@pytest.mark.parametrize(
    ("sentence", "method", "path", "headers", "status"),
    [
        ("an unknown address", "get", "nowhere", {}, 404),
        ("an id that is no UUID", "get", "patients/1", {}, 404),
        ("a method that is not offered", "delete", "units", {}, 405),
        ("a format that is not offered", "get", "units", {"HTTP_ACCEPT": "application/xml"}, 406),
        ("content of another kind", "post", "findings", {"CONTENT_TYPE": "text/plain"}, 415),
        ("JSON that is cut off", "post", "findings", {"CONTENT_TYPE": "application/json"}, 400),
    ],
)
def test_every_refusal_of_http_itself_is_a_problem(
    sentence: str, method: str, path: str, headers: dict[str, str], status: int, unit_a: Unit
) -> None:
    client = machine(unit_a)
    body = {"data": "{", "content_type": headers.pop("CONTENT_TYPE")} if "CONTENT_TYPE" in headers else {}
    answer = client.generic(method.upper(), f"{API}/{path}", **body, **headers)
    problem_of(answer, status)
    if status == 405:
        assert "GET" in answer["Allow"]


@override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1000)
def test_a_body_that_is_too_large_is_a_problem(unit_a: Unit) -> None:
    answer = machine(unit_a).post(f"{API}/findings", {"note": "x" * 2000})
    assert problem_of(answer, 413)["code"] == "too-large"
