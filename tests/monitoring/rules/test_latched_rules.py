"""Cases of the laboratory rules L01 to L05: at, just below and just above each limit, missing, stale, censored,
corrected, before and after dialysis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.monitoring.rules.story import Story, fired, judge

Tell = Callable[[Story], object]


@dataclass(frozen=True)
class Case:
    """A sentence, the readings that tell it, the day it is judged, and what rule `code` then says ("" for nothing)."""

    sentence: str
    tell: Tell
    at: float
    says: str
    code: str
    known: float | None = None


def p(*values: float | str, **options: object) -> Tell:
    return lambda story: story.monthly("phosphate", *values, **options)


def ca(*values: float | str, albumin: float | str | None = 4.0, **options: object) -> Tell:
    def tell(story: Story) -> None:
        story.monthly("calcium", *values, **options)
        if albumin is not None:
            story.monthly("albumin", *[albumin] * len(values), **options)

    return tell


def both(calcium: float, phosphate: float, months: int = 2) -> Tell:
    def tell(story: Story) -> None:
        story.monthly("calcium", *[calcium] * months).monthly("albumin", *[4.0] * months)
        story.monthly("phosphate", *[phosphate] * months)

    return tell


def then(*tells: Tell) -> Tell:
    def tell(story: Story) -> None:
        for one in tells:
            one(story)

    return tell


L01 = [
    ("two of three above 5.5 with the latest among them enter", p(5.6, 5.2, 5.6), 60, "info"),
    ("two in a row above 5.5 enter", p(5.6, 5.6), 30, "info"),
    ("exactly 5.5 is not above", p(5.5, 5.5, 5.5), 60, ""),
    ("5.51 twice is above", p(5.51, 5.51), 30, "info"),
    ("one value above is not enough", p(9.9), 0, ""),
    ("above, above by far, then below enters at the second, not later", p(5.4, 5.6, 5.4), 60, ""),
    ("two above with more than 120 days between do not enter", then(p(5.6), p(5.6, start=121)), 121, ""),
    ("two above with exactly 120 days between enter", then(p(5.6), p(5.6, start=120)), 120, "info"),
    ("one low value does not clear", p(5.6, 5.6, 4.8), 60, "info"),
    ("two low values clear", p(5.6, 5.6, 5.0, 5.0), 90, ""),
    ("two values just above 5.0 do not clear", p(5.6, 5.6, 5.01, 5.01), 90, "info"),
    ("low, middle, low does not clear: the two must follow each other", p(5.6, 5.6, 4.8, 5.3, 4.8), 120, "info"),
    ("after clearing, one value above does not enter again", p(5.6, 5.6, 4.8, 4.8, 5.6), 120, ""),
    ("after clearing, two values above enter again", p(5.6, 5.6, 4.8, 4.8, 5.6, 5.6), 150, "info"),
    ("without any value nothing is said", lambda story: story, 0, ""),
    ("no new value for 120 days: still active", p(5.6, 5.6), 30 + 120, "info"),
    ("no new value for longer: cannot be judged, never cleared", p(5.6, 5.6), 30 + 120.01, "info?"),
    ("the same years later", p(5.6, 5.6), 3000, "info?"),
    ("“>9” counts as above", p(">9", ">9"), 30, "info"),
    ("“>5.5” means more than 5.5 and counts", p(">5.5", ">5.5"), 30, "info"),
    ("“>=5.5” may be 5.5 itself and does not enter", p(">=5.5", ">=5.5"), 30, ""),
    ("“>5” may be anything and does not enter", p(">5", ">5"), 30, ""),
    ("“>4” after entry may be high: it does not clear, but nobody can tell", p(5.6, 5.6, ">4", ">4"), 90, "info?"),
    ("“<0.5” is low and clears", p(5.6, 5.6, "<0.5", "<0.5"), 90, ""),
    ("“<6” may be 5.9: it does not clear, but nobody can tell", p(5.6, 5.6, "<6", "<6"), 90, "info?"),
    ("after dialysis does not count", p(9, 9, timing="post"), 30, ""),
    ("low after dialysis does not clear", then(p(5.6, 5.6), p(2, 2, start=60, timing="post")), 90, "info"),
    (
        "high at an unstated side of dialysis counts: before it was at least as high",
        p(6, 6, timing="unknown"),
        30,
        "info",
    ),
    (
        "low at an unstated side of dialysis does not clear, but nobody can tell",
        then(p(5.6, 5.6), p(4, 4, start=60, timing="unknown")),
        90,
        "info?",
    ),
    ("a value not yet taken is not read", then(p(5.6), p(5.6, start=30)), 29, ""),
    ("a value taken but not yet received is not read", then(p(5.6), p(5.6, start=30, received=40)), 35, ""),
    ("a retired value is not read", then(p(5.6), p(5.6, start=30, retired=31)), 32, ""),
    ("a value retired later was believed then", then(p(5.6), p(5.6, start=30, retired=40)), 32, "info"),
]
L02 = [
    ("two of three above 7.0 enter", p(7.1, 5.2, 7.1), 60, "watch"),
    ("exactly 7.0 is not above", p(7.0, 7.0, 7.0), 60, ""),
    ("one of 9.0 enters alone", p(9.0), 0, "watch"),
    ("one of 8.99 does not", p(8.99), 0, ""),
    ("two below 6.0 clear", p(9.0, 5.99, 5.99), 60, ""),
    ("two of exactly 6.0 do not clear", p(9.0, 6.0, 6.0), 60, "watch"),
    ("“>9” alone enters", p(">9"), 0, "watch"),
    ("“<9.5” alone does not", p("<9.5"), 0, ""),
]
L03 = [
    ("product 55.1 twice enters", both(9.5, 5.8), 30, "info"),
    ("product of exactly 55 does not", both(10.0, 5.5), 30, ""),
    ("without phosphate there is no product", ca(10.0, 10.0), 30, ""),
    ("without calcium there is no product", p(9.0, 9.0), 30, ""),
    (
        "calcium and phosphate of different days make no product",
        then(ca(10.0, 10.0), p(9.0, 9.0, start=2)),
        40,
        "",
    ),
    ("at most twelve hours apart they are one draw", then(ca(10.0, 10.0), p(9.0, 9.0, start=0.5)), 40, "info"),
    ("two below 50 clear", then(both(9.5, 5.8), ca(9, 9, start=60), p(5.5, 5.5, start=60)), 90, ""),
    ("two of exactly 50 do not", then(both(9.5, 5.8), ca(10, 10, start=60), p(5, 5, start=60)), 90, "info"),
]
L04 = [
    ("product above 70 twice enters", both(9.9, 7.2), 30, "watch"),
    ("product of exactly 70 does not", both(10.0, 7.0), 30, ""),
    ("product above 70 once does not", both(9.9, 7.2, months=1), 0, ""),
    (
        "with a standing mass it is urgent",
        then(both(9.9, 7.2), lambda s: s.finding("mass", "hip", noted_at=1)),
        30,
        "urgent",
    ),
    (
        "with pain that is only information it stays watch",
        then(both(9.9, 7.2), lambda s: s.finding("pain", "knee", noted_at=-60, onset=-100)),
        30,
        "watch",
    ),
    (
        "without albumin the product is only bounded: calcium 9.9 may be 7.9, so 7.9 x 7.2 is not enough",
        then(ca(9.9, 9.9, albumin=None), p(7.2, 7.2)),
        30,
        "",
    ),
    (
        "without albumin, but certain at any albumin",
        then(ca(11.5, 11.5, albumin=None), p(7.8, 7.8)),
        30,
        "watch",
    ),
]
L05 = [
    ("two of three above 10.2 enter", ca(10.3, 9.9, 10.3), 60, "watch"),
    ("exactly 10.2 is not above", ca(10.2, 10.2, 10.2), 60, ""),
    (
        "9.8 at albumin 3.5 is exactly 10.2 and not above, whatever binary fractions say",
        ca(9.8, 9.8, albumin=3.5),
        30,
        "",
    ),
    ("9.7 at albumin 3.3 is 10.26", ca(9.7, 9.7, albumin=3.3), 30, "watch"),
    ("10.5 at albumin 4.5 is 10.1", ca(10.5, 10.5, albumin=4.5), 30, ""),
    ("one above 12.0 is urgent", ca(12.1), 0, "urgent"),
    ("one of exactly 12.0 is not", ca(12.0), 0, ""),
    ("14.0 is critical", ca(14.0), 0, "critical"),
    ("13.99 is urgent", ca(13.99), 0, "urgent"),
    (
        "urgent falls to watch when the high value is no longer of the last three",
        ca(12.1, 10.5, 10.5, 10.5),
        90,
        "watch",
    ),
    ("two below 9.8 clear", ca(10.3, 10.3, 9.7, 9.7), 90, ""),
    ("two of exactly 9.8 do not", ca(10.3, 10.3, 9.8, 9.8), 90, "watch"),
    ("without albumin 10.9 says nothing: it may be 8.9", ca(10.9, 10.9, albumin=None), 30, ""),
    ("without albumin 12.3 is above 10.2 at any albumin", ca(12.3, 12.3, albumin=None), 30, "watch"),
    (
        "without albumin a normal calcium does not clear",
        then(ca(10.3, 10.3), ca(9.4, 9.4, albumin=None, start=90)),
        120,
        "watch?",
    ),
    (
        "an albumin of up to 31 days before counts",
        then(lambda s: s.lab("albumin", 3.0, -31), lambda s: s.lab("calcium", 9.6, -1).lab("calcium", 9.6, 0)),
        0,
        "watch",
    ),
    (
        "an albumin of 32 days before does not",
        then(lambda s: s.lab("albumin", 3.0, -32), lambda s: s.lab("calcium", 9.6, -1).lab("calcium", 9.6, 0)),
        0,
        "",
    ),
    (
        "a corrected calcium from the laboratory is never corrected again",
        then(
            lambda s: s.monthly("calcium_corrected", 10.1, 10.1),
            lambda s: s.monthly("calcium", 10.1, 10.1).monthly("albumin", 3.0, 3.0),
        ),
        30,
        "",
    ),
    ("ionised above 1.32 twice enters", lambda s: s.monthly("calcium_ionised", 1.33, 1.33), 30, "watch"),
    ("ionised of exactly 1.32 does not", lambda s: s.monthly("calcium_ionised", 1.32, 1.32), 30, ""),
    (
        "a normal ionised calcium of the same draw outweighs the corrected one",
        then(ca(10.6, 10.6), lambda s: s.monthly("calcium_ionised", 1.2, 1.2)),
        30,
        "",
    ),
]
CASES = [
    Case(sentence, tell, at, says, code)
    for code, table in (("L01", L01), ("L02", L02), ("L03", L03), ("L04", L04), ("L05", L05))
    for sentence, tell, at, says in table
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}: {case.sentence}")
def test_case(case: Case) -> None:
    story = Story().who(seen_since=-1)
    case.tell(story)
    assert fired(judge(story, case.at, known=case.known)).get((case.code, ""), "") == case.says


def test_awaiting_names_the_rule_and_ends_with_the_next_value() -> None:
    story = Story().who(seen_since=-1).lab("phosphate", 7.6, 0)
    assert {scope for code, scope in fired(judge(story, 0)) if code == "L06"} == {"L01", "L02"}
    assert judge(story, 0).assessments[0].awaiting == ("L01", "L02")
    story.lab("phosphate", 7.6, 30)
    assert not {code for code, _ in fired(judge(story, 30))} & {"L06"}


def test_an_old_single_value_awaits_nothing() -> None:
    story = Story().who(seen_since=-1).lab("phosphate", 7.6, 0)
    assert not {code for code, _ in fired(judge(story, 121))} & {"L06"}
