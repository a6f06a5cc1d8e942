"""Telling people: once, to the right ones, with patience, never with a patient's name, and parked when it cannot be."""

from __future__ import annotations

from datetime import datetime, timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPServerDisconnected

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.mail import EmailMessage

from alerts.models import Alert, AlertEvent, Notification
from alerts.services import outbox
from alerts.services.evaluating import evaluate_patients
from alerts.services.events import fill_outbox
from alerts.services.outbox import LEASE, MOST_ATTEMPTS, RETRY_AFTER, deliver_notification, due_notifications
from monitoring.models import Membership, Patient, Unit
from monitoring.services.recording import resolve_finding, withdraw_finding
from tests.builders import NOW, add_finding, add_lab, add_patient

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def staff(unit: Unit, name: str, role: str, **about: object) -> User:
    user = User.objects.create_user(name, email=about.pop("email", f"{name}@example.org"), **about)  # type: ignore[arg-type]
    Membership.objects.create(user=user, unit=unit, role=role)
    return user


@pytest.fixture
def doctor(unit_a: Unit) -> User:
    return staff(unit_a, "dora", "nephrologist")


@pytest.fixture
def patient(unit_a: Unit) -> Patient:
    return add_patient(unit_a, mrn="MRN-4711", family_name="Ravensworth", given_name="Philippa")


@pytest.fixture
def waiting(doctor: User, patient: Patient) -> Notification:
    """One message about a mass that waits for Dora."""
    add_finding(patient, "mass", "hip", "right")
    evaluate_patients([patient.pk], as_of=NOW)
    return Notification.objects.get()


def told(kind: str) -> list[str]:
    return sorted(Notification.objects.filter(event__type=kind).values_list("recipient__username", flat=True))


def failing(monkeypatch: pytest.MonkeyPatch, problem: Exception) -> None:
    def send(self: EmailMessage, **_: object) -> int:
        raise problem

    monkeypatch.setattr(EmailMessage, "send", send)


# --- To whom ---


def test_an_urgent_alert_is_told_to_the_doctor_of_the_unit_and_to_nobody_else(
    waiting: Notification, unit_b: Unit, alice: User
) -> None:
    assert (waiting.recipient.username, waiting.channel, waiting.status) == ("dora", "email", "pending")


def test_nobody_of_another_unit_nor_without_a_unit_is_told(
    patient: Patient, alice: User, bob: User, carol: User
) -> None:
    staff(Unit.objects.get(code="B"), "boris", "nephrologist")
    add_finding(patient, "limb_weakness", "neck", "")
    evaluate_patients([patient.pk], as_of=NOW)
    assert Alert.objects.get(rule="S03").severity == 3
    assert told("opened") == ["alice"]


@pytest.mark.parametrize("about", [{"email": ""}, {"is_active": False}])
def test_who_has_no_address_or_has_left_is_not_told(unit_a: Unit, patient: Patient, about: dict[str, object]) -> None:
    staff(unit_a, "dora", "nephrologist", **about)
    add_finding(patient, "mass", "hip", "right")
    evaluate_patients([patient.pk], as_of=NOW)
    assert not Notification.objects.exists()


def test_an_event_told_a_second_time_adds_nothing(waiting: Notification) -> None:
    fill_outbox([waiting.event])
    assert Notification.objects.count() == 1


def test_a_retraction_is_told_to_exactly_those_who_were_told_before(
    waiting: Notification, unit_a: Unit, patient: Patient
) -> None:
    deliver_notification(waiting.pk, now=NOW)
    staff(unit_a, "newcomer", "nephrologist")
    withdraw_finding(patient.findings.get(), now=NOW + MINUTE)
    evaluate_patients([patient.pk], as_of=NOW + 2 * MINUTE)
    assert told("retracted") == ["dora"]
    assert told("opened") == ["dora"]


def test_who_could_not_be_reached_at_first_is_not_told_of_the_retraction(
    waiting: Notification, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, SMTPRecipientsRefused({"dora@example.org": (550, b"no such user")}))
    assert deliver_notification(waiting.pk, now=NOW) == "failed"
    withdraw_finding(patient.findings.get(), now=NOW + MINUTE)
    evaluate_patients([patient.pk], as_of=NOW + 2 * MINUTE)
    assert told("retracted") == []


def test_who_heard_that_it_had_cleared_hears_that_it_is_true_again(waiting: Notification, patient: Patient) -> None:
    """Nobody may go on believing the last message when it is no longer so."""
    first = patient.findings.get()
    resolve_finding(first, resolved_at=NOW + 10 * MINUTE, now=NOW + 10 * MINUTE)
    evaluate_patients([patient.pk], as_of=NOW + 20 * MINUTE)
    assert told("cleared") == ["dora"]
    add_finding(patient, "mass", "hip", "right", days_ago=-1)
    evaluate_patients([patient.pk], as_of=NOW + timedelta(days=1))
    assert AlertEvent.objects.filter(alert__rule="S01").order_by("seq").last().type == "became_active"  # type: ignore[union-attr]
    assert told("became_active") == ["dora"]


def test_data_that_come_back_after_a_gap_are_no_news(doctor: User, patient: Patient) -> None:
    add_lab(patient, "calcium", 13.0, days_ago=0)
    add_lab(patient, "albumin", 4.0, days_ago=0)
    evaluate_patients([patient.pk], as_of=NOW)
    assert told("opened") == ["dora"]
    evaluate_patients([patient.pk], as_of=NOW + timedelta(days=200))
    assert Alert.objects.get(rule="L05").condition == "indeterminate"
    for analyte, value in (("calcium", 12.9), ("albumin", 4.0)):
        add_lab(patient, analyte, value, days_ago=-201)
    evaluate_patients([patient.pk], as_of=NOW + timedelta(days=201))
    assert Alert.objects.get(rule="L05").condition == "active"
    assert told("became_active") == []


# --- What the message says ---


def test_a_message_names_no_patient_no_number_and_no_value(doctor: User, patient: Patient) -> None:
    add_finding(patient, "mass", "hip", "right")
    add_lab(patient, "calcium", 14.7)
    add_lab(patient, "albumin", 4.0)
    evaluate_patients([patient.pk], as_of=NOW)
    for pk in due_notifications(now=NOW):
        deliver_notification(pk, now=NOW)
    assert len(mail.outbox) == 2
    for message in mail.outbox:
        said = f"{message.subject}\n{message.body}\n{message.extra_headers}"
        for secret in ("Ravensworth", "Philippa", "MRN-4711", "14.7", str(patient.uuid), "hip", "right"):
            assert secret.lower() not in said.lower()
        assert message.to == ["dora@example.org"]
        assert "Unit A" in message.body
        assert "does not make a diagnosis" in message.body


def test_a_message_says_which_rule_how_bad_and_where_to_look(waiting: Notification) -> None:
    deliver_notification(waiting.pk, now=NOW)
    (message,) = mail.outbox
    assert message.subject == "CalciWatch A: new alert, urgent"
    assert "S01" in message.body
    assert f"/alert/{waiting.event.alert_id}/" in message.body
    assert str(waiting.event.uuid) in message.extra_headers["Message-ID"]


# --- When ---


def test_it_is_sent_before_it_is_marked_as_sent(waiting: Notification, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, object]] = []

    def look(self: EmailMessage, **_: object) -> int:
        row = Notification.objects.get(pk=waiting.pk)
        seen.append((row.status, row.sent_at))
        return 1

    monkeypatch.setattr(EmailMessage, "send", look)
    assert deliver_notification(waiting.pk, now=NOW) == "sent"
    assert seen == [("leased", None)]
    waiting.refresh_from_db()
    assert (waiting.status, waiting.sent_at, waiting.leased_until) == ("sent", NOW, None)


def test_what_is_sent_is_not_sent_again(waiting: Notification) -> None:
    assert [deliver_notification(waiting.pk, now=NOW) for _ in range(3)] == ["sent", "not ours", "not ours"]
    assert deliver_notification(waiting.pk, now=NOW + timedelta(days=9)) == "not ours"
    assert len(mail.outbox) == 1


def test_a_worker_killed_between_lease_and_sending_loses_nothing(
    waiting: Notification, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL cannot be caught: here it is an exception that nobody catches."""
    with monkeypatch.context() as patched:
        failing(patched, _Killed())  # type: ignore[arg-type]
        with pytest.raises(_Killed):
            deliver_notification(waiting.pk, now=NOW)
    assert deliver_notification(waiting.pk, now=NOW + LEASE - MINUTE) == "not ours"
    assert due_notifications(now=NOW + LEASE - MINUTE) == []
    assert due_notifications(now=NOW + LEASE) == [waiting.pk]
    assert deliver_notification(waiting.pk, now=NOW + LEASE) == "sent"
    assert len(mail.outbox) == 1


class _Killed(BaseException):
    pass


def test_a_worker_that_outlives_its_lease_does_not_undo_the_next_one(
    waiting: Notification, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slow one fails in the end; the message that the other has sent meanwhile must not go out again."""
    turns: list[str] = []

    def send(self: EmailMessage, **_: object) -> int:
        if not turns:
            turns.append("slow")
            turns.append(deliver_notification(waiting.pk, now=NOW + LEASE))
            raise SMTPServerDisconnected("too late")
        return 1

    monkeypatch.setattr(EmailMessage, "send", send)
    deliver_notification(waiting.pk, now=NOW)
    assert turns == ["slow", "sent"]
    waiting.refresh_from_db()
    assert (waiting.status, waiting.last_error) == ("sent", "")
    assert due_notifications(now=NOW + timedelta(days=2)) == []


@pytest.mark.parametrize("problem", [SMTPServerDisconnected("gone"), ConnectionRefusedError(), TimeoutError()])
def test_a_passing_failure_is_tried_again_at_the_stated_times_and_then_parked(
    waiting: Notification, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    failing(monkeypatch, problem)
    now, waits = NOW, []
    while True:
        answer = deliver_notification(waiting.pk, now=now)
        waiting.refresh_from_db()
        if answer == "failed":
            break
        assert (answer, waiting.status, waiting.sent_at) == ("retry", "pending", None)
        assert due_notifications(now=waiting.next_attempt_at - timedelta(seconds=1)) == []
        assert deliver_notification(waiting.pk, now=waiting.next_attempt_at - timedelta(seconds=1)) == "not ours"
        waits.append(waiting.next_attempt_at - now)
        now = waiting.next_attempt_at
    assert waits == list(RETRY_AFTER)
    assert waits == sorted(waits)
    assert (waiting.status, waiting.attempts) == ("failed", MOST_ATTEMPTS)
    assert type(problem).__name__ in waiting.last_error
    assert due_notifications(now=now + timedelta(days=30)) == []


def test_a_server_that_comes_back_gets_the_message_once(waiting: Notification, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        failing(patched, ConnectionRefusedError())
        deliver_notification(waiting.pk, now=NOW)
    waiting.refresh_from_db()
    assert deliver_notification(waiting.pk, now=waiting.next_attempt_at) == "sent"
    waiting.refresh_from_db()
    assert (waiting.last_error, len(mail.outbox)) == ("", 1)


def test_an_address_that_is_refused_for_good_is_parked_at_once(
    waiting: Notification, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, SMTPRecipientsRefused({"dora@example.org": (550, b"no such user")}))
    assert deliver_notification(waiting.pk, now=NOW) == "failed"
    waiting.refresh_from_db()
    assert (waiting.status, waiting.attempts) == ("failed", 1)
    assert "refuses the address" in waiting.last_error


def test_an_address_that_is_refused_for_now_is_tried_again(
    waiting: Notification, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Greylisting answers 451 to whom it does not know yet."""
    failing(monkeypatch, SMTPRecipientsRefused({"dora@example.org": (451, b"try again later")}))
    assert deliver_notification(waiting.pk, now=NOW) == "retry"
    failing(monkeypatch, SMTPDataError(452, b"full"))
    assert deliver_notification(waiting.pk, now=NOW + MINUTE) == "retry"


def test_who_has_lost_the_address_meanwhile_is_parked_at_once(waiting: Notification) -> None:
    User.objects.filter(username="dora").update(email="")
    assert deliver_notification(waiting.pk, now=NOW) == "failed"
    assert not mail.outbox


def test_a_message_that_kills_every_worker_is_given_up_in_the_end(
    waiting: Notification, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, _Killed())  # type: ignore[arg-type]
    now: datetime = NOW
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(_Killed):
            deliver_notification(waiting.pk, now=now)
        now += LEASE
    assert deliver_notification(waiting.pk, now=now) == "failed"
    waiting.refresh_from_db()
    assert waiting.status == "failed"
    assert "worker" in waiting.last_error


def test_the_oldest_go_first_and_no_more_than_asked_for(waiting: Notification, patient: Patient, unit_a: Unit) -> None:
    for number in range(3):
        staff(unit_a, f"n{number}", "nephrologist")
    add_finding(patient, "mass", "shoulder", "left")
    evaluate_patients([patient.pk], as_of=NOW + MINUTE)
    assert due_notifications(now=NOW) == [waiting.pk]
    due = due_notifications(now=NOW + MINUTE, limit=3)
    assert len(due) == 3
    assert due[0] == waiting.pk


def test_every_channel_a_row_can_name_exists(waiting: Notification) -> None:
    assert waiting.channel in outbox.CHANNELS
