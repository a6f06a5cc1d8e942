"""The rules, each one complete entry: adding a rule is an entry here and a table of cases in the tests.

Sources are keys of `monitoring.rules.sources`. Parameters marked "expert default, uncalibrated" carry the key EXPERT.
The order is the order of judging: a rule may read the state of those before it.
"""

from __future__ import annotations

from monitoring.rules.conditions import Above, AnyOf, AtLeast, AtMost, Below, Consecutive, NOfLast
from monitoring.rules.detectors import judge_joint, judge_mass, judge_neuro
from monitoring.rules.judges import Latched
from monitoring.rules.raising import raise_product_with_signs
from monitoring.rules.types import Need, Parameter, Rule, RuleKind, ScopeKind, Severity
from monitoring.rules.upkeep import judge_awaiting, judge_minerals_unknown, judge_overdue, raise_overdue

PHOSPHATE = (Need("phosphate"),)
CORRECTED = (Need("calcium"), Need("calcium_corrected"), Need("albumin"))
CALCAEMIA = (*CORRECTED, Need("calcium_ionised"))
PRODUCT = (*PHOSPHATE, *CORRECTED)

RULES: tuple[Rule, ...] = (
    Rule(
        code="S01",
        title="New or growing mass",
        kind=RuleKind.DETECTOR,
        severity=Severity.URGENT,
        scope=ScopeKind.LESION,
        group="signs",
        judge=judge_mass,
        entry="A firm mass at any place, unless it is stated to be old and not growing. Whatever the laboratory says, "
        "however short the dialysis.",
        exit="The place has been imaged and a clinician has closed the lesion with a plan, or the mass is gone.",
        sentence="Firm lump or mass, {place}, noted {since}.",
        action="Examine both sides and all large joints. X-ray, then CT, within 14 days. Full mineral panel. "
        "Do not cut or drain it as an abscess.",
        why="A palpable mass by a joint is the strongest single sign; in the founding case it was there five years "
        "before the diagnosis, with normal calcium.",
        source=("SEED", "COF99", "EU1", "BUT"),
    ),
    Rule(
        code="S03",
        title="Signs from the neck or spinal cord",
        kind=RuleKind.DETECTOR,
        severity=Severity.CRITICAL,
        scope=ScopeKind.PATIENT,
        group="signs",
        judge=judge_neuro,
        entry="Any of: spastic or newly unsteady gait, weakness of a limb, clumsy hands, brisk reflexes, "
        "a sensory level, new bladder or bowel trouble, a neck lump that suddenly disappeared; or severe neck pain "
        "with rigidity and any tingling.",
        exit="An MRI of neck or spine has been done; or a CT has been done and a clinician has closed the neck lesion "
        "with a plan; or the signs are gone. A normal plain film does not end it.",
        sentence="Red flag for the spinal cord: {findings}, noted {since}.",
        action="A physician sees the patient today. Urgent MRI and CT (a plain film may be normal). Call spine "
        "surgery; collar if unstable. Do not wait for laboratory results.",
        why="Paralysis and instability are described; the cord can recover when pressure is taken off early. A spastic "
        "gait is not explained by a mass outside the canal, so MRI is asked for even when CT shows one.",
        source=("SEED", "DAV", "GUO17", "CHA12"),
    ),
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
    Rule(
        code="S02",
        title="Stiff or painful joint",
        kind=RuleKind.DETECTOR,
        severity=Severity.WATCH,
        scope=ScopeKind.LESION,
        group="signs",
        judge=judge_joint,
        entry="(a) Measured loss of motion for {loss_days} or more; or (b) pain at hip, shoulder, elbow or neck "
        "for {pain_days} or more with dialysis for {dialysis_years}, or kidney disease for {ckd_years} "
        "where the start of dialysis is unknown, or very high phosphate, product, calcium or PTH standing. "
        "Pain alone otherwise: information only.",
        exit="The complaint is gone, or the place has been imaged.",
        sentence="{findings}, {place}, for long enough to look closer.",
        action="Feel the joint, measure its motion, plain film within 30 days. Think of dialysis amyloid and calcific "
        "tendinitis.",
        why="Three quarters of published patients had lost motion.",
        source=("COF99", "LIM99", "EGY"),
        parameters=(
            Parameter("loss_days", 28, "d", 7, 90, "loss of motion lasts this long (expert default, uncalibrated)"),
            Parameter("pain_days", 42, "d", 14, 120, "pain lasts this long (expert default, uncalibrated)"),
            Parameter("dialysis_years", 5, "a", 0, 20, "dialysis this long supports it (LIM99; expert default)"),
            Parameter(
                "ckd_years", 10, "a", 0, 40, "kidney disease this long, start of dialysis unknown (expert default)"
            ),
        ),
        needs=PRODUCT,
    ),
    Rule(
        code="M02",
        title="A sign, but minerals unknown",
        kind=RuleKind.DATA,
        severity=Severity.WATCH,
        scope=ScopeKind.PATIENT,
        group="data",
        judge=judge_minerals_unknown,
        entry="A rule about signs stands (S01 to S05) while phosphate or corrected calcium is absent or more than "
        "{mineral_days} old, or PTH is absent or more than {pth_days} old.",
        exit="All of them are known and recent, or no sign stands.",
        sentence="Minerals unknown while a sign stands: {missing}.",
        action="Full mineral panel now: calcium, albumin, phosphate, PTH, alkaline phosphatase, bicarbonate.",
        why="In the founding case phosphate and PTH were never reported.",
        source=("SEED",),
        parameters=(
            Parameter("mineral_days", 30, "d", 7, 92, "oldest useful phosphate and calcium (expert default)"),
            Parameter("pth_days", 90, "d", 30, 200, "oldest useful PTH (expert default, uncalibrated)"),
        ),
        needs=(*PRODUCT, Need("pth", 200)),
    ),
    Rule(
        code="M01",
        title="Monitoring overdue",
        kind=RuleKind.DATA,
        severity=Severity.INFO,
        scope=ScopeKind.PATIENT,
        group="data",
        judge=judge_overdue,
        entry="Calcium or phosphate older than the unit's interval (92 days unless the unit says otherwise), PTH 183, "
        "alkaline phosphatase 365, dialysis dose 45 days; or calcium without albumin. Stands back while M02 stands, "
        "which asks for the whole panel.",
        exit="All are measured.",
        sentence="Not measured in time: {missing}.",
        action="Order what is missing.",
        why="Intervals of KDIGO; delivered dose at least monthly.",
        source=("M20", "KD06"),
        needs=(*PRODUCT, Need("pth", 800), Need("alp", 800), Need("kt_v", 800), Need("urr", 800)),
        raises=raise_overdue,
        raised_when="Watch while any other rule stands for the patient.",
    ),
)

BY_CODE: dict[str, Rule] = {rule.code: rule for rule in RULES}
