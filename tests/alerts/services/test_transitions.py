"""What people do to alerts in the database, what it leaves behind, and what the machine does about it afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from alerts.lifecycle import TRANSITIONS, Action, Workflow
from alerts.models import Alert, AlertEvent
from alerts.services.evaluating import evaluate_patients
from alerts.services.transitions import change_alert, end_quiet_times
from monitoring.errors import Conflict, DomainError, InvalidValue, StaleVersion
from monitoring.models import LabResult, Patient, Unit
from monitoring.services.facts import raise_facts_version
from tests.builders import NOW, add_finding, add_lab, add_patient

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def patient(unit_a: Unit) -> Patient:
    return add_patient(unit_a)


@pytest.fixture
def alert(patient: Patient) -> Alert:
    """A phosphate of 9.4: L02, watch."""
    add_lab(patient, "phosphate", 9.4)
    judge(patient)
    return Alert.objects.get(rule="L02")


def judge(patient: Patient, *, days: float = 0) -> None:
    evaluate_patients([patient.pk], as_of=NOW + timedelta(days=days))


def act(alert: Alert, action: Action, *, days: float = 0, **asked: object) -> Alert:
    defaults: dict[str, object] = {"actor": None, "reason": "a plan", "now": NOW + timedelta(days=days)}
    if action is Action.RESOLVE:
        defaults["outcome"] = "treated"
    return change_alert(alert, action=action, **(defaults | asked))  # type: ignore[arg-type]


def now(alert: Alert) -> tuple[str, str, int]:
    alert.refresh_from_db()
    return alert.workflow, alert.condition, alert.severity


def events(alert: Alert) -> list[str]:
    return list(AlertEvent.objects.filter(alert=alert).order_by("seq").values_list("type", flat=True))


STEPS = {
    Workflow.OPEN: [],
    Workflow.ACKNOWLEDGED: [Action.ACKNOWLEDGE],
    Workflow.SNOOZED: [Action.SNOOZE],
    Workflow.RESOLVED: [Action.RESOLVE],
}


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("state", Workflow)
def test_every_pair_of_state_and_action_moves_with_one_event_or_is_refused_without_any(
    alert: Alert, state: Workflow, action: Action
) -> None:
    for step in STEPS[state]:
        alert = act(alert, step)
    before, version = events(alert), alert.version
    after = TRANSITIONS.get((state, action))
    if after is None:
        with pytest.raises(Conflict) as refused:
            act(alert, action)
        assert action.value not in refused.value.context["allowed"]
        alert.refresh_from_db()
        assert (alert.workflow, alert.version, events(alert)) == (state.value, version, before)
        return
    changed = act(alert, action)
    alert.refresh_from_db()
    assert changed.version == alert.version == version + 1
    assert alert.workflow == after.value
    event = AlertEvent.objects.filter(alert=alert).order_by("seq").last()
    assert event is not None
    assert (len(events(alert)), event.alert_version, event.reason) == (len(before) + 1, version + 1, "a plan")
    assert (event.before["workflow"], event.after["workflow"]) == (state.value, after.value)


def test_the_event_says_who_did_it_and_why(alert: Alert, alice: User) -> None:
    act(alert, Action.ACKNOWLEDGE, actor=alice, reason="  dietitian on Tuesday ")
    event = AlertEvent.objects.get(type="acknowledged")
    assert (event.actor, event.actor_name, event.reason) == (alice, "Alice", "dietitian on Tuesday")


@pytest.mark.parametrize(
    ("action", "asked", "code"),
    [
        (Action.ACKNOWLEDGE, {"reason": " "}, "reason-required"),
        (Action.ACKNOWLEDGE, {"until": NOW}, "until-in-the-past"),
        (Action.ACKNOWLEDGE, {"until": NOW + 91 * DAY}, "until-too-far"),
        (Action.SNOOZE, {"until": NOW + 31 * DAY}, "until-too-far"),
        (Action.RESOLVE, {"outcome": ""}, "outcome-required"),
        (Action.RESOLVE, {"outcome": "retracted"}, "outcome-required"),
    ],
)
def test_what_is_refused_leaves_the_alert_and_the_feed_as_they_were(
    alert: Alert, action: Action, asked: dict[str, object], code: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        act(alert, action, **asked)
    assert refused.value.code == code
    assert now(alert) == ("open", "active", 1)
    assert events(alert) == ["opened"]


def test_who_looked_at_an_older_version_is_told_so(alert: Alert) -> None:
    looked_at = Alert.objects.get(pk=alert.pk)
    act(alert, Action.NOTE)
    with pytest.raises(StaleVersion) as refused:
        act(looked_at, Action.RESOLVE)
    assert refused.value.context == {"expected": 1, "current": 2}
    assert now(alert)[0] == "open"


def test_an_alert_is_not_given_to_somebody_of_another_unit(alert: Alert, alice: User, bob: User, carol: User) -> None:
    for stranger in (bob, carol):
        with pytest.raises(InvalidValue, match="not a member"):
            act(alert, Action.ASSIGN, assignee=stranger)
    assert act(alert, Action.ASSIGN, assignee=alice, reason="").assigned_to == alice


# --- The end of quiet ---


@pytest.mark.parametrize(
    ("action", "length"), [(Action.ACKNOWLEDGE, timedelta(days=90)), (Action.SNOOZE, timedelta(days=30))]
)
def test_quiet_ends_at_its_time_and_not_before(alert: Alert, action: Action, length: timedelta) -> None:
    act(alert, action)
    assert end_quiet_times(now=NOW + length - timedelta(seconds=1)) == 0
    assert end_quiet_times(now=NOW + length) == 1
    assert now(alert)[0] == "open"
    assert alert.quiet_until is None
    assert end_quiet_times(now=NOW + length) == 0
    assert events(alert)[-1] == "quiet_ended"


def test_what_is_resolved_meanwhile_is_not_opened_by_the_end_of_quiet(alert: Alert) -> None:
    act(act(alert, Action.SNOOZE), Action.RESOLVE)
    assert end_quiet_times(now=NOW + 99 * DAY) == 0
    assert now(alert)[0] == "resolved"


def test_more_than_one_chunk_of_quiet_times_ends(patient: Patient, alert: Alert) -> None:
    act(alert, Action.SNOOZE)
    other = add_patient(patient.unit)
    add_lab(other, "phosphate", 9.4)
    judge(other)
    act(Alert.objects.get(patient=other, rule="L02"), Action.SNOOZE)
    assert [end_quiet_times(now=NOW + 99 * DAY, limit=1) for _ in range(3)] == [1, 1, 0]


# --- What judging does to what people have done ---


@pytest.mark.parametrize("action", [Action.ACKNOWLEDGE, Action.SNOOZE])
def test_a_rise_of_severity_breaks_the_quiet(patient: Patient, action: Action) -> None:
    add_lab(patient, "calcium", 12.5)
    add_lab(patient, "albumin", 4.0)
    judge(patient)
    alert = Alert.objects.get(rule="L05")
    act(alert, action)
    assert now(alert) == (TRANSITIONS[Workflow.OPEN, action].value, "active", 2)
    add_lab(patient, "calcium", 14.5, days_ago=-1)
    add_lab(patient, "albumin", 4.0, days_ago=-1)
    judge(patient, days=1)
    assert now(alert) == ("open", "active", 3)
    assert alert.quiet_until is None
    assert events(alert)[-1] == "severity_raised"


def test_missing_data_keep_the_acknowledgement_and_make_the_condition_unknown(alert: Alert, patient: Patient) -> None:
    act(alert, Action.ACKNOWLEDGE, days=100, until=NOW + 150 * DAY)
    judge(patient, days=121)
    assert now(alert) == ("acknowledged", "indeterminate", 1)
    assert alert.outcome == ""


def test_what_a_person_resolved_is_quiet_for_35_days_though_still_true_and_then_opens_again(
    alert: Alert, patient: Patient
) -> None:
    act(alert, Action.RESOLVE)
    add_lab(patient, "phosphate", 9.6, days_ago=-20)
    for days in (0.1, 20.1, 34.9):
        judge(patient, days=days)
        assert Alert.objects.filter(rule="L02").count() == 1
        patient.refresh_from_db()
        assert patient.next_due is not None
        assert patient.next_due <= NOW + 35 * DAY
    assert now(alert)[0] == "resolved"
    judge(patient, days=35)
    again = Alert.objects.get(rule="L02", workflow="open")
    assert again.previous == alert
    assert events(again) == ["opened"]


def enter_and_leave(patient: Patient, *, start: float) -> None:
    """Two results that end L02, and one that begins it anew, a week apart."""
    for step, value in enumerate((5.0, 5.0, 9.6)):
        add_lab(patient, "phosphate", value, days_ago=-(start + 7 * step))
        judge(patient, days=start + 7 * step)


def test_true_again_within_35_days_is_a_new_episode_of_the_same_alert(alert: Alert, patient: Patient) -> None:
    act(alert, Action.RESOLVE, days=1)
    enter_and_leave(patient, start=7)
    assert now(alert)[:2] == ("open", "active")
    assert (alert.episode, alert.outcome, alert.resolved_at) == (2, "", None)
    assert Alert.objects.filter(rule="L02").count() == 1
    assert events(alert) == ["opened", "resolved", "reopened"]


def test_true_again_later_is_a_new_alert_that_points_to_the_old(alert: Alert, patient: Patient) -> None:
    act(alert, Action.RESOLVE, days=1)
    enter_and_leave(patient, start=40 - 14)
    new = Alert.objects.get(rule="L02", workflow="open")
    assert (new.previous, new.episode, events(new)) == (alert, 1, ["opened"])
    assert events(alert) == ["opened", "resolved"]


def test_worse_after_it_was_resolved_opens_at_once(patient: Patient) -> None:
    for analyte, value in (("calcium", 12.5), ("albumin", 4.0)):
        add_lab(patient, analyte, value)
    judge(patient)
    alert = Alert.objects.get(rule="L05")
    act(alert, Action.RESOLVE)
    for analyte, value in (("calcium", 14.5), ("albumin", 4.0)):
        add_lab(patient, analyte, value, days_ago=-1)
    judge(patient, days=1)
    assert now(alert) == ("open", "active", 3)
    assert events(alert)[-1] == "reopened"


def test_a_withdrawn_result_retracts_what_a_person_had_acknowledged(alert: Alert, patient: Patient) -> None:
    act(alert, Action.ACKNOWLEDGE)
    wrong = LabResult.objects.get(patient=patient)
    gone_at = NOW + timedelta(hours=1)
    with transaction.atomic():
        LabResult.objects.filter(pk=wrong.pk).update(retired_at=gone_at)
        kept = {
            name: getattr(wrong, name) for name in ("patient", "analyte", "taken_at", "timing", "source", "source_id")
        }
        LabResult.objects.create(**kept, status="withdrawn", received_at=gone_at, supersedes=wrong)
        raise_facts_version([patient.pk])
    judge(patient, days=0.1)
    assert now(alert)[0] == "resolved"
    assert (alert.outcome, alert.quiet_until) == ("retracted", None)
    assert events(alert) == ["opened", "acknowledged", "retracted"]


def test_a_cleared_alert_stays_on_the_list_until_somebody_closes_it(patient: Patient) -> None:
    add_lab(patient, "phosphate", 9.4, days_ago=60)
    judge(patient, days=-60)
    alert = Alert.objects.get(rule="L02")
    for days_ago in (30, 0):
        add_lab(patient, "phosphate", 5.0, days_ago=days_ago)
        judge(patient, days=-days_ago)
    assert now(alert)[:2] == ("open", "cleared")
    judge(patient, days=1)
    assert now(alert)[:2] == ("open", "cleared")
    with pytest.raises(DomainError):
        act(alert, Action.RESOLVE, days=1, outcome="")
    act(alert, Action.RESOLVE, days=1, outcome="treated")
    assert now(alert)[0] == "resolved"


def test_a_note_on_a_resolved_alert_does_not_open_it(alert: Alert) -> None:
    act(act(alert, Action.RESOLVE), Action.NOTE)
    assert now(alert)[0] == "resolved"
    assert alert.outcome == "treated"


def test_events_are_numbered_without_gaps(patient: Patient, alert: Alert) -> None:
    add_finding(patient, "mass", "hip")
    act(act(alert, Action.NOTE), Action.SNOOZE)
    judge(patient, days=0.1)
    numbers = list(AlertEvent.objects.order_by("seq").values_list("seq", flat=True))
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
