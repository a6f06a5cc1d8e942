"""Cases of L07 rising phosphate, L08 high PTH, L10 change of PTH, L12 alkalosis."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.monitoring.rules.story import Story, fired, judge

Tell = Callable[[Story], object]


def series(analyte: str, *values: float | str, step: float = 30, **options: object) -> Tell:
    def tell(story: Story) -> None:
        for i, value in enumerate(values):
            story.lab(analyte, value, step * i, **options)

    return tell


def both(*tells: Tell) -> Tell:
    def tell(story: Story) -> None:
        for one in tells:
            one(story)

    return tell


CASES = [
    # Day 150: the last two are days 120 and 150; three to five months before are days 0 to 74.
    ("L07", "from 4.7 to 6.2: a rise of 32 %", series("phosphate", 4.7, 4.7, 4.7, 5.0, 6.2, 6.2), 150, "watch"),
    ("L07", "from 5.0 to 6.5: exactly 1.30", series("phosphate", 5, 5, 5, 5.5, 6.5, 6.5), 150, "watch"),
    ("L07", "from 5.0 to 6.4: 1.28", series("phosphate", 5, 5, 5, 5.5, 6.4, 6.4), 150, ""),
    ("L07", "doubled, but to exactly 6.0", series("phosphate", 3, 3, 3, 4, 6.0, 6.0), 150, ""),
    ("L07", "four values are too few", series("phosphate", 4, 4, 6.5, 6.5, step=45), 135, ""),
    ("L07", "no value three to five months before", series("phosphate", 4, 4, 4, 6.5, 6.5, step=15), 60, ""),
    (
        "L07",
        "“>6” may be any height, but the mean is above",
        series("phosphate", 4, 4, 4, 5, ">6", ">6.3"),
        150,
        "watch",
    ),
    ("L07", "“<9” may be low", series("phosphate", 4, 4, 4, 5, "<9", "<9"), 150, ""),
    ("L07", "ends when the mean falls below 5.5", series("phosphate", 4, 4, 4, 5, 6.5, 6.5, 4.4), 180, ""),
    ("L07", "stays while the mean is 5.5", series("phosphate", 4, 4, 4, 5, 6.5, 6.5, 4.5), 180, "watch"),
    ("L07", "after dialysis does not count", series("phosphate", 4, 4, 4, 5, 6.5, 6.5, timing="post"), 150, ""),
    ("L08", "twice above 600, limit of the assay unknown", series("pth", 601, 601, step=90), 90, "watch"),
    ("L08", "exactly 600", series("pth", 600, 600, step=90), 90, ""),
    ("L08", "once", series("pth", 900), 0, ""),
    ("L08", "twice, but 201 days apart", series("pth", 601, 601, step=201), 201, ""),
    ("L08", "twice, 200 days apart", series("pth", 601, 601, step=200), 200, "watch"),
    ("L08", "“>600” is above", series("pth", ">600", ">600", step=90), 90, "watch"),
    ("L08", "“>500” may be 550", series("pth", ">500", ">500", step=90), 90, ""),
    ("L08", "two at 530 end it", series("pth", 700, 700, 530, 530, step=90), 270, ""),
    ("L08", "two at 531 do not", series("pth", 700, 700, 531, 531, step=90), 270, "watch"),
    ("L08", "no PTH for 200 days: still active", series("pth", 700, 700, step=90), 290, "watch"),
    ("L08", "for longer: cannot be judged", series("pth", 700, 700, step=90), 290.1, "watch?"),
    ("L08", "the side of dialysis does not matter", series("pth", 700, 700, step=90, timing="post"), 90, "watch"),
    (
        "L08",
        "twice above 800 with very high phosphate is urgent",
        both(series("pth", 801, 801, step=30), series("phosphate", 9.5)),
        31,
        "urgent",
    ),
    (
        "L08",
        "exactly 800 with very high phosphate is not",
        both(series("pth", 800, 800, step=30), series("phosphate", 9.5)),
        31,
        "watch",
    ),
    ("L08", "twice above 800 with minerals in range is not", series("pth", 900, 900, step=30), 31, "watch"),
    ("L10", "up by 72 %", series("pth", 100, 172, step=90), 90, "info"),
    ("L10", "up by 71 %", series("pth", 100, 171, step=90), 90, ""),
    ("L10", "down by 72 %", series("pth", 100, 28, step=90), 90, "info"),
    ("L10", "down by 71 %", series("pth", 100, 29, step=90), 90, ""),
    ("L10", "a first value changes nothing", series("pth", 900), 0, ""),
    ("L10", "the next value, little different, ends it", series("pth", 100, 300, 320, step=90), 180, ""),
    ("L10", "“>300” after 100 is a change", series("pth", 100, ">300", step=90), 90, "info"),
    ("L10", "“<50” after 100 may be none", series("pth", 100, "<50", step=90), 90, ""),
    ("L12", "two of three above 27", series("bicarbonate", 27.1, 25, 27.1), 60, "info"),
    ("L12", "exactly 27", series("bicarbonate", 27, 27, 27), 60, ""),
    ("L12", "a single one, however high", series("bicarbonate", 36), 0, ""),
    ("L12", "two of 26 end it", series("bicarbonate", 28, 28, 26, 26), 90, ""),
    ("L12", "two of 26.1 do not", series("bicarbonate", 28, 28, 26.1, 26.1), 90, "info"),
    (
        "L12",
        "after dialysis it does not count",
        series("bicarbonate", 29, 29, timing="post"),
        30,
        "",
    ),
    (
        "L12",
        "watch while calcium x phosphate above 70 stands",
        both(
            series("bicarbonate", 28, 28),
            series("calcium", 10, 10),
            series("albumin", 4, 4),
            series("phosphate", 7.5, 7.5),
        ),
        30,
        "watch",
    ),
]


@pytest.mark.parametrize(
    ("code", "sentence", "tell", "at", "says"), CASES, ids=[f"{code}: {sentence}" for code, sentence, *_ in CASES]
)
def test_case(code: str, sentence: str, tell: Tell, at: float, says: str) -> None:
    story = Story().who(seen_since=-1)
    tell(story)
    assert fired(judge(story, at)).get((code, ""), "") == says


@pytest.mark.parametrize(("value", "says"), [(586, "watch"), (585, "")], ids=["above 9 times 65", "exactly 9 times 65"])
def test_pth_is_held_against_the_limit_of_the_units_assay(value: float, says: str) -> None:
    story = Story().who(seen_since=-1, pth_upper_limit=65)
    series("pth", value, value, step=90)(story)
    assert fired(judge(story, 90)).get(("L08", ""), "") == says


def test_points_are_given_for_rising_phosphate_pth_and_alkalosis() -> None:
    story = Story().who(seen_since=-1)
    series("phosphate", 4, 4, 4, 5, 6.5, 6.5)(story)
    series("pth", 700, 700, step=60)(story)
    series("bicarbonate", 28, 28, step=100)(story)
    points = {line.code: line.points for line in judge(story, 150).assessments[0].lines}
    assert (points["L07"], points["L08"], points["L12"]) == (1, 1, 1)
