"""The rules, each one complete entry: adding a rule is an entry in its family and a table of cases in the tests.

Sources are keys of `monitoring.rules.sources`. Limits without a published source say "expert default, uncalibrated".
The order is the order of judging: a rule may read the state of those before it.
"""

from __future__ import annotations

from monitoring.rules.entries.joints import JOINTS
from monitoring.rules.entries.minerals import MINERALS
from monitoring.rules.entries.other_labs import OTHER_LABS
from monitoring.rules.entries.signs import SIGNS
from monitoring.rules.entries.upkeep import UPKEEP
from monitoring.rules.types import Rule

RULES: tuple[Rule, ...] = (*SIGNS, *MINERALS, *OTHER_LABS, *JOINTS, *UPKEEP)

BY_CODE: dict[str, Rule] = {rule.code: rule for rule in RULES}
