"""What a screen says of an alert: values with units and dates, limits in the unit's own units, the way to the exit."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from monitoring.rules.catalogue import BY_CODE
from monitoring.rules.types import Tuning
from monitoring.rules.wording import Words, describe, rule_text
from tests.monitoring.rules.story import Story, judge

LONDON = ZoneInfo("Europe/London")


def words(story: Story, at: float, code: str, *, si: bool = False) -> Words:
    (finding,) = [f for f in judge(story, at).findings if f.rule == code]
    return describe(finding, Tuning().values(BY_CODE[code]), si=si, zone=LONDON)


def high(*later: float) -> Story:
    return Story().who(seen_since=-1).monthly("phosphate", 5.6, 5.8, *later)


def test_values_come_with_unit_and_date() -> None:
    said = words(high(), 30, "L01")
    assert said.sentence == "Phosphate above 5.5 mg/dL: 5.6 mg/dL on 6 Jan 2025; 5.8 mg/dL on 5 Feb 2025."


def test_a_unit_with_si_sees_only_si() -> None:
    said = words(high(), 30, "L01", si=True)
    assert said.sentence == "Phosphate above 1.78 mmol/L: 1.81 mmol/L on 6 Jan 2025; 1.87 mmol/L on 5 Feb 2025."
    assert "mg/dL" not in said.clears_when


@pytest.mark.parametrize(
    ("later", "said"),
    [
        ((), "Clears after two more results in a row of 5.0 mg/dL or less."),
        ((5.6,), "Clears after two more results in a row of 5.0 mg/dL or less."),
        ((5.0,), "Clears after one more result of 5.0 mg/dL or less."),
        ((4.0, 5.2), "Clears after two more results in a row of 5.0 mg/dL or less."),
        ((5.2, 4.0), "Clears after one more result of 5.0 mg/dL or less."),
    ],
    ids=["nothing since", "another high one", "one low one", "low, then not", "not, then low"],
)
def test_it_says_how_many_more_results_would_clear_it(later: tuple[float, ...], said: str) -> None:
    assert words(high(*later), 30 * (1 + len(later)), "L01").clears_when == said


def test_the_product_and_ionised_calcium_have_their_own_units() -> None:
    story = Story().who(seen_since=-1).monthly("calcium", 10, 10).monthly("albumin", 4, 4).monthly("phosphate", 8, 8)
    assert "80.0 mg²/dL²" in words(story, 30, "L04").sentence
    assert "6.45 mmol²/L²" in words(story, 30, "L04", si=True).sentence
    ionised = Story().who(seen_since=-1).monthly("calcium_ionised", 1.4, 1.4)
    assert "1.40 mmol/L ionised" in words(ionised, 30, "L05").sentence


def test_a_value_that_is_only_bounded_is_not_given_a_number() -> None:
    story = Story().who(seen_since=-1).monthly("calcium", 12.9, 12.9)
    assert "not known exactly (albumin missing)" in words(story, 30, "L05").sentence


def test_dates_are_those_of_the_unit() -> None:
    story = Story().who(seen_since=-1).finding("mass", "hip", noted_at=0.66)  # 23:50 UTC
    (finding,) = [f for f in judge(story, 1).findings if f.rule == "S01"]
    there = describe(finding, {}, si=False, zone=ZoneInfo("Asia/Tokyo"))
    assert "noted 7 Jan 2025" in there.sentence


@pytest.mark.parametrize("rule", BY_CODE.values(), ids=BY_CODE.keys())
def test_no_text_keeps_a_mark_that_nobody_fills(rule: object) -> None:
    params = Tuning().values(rule)  # type: ignore[arg-type]
    for name in ("entry", "exit", "raised_when", "action", "why"):
        for si in (False, True):
            assert "{" not in rule_text(rule, getattr(rule, name), params, si=si)  # type: ignore[arg-type]


def test_a_red_flag_names_every_sign_once_however_many_there_are() -> None:
    story = Story().who(seen_since=-1).finding("spastic_gait", "general", "unknown", noted_at=0)
    for side in ("left", "right", "bilateral"):
        story.finding("limb_weakness", "general", side, noted_at=0)
    said = words(story, 0, "S03").sentence
    assert said.startswith("Red flag for the spinal cord: spastic or newly unsteady gait, weakness of an arm or leg,")
