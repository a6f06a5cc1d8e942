"""`/rules` and `/rule-sets`: everybody may read by what is judged, with sources spelled out."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from monitoring.models import RuleSet, Unit
from monitoring.rules.catalogue import RULES
from tests.callers import API, give_role, machine, person, problem_of

pytestmark = pytest.mark.django_db


def test_the_catalogue_has_every_rule_with_its_numbers_in_words(alice: Any) -> None:
    body = person(alice).get(f"{API}/rules").json()
    assert body["rule_set"] == 1
    assert [rule["code"] for rule in body["rules"]] == [rule.code for rule in RULES]
    for rule in body["rules"]:
        assert "{" not in rule["entry"] + rule["exit"] + rule["raised_when"], rule["code"]
        assert rule["sources"], rule["code"]
        assert all(len(source["citation"]) > 10 for source in rule["sources"])
        assert all(low["low"] <= low["value"] <= low["high"] for low in rule["parameters"])


def test_a_rule_shows_the_numbers_of_the_active_rule_set(alice: Any) -> None:
    RuleSet.objects.update(status="retired")
    RuleSet.objects.create(version=2, status="active", overrides={"L01": {"limit": 5.8}})
    rule = person(alice).get(f"{API}/rules/L01").json()
    (limit,) = (parameter for parameter in rule["parameters"] if parameter["name"] == "limit")
    assert (limit["value"], limit["default"]) == (5.8, 5.5)
    assert "5.8" in rule["entry"]


@pytest.mark.parametrize("code", ["X99", "l01", "L01x", "{code}"])
def test_a_rule_that_is_none_is_404(code: str, alice: Any) -> None:
    problem_of(person(alice).get(f"{API}/rules/{code}"), 404)


def test_rule_sets_are_listed_newest_first_and_cannot_be_written(alice: Any, unit_a: Unit) -> None:
    RuleSet.objects.create(version=2, status="draft", overrides={"L01": {"limit": 5.8}}, author=alice)
    give_role(alice, unit_a, "nephrologist")
    client = person(alice)
    rows = client.get(f"{API}/rule-sets").json()["results"]
    assert [(row["version"], row["status"], row["author"]) for row in rows] == [
        (2, "draft", "alice"),
        (1, "active", None),
    ]
    assert client.get(f"{API}/rule-sets/{rows[0]['uuid']}").json() == rows[0]
    problem_of(client.post(f"{API}/rule-sets", {}), 405)
    problem_of(client.get(f"{API}/rule-sets/{uuid4()}"), 404)


@pytest.mark.parametrize("scope", ["facts:read", "facts:write", "alerts:read", "alerts:write"])
def test_any_key_may_read_the_rules(scope: str, unit_a: Unit) -> None:
    assert machine(unit_a, scopes=[scope]).get(f"{API}/rules").status_code == 200
