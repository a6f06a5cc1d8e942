"""Invents cohorts of haemodialysis patients whose numbers follow the published ones, without Django."""

from monitoring.simulation.cohort import Cohort, simulate_cohort
from monitoring.simulation.scenarios import SCENARIOS, Scenario, scenario_named

__all__ = ["SCENARIOS", "Cohort", "Scenario", "scenario_named", "simulate_cohort"]
