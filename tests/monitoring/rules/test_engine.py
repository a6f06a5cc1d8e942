"""The engine as a function: order, company and time change no verdict; missing data never clear; next_due holds."""

from __future__ import annotations

import random
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.rules.catalogue import RULES
from monitoring.rules.engine import Judgement, evaluate
from monitoring.rules.sources import SOURCES
from monitoring.rules.types import Facts, Readings, RuleKind, Severity, State
from tests.monitoring.rules.story import Story, day, facts, judge

VALUES = {
    "phosphate": st.floats(2.0, 12.0).map(lambda v: round(v, 1)),
    "calcium": st.floats(7.0, 14.5).map(lambda v: round(v, 1)),
    "albumin": st.floats(2.0, 5.0).map(lambda v: round(v, 1)),
    "calcium_ionised": st.floats(0.9, 1.8).map(lambda v: round(v, 2)),
    "pth": st.integers(20, 2000),
    "kt_v": st.floats(0.8, 2.0).map(lambda v: round(v, 2)),
}


@st.composite
def stories(draw: st.DrawFn, patient: int = 1) -> Story:
    story = Story(patient).who(seen_since=-1)
    if draw(st.booleans()):
        story.who(dialysis_start=-draw(st.integers(10, 6000)))
    for _ in range(draw(st.integers(0, 14))):
        analyte = draw(st.sampled_from(sorted(VALUES)))
        comparator = draw(st.sampled_from(["", "", "", "<", ">"]))
        story.lab(
            analyte,
            f"{comparator}{draw(VALUES[analyte])}",
            draw(st.integers(0, 300)),
            timing=draw(st.sampled_from(["pre", "pre", "post", "unknown"])),
        )
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["mass", "pain", "loss_of_motion", "limb_weakness", "stiffness"]))
        site = draw(st.sampled_from(["hip", "shoulder", "neck"]))
        story.finding(
            kind, site, draw(st.sampled_from(["left", "right", "bilateral"])), noted_at=draw(st.integers(0, 250))
        )
    return story


def said(judgement: Judgement, patient: int) -> tuple[object, ...]:
    findings = [f for f in judgement.findings if f.patient == patient]
    assessment = next(a for a in judgement.assessments if a.patient == patient)
    return findings, assessment, judgement.next_due[patient]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_patient_alone_and_among_others_in_any_order_gets_the_same(data: st.DataObject) -> None:
    people = [data.draw(stories(patient)) for patient in (3, 1, 2)]
    at = day(300)
    together = evaluate(facts(*people), at)
    for story in people:
        alone = evaluate(facts(story), at)
        assert said(together, story.patient) == said(alone, story.patient)
    shuffled = _shuffled(facts(*people[::-1]), data.draw(st.integers(0, 1000)))
    again = evaluate(shuffled, at)
    assert again.findings == together.findings
    assert again.assessments == together.assessments
    assert again.next_due == together.next_due


def _shuffled(given_facts: Facts, seed: int) -> Facts:
    order = np.random.default_rng(seed).permutation(len(given_facts.readings))
    readings = Readings(**{name: column[order] for name, column in vars(given_facts.readings).items()})
    tables = {
        name: frame.take(np.random.default_rng(seed).permutation(len(frame)))
        for name, frame in vars(given_facts).items()
        if name != "readings"
    }
    return Facts(readings=readings, **tables)


def test_one_patient_alone_and_among_ten_thousand_gets_the_same_rows() -> None:
    rng = random.Random(7)
    people = []
    for patient in range(1, 10_001):
        story = Story(patient).who(seen_since=-400)
        if patient % 100 == 0:
            story.finding("mass", rng.choice(["hip", "shoulder"]), noted_at=rng.randint(0, 90))
        for month in range(3):
            story.lab("phosphate", round(rng.uniform(3, 9), 1), 30 * month)
            story.lab("calcium", round(rng.uniform(8, 12), 1), 30 * month)
            story.lab("albumin", round(rng.uniform(3, 4.5), 1), 30 * month)
        people.append(story)
    together = evaluate(_shuffled(facts(*people), 1), day(100))
    by_patient: dict[int, list[object]] = {}
    for finding in together.findings:
        by_patient.setdefault(finding.patient, []).append(finding)
    for patient in (1, 100, 4_200, 7_777, 10_000):
        alone = evaluate(facts(people[patient - 1]), day(100))
        assert list(alone.findings) == by_patient.get(patient, [])
        assert alone.assessments[0] == together.assessments[patient - 1]
        assert alone.next_due[patient] == together.next_due[patient]


@settings(max_examples=60, deadline=None)
@given(story=stories(), keep=st.integers(0, 2**14 - 1), wait=st.integers(0, 400))
def test_taking_later_readings_away_or_waiting_never_clears_an_alert(story: Story, keep: int, wait: int) -> None:
    at = 300
    standing = [f for f in judge(story, at).findings if f.state in (State.ACTIVE, State.INDETERMINATE)]
    for finding in standing:
        if finding.rule[0] != "L" or finding.rule == "L06":
            continue
        entry = max(r[5] for r in story.readings if r[8] in finding.evidence)
        fewer = Story(story.patient, dict(story.about))
        fewer.rows = story.rows
        fewer.readings = [r for i, r in enumerate(story.readings) if r[5] <= entry or keep >> i & 1]
        after = [f for f in judge(fewer, at + wait).findings if f.key == finding.key]
        assert [f.state for f in after if f.state is not State.CLEAR], (finding, after)


@settings(max_examples=60, deadline=None)
@given(story=stories(), at=st.integers(0, 300), share=st.floats(0.01, 0.999))
def test_nothing_changes_before_the_patient_is_due(story: Story, at: int, share: float) -> None:
    now = judge(story, at)
    due = now.next_due[1]
    horizon = day(at + 4000) if due is None else due
    moment = day(at) + (horizon - day(at)) * share
    if moment >= horizon:
        return
    later = evaluate(facts(story), moment)
    assert later.findings == now.findings
    assert later.assessments == now.assessments


@settings(max_examples=30, deadline=None)
@given(story=stories(), at=st.integers(0, 300))
def test_when_time_changes_something_it_was_announced(story: Story, at: int) -> None:
    """Walk from due to due: the verdicts between two dues are those at the first."""
    moment, steps = day(at), 0
    while steps < 25:
        judgement = evaluate(facts(story), moment)
        due = judgement.next_due[1]
        if due is None:
            return
        assert due > moment
        just_before = evaluate(facts(story), due - timedelta(seconds=1))
        assert just_before.findings == judgement.findings
        assert just_before.assessments == judgement.assessments
        moment, steps = due, steps + 1


def test_a_value_received_later_or_retired_is_judged_as_it_was_known() -> None:
    story = Story().who(seen_since=-1).lab("phosphate", 9.5, 0, received=10, retired=20)
    assert [f.rule for f in judge(story, 5).findings if f.rule == "L02"] == []
    assert [f.rule for f in judge(story, 15).findings if f.rule == "L02"] == ["L02"]
    assert [f.rule for f in judge(story, 25).findings if f.rule == "L02"] == []
    assert [f.rule for f in judge(story, 5, known=15).findings if f.rule == "L02"] == ["L02"]


def test_no_patients_is_no_answer() -> None:
    judgement = evaluate(facts(), day(0))
    assert (judgement.findings, judgement.assessments) == ((), ())


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        evaluate(facts(Story()), day(0).replace(tzinfo=None))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_is_complete_and_cited(rule: object) -> None:
    assert isinstance(rule.severity, Severity)  # type: ignore[attr-defined]
    for name in ("title", "entry", "exit", "sentence", "action", "why"):
        assert getattr(rule, name).strip(), name
    assert rule.source  # type: ignore[attr-defined]
    assert set(rule.source) <= set(SOURCES)  # type: ignore[attr-defined]
    for parameter in rule.parameters:  # type: ignore[attr-defined]
        assert parameter.low <= parameter.default <= parameter.high
        assert "(" in parameter.meaning, "a parameter says where its number comes from"


def test_no_laboratory_rule_speaks_of_suspected_calcinosis() -> None:
    for rule in RULES:
        if rule.kind in (RuleKind.RISK, RuleKind.LOG):
            text = f"{rule.title} {rule.sentence} {rule.entry}".lower()
            assert "suspect" not in text
            assert "tumoral calcinosis" not in text
