"""Every move of an alert: what each state allows, what it refuses, and within which bounds of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alerts.lifecycle import (
    EVENT_OF_ACTION,
    LONGEST_ACKNOWLEDGEMENT,
    LONGEST_SNOOZE,
    TRANSITIONS,
    Action,
    EventType,
    Outcome,
    Workflow,
    longest_quiet,
    plan_move,
)
from monitoring.errors import Conflict, InvalidValue
from monitoring.rules.types import Severity

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PAIRS = [(state, action) for state in Workflow for action in Action]
ALLOWED = {
    Workflow.OPEN: {"acknowledge", "snooze", "resolve", "assign", "note"},
    Workflow.ACKNOWLEDGED: {"snooze", "resolve", "assign", "note"},
    Workflow.SNOOZED: {"acknowledge", "resolve", "assign", "note"},
    Workflow.RESOLVED: {"note"},
}
AFTER = {Action.ACKNOWLEDGE: "acknowledged", Action.SNOOZE: "snoozed", Action.RESOLVE: "resolved"}
QUIETING = [Action.ACKNOWLEDGE, Action.SNOOZE]


def plan(action: Action, state: Workflow = Workflow.OPEN, severity: Severity = Severity.WATCH, **asked: object):  # type: ignore[no-untyped-def]
    defaults: dict[str, object] = {"reason": "a plan", "outcome": "treated" if action is Action.RESOLVE else ""}
    return plan_move(action, workflow=state, severity=severity, now=NOW, **(defaults | asked))  # type: ignore[arg-type]


@pytest.mark.parametrize(("state", "action"), [p for p in PAIRS if p[1].value in ALLOWED[p[0]]])
def test_an_allowed_move_leads_to_its_state_and_its_event(state: Workflow, action: Action) -> None:
    move = plan(action, state)
    assert move.workflow.value == AFTER.get(action, state.value)
    assert move.event is EVENT_OF_ACTION[action]
    assert (move.quiet_until is None) == (action not in QUIETING)
    assert (move.outcome is None) == (action is not Action.RESOLVE)


@pytest.mark.parametrize(("state", "action"), [p for p in PAIRS if p[1].value not in ALLOWED[p[0]]])
def test_any_other_move_is_refused_with_what_is_allowed(state: Workflow, action: Action) -> None:
    with pytest.raises(Conflict) as refused:
        plan(action, state)
    assert refused.value.code == "illegal-move"
    assert refused.value.status == 409
    assert set(refused.value.context["allowed"]) == ALLOWED[state]
    assert (refused.value.context["state"], refused.value.context["action"]) == (state.value, action.value)


def test_the_table_says_of_every_pair_whether_it_is_allowed() -> None:
    assert {(w, a.value) for w, a in TRANSITIONS} == {(w, a) for w, actions in ALLOWED.items() for a in actions}


@pytest.mark.parametrize(
    ("action", "severity", "longest"),
    [
        (Action.ACKNOWLEDGE, Severity.CRITICAL, timedelta(days=1)),
        (Action.ACKNOWLEDGE, Severity.URGENT, timedelta(days=14)),
        (Action.ACKNOWLEDGE, Severity.WATCH, timedelta(days=90)),
        (Action.ACKNOWLEDGE, Severity.INFO, timedelta(days=180)),
        (Action.SNOOZE, Severity.CRITICAL, timedelta(hours=4)),
        (Action.SNOOZE, Severity.URGENT, timedelta(days=3)),
        (Action.SNOOZE, Severity.WATCH, timedelta(days=30)),
        (Action.SNOOZE, Severity.INFO, timedelta(days=90)),
    ],
)
class TestQuietTime:
    """For how long people may keep an alert quiet."""

    def test_without_a_wish_it_is_the_longest(self, action: Action, severity: Severity, longest: timedelta) -> None:
        assert plan(action, severity=severity).quiet_until == NOW + longest
        assert longest_quiet(action, severity) == longest

    def test_the_last_moment_is_allowed(self, action: Action, severity: Severity, longest: timedelta) -> None:
        assert plan(action, severity=severity, until=NOW + longest).quiet_until == NOW + longest

    def test_a_moment_later_is_refused(self, action: Action, severity: Severity, longest: timedelta) -> None:
        with pytest.raises(InvalidValue) as refused:
            plan(action, severity=severity, until=NOW + longest + timedelta(microseconds=1))
        assert refused.value.code == "until-too-far"
        assert refused.value.context["latest"] == (NOW + longest).isoformat()

    def test_now_and_the_past_are_refused(self, action: Action, severity: Severity, longest: timedelta) -> None:
        for until in (NOW, NOW - timedelta(seconds=1)):
            with pytest.raises(InvalidValue, match="future"):
                plan(action, severity=severity, until=until)


def test_the_worse_the_alert_the_shorter_the_quiet() -> None:
    for table in (LONGEST_ACKNOWLEDGEMENT, LONGEST_SNOOZE):
        lengths = [table[severity] for severity in sorted(Severity)]
        assert lengths == sorted(lengths, reverse=True)
        assert len(set(lengths)) == len(Severity)


@pytest.mark.parametrize("action", [a for a in Action if a is not Action.ASSIGN])
@pytest.mark.parametrize("reason", ["", "   ", "\n\t"])
def test_a_move_without_a_reason_in_words_is_refused(action: Action, reason: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        plan(action, reason=reason)
    assert refused.value.code == "reason-required"
    assert refused.value.status == 422


def test_giving_it_to_a_colleague_needs_no_reason() -> None:
    assert plan(Action.ASSIGN, reason="").event is EventType.ASSIGNED


@pytest.mark.parametrize("outcome", ["confirmed", "treated", "not_confirmed", "data_error", "already_known"])
def test_closing_takes_the_five_outcomes_of_people(outcome: str) -> None:
    assert plan(Action.RESOLVE, outcome=outcome).outcome == Outcome(outcome)


@pytest.mark.parametrize("outcome", ["", "retracted", "cleared", "fixed", "Treated"])
def test_closing_without_an_outcome_of_people_is_refused(outcome: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        plan(Action.RESOLVE, outcome=outcome)
    assert refused.value.code == "outcome-required"
    assert "treated" in refused.value.context["expected"]


def test_an_outcome_given_with_another_move_does_not_close_the_alert() -> None:
    assert plan(Action.ACKNOWLEDGE, outcome="treated").outcome is None
