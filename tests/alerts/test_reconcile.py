"""From verdicts to changes of alerts: what each difference means, and what holds whatever the verdicts are."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.lifecycle import Condition, EventType, Outcome, Workflow
from alerts.reconcile import Change, LiveAlert, reconcile
from monitoring.rules.catalogue import RULES
from monitoring.rules.types import RuleFinding, RuleKind, Severity, State
from tests.alerts.desk import Desk

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LOG_RULES = frozenset(rule.code for rule in RULES if rule.kind is RuleKind.LOG)
DAYS = timedelta(days=1)


def finding(rule: str = "L02", state: State = State.ACTIVE, **about: object) -> RuleFinding:
    defaults: dict[str, object] = {
        "patient": 1,
        "scope": "",
        "severity": Severity.WATCH,
        "since": NOW - 10 * DAYS,
        "cleared_at": None,
        "evidence_of": "lab_result",
        "evidence": (7,),
        "numbers": {},
        "missing": (),
    }
    return RuleFinding(rule=rule, state=state, **(defaults | about))  # type: ignore[arg-type]


def cleared(rule: str = "L02", *, ago: float = 1, **about: object) -> RuleFinding:
    return finding(rule, State.CLEAR, cleared_at=NOW - ago * DAYS, **about)


def alert(rule: str = "L02", **about: object) -> LiveAlert:
    defaults: dict[str, object] = {
        "id": 11,
        "patient": 1,
        "scope": "",
        "severity": Severity.WATCH,
        "condition": Condition.ACTIVE,
        "workflow": Workflow.OPEN,
        "outcome": "",
        "since": NOW - 10 * DAYS,
        "resolved_at": None,
        "evidence": (7,),
        "missing": (),
    }
    return LiveAlert(rule=rule, **(defaults | about))  # type: ignore[arg-type]


def resolved(outcome: Outcome, *, ago: float, **about: object) -> LiveAlert:
    return alert(workflow=Workflow.RESOLVED, outcome=outcome.value, resolved_at=NOW - ago * DAYS, **about)


def decide(
    findings: list[RuleFinding], live: list[LiveAlert], last: LiveAlert | None = None, as_of: datetime = NOW
) -> tuple[list[Change], dict[int, datetime]]:
    return reconcile(findings, live, {} if last is None else {last.key: last}, as_of=as_of, log_rules=LOG_RULES)


def only(findings: list[RuleFinding], live: list[LiveAlert], last: LiveAlert | None = None) -> Change:
    changes, wake = decide(findings, live, last)
    assert not wake
    (change,) = changes
    return change


class TestOpening:
    """Verdicts without a live alert."""

    def test_a_rule_that_stands_opens_an_alert(self) -> None:
        change = only([finding()], [])
        assert (change.event, change.alert, change.previous) == (EventType.OPENED, None, None)
        assert (change.condition, change.workflow, change.severity) == (Condition.ACTIVE, Workflow.OPEN, Severity.WATCH)

    def test_one_that_stood_and_cannot_be_judged_now_opens_as_unknown(self) -> None:
        assert only([finding(state=State.INDETERMINATE)], []).condition is Condition.INDETERMINATE

    def test_one_that_has_cleared_already_opens_nothing(self) -> None:
        assert decide([cleared()], []) == ([], {})

    def test_a_rule_kept_as_a_log_opens_nothing(self) -> None:
        assert decide([finding("L06", scope="L01", severity=Severity.INFO)], []) == ([], {})


class TestLive:
    """Verdicts beside a live alert."""

    def test_the_same_verdict_changes_nothing(self) -> None:
        assert decide([finding()], [alert()]) == ([], {})

    @pytest.mark.parametrize("workflow", [Workflow.ACKNOWLEDGED, Workflow.SNOOZED])
    def test_a_rise_of_severity_ends_the_quiet(self, workflow: Workflow) -> None:
        change = only([finding(severity=Severity.URGENT)], [alert(workflow=workflow)])
        assert (change.event, change.workflow) == (EventType.SEVERITY_RAISED, Workflow.OPEN)
        assert change.severity is Severity.URGENT

    @pytest.mark.parametrize("workflow", [Workflow.ACKNOWLEDGED, Workflow.SNOOZED])
    def test_a_fall_of_severity_does_not_end_the_quiet(self, workflow: Workflow) -> None:
        change = only([finding(severity=Severity.INFO)], [alert(workflow=workflow)])
        assert (change.event, change.workflow) == (EventType.SEVERITY_LOWERED, workflow)

    def test_missing_data_make_it_unknown_and_name_what_is_missing(self) -> None:
        change = only([finding(state=State.INDETERMINATE, missing=("phosphate",))], [alert()])
        assert (change.event, change.condition) == (EventType.BECAME_UNKNOWN, Condition.INDETERMINATE)
        assert "phosphate" in change.why

    def test_data_that_come_back_make_it_active_and_leave_the_quiet(self) -> None:
        before = alert(condition=Condition.INDETERMINATE, workflow=Workflow.ACKNOWLEDGED, missing=("phosphate",))
        change = only([finding()], [before])
        assert (change.event, change.workflow) == (EventType.BECAME_ACTIVE, Workflow.ACKNOWLEDGED)

    def test_a_watch_alert_that_clears_stays_until_somebody_has_looked(self) -> None:
        change = only([cleared()], [alert(workflow=Workflow.ACKNOWLEDGED)])
        assert (change.event, change.condition, change.outcome) == (EventType.CLEARED, Condition.CLEARED, None)
        assert change.workflow is Workflow.ACKNOWLEDGED
        assert decide([cleared()], [alert(condition=Condition.CLEARED)]) == ([], {})

    def test_an_information_that_clears_is_gone(self) -> None:
        change = only([cleared(severity=Severity.INFO)], [alert(severity=Severity.INFO)])
        assert (change.event, change.workflow, change.outcome) == (
            EventType.CLEARED,
            Workflow.RESOLVED,
            Outcome.CLEARED,
        )

    def test_a_request_for_data_is_gone_when_the_data_are_there(self) -> None:
        change = only([], [alert("M02", severity=Severity.WATCH)])
        assert (change.event, change.outcome) == (EventType.CLEARED, Outcome.CLEARED)

    @pytest.mark.parametrize("workflow", [Workflow.ACKNOWLEDGED, Workflow.SNOOZED])
    def test_true_again_after_it_had_cleared_ends_the_quiet(self, workflow: Workflow) -> None:
        change = only([finding(since=NOW)], [alert(condition=Condition.CLEARED, workflow=workflow)])
        assert (change.event, change.workflow) == (EventType.BECAME_ACTIVE, Workflow.OPEN)

    def test_unknown_never_clears_whatever_the_severity(self) -> None:
        for severity in Severity:
            before = alert(severity=severity)
            changes, _ = decide([finding(state=State.INDETERMINATE, severity=severity, missing=("x",))], [before])
            assert [c.condition for c in changes] == [Condition.INDETERMINATE]

    @pytest.mark.parametrize("severity", Severity)
    def test_a_verdict_that_is_gone_without_an_exit_is_retracted(self, severity: Severity) -> None:
        change = only([], [alert(severity=severity, workflow=Workflow.ACKNOWLEDGED)])
        assert (change.event, change.workflow, change.outcome) == (
            EventType.RETRACTED,
            Workflow.RESOLVED,
            Outcome.RETRACTED,
        )

    def test_an_exit_older_than_the_alert_does_not_clear_it_it_is_retracted(self) -> None:
        earlier_episode = cleared(ago=60, since=NOW - 90 * DAYS)
        assert only([earlier_episode], [alert()]).event is EventType.RETRACTED

    def test_other_evidence_is_written_down_without_ending_the_quiet(self) -> None:
        change = only([finding(evidence=(7, 8))], [alert(workflow=Workflow.SNOOZED)])
        assert (change.event, change.workflow) == (EventType.EVIDENCE_CHANGED, Workflow.SNOOZED)


class TestAfterResolution:
    """Verdicts of a key whose last alert is resolved."""

    @pytest.mark.parametrize("outcome", [Outcome.TREATED, Outcome.RETRACTED, Outcome.CLEARED])
    def test_true_again_within_35_days_is_a_new_episode_of_the_same_alert(self, outcome: Outcome) -> None:
        change = only([finding(since=NOW)], [], resolved(outcome, ago=34.99))
        assert (change.event, change.workflow) == (EventType.REOPENED, Workflow.OPEN)
        assert change.alert is not None
        assert change.alert.id == 11

    @pytest.mark.parametrize("outcome", [Outcome.TREATED, Outcome.RETRACTED, Outcome.CLEARED])
    def test_true_again_after_35_days_is_a_new_alert_linked_to_the_old(self, outcome: Outcome) -> None:
        change = only([finding(since=NOW)], [], resolved(outcome, ago=35))
        assert (change.event, change.alert, change.previous) == (EventType.OPENED, None, 11)

    @pytest.mark.parametrize("ago", [0, 1, 34.99])
    def test_what_a_person_resolved_and_is_still_true_is_quiet_and_announces_when_it_opens(self, ago: float) -> None:
        last = resolved(Outcome.TREATED, ago=ago)
        changes, wake = decide([finding(since=NOW - 90 * DAYS)], [], last)
        assert changes == []
        assert wake == {1: NOW - ago * DAYS + 35 * DAYS}

    def test_at_the_announced_moment_it_opens(self) -> None:
        last = resolved(Outcome.TREATED, ago=1)
        _, wake = decide([finding()], [], last)
        changes, none = decide([finding()], [], last, as_of=wake[1])
        assert [(c.event, c.previous) for c in changes] == [(EventType.OPENED, 11)]
        assert none == {}

    def test_the_earliest_of_several_is_announced(self) -> None:
        first, second = resolved(Outcome.TREATED, ago=20), resolved(Outcome.TREATED, ago=5, rule="L04")
        _, wake = reconcile(
            [finding(since=NOW - 90 * DAYS), finding("L04")],
            [],
            {first.key: first, second.key: second},
            as_of=NOW,
            log_rules=LOG_RULES,
        )
        assert wake == {1: NOW + 15 * DAYS}

    def test_a_rise_of_severity_does_not_wait(self) -> None:
        change = only([finding(severity=Severity.URGENT)], [], resolved(Outcome.TREATED, ago=1))
        assert (change.event, change.severity) == (EventType.REOPENED, Severity.URGENT)
        assert "severity rose" in change.why
        later = only([finding(severity=Severity.URGENT, since=NOW - 90 * DAYS)], [], resolved(Outcome.TREATED, ago=40))
        assert (later.event, later.previous) == (EventType.OPENED, 11)
        assert "severity rose" in later.why

    def test_unknown_does_not_wake_what_a_person_resolved(self) -> None:
        changes, wake = decide([finding(state=State.INDETERMINATE)], [], resolved(Outcome.TREATED, ago=1))
        assert (changes, set(wake)) == ([], {1})

    def test_what_was_retracted_and_is_believed_again_does_not_wait(self) -> None:
        assert only([finding()], [], resolved(Outcome.RETRACTED, ago=1)).event is EventType.REOPENED


# --- Whatever the verdicts are ---

times = st.integers(-100, 0).map(lambda days: NOW + days * DAYS)
severities = st.sampled_from(sorted(Severity))
rules = st.sampled_from(["S01", "L01", "L02", "M01", "M02", "L06"])
missing = st.sampled_from([(), ("phosphate",), ("calcium", "pth")])
evidence = st.sampled_from([(1,), (2,), (1, 2)])
patients = st.integers(1, 2)


@st.composite
def verdicts(draw: st.DrawFn) -> RuleFinding:
    state = draw(st.sampled_from([State.ACTIVE, State.INDETERMINATE, State.CLEAR]))
    since = draw(times)
    return finding(
        draw(rules),
        state,
        patient=draw(patients),
        severity=draw(severities),
        since=since,
        cleared_at=since + draw(st.integers(0, 5)) * DAYS if state is State.CLEAR else None,
        evidence=draw(evidence),
        missing=draw(missing) if state is State.INDETERMINATE else (),
    )


@st.composite
def alerts(draw: st.DrawFn) -> LiveAlert:
    workflow = draw(st.sampled_from(sorted(Workflow)))
    done = workflow is Workflow.RESOLVED
    return alert(
        draw(rules.filter(lambda rule: rule != "L06")),
        id=draw(st.integers(1, 10**6)),
        patient=draw(patients),
        severity=draw(severities),
        condition=draw(st.sampled_from(sorted(Condition))),
        workflow=workflow,
        outcome=draw(st.sampled_from(sorted(Outcome))).value if done else "",
        since=draw(times),
        resolved_at=draw(times) if done else None,
        evidence=draw(evidence),
        missing=draw(missing),
    )


def by_key(kind: st.SearchStrategy, size: int) -> st.SearchStrategy:
    return st.lists(kind, max_size=size, unique_by=lambda row: row.key)


@st.composite
def desks(draw: st.DrawFn) -> Desk:
    desk = Desk()
    for row in draw(by_key(alerts(), 8)):
        desk.put(row)
    return desk


@settings(max_examples=300, deadline=None)
@given(desk=desks(), now=by_key(verdicts(), 8))
def test_applied_and_run_again_it_finds_nothing(desk: Desk, now: list[RuleFinding]) -> None:
    desk.judge(now, as_of=NOW, log_rules=LOG_RULES)
    announced = desk.wake
    assert desk.decide(now, as_of=NOW, log_rules=LOG_RULES) == []
    assert desk.wake == announced, "the moment of opening again must be announced at every run"


@settings(max_examples=300, deadline=None)
@given(desk=desks(), now=by_key(verdicts(), 8))
def test_at_most_one_change_a_key_in_the_order_of_keys(desk: Desk, now: list[RuleFinding]) -> None:
    keys = [change.key for change in desk.decide(now, as_of=NOW, log_rules=LOG_RULES)]
    assert keys == sorted(set(keys))
    assert not {rule for _, rule, _ in keys} & LOG_RULES


@settings(max_examples=300, deadline=None)
@given(desk=desks(), now=by_key(verdicts(), 8), seed=st.integers(0, 1000))
def test_the_order_of_verdicts_and_alerts_does_not_matter(desk: Desk, now: list[RuleFinding], seed: int) -> None:
    shuffle: Callable[[list], list] = lambda rows: random.Random(seed).sample(rows, len(rows))  # noqa: E731
    one = reconcile(now, list(desk.live.values()), desk.resolved, as_of=NOW, log_rules=LOG_RULES)
    other = reconcile(
        shuffle(now),
        shuffle(list(desk.live.values())),
        dict(shuffle(list(desk.resolved.items()))),
        as_of=NOW,
        log_rules=LOG_RULES,
    )
    assert one == other


@settings(max_examples=300, deadline=None)
@given(desk=desks(), now=by_key(verdicts(), 8))
def test_what_stands_or_cannot_be_judged_is_never_cleared_nor_resolved(desk: Desk, now: list[RuleFinding]) -> None:
    standing = {v.key for v in now if v.state is not State.CLEAR} - {(1, "L06", ""), (2, "L06", "")}
    before = set(desk.live)
    for change in desk.judge(now, as_of=NOW, log_rules=LOG_RULES):
        if change.key in standing:
            assert change.condition is not Condition.CLEARED
            assert change.workflow is not Workflow.RESOLVED
    assert before & standing <= set(desk.live)
    for verdict in now:
        if verdict.state is State.INDETERMINATE and verdict.key in before:
            assert desk.condition(verdict.key) is Condition.INDETERMINATE


@settings(max_examples=200, deadline=None)
@given(desk=desks(), now=by_key(verdicts(), 8))
def test_every_standing_verdict_is_on_the_list_or_announced(desk: Desk, now: list[RuleFinding]) -> None:
    desk.judge(now, as_of=NOW, log_rules=LOG_RULES)
    for verdict in now:
        if verdict.state is not State.CLEAR and verdict.rule not in LOG_RULES:
            assert verdict.key in desk.live or desk.wake[verdict.patient] > NOW


@settings(max_examples=300, deadline=None)
@given(desk=desks(), now=by_key(verdicts(), 8))
def test_only_a_rise_or_a_return_ends_a_quiet_time(desk: Desk, now: list[RuleFinding]) -> None:
    quiet = {key: row for key, row in desk.live.items() if row.workflow in (Workflow.ACKNOWLEDGED, Workflow.SNOOZED)}
    for change in desk.decide(now, as_of=NOW, log_rules=LOG_RULES):
        row = quiet.get(change.key)
        if row is not None and change.workflow is Workflow.OPEN:
            assert change.severity > row.severity or row.condition is Condition.CLEARED
        if row is not None and change.severity > row.severity:
            assert change.workflow is Workflow.OPEN
