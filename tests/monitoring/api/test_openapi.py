"""The description of the API: valid, complete, with examples that are true, and the service lives up to it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from django.core.cache import cache
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from alerts.api import feed
from alerts.models import Alert
from alerts.services.evaluating import evaluate_patients
from monitoring.api.rights import GRANTS, Right
from monitoring.models import Unit
from monitoring.services.access import create_api_key
from monitoring.services.imports import import_results
from project.throttling import CallerThrottle
from project.wsgi import application
from tests.builders import NOW, add_finding, add_lab, add_patient
from tests.callers import ALL_SCOPES

schema = schemathesis.openapi.from_wsgi("/api/schema/?format=json", application)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """The description as a document."""
    answer = Client().get("/api/schema/?format=json")
    document: dict[str, Any] = json.loads(answer.content)
    return document


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, item) for path, methods in described["paths"].items() for method, item in methods.items()]


def test_the_description_is_valid_and_made_without_a_warning() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=io.StringIO())


def test_every_operation_says_who_may_call_it_and_how_it_refuses(described: dict[str, Any]) -> None:
    scopes = {scope.value for right in Right for scope in GRANTS[right].scopes}
    for path, method, operation in operations(described):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        ways = {name: needs for way in operation["security"] for name, needs in way.items()}
        assert set(ways) == {"ApiKey", "Session"}, where
        assert ways["ApiKey"], where
        assert set(ways["ApiKey"]) <= scopes, where
        for status in ("400", "401", "403", "429"):
            assert list(operation["responses"][status]["content"]) == ["application/problem+json"], where
        if "{" in path:
            assert "404" in operation["responses"], where
        if method == "post":
            headers = {item["name"] for item in operation["parameters"] if item["in"] == "header"}
            assert "Idempotency-Key" in headers, where


def test_moves_of_alerts_describe_their_preconditions(described: dict[str, Any]) -> None:
    for move in ("acknowledge", "snooze", "resolve", "assign", "note"):
        operation = described["paths"][f"/api/v1/alerts/{{uuid}}/{move}"]["post"]
        (header,) = [item for item in operation["parameters"] if item["name"] == "If-Match"]
        assert header["required"] is True
        assert {"409", "412", "428"} <= operation["responses"].keys()
        assert "ETag" in operation["responses"]["200"]["headers"]


def test_no_operation_takes_or_gives_a_primary_key(described: dict[str, Any]) -> None:
    for name, part in described["components"]["schemas"].items():
        assert not {"id", "pk"} & part.get("properties", {}).keys(), name


def test_every_example_is_of_the_form_it_is_an_example_of(described: dict[str, Any]) -> None:
    checked = 0
    for path, method, operation in operations(described):
        contents = [
            *operation["responses"].values(),
            *([operation["requestBody"]] if "requestBody" in operation else []),
        ]
        for content in contents:
            for media in content.get("content", {}).values():
                form = {**media["schema"], "components": described["components"]}
                for name, example in media.get("examples", {}).items():
                    problems = [
                        error.message
                        for error in jsonschema_rs.Draft202012Validator(form).iter_errors(example["value"])
                    ]
                    assert not problems, f"{method} {path}: {name}: {problems[0]}"
                    checked += 1
    assert checked > 20


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Keep the connection between requests, as Django's own test client does: the test is one transaction."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def world(db: None, one_connection: None, unit_a: Unit, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Something of everything, and a key that may do all; nobody waits and nobody is too fast."""
    cache.clear()
    monkeypatch.setattr(CallerThrottle, "THROTTLE_RATES", {"caller": "100000/min"})
    monkeypatch.setattr(feed, "wait_until", lambda happened, seconds: False)
    patient = add_patient(unit_a, mrn="A1")
    mass = add_finding(patient, "mass", "hip", "right")
    result = add_lab(patient, "phosphate", 6.1)
    evaluate_patients([patient.pk], as_of=NOW)
    imported = import_results(
        unit_a, stream=io.BytesIO(b"mrn,code,value,unit,taken_at\nA1,P,x,mg/dL,2024-01-01\n"), filename="a.csv", now=NOW
    )
    made = create_api_key(name="LIS", scopes=ALL_SCOPES, units=[unit_a], expires_at=None, created_by=None)
    alert = Alert.objects.filter(patient=patient).order_by("pk").first()
    assert alert is not None
    return {
        "authorization": f"Bearer {made.secret}",
        "unit": str(unit_a.uuid),
        "patient": str(patient.uuid),
        "alert": alert,
        "of": {
            "units": unit_a.uuid,
            "patients": patient.uuid,
            "findings": mass.uuid,
            "lab-results": result.uuid,
            "imports": imported.uuid,
            "alerts": alert.uuid,
            "rule-sets": alert.rule_set.uuid,
        },
    }


def make_real(case: Case, world: dict[str, Any]) -> None:
    """Let the request be about things that exist, so that it comes further than 404."""
    resource = case.operation.path.removeprefix("/api/v1/").split("/")[0]
    if "uuid" in (case.path_parameters or {}):
        case.path_parameters["uuid"] = str(world["of"][resource])
    if isinstance(case.body, dict):
        for name in ("unit", "patient"):
            if isinstance(case.body.get(name), str):
                case.body[name] = world[name]
    if resource == "alerts" and case.method == "POST" and "If-Match" in (case.headers or {}):
        world["alert"].refresh_from_db()
        case.headers["If-Match"] = f'"{world["alert"].version}"'


@pytest.mark.slow
@schema.parametrize()
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_whatever_is_sent_the_answer_is_one_that_was_described(case: Case, world: dict[str, Any]) -> None:
    make_real(case, world)
    case.call_and_validate(headers={"Authorization": world["authorization"]}, checks=CHECKS)
