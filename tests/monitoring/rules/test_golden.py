"""The golden patients: published cases and small series with the answer that was agreed for each."""

from __future__ import annotations

import pytest

from monitoring.rules.scoring import TIERS
from tests.monitoring.rules.story import Story, codes, fired, judge

YEAR = 365.25


def founding_patient(years_earlier: float = 0) -> Story:
    """58 years old, kidney disease for 26 years, start of dialysis unknown; day 0 is the presentation."""
    story = Story().who(birth=-58 * YEAR, ckd_onset=-26 * YEAR, seen_since=-400)
    story.finding("mass", "hip", "bilateral", onset=-5 * YEAR, noted_at=-1)
    story.finding("loss_of_motion", "hip", "bilateral", onset=-5 * YEAR, noted_at=-1)
    if not years_earlier:
        for kind, site, side in (
            ("stiffness", "neck", "midline"),
            ("spastic_gait", "general", "unknown"),
            ("limb_weakness", "general", "left"),
            ("muscle_atrophy", "general", "left"),
        ):
            story.finding(kind, site, side, onset=-YEAR, noted_at=-1)
        story.finding("pain", "neck", "midline", onset=-YEAR, noted_at=-1, intensity="severe")
    story.lab("calcium", 9.2, -1, timing="unknown").lab("alp", 90, -1).lab("crp", "<5", -1)
    story.lab("urea", 8.3, -1, timing="unknown").lab("creatinine", 5, -1, timing="unknown")
    return story


def test_the_founding_patient_is_critical_by_findings_with_minerals_unknown() -> None:
    judgement = judge(founding_patient(), 0)
    assert fired(judgement) == {
        ("S01", "hip:left"): "urgent",
        ("S01", "hip:right"): "urgent",
        ("S02", "hip:left"): "watch",
        ("S02", "hip:right"): "watch",
        ("S02", "neck:midline"): "watch",
        ("S03", ""): "critical",
        ("M02", ""): "watch",
    }
    assessment = judgement.assessments[0]
    assert TIERS[assessment.tier] == "Critical"
    assert assessment.score == 10
    assert assessment.set_by == ("S03",)
    assert assessment.missing == (
        "phosphate",
        "albumin",
        "calcium x phosphate",
        "PTH",
        "bicarbonate",
        "dialysis dose (Kt/V or URR)",
    )
    points = {line.code: line.points for line in assessment.lines if line.points}
    assert points == {"mass": 5, "motion": 2, "pain": 1, "places": 1, "cord": 4, "ckd20": 2}


def test_his_minerals_are_named_as_unknown() -> None:
    (m02,) = [f for f in judge(founding_patient(), 0).findings if f.rule == "M02"]
    assert m02.missing == ("phosphate", "corrected calcium", "PTH")


def test_five_years_earlier_he_is_urgent_by_the_hips_alone() -> None:
    judgement = judge(founding_patient(years_earlier=5), 0)
    assert codes(judgement) == {"S01", "S02", "M02"}
    assert TIERS[judgement.assessments[0].tier] == "Urgent"


def test_a_shoulder_mass_with_normal_calcium_and_phosphate_is_urgent() -> None:
    story = Story().who(dialysis_start=-2 * YEAR, seen_since=-700).finding("mass", "shoulder", noted_at=0)
    story.monthly("calcium", 9.2, 9.1, start=-31).monthly("albumin", 4.0, 4.0, start=-31)
    story.monthly("phosphate", 4.4, 4.2, start=-31).lab("pth", 300, -20).lab("alp", 80, -20).lab("kt_v", 1.5, -1)
    assert fired(judge(story, 0)) == {("S01", "shoulder:left"): "urgent"}


def hip_and_shoulder_pain(**who: float) -> Story:
    story = Story().who(seen_since=-700, **who)
    story.finding("pain", "hip", "left", onset=-60, noted_at=0).finding(
        "pain", "shoulder", "right", onset=-60, noted_at=0
    )
    return story.lab("calcium", 8.1, -1).lab("albumin", 4.0, -1).lab("phosphate", 5.7, -1).lab("pth", 300, -1)


def test_pain_of_short_dialysis_with_one_raised_phosphate_is_information_awaiting_confirmation() -> None:
    judgement = judge(hip_and_shoulder_pain(dialysis_start=-1 * YEAR, ckd_onset=-30 * YEAR), 0)
    result = fired(judgement)
    assert result["S02", "hip:left"] == "info"
    assert ("L06", "L01") in result
    assert not codes(judgement) & {"L01", "L02", "L03", "L04", "L05"}


@pytest.mark.parametrize(
    "who",
    [{"dialysis_start": -6 * YEAR}, {"ckd_onset": -12 * YEAR}],
    ids=["dialysis 6 years", "kidney disease 12 years"],
)
def test_the_same_pain_is_watch_with_long_exposure(who: dict[str, float]) -> None:
    assert fired(judge(hip_and_shoulder_pain(**who), 0))["S02", "hip:left"] == "watch"


def test_the_same_pain_with_loss_of_motion_is_watch_at_any_vintage() -> None:
    story = hip_and_shoulder_pain(dialysis_start=-1 * YEAR)
    story.finding("loss_of_motion", "hip", "left", onset=-30, noted_at=0)
    result = fired(judge(story, 0))
    assert result["S02", "hip:left"] == "watch"
    assert result["S02", "shoulder:right"] == "info"


def cervical_deficit() -> Story:
    return Story().who(seen_since=-100).finding("limb_weakness", "general", "left", noted_at=0)


def test_a_normal_plain_film_does_not_end_the_red_flag() -> None:
    story = cervical_deficit()
    story.add("imaging", modality="XR", site="neck", performed_at=1, calcified_mass="no")
    assert fired(judge(story, 2))["S03", ""] == "critical"


def test_a_ct_alone_does_not_end_it_but_with_a_plan_it_does() -> None:
    story = cervical_deficit().add("imaging", modality="CT", site="neck", performed_at=1)
    assert "S03" in codes(judge(story, 2))
    story.add("lesions", site="neck", side="left", closed_at=3, recorded_at=1)
    assert "S03" in codes(judge(story, 2.5))
    assert "S03" not in codes(judge(story, 4))


def test_an_mri_ends_it() -> None:
    story = cervical_deficit().add("imaging", modality="MRI", site="neck", performed_at=1)
    assert "S03" not in codes(judge(story, 2))


def test_an_mri_from_before_the_sign_does_not_end_it() -> None:
    story = cervical_deficit().add("imaging", modality="MRI", site="neck", performed_at=-3)
    assert "S03" in codes(judge(story, 2))


def test_phosphate_around_the_target_is_one_alert_from_the_third_value() -> None:
    story = Story().who(seen_since=-1)
    states = []
    since = set()
    for month, value in enumerate((5.6, 5.2, 5.6, 5.3, 5.6)):
        story.lab("phosphate", value, 30 * month)
        judgement = judge(story, 30 * month)
        l01 = [f for f in judgement.findings if f.rule == "L01"]
        states.append([f.state.name for f in l01])
        since |= {f.since for f in l01}
    assert states == [[], [], ["ACTIVE"], ["ACTIVE"], ["ACTIVE"]]
    assert len(since) == 1


def test_a_single_spike_of_phosphate_only_awaits_confirmation() -> None:
    story = Story().who(seen_since=-1).monthly("phosphate", 5.4, 7.6)
    assert codes(judge(story, 30)) - {"M01"} == {"L06"}
    story.lab("phosphate", 5.3, 60)
    assert codes(judge(story, 60)) - {"M01"} == set()


def test_a_hot_shoulder_with_fever_and_high_crp_is_urgent() -> None:
    story = Story().who(dialysis_start=-3 * YEAR, seen_since=-700)
    story.finding("loss_of_motion", "shoulder", onset=-90, noted_at=0).finding(
        "fever", "general", onset=-90, noted_at=0
    )
    story.lab("crp", 169, -1).lab("calcium", 10.3, -1).lab("albumin", 4.0, -1).lab("phosphate", 8.7, -1)
    result = fired(judge(story, 0))
    assert result["S02", "shoulder:left"] == "watch"
    assert not {code for code, _ in result} & {"L02", "L04", "L05"}
    assert result["S05", ""] == "urgent"


@pytest.mark.xfail(reason="needs rule R02", raises=AssertionError, strict=True)
def test_rising_calcium_while_the_deposit_shrinks_is_expected_dissolution() -> None:
    story = Story().who(dialysis_start=-6 * YEAR, seen_since=-700)
    story.add("lesions", site="hip", certainty="histology", certain_since=-200)
    story.finding("mass", "hip", noted_at=-200, growing=0)
    story.monthly("calcium", 9.4, 9.9, 10.6, 10.8, start=-91).monthly("albumin", 4, 4, 4, 4, start=-91)
    story.monthly("pth", 600, 280, start=-91)
    assert "R02" in codes(judge(story, 0))


@pytest.mark.xfail(reason="needs rule M03", raises=AssertionError, strict=True)
def test_a_calcium_in_the_wrong_unit_is_a_data_task_not_hypocalcaemia() -> None:
    assert "M03" in codes(judge(Story().who(seen_since=-1).lab("calcium", 2.3, -1), 0))
