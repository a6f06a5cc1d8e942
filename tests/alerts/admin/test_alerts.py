"""Alerts on the screens: the page explains, and only allowed moves go through, with a plan or an outcome."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from alerts.lifecycle import Action
from alerts.models import Alert, AlertEvent
from alerts.services.evaluating import evaluate_patients
from alerts.services.transitions import change_alert
from monitoring.models import Patient, Unit
from tests.builders import NOW, add_finding, add_lab, add_patient
from tests.monitoring.admin.desk import add_member, desk_of, queries_of, said, text_of

pytestmark = pytest.mark.django_db
LIST = "/admin/alerts/alert/"


@pytest.fixture
def nephrologist(unit_a: Unit) -> User:
    """Nadia, nephrologist of unit A."""
    return add_member(unit_a, "nephrologist", "nadia")


def alerts_of(unit: Unit, patients: int = 1) -> list[Alert]:
    """Phosphate alerts (L01 and L02) of new patients of `unit`."""
    for _ in range(patients):
        patient = add_patient(unit)
        for days in (90, 60, 30):
            add_lab(patient, "phosphate", "7.6", days_ago=days)
    evaluate_patients(Patient.objects.filter(unit=unit).values_list("id", flat=True), as_of=NOW)
    return list(Alert.objects.filter(unit=unit, rule="L02").order_by("pk"))


def page_of(alert: Alert) -> str:
    return f"{LIST}{alert.pk}/change/"


def answer(alert: Alert, **fields: Any) -> dict[str, Any]:
    return {"apply": "1", f"version_{alert.pk}": alert.version, **fields}


def test_the_page_says_why_with_values_as_sent_and_what_would_clear_it(unit_a: Unit, alice: User) -> None:
    (alert,) = alerts_of(unit_a)

    page = text_of(desk_of(alice).get(page_of(alert)))

    assert alert.sentence in page
    assert "7.6 mg/dL" in page
    assert "Before dialysis" in page
    assert alert.clears_when in page
    assert "Tentori F" in page
    assert "the rule became true" in page


def test_missing_inputs_are_named_on_the_page(unit_a: Unit, alice: User) -> None:
    patient = add_patient(unit_a)
    add_finding(patient, "mass", "hip", days_ago=1)
    evaluate_patients([patient.pk], as_of=NOW)

    page = text_of(desk_of(alice).get(page_of(Alert.objects.get(rule="M02"))))

    assert "phosphate, corrected calcium, PTH" in page
    assert "Missing is never read as normal" in page


def test_another_units_alert_does_not_exist_for_alice(unit_b: Unit, alice: User) -> None:
    (alert,) = alerts_of(unit_b)
    desk = desk_of(alice)

    response = desk.get(page_of(alert), follow=True)

    assert response.redirect_chain
    assert alert.patient.family_name not in text_of(response)
    assert desk.get(f"{LIST}{alert.pk}/acknowledge/").status_code == 404
    assert alert.patient.family_name not in text_of(desk.get(f"{LIST}?state=all"))


def test_a_nurse_acknowledges_with_a_plan(unit_a: Unit, alice: User) -> None:
    (alert,) = alerts_of(unit_a)

    response = desk_of(alice).post(
        f"{LIST}{alert.pk}/acknowledge/", answer(alert, reason="Dietitian on Monday"), follow=True
    )

    alert.refresh_from_db()
    event = AlertEvent.objects.order_by("-seq")[0]
    assert alert.workflow == "acknowledged"
    assert (event.type, event.actor, event.reason) == ("acknowledged", alice, "Dietitian on Monday")
    assert "1 alert is changed" in said(response)


def test_without_a_plan_nothing_is_acknowledged(unit_a: Unit, alice: User) -> None:
    (alert,) = alerts_of(unit_a)

    page = text_of(desk_of(alice).post(f"{LIST}{alert.pk}/acknowledge/", answer(alert, reason="  ")))

    alert.refresh_from_db()
    assert alert.workflow == "open"
    assert "Please say it in a few words" in page


def test_a_nurse_cannot_resolve_in_any_way(unit_a: Unit, alice: User) -> None:
    (alert,) = alerts_of(unit_a)
    desk = desk_of(alice)

    assert f"{alert.pk}/resolve/" not in text_of(desk.get(page_of(alert)))
    assert 'value="resolve"' not in text_of(desk.get(LIST))
    sent = answer(alert, reason="x", outcome="treated")
    assert desk.post(f"{LIST}{alert.pk}/resolve/", sent).status_code == 404
    desk.post(LIST, {"action": "resolve", "_selected_action": [alert.pk], **sent})

    alert.refresh_from_db()
    assert alert.workflow == "open"


def test_a_nephrologist_must_say_how_it_ended(unit_a: Unit, nephrologist: User) -> None:
    (alert,) = alerts_of(unit_a)
    desk = desk_of(nephrologist)
    address = f"{LIST}{alert.pk}/resolve/"

    assert "Please say how it ended" in text_of(desk.post(address, answer(alert, reason="Binder doubled")))
    alert.refresh_from_db()
    assert alert.workflow == "open"

    desk.post(address, answer(alert, reason="Binder doubled", outcome="treated"))
    alert.refresh_from_db()
    assert (alert.workflow, alert.outcome) == ("resolved", "treated")


def test_an_alert_that_somebody_changed_meanwhile_is_left_alone_and_that_is_said(
    unit_a: Unit, alice: User, nephrologist: User
) -> None:
    (alert,) = alerts_of(unit_a)
    seen = answer(alert, reason="My plan")
    change_alert(alert, action=Action.NOTE, now=timezone.now(), actor=nephrologist, reason="Called the patient")

    response = desk_of(alice).post(f"{LIST}{alert.pk}/acknowledge/", seen, follow=True)

    alert.refresh_from_db()
    assert alert.workflow == "open"
    assert "somebody has changed this alert since you looked" in said(response)


def test_a_form_that_comes_back_with_an_error_keeps_the_version_that_was_looked_at(
    unit_a: Unit, alice: User, nephrologist: User
) -> None:
    (alert,) = alerts_of(unit_a)
    seen = alert.version
    change_alert(alert, action=Action.NOTE, now=timezone.now(), actor=nephrologist, reason="Called the patient")

    page = text_of(
        desk_of(alice).post(f"{LIST}{alert.pk}/acknowledge/", {"apply": "1", f"version_{alert.pk}": seen, "reason": ""})
    )

    assert f'name="version_{alert.pk}" value="{seen}"' in page


def test_a_snooze_beyond_the_longest_time_is_refused_in_words(unit_a: Unit, alice: User) -> None:
    (alert,) = alerts_of(unit_a)
    far = f"{timezone.now() + timedelta(days=300):%Y-%m-%dT%H:%M}"

    response = desk_of(alice).post(
        f"{LIST}{alert.pk}/snooze/", answer(alert, reason="On holiday", until=far), follow=True
    )

    alert.refresh_from_db()
    assert alert.workflow == "open"
    assert "it cannot be quiet for so long" in said(response)


def test_many_are_acknowledged_at_once_each_with_its_own_event(unit_a: Unit, alice: User) -> None:
    alerts = alerts_of(unit_a, patients=3)
    desk = desk_of(alice)
    chosen = {"action": "acknowledge", "_selected_action": [alert.pk for alert in alerts]}

    asked = text_of(desk.post(LIST, chosen))
    versions = {f"version_{alert.pk}": alert.version for alert in alerts}
    response = desk.post(LIST, {**chosen, **versions, "apply": "1", "reason": "Ward round on Friday"}, follow=True)

    assert "Plan" in asked
    assert all(alert.patient.family_name in asked for alert in alerts)
    assert "3 alerts are changed" in said(response)
    events = AlertEvent.objects.filter(type="acknowledged", reason="Ward round on Friday")
    assert sorted(events.values_list("alert_id", flat=True)) == [alert.pk for alert in alerts]


def test_another_units_alert_cannot_be_slipped_into_a_bulk_action(unit_a: Unit, unit_b: Unit, alice: User) -> None:
    (mine,), (theirs,) = alerts_of(unit_a), alerts_of(unit_b)

    desk_of(alice).post(
        LIST,
        {
            "action": "acknowledge",
            "_selected_action": [mine.pk, theirs.pk],
            "apply": "1",
            "reason": "x",
            f"version_{mine.pk}": mine.version,
            f"version_{theirs.pk}": theirs.version,
        },
    )

    theirs.refresh_from_db()
    assert theirs.workflow == "open"


def test_it_can_be_assigned_to_a_member_of_the_unit_only(
    unit_a: Unit, nephrologist: User, alice: User, bob: User
) -> None:
    (alert,) = alerts_of(unit_a)
    desk = desk_of(nephrologist)
    address = f"{LIST}{alert.pk}/assign/"

    desk.post(address, answer(alert, assignee=bob.pk))
    alert.refresh_from_db()
    assert alert.assigned_to is None

    desk.post(address, answer(alert, assignee=alice.pk))
    alert.refresh_from_db()
    assert alert.assigned_to == alice


@pytest.mark.parametrize("address", [LIST, f"{LIST}?state=all", f"{LIST}?rule=L02&severity__exact=1"])
def test_thirty_rows_need_no_more_queries_than_three(unit_a: Unit, alice: User, address: str) -> None:
    desk = desk_of(alice)
    alerts_of(unit_a, patients=2)
    few = queries_of(lambda: desk.get(address))
    alerts_of(unit_a, patients=13)

    assert queries_of(lambda: desk.get(address)) == few <= 18


def test_alerts_can_neither_be_added_nor_deleted(unit_a: Unit, nephrologist: User) -> None:
    (alert,) = alerts_of(unit_a)
    desk = desk_of(nephrologist)

    assert desk.get(f"{LIST}add/").status_code == 403
    assert desk.post(f"{LIST}{alert.pk}/delete/", {"post": "yes"}).status_code == 403
