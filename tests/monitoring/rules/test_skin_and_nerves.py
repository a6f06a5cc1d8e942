"""Cases of S04 trapped nerve, S05 hot or open lesion, S06 calciphylaxis."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.monitoring.rules.story import Story, day, fired, judge

Tell = Callable[[Story], object]
YEAR = 365.25


def start(**who: float) -> Story:
    return Story().who(seen_since=-1, **who)


@pytest.mark.parametrize("kind", ["discharge", "ulcer", "inflamed_swelling"])
def test_a_hot_or_open_place_over_a_joint_is_urgent_whatever_the_crp(kind: str) -> None:
    assert fired(judge(start().finding(kind, "hip", noted_at=0), 0))["S05", "hip:left"] == "urgent"
    assert fired(judge(start().finding(kind, "hip", noted_at=0).lab("crp", "<5", 0), 0))["S05", "hip:left"] == "urgent"


def test_the_same_on_plain_skin_is_not_but_over_a_known_deposit_it_is() -> None:
    assert not fired(judge(start().finding("ulcer", "skin", noted_at=0), 0)).keys() & {("S05", "skin:left")}
    story = start().add("lesions", id=77, site="skin", side="left", recorded_at=0)
    story.finding("ulcer", "skin", noted_at=0, lesion=77)
    assert fired(judge(story, 0))["S05", "skin:left"] == "urgent"


def test_it_ends_when_imaged_and_closed_or_gone_not_by_a_normal_crp() -> None:
    story = start().finding("ulcer", "hip", noted_at=0).lab("crp", 2, 5)
    assert ("S05", "hip:left") in fired(judge(story, 6))
    story.add("imaging", modality="XR", site="hip", side="left", performed_at=7)
    assert ("S05", "hip:left") in fired(judge(story, 8))
    story.add("lesions", site="hip", side="left", closed_at=9, recorded_at=0)
    assert ("S05", "hip:left") not in fired(judge(story, 10))


FEVER = [
    ("fever of 14 days, CRP 51, a stiff joint", -14, 51, True, 0, "urgent"),
    ("fever of 13 days", -13, 51, True, 0, ""),
    ("CRP of exactly 50", -14, 50, True, 0, ""),
    ("“>50” is more than 50", -14, ">50", True, 0, "urgent"),
    ("“>40” may be 41", -14, ">40", True, 0, ""),
    ("no complaint of a joint", -14, 169, False, 0, ""),
    ("CRP not measured", -14, None, True, 0, ""),
]


@pytest.mark.parametrize(("sentence", "onset", "crp", "joint", "at", "says"), FEVER, ids=[row[0] for row in FEVER])
def test_fever_with_a_joint(
    sentence: str, onset: float, crp: float | str | None, joint: bool, at: float, says: str
) -> None:
    story = start().finding("fever", "general", "unknown", onset=onset, noted_at=-2)
    if joint:
        story.finding("stiffness", "shoulder", noted_at=-5)
    if crp is not None:
        story.lab("crp", crp, -1)
    assert fired(judge(story, at)).get(("S05", ""), "") == says


def test_the_day_the_fever_has_lasted_long_enough_is_announced() -> None:
    story = start().finding("fever", "general", "unknown", onset=-4, noted_at=0).finding("pain", "knee", noted_at=0)
    story.lab("crp", 120, 0)
    assert ("S05", "") not in fired(judge(story, 9.9))
    assert judge(story, 1).next_due[1] <= day(10)
    assert ("S05", "") in fired(judge(story, 10))


def test_a_crp_that_falls_does_not_end_it_but_the_end_of_the_fever_does() -> None:
    story = start().finding("fever", "general", "unknown", onset=-20, noted_at=0, resolved_at=9)
    story.finding("pain", "knee", noted_at=0).lab("crp", 120, 0).lab("crp", 8, 5)
    assert ("S05", "") in fired(judge(story, 6))
    assert ("S05", "") not in fired(judge(story, 9))


@pytest.mark.parametrize("kind", ["violaceous_plaque", "livedo", "purpura", "eschar", "non_healing_ulcer"])
def test_each_skin_sign_of_calciphylaxis_is_critical(kind: str) -> None:
    judgement = judge(start().finding(kind, "skin", noted_at=0), 0)
    assert fired(judgement)["S06", "skin:left"] == "critical"
    assert judgement.assessments[0].tier == 4


def test_it_ends_with_a_plan_or_when_gone_and_an_itch_is_none() -> None:
    story = start().finding("eschar", "skin", noted_at=0)
    story.add("lesions", site="skin", side="left", closed_at=3, recorded_at=0)
    assert ("S06", "skin:left") in fired(judge(story, 2))
    assert ("S06", "skin:left") not in fired(judge(story, 3))
    assert not [c for c, _ in fired(judge(start().finding("itch", "skin", noted_at=0), 0)) if c == "S06"]


NERVE = [
    ("new signs after 5 years of dialysis", {"dialysis_start": -5 * YEAR}, None, "watch"),
    ("new signs a day short of 5 years", {"dialysis_start": -5 * YEAR + 1}, None, ""),
    ("new signs, start of dialysis unknown", {}, None, ""),
    ("a mass at the same wrist, short dialysis", {"dialysis_start": -100}, ("wrist_hand", "left"), "urgent"),
    ("a mass at the elbow of the same arm", {}, ("elbow", "left"), "urgent"),
    ("a mass at the other wrist", {}, ("wrist_hand", "right"), ""),
    ("a mass of unstated side", {}, ("wrist_hand", "unknown"), "urgent"),
    ("a mass at the hip", {}, ("hip", "left"), ""),
]


@pytest.mark.parametrize(("sentence", "who", "mass", "says"), NERVE, ids=[row[0] for row in NERVE])
def test_nerve(sentence: str, who: dict[str, float], mass: tuple[str, str] | None, says: str) -> None:
    story = start(**who).finding("carpal_tunnel", "wrist_hand", "left", onset=-30, noted_at=0)
    if mass:
        story.finding("mass", *mass, noted_at=0)
    assert fired(judge(story, 0)).get(("S04", "wrist_hand:left"), "") == says


def test_old_signs_after_long_dialysis_are_no_news_and_imaging_ends_new_ones() -> None:
    old = start(dialysis_start=-9 * YEAR).finding("ulnar_nerve", "elbow", onset=-91, noted_at=0)
    assert ("S04", "elbow:left") not in fired(judge(old, 0))
    new = start(dialysis_start=-9 * YEAR).finding("ulnar_nerve", "elbow", onset=-90, noted_at=0)
    assert ("S04", "elbow:left") in fired(judge(new, 0))
    new.add("imaging", modality="MRI", site="elbow", side="left", performed_at=4)
    assert ("S04", "elbow:left") not in fired(judge(new, 5))


def test_the_day_dialysis_reaches_five_years_is_announced() -> None:
    story = start(dialysis_start=-5 * YEAR + 3).finding("sciatic_nerve", "hip", onset=-3, noted_at=0)
    assert judge(story, 1).next_due[1] <= day(3)
    assert ("S04", "hip:left") in fired(judge(story, 3))


def test_a_trapped_nerve_with_a_mass_sets_the_tier_to_urgent() -> None:
    story = start().finding("sciatic_nerve", "buttock", noted_at=0).finding("mass", "hip", noted_at=0, growing=0)
    assessment = judge(story, 0).assessments[0]
    assert (assessment.tier, "S04" in assessment.set_by) == (3, True)
