"""Entries of the rules about joints, which read whether minerals are out of range."""

from __future__ import annotations

from monitoring.rules.detectors import judge_joint
from monitoring.rules.entries.minerals import PRODUCT
from monitoring.rules.types import Parameter, Rule, RuleKind, ScopeKind, Severity

JOINTS: tuple[Rule, ...] = (
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
)
