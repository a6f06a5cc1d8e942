"""Entries of the laboratory rules beyond calcium and phosphate: PTH and bicarbonate."""

from __future__ import annotations

from monitoring.rules.conditions import Above, AboveUpper, AtMost, AtMostUpper, ChangesBy, Consecutive, NOfLast, Not
from monitoring.rules.judges import Latched
from monitoring.rules.raising import raise_alkalosis, raise_pth
from monitoring.rules.types import Need, Parameter, Rule, RuleKind, ScopeKind, Severity

OTHER_LABS: tuple[Rule, ...] = (
    Rule(
        code="L08",
        title="PTH high",
        kind=RuleKind.RISK,
        severity=Severity.WATCH,
        scope=ScopeKind.PATIENT,
        group="pth",
        judge=Latched(
            series="pth",
            enters=NOfLast(2, 2, AboveUpper("times", "unknown_limit"), within_days=200),
            leaves=Consecutive(2, AtMostUpper("leave_times", "leave_unknown")),
            beyond=AboveUpper("times", "unknown_limit"),
            severity=Severity.WATCH,
            missing="PTH",
            stale_days=200,
        ),
        entry="PTH above {times} the upper limit of normal (above {unknown_limit} where the limit of the assay is not "
        "known) in two results in a row, at most 200 days apart.",
        exit="Two results in a row of at most {leave_times} the upper limit of normal ({leave_unknown} where it is not "
        "known).",
        clears="Clears after {more} of at most {leave_times} the upper limit of normal ({leave_unknown} where it is "
        "not known).",
        sentence="PTH high: {values}.",
        action="Step up therapy of secondary hyperparathyroidism; discuss parathyroidectomy.",
        why="KDIGO range is 2 to 9 times the upper limit of normal; above 600 pg/mL mortality is higher.",
        source=("K17", "FLO11"),
        parameters=(
            Parameter("times", 9, "{ULN}", 4, 15, "multiple of the upper limit of normal (K17)"),
            Parameter("unknown_limit", 600, "pg/mL", 300, 1500, "where that is not known (FLO11)"),
            Parameter("leave_times", 8, "{ULN}", 2, 14, "this or less ends it (expert default, uncalibrated)"),
            Parameter("leave_unknown", 530, "pg/mL", 150, 1400, "where it is not known (expert default, uncalibrated)"),
            Parameter("urgent", 800, "pg/mL", 600, 2500, "twice above this, with minerals high (expert default)"),
        ),
        needs=(Need("pth"),),
        raises=raise_pth,
        raised_when="Urgent when the last two results are above {urgent} while very high phosphate (L02) or "
        "hypercalcaemia (L05) stands.",
    ),
    Rule(
        code="L10",
        title="PTH has really changed",
        kind=RuleKind.RISK,
        severity=Severity.INFO,
        scope=ScopeKind.PATIENT,
        group="pth",
        judge=Latched(
            series="pth",
            enters=ChangesBy("share", within_days=400),
            leaves=Consecutive(1, Not(ChangesBy("share", within_days=400))),
            beyond=ChangesBy("share", within_days=400),
            severity=Severity.INFO,
            missing="PTH",
            stale_days=200,
            before=1,
        ),
        entry="PTH differs from the result before it by {share} or more, up or down (the same assay is assumed).",
        exit="The next result differs by less.",
        sentence="PTH has changed by more than chance explains: {values}.",
        action="Repeat; read it together with alkaline phosphatase.",
        why="Within one patient results differ by up to 72 % by chance (reference change value); KDIGO asks to act on "
        "marked changes in either direction.",
        source=("GAR10", "K17"),
        parameters=(Parameter("share", 0.72, "{share}", 0.4, 2.0, "reference change value (GAR10)"),),
        needs=(Need("pth"),),
    ),
    Rule(
        code="L12",
        title="Alkalosis before dialysis",
        kind=RuleKind.RISK,
        severity=Severity.INFO,
        scope=ScopeKind.PATIENT,
        group="bicarbonate",
        judge=Latched(
            series="bicarbonate",
            enters=NOfLast(2, 3, Above("limit")),
            leaves=Consecutive(2, AtMost("leave")),
            beyond=Above("limit"),
            severity=Severity.INFO,
            missing="bicarbonate",
        ),
        entry="Bicarbonate before dialysis above {limit} in two of the last three results, the latest among them; "
        "never on a single one.",
        exit="Two results in a row of {leave} or less.",
        clears="Clears after {more} of {leave} or less.",
        sentence="Bicarbonate above {limit} before dialysis: {values}.",
        action="Review the dialysate bicarbonate.",
        why="Alkalosis lowers the solubility of calcium phosphate, and a high dialysate bicarbonate moves calcium into "
        "the patient. Only a third of high values stay high the next month.",
        source=("BOM", "PAT15", "SIM"),
        parameters=(
            Parameter("limit", 27, "mmol/L", 24, 32, "bicarbonate above this counts (BOM)"),
            Parameter("leave", 26, "mmol/L", 22, 31, "this or less ends it (expert default, uncalibrated)"),
        ),
        needs=(Need("bicarbonate"),),
        raises=raise_alkalosis,
        raised_when="Watch while calcium x phosphate above 70 (L04) stands.",
    ),
)
