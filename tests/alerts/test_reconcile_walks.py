"""Verdicts and alerts walked through time together: what judging day by day leaves on the list."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from alerts.lifecycle import EventType
from monitoring.rules.catalogue import RULES
from monitoring.rules.engine import evaluate
from monitoring.rules.types import RuleKind
from tests.alerts.desk import Desk
from tests.monitoring.rules.story import Story, day, facts

LOG_RULES = frozenset(rule.code for rule in RULES if rule.kind is RuleKind.LOG)


def walk(seed: int) -> Story:
    draw = random.Random(seed)
    story = Story(1).who(seen_since=-1)
    if draw.random() < 0.6:
        story.who(dialysis_start=-draw.randint(10, 6000))
    ranges = {"phosphate": (3, 11, 1), "calcium": (8, 14.5, 1), "albumin": (2.5, 5, 1), "pth": (50, 2000, 0)}
    for analyte, (low, high, decimals) in ranges.items():
        for start in range(0, 400, draw.choice((7, 30, 60, 100))):
            sign, timing = draw.choice(["", "", "", "<", ">"]), draw.choice(["pre", "pre", "post", "unknown"])
            value = round(draw.uniform(low, high), decimals)
            if draw.random() < 0.8:
                story.lab(analyte, f"{sign}{value}", start + draw.randint(0, 5), timing=timing)
    for _ in range(draw.randint(0, 4)):
        noted = draw.randint(0, 300)
        kind = draw.choice(["mass", "pain", "loss_of_motion", "limb_weakness", "stiffness"])
        gone = {"resolved_at": noted + draw.randint(1, 150)} if draw.random() < 0.6 else {}
        story.finding(kind, draw.choice(["hip", "shoulder", "neck"]), "left", noted_at=noted, **gone)
    for _ in range(draw.randint(0, 2)):
        story.add(
            "imaging",
            modality=draw.choice(["xray", "ct", "mri"]),
            site=draw.choice(["hip", "shoulder", "neck"]),
            side="left",
            performed_at=draw.randint(0, 380),
            calcified_mass=draw.choice([0, 1]),
        )
    return story


@pytest.mark.parametrize("seed", range(12))
def test_while_nothing_is_corrected_nothing_is_retracted_and_judging_twice_finds_nothing(seed: int) -> None:
    """A year and a half of one patient, judged every nine days by the real engine."""
    story, desk = facts(walk(seed)), Desk()
    happened: list[EventType] = []
    for number in range(0, 540, 9):
        said = evaluate(story, day(number)).findings
        happened += [change.event for change in desk.judge(said, as_of=day(number), log_rules=LOG_RULES)]
        assert desk.decide(said, as_of=day(number), log_rules=LOG_RULES) == []
    assert EventType.OPENED in happened
    assert EventType.RETRACTED not in happened


@pytest.mark.parametrize("seed", range(5))
def test_results_withdrawn_all_at_once_leave_no_alert_that_rests_on_them(seed: int) -> None:
    story, desk = walk(seed), Desk()
    desk.judge(evaluate(facts(story), day(380)).findings, as_of=day(380), log_rules=LOG_RULES)
    emptied = replace(story, readings=[], rows={})
    changes = desk.judge(evaluate(facts(emptied), day(381)).findings, as_of=day(381), log_rules=LOG_RULES)
    rested = [change for change in changes if change.key[1] not in ("M01", "M02")]
    assert rested
    assert {change.event for change in rested} == {EventType.RETRACTED}
    assert {rule for _, rule, _ in desk.live} <= {"M01"}
