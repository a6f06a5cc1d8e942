"""The words of the alerts part of the API; the API description names each list after its meaning."""

from __future__ import annotations

from alerts.lifecycle import PEOPLES_OUTCOMES, Action, Condition, EventType, Outcome, Workflow

ACTIONS = tuple(action.value for action in Action)
CONDITIONS = tuple(condition.value for condition in Condition)
EVENT_TYPES = tuple(event.value for event in EventType)
OUTCOMES = tuple(outcome.value for outcome in Outcome)
PEOPLES = tuple(outcome.value for outcome in PEOPLES_OUTCOMES)
TIMELINE_KINDS = (
    "alert",
    "finding",
    "imaging",
    "lab_result",
    "procedure",
    "screen",
    "treatment_started",
    "treatment_stopped",
)
WORKFLOWS = tuple(workflow.value for workflow in Workflow)
