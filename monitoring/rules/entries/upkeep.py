"""Entries of the rules about the data themselves."""

from __future__ import annotations

from monitoring.rules.entries.minerals import PRODUCT
from monitoring.rules.types import Need, Parameter, Rule, RuleKind, ScopeKind, Severity
from monitoring.rules.upkeep import judge_minerals_unknown, judge_overdue, raise_overdue

UPKEEP: tuple[Rule, ...] = (
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
