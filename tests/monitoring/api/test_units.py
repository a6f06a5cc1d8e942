"""`/units`: everybody sees the own ones, nobody others."""

from __future__ import annotations

from typing import Any

import pytest

from monitoring.models import Unit
from tests.callers import API, machine, person, problem_of

pytestmark = pytest.mark.django_db


def test_alice_sees_her_unit_and_not_bobs(alice: Any, unit_a: Unit, unit_b: Unit) -> None:
    (shown,) = person(alice).get(f"{API}/units").json()["results"]
    assert (shown["uuid"], shown["code"], shown["time_zone"]) == (str(unit_a.uuid), "A", "Europe/London")
    assert "id" not in shown
    assert "pk" not in shown


def test_another_unit_is_404_as_one_that_does_not_exist(alice: Any, unit_b: Unit) -> None:
    theirs = problem_of(person(alice).get(f"{API}/units/{unit_b.uuid}"), 404)
    nobodys = problem_of(person(alice).get(f"{API}/units/00000000-0000-4000-8000-000000000000"), 404)
    assert theirs["detail"] == nobodys["detail"]


def test_a_key_sees_all_of_its_units(unit_a: Unit, unit_b: Unit) -> None:
    codes = [unit["code"] for unit in machine(unit_a, unit_b).get(f"{API}/units").json()["results"]]
    assert codes == ["A", "B"]


def test_a_filter_that_does_not_exist_is_refused_not_overlooked(alice: Any) -> None:
    body = problem_of(person(alice).get(f"{API}/units?code=A"), 400)
    assert body["errors"][0]["place"] == "code"
