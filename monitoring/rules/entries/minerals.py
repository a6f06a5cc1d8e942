"""Entries of the rules about calcium and phosphate: one mineral card per patient."""

from __future__ import annotations

from monitoring.rules.conditions import Above, AnyOf, AtLeast, AtMost, Below, Consecutive, NOfLast
from monitoring.rules.judges import Latched
from monitoring.rules.raising import raise_product_with_signs
from monitoring.rules.trends import Trend, TrendEnds
from monitoring.rules.types import Need, Parameter, Rule, RuleKind, ScopeKind, Severity
from monitoring.rules.upkeep import judge_awaiting

PHOSPHATE = (Need("phosphate"),)
CORRECTED = (Need("calcium"), Need("calcium_corrected"), Need("albumin"))
CALCAEMIA = (*CORRECTED, Need("calcium_ionised"))
PRODUCT = (*PHOSPHATE, *CORRECTED)


MINERALS: tuple[Rule, ...] = (
    Rule(
        code="L01",
        title="Phosphate above target, sustained",
        kind=RuleKind.RISK,
        severity=Severity.INFO,
        scope=ScopeKind.PATIENT,
        group="minerals",
        judge=Latched(
            series="phosphate",
            enters=NOfLast(2, 3, Above("limit")),
            leaves=Consecutive(2, AtMost("leave")),
            beyond=Above("limit"),
            severity=Severity.INFO,
            missing="phosphate",
        ),
        entry="Phosphate above {limit} in two of the last three results (each at most 120 days old), the latest "
        "among them.",
        exit="Two results in a row of {leave} or less.",
        clears="Clears after {more} of {leave} or less.",
        sentence="Phosphate above {limit}: {values}.",
        action="Dietitian; ask about taking the binders.",
        why="Guideline range 3.5 to 5.5 mg/dL; decisions rest on trends, not on one value.",
        source=("NUT13", "K17"),
        parameters=(
            Parameter("limit", 5.5, "mg/dL", 4.0, 9.0, "phosphate above this counts (KDOQI range, NUT13)"),
            Parameter("leave", 5.0, "mg/dL", 3.0, 8.5, "this or less ends it (expert default, uncalibrated)"),
        ),
        needs=PHOSPHATE,
    ),
    Rule(
        code="L02",
        title="Phosphate very high",
        kind=RuleKind.RISK,
        severity=Severity.WATCH,
        scope=ScopeKind.PATIENT,
        group="minerals",
        judge=Latched(
            series="phosphate",
            enters=AnyOf((NOfLast(2, 3, Above("limit")), AtLeast("single"))),
            leaves=Consecutive(2, Below("leave")),
            beyond=Above("limit"),
            severity=Severity.WATCH,
            missing="phosphate",
        ),
        entry="Phosphate above {limit} in two of the last three results, the latest among them; or one result of "
        "{single} or more (repeat it at the next session).",
        exit="Two results in a row below {leave}.",
        clears="Clears after {more} below {leave}.",
        sentence="Phosphate very high: {values} (limit {limit}).",
        action="Review binders, dialysis dose and time, how the binders are taken, PTH. Examine the joints. "
        "Repeat a single very high value at the next session.",
        why="Mortality rises above 7.0 mg/dL; high phosphate is named the main driver of uraemic tumoral calcinosis.",
        source=("TEN08", "JPN05"),
        parameters=(
            Parameter("limit", 7.0, "mg/dL", 5.5, 10.0, "phosphate above this counts (TEN08)"),
            Parameter(
                "single", 9.0, "mg/dL", 7.0, 14.0, "one value this high is enough (expert default, uncalibrated)"
            ),
            Parameter("leave", 6.0, "mg/dL", 4.0, 9.0, "below this ends it (expert default, uncalibrated)"),
        ),
        needs=PHOSPHATE,
    ),
    Rule(
        code="L03",
        title="Calcium x phosphate above 55, sustained",
        kind=RuleKind.RISK,
        severity=Severity.INFO,
        scope=ScopeKind.PATIENT,
        group="minerals",
        judge=Latched(
            series="caxp",
            enters=NOfLast(2, 3, Above("limit")),
            leaves=Consecutive(2, Below("leave")),
            beyond=Above("limit"),
            severity=Severity.INFO,
            missing="calcium x phosphate",
        ),
        entry="Corrected calcium times phosphate of one draw above {limit} in two of the last three, the "
        "latest among them.",
        exit="Two in a row below {leave}.",
        clears="Clears after {more} below {leave}.",
        sentence="Calcium x phosphate above {limit}: {values}.",
        action="As for phosphate; look at calcium and phosphate each for itself.",
        why="KDOQI asks for less than 55; KDIGO judges the two values, not the product, so this is information only.",
        source=("KD6", "K17"),
        parameters=(
            Parameter("limit", 55.0, "mg2/dL2", 40.0, 80.0, "product above this counts (KD6)"),
            Parameter("leave", 50.0, "mg2/dL2", 30.0, 75.0, "below this ends it (expert default, uncalibrated)"),
        ),
        needs=PRODUCT,
    ),
    Rule(
        code="L04",
        title="Calcium x phosphate above 70, sustained",
        kind=RuleKind.RISK,
        severity=Severity.WATCH,
        scope=ScopeKind.PATIENT,
        group="minerals",
        judge=Latched(
            series="caxp",
            enters=NOfLast(2, 3, Above("limit")),
            leaves=Consecutive(2, Below("leave")),
            beyond=Above("limit"),
            severity=Severity.WATCH,
            missing="calcium x phosphate",
        ),
        entry="Corrected calcium times phosphate of one draw above {limit} in two of the last three, the "
        "latest among them.",
        exit="Two in a row below {leave}.",
        clears="Clears after {more} below {leave}.",
        sentence="Calcium x phosphate above {limit}: {values}.",
        action="Stop calcium load; longer or more frequent dialysis; discuss parathyroidectomy if PTH is high.",
        why="Range in which calcium phosphate is held to precipitate; the mean of one unit's tumoral calcinosis "
        "patients was 75.",
        source=("ECH00", "AUN"),
        parameters=(
            Parameter("limit", 70.0, "mg2/dL2", 55.0, 100.0, "product above this counts (AUN)"),
            Parameter("leave", 60.0, "mg2/dL2", 40.0, 95.0, "below this ends it (expert default, uncalibrated)"),
        ),
        needs=PRODUCT,
        raises=raise_product_with_signs,
        raised_when="Urgent while a mass (S01) or a joint complaint (S02) stands.",
    ),
    Rule(
        code="L05",
        title="Hypercalcaemia",
        kind=RuleKind.RISK,
        severity=Severity.WATCH,
        scope=ScopeKind.PATIENT,
        group="minerals",
        judge=Latched(
            series="calcaemia",
            enters=AnyOf(
                (
                    NOfLast(2, 3, Above("limit", ionised="ionised_limit")),
                    Above("urgent", ionised="ionised_critical"),
                )
            ),
            leaves=Consecutive(2, Below("leave", ionised="ionised_limit")),
            beyond=Above("limit", ionised="ionised_limit"),
            severity=Severity.WATCH,
            missing="corrected calcium",
            steps=(
                (Above("urgent", ionised="ionised_critical"), Severity.URGENT),
                (AtLeast("critical"), Severity.CRITICAL),
            ),
        ),
        entry="Corrected calcium above {limit} (ionised above {ionised_limit}) in two of the last three "
        "results, the latest among them; or one result above {urgent} (ionised above {ionised_critical}).",
        exit="Two results in a row below {leave} (ionised below {ionised_limit}).",
        clears="Clears after {more} below {leave} (ionised below {ionised_limit}).",
        sentence="Calcium too high: {values} (limit {limit}).",
        action="Stop calcium-based binders and vitamin D; check the dialysate calcium; PTH. Think of a dissolving "
        "deposit and of malignancy.",
        why="KDOQI asks to act above 10.2 mg/dL; values of 14 and more are critical results.",
        source=("KD6", "RCP17"),
        parameters=(
            Parameter("limit", 10.2, "mg/dL", 9.5, 11.5, "corrected calcium above this counts (KD6)"),
            Parameter("leave", 9.8, "mg/dL", 8.5, 11.0, "below this ends it (expert default, uncalibrated)"),
            Parameter(
                "urgent", 12.0, "mg/dL", 11.0, 13.5, "one value above this is urgent (laboratory critical limits)"
            ),
            Parameter("critical", 14.0, "mg/dL", 12.5, 15.0, "this or more is critical (RCP17)"),
            Parameter("ionised_limit", 1.32, "mmol/L", 1.2, 1.5, "ionised calcium (expert default, uncalibrated)"),
            Parameter("ionised_critical", 1.6, "mmol/L", 1.4, 2.0, "ionised, urgent (expert default, uncalibrated)"),
        ),
        needs=CALCAEMIA,
        raised_when="Urgent above {urgent}, critical at {critical} or more, in one of the last three results.",
    ),
    Rule(
        code="L07",
        title="Phosphate rising",
        kind=RuleKind.RISK,
        severity=Severity.WATCH,
        scope=ScopeKind.PATIENT,
        group="minerals",
        judge=Latched(
            series="phosphate",
            enters=Trend("ratio", "mean"),
            leaves=Consecutive(1, TrendEnds("leave_ratio", "leave_mean")),
            beyond=Above(0.0),
            severity=Severity.WATCH,
            missing="phosphate",
        ),
        entry="The mean of the last two phosphates is at least {ratio} times that of three to five months before and "
        "above {mean}, with at least five values in six months.",
        exit="The ratio is below {leave_ratio}, or the mean of the last two below {leave_mean}.",
        sentence="Phosphate is rising: {values}.",
        action="Ask about diet, binders and missed sessions; repeat in four weeks.",
        why="A drift is seen before a limit is crossed; a single step needs 39 % to be more than chance.",
        source=("COR20", "EXPERT"),
        parameters=(
            Parameter("ratio", 1.30, "{ratio}", 1.1, 2.0, "rise of the mean (expert default from COR20, uncalibrated)"),
            Parameter("mean", 6.0, "mg/dL", 4.5, 9.0, "and mean above this (expert default, uncalibrated)"),
            Parameter("leave_ratio", 1.15, "{ratio}", 1.0, 1.9, "ratio below this ends it (expert default)"),
            Parameter("leave_mean", 5.5, "mg/dL", 4.0, 8.5, "mean below this ends it (expert default, uncalibrated)"),
        ),
        needs=PHOSPHATE,
    ),
    Rule(
        code="L06",
        title="Awaiting confirmation",
        kind=RuleKind.LOG,
        severity=Severity.INFO,
        scope=ScopeKind.RULE,
        group="minerals",
        judge=judge_awaiting,
        entry="The newest value lies beyond a limit of L01 to L05, but the rule does not stand yet.",
        exit="The next value confirms it, or does not.",
        sentence="One value beyond the limit of {scope}: awaiting confirmation.",
        action="None: shown in grey until the next result.",
        why="A quarter to two fifths of phosphates above 5.5 are gone the next month without any action.",
        source=("PAT15", "EXPERT"),
        parameters=(Parameter("fresh_days", 120, "d", 30, 400, "older values await nothing (expert default)"),),
        needs=(*PRODUCT, Need("calcium_ionised")),
    ),
)
