"""docs/rules.md says what the catalogue says."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitoring.rules.catalogue import RULES
from monitoring.rules.document import render_rules
from monitoring.rules.types import Rule
from monitoring.rules.wording import show_parameter

PAGE = Path(__file__).parents[3] / "docs" / "rules.md"


def test_the_page_is_what_the_catalogue_writes_now() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_rules(), "run: make docs"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_is_on_it_with_its_numbers_filled_in(rule: Rule) -> None:
    part = render_rules([rule])
    assert f"## {rule.code}: {rule.title}" in part
    assert "{" not in part
    for parameter in rule.parameters:
        assert show_parameter(rule, parameter, parameter.default) in part
