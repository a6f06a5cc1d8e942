"""Units, members, keys and rule sets: a secret is shown once, and nobody reaches beyond the own unit."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from monitoring.models import ApiKey, Membership, Patient, RuleSet, Unit
from monitoring.rules.catalogue import RULES
from monitoring.services.access import create_api_key, find_api_key
from tests.builders import add_patient
from tests.monitoring.admin.desk import add_member, desk_of, text_of

pytestmark = pytest.mark.django_db
KEYS = "/admin/monitoring/apikey/"
MEMBERS = "/admin/monitoring/membership/"


@pytest.fixture
def manager(unit_a: Unit) -> User:
    """Maud, manager of unit A."""
    return add_member(unit_a, "manager", "maud")


def secret_in(page: str) -> str:
    found = re.search(r"cw_[\w-]{40,}", page)
    return found[0] if found else ""


def test_the_secret_of_a_key_is_shown_once_and_works(unit_a: Unit, manager: User) -> None:
    desk = desk_of(manager)

    made = desk.post(f"{KEYS}add/", {"name": "Lab", "scopes": ["facts:write"], "units": [unit_a.pk]})

    secret = secret_in(text_of(made))
    key = ApiKey.objects.get()
    assert find_api_key(secret, now=timezone.now()) == key
    assert "no-store" in made["Cache-Control"]
    assert secret not in str(ApiKey.objects.values())
    for address in (KEYS, f"{KEYS}{key.pk}/change/", f"{KEYS}add/"):
        assert secret_in(text_of(desk.get(address))) == ""


def test_a_key_for_another_unit_cannot_be_made(unit_a: Unit, unit_b: Unit, manager: User) -> None:
    desk_of(manager).post(f"{KEYS}add/", {"name": "Lab", "scopes": ["facts:read"], "units": [unit_a.pk, unit_b.pk]})

    assert not ApiKey.objects.exists()


def test_a_revoked_key_opens_nothing(unit_a: Unit, manager: User) -> None:
    made = create_api_key(name="Lab", scopes=["facts:read"], units=[unit_a], expires_at=None, created_by=manager)
    desk = desk_of(manager)
    address = f"{KEYS}{made.key.pk}/revoke/"

    desk.get(address)
    assert find_api_key(made.secret, now=timezone.now()) is not None
    desk.post(address)
    assert find_api_key(made.secret, now=timezone.now()) is None


def test_a_key_that_reaches_further_is_not_the_managers_to_see_or_revoke(
    unit_a: Unit, unit_b: Unit, manager: User
) -> None:
    made = create_api_key(name="Both", scopes=["facts:read"], units=[unit_a, unit_b], expires_at=None, created_by=None)
    desk = desk_of(manager)

    assert "Both" not in text_of(desk.get(KEYS))
    assert desk.post(f"{KEYS}{made.key.pk}/revoke/").status_code == 404
    assert find_api_key(made.secret, now=timezone.now()) is not None


@pytest.mark.parametrize("address", [KEYS, f"{KEYS}add/", MEMBERS, f"{MEMBERS}add/"])
@pytest.mark.parametrize("role", ["nurse", "nephrologist", "auditor"])
def test_keys_and_members_are_the_managers_alone(unit_a: Unit, role: str, address: str) -> None:
    response = desk_of(add_member(unit_a, role, "other")).get(address)

    assert response.status_code in (403, 404)


def test_a_member_is_added_by_name_and_found_in_no_list(unit_a: Unit, manager: User, bob: User) -> None:
    desk = desk_of(manager)
    form: dict[str, Any] = {"unit": unit_a.pk, "role": "nurse"}

    assert "bob" not in text_of(desk.get(f"{MEMBERS}add/"))
    assert "no active user" in text_of(desk.post(f"{MEMBERS}add/", form | {"username": "nobody"}))
    desk.post(f"{MEMBERS}add/", form | {"username": "bob"})
    assert Membership.objects.filter(user=bob, unit=unit_a, role="nurse").exists()
    assert "has a role in this unit already" in text_of(desk.post(f"{MEMBERS}add/", form | {"username": "bob"}))


def test_a_manager_cannot_make_anybody_a_member_of_another_unit(unit_b: Unit, manager: User, carol: User) -> None:
    desk_of(manager).post(f"{MEMBERS}add/", {"unit": unit_b.pk, "role": "nephrologist", "username": "carol"})

    assert not Membership.objects.filter(user=carol).exists()


def test_a_limit_of_the_unit_that_rules_read_makes_its_patients_due(unit_a: Unit, unit_b: Unit) -> None:
    mine, theirs = add_patient(unit_a), add_patient(unit_b)
    root = User.objects.create_superuser("root")
    form = {
        "code": "A", "name": "Unit A", "time_zone": "Europe/London", "display_units": "conventional",
        "pth_upper_limit": "", "mineral_interval_days": 92, "pth_interval_days": 183, "alp_interval_days": 365,
        "dose_interval_days": 45,
    }  # fmt: skip
    address = f"/admin/monitoring/unit/{unit_a.pk}/change/"

    desk_of(root).post(address, form | {"name": "Unit A, ground floor"})
    assert Patient.objects.get(pk=mine.pk).facts_version == 1

    desk_of(root).post(address, form | {"mineral_interval_days": 31})
    assert Patient.objects.get(pk=mine.pk).facts_version == 2
    assert Patient.objects.get(pk=theirs.pk).facts_version == 1


def test_members_read_their_unit_and_change_nothing_of_it(unit_a: Unit, manager: User) -> None:
    desk = desk_of(manager)
    address = f"/admin/monitoring/unit/{unit_a.pk}/change/"

    assert "Unit A" in text_of(desk.get(address))
    assert desk.post(address, {"name": "Mine"}).status_code == 403


def test_the_rules_are_there_to_read_with_limits_and_sources(alice: User) -> None:
    page = text_of(desk_of(alice).get("/admin/rules/"))

    assert all(f'id="{rule.code}"' in page for rule in RULES)
    assert "5.5 mg/dL" in page
    assert "Tentori F" in page
    assert "expert default, uncalibrated" in page


def test_the_rules_page_shows_the_limits_in_force_and_says_where_they_differ(alice: User) -> None:
    RuleSet.objects.update(overrides={"L01": {"limit": 5.2}})

    page = text_of(desk_of(alice).get("/admin/rules/"))

    assert "5.2 mg/dL" in page
    assert "(default 5.5)" in page


def test_a_rule_set_cannot_be_changed_here(alice: User) -> None:
    rule_set = RuleSet.objects.get()
    address = f"/admin/monitoring/ruleset/{rule_set.pk}"

    assert desk_of(alice).get(f"{address}/change/").status_code == 200
    assert desk_of(alice).post(f"{address}/change/", {"note": "mine"}).status_code == 403
    assert desk_of(alice).post(f"{address}/delete/", {"post": "yes"}).status_code == 403
