"""Events and notifications: read only, but what failed can be sent again, and nothing is sent twice."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from alerts.models import Alert, AlertEvent, Notification
from alerts.services.evaluating import evaluate_patients
from monitoring.models import Unit
from tests.builders import NOW, add_finding, add_patient
from tests.monitoring.admin.desk import add_member, desk_of, said, text_of

pytestmark = pytest.mark.django_db
LIST = "/admin/alerts/notification/"


@pytest.fixture
def manager(unit_a: Unit) -> User:
    """Maud, manager of unit A."""
    return add_member(unit_a, "manager", "maud")


def told(unit: Unit) -> list[Notification]:
    """The notifications of a new critical alert of `unit`."""
    patient = add_patient(unit)
    add_finding(patient, "spastic_gait", "general", "unknown", days_ago=1)
    evaluate_patients([patient.pk], as_of=NOW)
    return list(Notification.objects.filter(event__unit=unit))


def test_what_failed_is_put_back_and_what_was_sent_is_not(unit_a: Unit, alice: User, manager: User) -> None:
    first, *_ = told(unit_a)
    event = first.event
    sent = Notification.objects.create(
        event=event, channel="other", recipient=alice, status="sent", sent_at=NOW, next_attempt_at=NOW, created_at=NOW
    )
    Notification.objects.filter(pk=first.pk).update(status="failed", attempts=7, last_error="refused")

    response = desk_of(manager).post(
        LIST, {"action": "send_again", "_selected_action": [first.pk, sent.pk]}, follow=True
    )

    first.refresh_from_db()
    sent.refresh_from_db()
    assert (first.status, first.attempts, first.last_error) == ("pending", 0, "")
    assert first.next_attempt_at <= timezone.now()
    assert sent.status == "sent"
    assert "1 will be sent again" in said(response)


def test_failed_ones_of_another_unit_are_neither_seen_nor_sent(
    unit_a: Unit, unit_b: Unit, bob: User, manager: User
) -> None:
    row, *_ = told(unit_b)
    Notification.objects.filter(pk=row.pk).update(status="failed")
    desk = desk_of(manager)

    desk.post(LIST, {"action": "send_again", "_selected_action": [row.pk]})

    row.refresh_from_db()
    assert row.status == "failed"
    assert bob.username not in text_of(desk.get(LIST))


def test_events_are_read_and_never_written(unit_a: Unit, alice: User, manager: User) -> None:
    told(unit_a)
    event = AlertEvent.objects.order_by("seq")[0]
    desk = desk_of(manager)
    address = "/admin/alerts/alertevent/"

    assert "opened" in text_of(desk.get(address))
    assert desk.get(f"{address}{event.pk}/change/").status_code == 200
    assert desk.post(f"{address}{event.pk}/change/", {"reason": "another story"}).status_code == 403
    assert desk.post(f"{address}{event.pk}/delete/", {"post": "yes"}).status_code == 403
    assert desk.get(f"{address}add/").status_code == 403
    assert AlertEvent.objects.get(pk=event.pk).reason == event.reason
    assert Alert.objects.exists()
