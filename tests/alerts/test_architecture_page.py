"""The table of moves in docs/architecture.md is the one in the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.lifecycle import TRANSITIONS, Action, Workflow

PAGE = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("state", list(Workflow))
def test_the_row_of_each_state_says_where_each_action_leads(state: Workflow) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {state.value} |")]
    shown = [cell.strip() for cell in row.strip("|").split("|")][1:]
    expected = [TRANSITIONS[state, action].value if (state, action) in TRANSITIONS else "–" for action in Action]
    assert shown == expected


def test_the_drawing_has_each_move_between_two_states() -> None:
    for (before, action), after in TRANSITIONS.items():
        if before is not after:
            assert f"{before.value} --> {after.value}: {action.value}" in PAGE
