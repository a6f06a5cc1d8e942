"""Cases of the rules about signs: S01 mass, S02 joint, S03 cord; and of the data rules M01 and M02."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.monitoring.rules.story import Story, day, fired, judge

Tell = Callable[[Story], object]
YEAR = 365.25


def with_minerals(story: Story, at: float = 0) -> Story:
    for analyte, value in (
        ("calcium", 9.2),
        ("albumin", 4.0),
        ("phosphate", 4.5),
        ("pth", 300),
        ("alp", 80),
        ("kt_v", 1.5),
    ):
        story.lab(analyte, value, at)
    return story


def ct(site: str, at: float, side: str = "left") -> Tell:
    return lambda s: s.add("imaging", modality="CT", site=site, side=side, performed_at=at)


def plan(site: str, at: float, side: str = "left") -> Tell:
    return lambda s: s.add("lesions", site=site, side=side, closed_at=at, recorded_at=0)


MASS = [
    ("a mass anywhere is urgent", [], 0, "urgent"),
    ("imaging alone does not end it", [ct("hip", 1)], 2, "urgent"),
    ("a plan without imaging does not end it", [plan("hip", 1)], 2, "urgent"),
    ("imaging and a plan end it", [ct("hip", 1), plan("hip", 2)], 3, ""),
    ("imaging of the other hip does not count", [ct("hip", 1, "right"), plan("hip", 2)], 3, "urgent"),
    ("imaging of both hips counts", [ct("hip", 1, "bilateral"), plan("hip", 2)], 3, ""),
    ("imaging of the shoulder does not count", [ct("shoulder", 1), plan("hip", 2)], 3, "urgent"),
    ("imaging from before it was noted does not count", [ct("hip", -5), plan("hip", 2)], 3, "urgent"),
    ("a plan for the other hip does not count", [ct("hip", 1), plan("hip", 2, "right")], 3, "urgent"),
]


@pytest.mark.parametrize(
    ("sentence", "tells", "at", "says"), MASS, ids=lambda v: v if isinstance(v, str) and v else None
)
def test_mass(sentence: str, tells: list[Tell], at: float, says: str) -> None:
    story = with_minerals(Story().who(seen_since=-1)).finding("mass", "hip", "left", noted_at=0)
    for tell in tells:
        tell(story)
    assert fired(judge(story, at)).get(("S01", "hip:left"), "") == says


def test_a_mass_that_is_old_and_still_does_not_fire_but_one_of_unstated_growth_does() -> None:
    assert not fired(judge(Story().who(seen_since=-1).finding("mass", "hip", noted_at=0, growing=0), 1)).get(
        ("S01", "hip:left")
    )
    assert fired(judge(Story().who(seen_since=-1).finding("mass", "hip", noted_at=0), 1))["S01", "hip:left"] == "urgent"


def test_a_mass_that_grows_again_after_it_was_closed_is_a_new_episode() -> None:
    story = Story().who(seen_since=-1).finding("mass", "hip", noted_at=0)
    ct("hip", 1)(story)
    plan("hip", 2)(story)
    story.finding("mass", "hip", noted_at=100, growing=1)
    (finding,) = [f for f in judge(story, 101).findings if f.rule == "S01"]
    assert (finding.state.name, finding.since) == ("ACTIVE", day(100))


def test_a_mass_on_both_sides_is_two_alerts() -> None:
    result = fired(judge(Story().who(seen_since=-1).finding("mass", "hip", "bilateral", noted_at=0), 0))
    assert {scope for code, scope in result if code == "S01"} == {"hip:left", "hip:right"}


JOINT = [
    ("loss of motion for 28 days", "loss_of_motion", "knee", -28, 0, {}, "watch"),
    ("loss of motion for 27 days", "loss_of_motion", "knee", -27, 0, {}, ""),
    ("pain for 42 days, dialysis 5 years", "pain", "hip", -42, 0, {"dialysis_start": -5 * YEAR}, "watch"),
    ("pain for 41 days, dialysis 5 years", "pain", "hip", -41, 0, {"dialysis_start": -5 * YEAR}, ""),
    (
        "pain for 42 days, dialysis a day short of 5 years",
        "pain",
        "hip",
        -42,
        0,
        {"dialysis_start": -5 * YEAR + 1},
        "info",
    ),
    ("kidney disease 10 years, start of dialysis unknown", "pain", "hip", -42, 0, {"ckd_onset": -10 * YEAR}, "watch"),
    (
        "kidney disease 30 years, dialysis one year: the start is known and short",
        "pain",
        "hip",
        -42,
        0,
        {"ckd_onset": -30 * YEAR, "dialysis_start": -1 * YEAR},
        "info",
    ),
    ("nothing known of exposure", "pain", "neck", -42, 0, {}, "info"),
    ("pain of the knee does not count", "pain", "knee", -100, 0, {"dialysis_start": -9 * YEAR}, ""),
    ("onset unknown: time counts from when it was noted", "pain", "hip", None, 41, {"dialysis_start": -9 * YEAR}, ""),
    ("onset unknown, 42 days after it was noted", "pain", "hip", None, 42, {"dialysis_start": -9 * YEAR}, "watch"),
]


@pytest.mark.parametrize(
    ("sentence", "kind", "site", "onset", "at", "who", "says"), JOINT, ids=[row[0] for row in JOINT]
)
def test_joint(
    sentence: str, kind: str, site: str, onset: float | None, at: float, who: dict[str, float], says: str
) -> None:
    story = Story().who(seen_since=-1, **who)
    columns = {} if onset is None else {"onset": onset}
    story.finding(kind, site, noted_at=0, **columns)
    assert fired(judge(story, at)).get(("S02", f"{site}:left"), "") == says


def test_pain_with_very_high_phosphate_is_watch_at_any_vintage() -> None:
    story = Story().who(seen_since=-1, dialysis_start=-100).finding("pain", "hip", onset=-60, noted_at=0)
    story.lab("phosphate", 9.5, 0)
    assert fired(judge(story, 0))["S02", "hip:left"] == "watch"


def test_an_imaged_joint_and_a_painless_joint_are_no_longer_pursued() -> None:
    imaged = Story().who(seen_since=-1).finding("loss_of_motion", "hip", onset=-60, noted_at=0)
    imaged.add("imaging", modality="XR", site="hip", side="left", performed_at=3)
    assert ("S02", "hip:left") in fired(judge(imaged, 2))
    assert ("S02", "hip:left") not in fired(judge(imaged, 4))
    gone = Story().who(seen_since=-1).finding("loss_of_motion", "hip", onset=-60, noted_at=0, resolved_at=3)
    assert ("S02", "hip:left") not in fired(judge(gone, 4))


def test_the_day_pain_becomes_lasting_is_when_the_patient_is_due() -> None:
    story = with_minerals(Story().who(seen_since=-1, dialysis_start=-9 * YEAR)).finding(
        "pain", "hip", onset=-30, noted_at=0
    )
    due = judge(story, 1).next_due[1]
    assert due == day(12)
    assert ("S02", "hip:left") not in fired(judge(story, 11.99))
    assert ("S02", "hip:left") in fired(judge(story, 12))


FLAGS = ["spastic_gait", "limb_weakness", "hand_clumsiness", "hyperreflexia", "sensory_level", "sphincter_change"]


@pytest.mark.parametrize("kind", [*FLAGS, "lump_disappeared"])
def test_each_red_flag_alone_is_critical(kind: str) -> None:
    assert fired(judge(Story().who(seen_since=-1).finding(kind, "neck", noted_at=0), 0))["S03", ""] == "critical"


@pytest.mark.parametrize("kind", ["muscle_atrophy", "paraesthesia", "stiffness", "pain", "itch", "mass", "fever"])
def test_other_findings_alone_are_no_red_flag(kind: str) -> None:
    assert ("S03", "") not in fired(judge(Story().who(seen_since=-1).finding(kind, "neck", noted_at=0), 0))


def triad(intensity: str = "severe", *, rigid: bool = True, tingling: bool = True) -> Story:
    story = Story().who(seen_since=-1).finding("pain", "neck", "midline", noted_at=0, intensity=intensity)
    if rigid:
        story.finding("stiffness", "neck", "midline", noted_at=5)
    if tingling:
        story.finding("paraesthesia", "wrist_hand", "left", noted_at=2)
    return story


def test_severe_neck_pain_with_rigidity_and_tingling_is_critical_from_the_last_of_the_three() -> None:
    assert ("S03", "") not in fired(judge(triad(), 4))
    (finding,) = [f for f in judge(triad(), 6).findings if f.rule == "S03"]
    assert finding.since == day(5)


@pytest.mark.parametrize(
    "story",
    [triad("moderate"), triad("unknown"), triad(rigid=False), triad(tingling=False)],
    ids=["moderate pain", "unstated pain", "no rigidity", "no tingling"],
)
def test_an_incomplete_triad_is_not(story: Story) -> None:
    assert ("S03", "") not in fired(judge(story, 6))


M02_ROWS = [
    ("everything known and recent", with_minerals, 0, ""),
    ("nothing known", lambda s: s, 0, "watch"),
    ("phosphate exactly 30 days old is recent", with_minerals, 30, ""),
    ("phosphate more than 30 days old", with_minerals, 30.01, "watch"),
    ("albumin missing", lambda s: s.lab("calcium", 9, 0).lab("phosphate", 4, 0).lab("pth", 300, 0), 0, "watch"),
    ("PTH missing", lambda s: s.lab("calcium", 9, 0).lab("albumin", 4, 0).lab("phosphate", 4, 0), 0, "watch"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "tell", "at", "says"), M02_ROWS, ids=[row[0] for row in M02_ROWS])
def test_minerals_unknown(sentence: str, tell: Tell, at: float, says: str) -> None:
    story = Story().who(seen_since=-1).finding("mass", "hip", noted_at=0)
    tell(story)
    assert fired(judge(story, at)).get(("M02", ""), "") == says


def test_without_a_sign_unknown_minerals_are_only_overdue_monitoring() -> None:
    result = fired(judge(Story().who(seen_since=-1), 0))
    assert result == {("M01", ""): "info"}


M01_ROWS = [
    ("all measured today", {}, 0, ""),
    ("calcium and phosphate exactly 92 days old, dose fresh", {"kt_v": 92}, 92, ""),
    ("more than 92 days", {"kt_v": 92}, 92.01, "info"),
    ("dose 45 days old", {}, 45, ""),
    ("dose more than 45 days old", {}, 45.01, "info"),
]


@pytest.mark.parametrize(("sentence", "again", "at", "says"), M01_ROWS, ids=[row[0] for row in M01_ROWS])
def test_overdue(sentence: str, again: dict[str, float], at: float, says: str) -> None:
    story = with_minerals(Story().who(seen_since=-1))
    for analyte, when in again.items():
        story.lab(analyte, 1.5, when)
    assert fired(judge(story, at)).get(("M01", ""), "") == says


def test_a_unit_can_ask_for_calcium_every_45_days() -> None:
    story = with_minerals(Story().who(seen_since=-1, mineral_days=45)).lab("kt_v", 1.5, 40)
    assert ("M01", "") not in fired(judge(story, 45))
    (finding,) = [f for f in judge(story, 45.01).findings if f.rule == "M01"]
    assert finding.missing == ("calcium", "phosphate")


def test_overdue_is_watch_while_another_rule_stands_and_stands_back_for_m02() -> None:
    story = with_minerals(Story().who(seen_since=-1)).lab("phosphate", 9.5, 1)
    assert fired(judge(story, 50))["M01", ""] == "watch"
    story.finding("mass", "hip", noted_at=49)
    result = fired(judge(story, 50))
    assert ("M02", "") in result
    assert ("M01", "") not in result


def test_calcium_without_albumin_is_named() -> None:
    story = with_minerals(Story().who(seen_since=-1)).lab("calcium", 9.0, 40).lab("kt_v", 1.5, 40)
    (finding,) = [f for f in judge(story, 41).findings if f.rule == "M01"]
    assert finding.missing == ("albumin with calcium",)
