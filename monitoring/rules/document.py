"""Writes the catalogue as a page that a nephrologist can read and argue with: docs/rules.md."""

from __future__ import annotations

from collections.abc import Iterable

from monitoring.rules.catalogue import RULES
from monitoring.rules.scoring import ASKED_DAYS, CAPS, INPUT_DAYS, TIER_FROM, TIERS, UNCALIBRATED
from monitoring.rules.sources import SOURCES
from monitoring.rules.types import Rule, RuleKind, Tuning
from monitoring.rules.wording import rule_text, show_parameter

_KINDS = {
    RuleKind.DETECTOR: "finds deposits",
    RuleKind.RISK: "controls risk; says nothing about whether a deposit is there",
    RuleKind.DATA: "asks for data",
    RuleKind.SURVEILLANCE: "follows up",
    RuleKind.LOG: "only noted, opens no alert",
}

_INTRODUCTION = """# The rules

This page is written from the catalogue (`make docs`); do not edit it by hand.

CalciWatch supports decisions. It makes no diagnosis, and no rule that rests on laboratory values alone speaks of
suspected tumoral calcinosis: the signs are the detectors, the laboratory rules control risk.

How every rule is judged:

- **Three values.** A condition is true, false or unknown. A missing, stale or censored value (`<0.5`) never reads as
  normal. `>9` is above 5.5; `>5` may be anything.
- **Entry and exit differ.** What one value opens, one better value does not close. The state follows from the series of
  results alone: entry events set it, exit events clear it, the last one counts. An alert whose data run out becomes
  "cannot be judged", never "cleared".
- **Before dialysis.** Results taken after dialysis are not compared with limits for before. Where the side is not
  stated, a high value counts (before dialysis it was at least as high); a low one clears nothing and turns an open
  alert into "cannot be judged". Have the sender state the side, or say once in the mapping of the source what it is.
- **Corrected calcium** = calcium + 0.8 × (4.0 − albumin) in mg/dL and g/dL (KD6), with an albumin of the same draw or
  of the 31 days before. A corrected calcium sent by the laboratory is never corrected again. Without albumin the
  value is only bounded by the albumins that are possible at all.
- **Calcium × phosphate** is made from values taken at most 12 hours apart.
- Limits marked "expert default, uncalibrated" have no published source; a unit can change every limit in a rule set,
  and every alert names the version of the rule set that judged it.
"""


def render_rules(rules: Iterable[Rule] = RULES) -> str:
    """The whole page as Markdown, with the default parameters filled in."""
    parts = [_INTRODUCTION]
    parts += [_render_rule(rule) for rule in sorted(rules, key=lambda rule: ("SLRDM".find(rule.code[0]), rule.code))]
    parts += [_render_score(), _render_sources()]
    return "\n".join(parts)


def _render_rule(rule: Rule) -> str:
    params = Tuning().values(rule)
    raised = f" {rule_text(rule, rule.raised_when, params)}" if rule.raised_when else ""
    lines = [
        f"## {rule.code}: {rule.title}",
        "",
        f"*{_KINDS[rule.kind]}. Severity: {rule.severity.name.lower()}.{raised} One alert per {rule.scope.value}.*",
        "",
        f"**Stands when** {_lower(rule_text(rule, rule.entry, params))}",
        "",
        f"**Ends when** {_lower(rule_text(rule, rule.exit, params))}",
        "",
        f"**Suggested:** {rule.action}",
        "",
        f"**Why:** {rule.why} ({', '.join(rule.source)})",
        "",
    ]
    if rule.parameters:
        lines += ["| parameter | default | allowed | meaning |", "|---|---|---|---|"]
        for p in rule.parameters:
            shown = show_parameter(rule, p, p.default)
            lines.append(f"| `{p.name}` | {shown} | {p.low:g} to {p.high:g} | {p.meaning} |")
        lines.append("")
    return "\n".join(lines)


def _lower(text: str) -> str:
    first = text.split(" ", 1)[0]
    return text if len(first) > 1 and first.isupper() else text[:1].lower() + text[1:]


def _render_score() -> str:
    inputs = ", ".join(f"{name} ({days} days)" for name, _, days in INPUT_DAYS)
    tiers = ", ".join(f"{name} from {least}" for name, least in zip(TIERS, TIER_FROM, strict=False))
    caps = ", ".join(f"{part} at most {cap}" for part, cap in CAPS.items())
    return f"""## C01: Combined tier

The tier is the higher of the score's tier and the floor of any standing rule. {UNCALIBRATED}

- **Points** are whole numbers and shown line by line. Symptoms: mass 5; loss of motion 2; pain for six weeks 1; two or
  more places 1; sign from cord or neck 4; discharge, ulcer or inflamed swelling 3; itch, with another sign, 1.
  Laboratory: L02 2, else L01 1; L04 2, else L03 1; L05 1; L07 1; L08 1. Exposure: dialysis for 5 to 9.9 years 1, for
  10 or more 2; kidney disease for 20 years with the start of dialysis unknown 2; L12 1; vitamin K antagonist 1.
  History: tumoral calcinosis established 3; excision within 24 months 1.
- **Caps:** {caps}.
- **Tiers by score:** {tiers}.
- **Floors:** S01, S05, and S04 with a mass, Urgent; S03 and S06 Critical; L05 at its critical limit Critical;
  established tumoral calcinosis never below Watch.
- **Unknown** inputs give no points, are never counted as normal and are listed by name: {inputs}; a sign that nobody
  has asked about for {ASKED_DAYS} days counts as unknown, not as absent.
"""


def _render_sources() -> str:
    rows = "\n".join(f"- **{key}**: {text}" for key, text in sorted(SOURCES.items()))
    return f"## Sources\n\n{rows}\n"
