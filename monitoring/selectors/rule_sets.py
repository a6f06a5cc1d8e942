"""Which rule set is in force."""

from __future__ import annotations

from monitoring.models import RuleSet, RuleSetStatus
from monitoring.rules.types import Tuning


def active_rule_set() -> RuleSet:
    """The active rule set; there is always exactly one (the first is made with the tables)."""
    return RuleSet.objects.get(status=RuleSetStatus.ACTIVE)


def tuning_of(rule_set: RuleSet) -> Tuning:
    """The rule set as the engine takes it."""
    return Tuning(version=rule_set.version, overrides=rule_set.overrides)
