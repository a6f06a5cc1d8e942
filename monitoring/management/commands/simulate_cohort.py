"""Invents a cohort and writes it as a file in the import format, or loads it into an empty unit."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from monitoring.errors import DomainError
from monitoring.models import Unit
from monitoring.services.cohorts import load_cohort
from monitoring.simulation import SCENARIOS, Cohort, scenario_named, simulate_cohort

CSV_COLUMNS = ("mrn", "analyte", "value", "unit", "taken_at", "timing", "source_id")


class Command(BaseCommand):
    """Invent a cohort of haemodialysis patients."""

    help = (
        "Invent haemodialysis patients whose results follow published distributions. Writes their results as "
        "CSV in the import format, or loads people, results, treatments and sessions into a unit (--unit)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Sizes, seed and where to."""
        parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="uk", help="The population (default: uk).")
        parser.add_argument("--patients", type=int, default=100, help="How many (default: 100).")
        parser.add_argument("--months", type=int, default=24, help="Followed for how long (default: 24).")
        parser.add_argument("--seed", type=int, default=1, help="The same seed gives the same cohort (default: 1).")
        parser.add_argument(
            "--end", type=_read_day, help="Last day, as 2026-11-24 (default: today). No result is later."
        )
        parser.add_argument(
            "--mistakes",
            action="store_true",
            help="Put the usual 3 %% of wrong units, missing units and wrong timings into the file.",
        )
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--output", type=Path, help="Write CSV to this file instead of the terminal.")
        where.add_argument("--unit", metavar="CODE", help="Load into this unit, which must have no patients.")
        parser.add_argument("--format", choices=["csv"], default="csv", help="Format of the file (default: csv).")

    def handle(self, *args: Any, **options: Any) -> None:
        """Simulate, then write or load."""
        now = timezone.now()
        end = options["end"] or now
        if end > now:
            raise CommandError("--end lies in the future; results cannot have been taken then.")
        if options["unit"] and options["mistakes"]:
            raise CommandError("--mistakes is for files: write one with --output and import it, to see what is held.")
        try:
            cohort = simulate_cohort(
                scenario_named(options["scenario"]),
                patients=options["patients"],
                months=options["months"],
                seed=options["seed"],
                end=end,
            )
        except ValueError as problem:
            raise CommandError(str(problem)) from problem
        if options["unit"]:
            self._load(cohort, options["unit"], now)
        else:
            self._write(cohort, options["output"], mistakes=options["mistakes"])

    def _load(self, cohort: Cohort, code: str, now: datetime) -> None:
        unit = Unit.objects.filter(code=code).first()
        if unit is None:
            raise CommandError(f"There is no unit {code!r}.")
        try:
            loaded = load_cohort(cohort, unit=unit, now=now)
        except DomainError as problem:
            raise CommandError(problem.message) from problem
        self.stdout.write(f"Loaded {loaded.patients} patients with {loaded.results} results into {unit}.")

    def _write(self, cohort: Cohort, output: Path | None, *, mistakes: bool) -> None:
        table = import_table(cohort, mistakes=mistakes)
        if output is None:
            self.stdout.write(table.to_csv(index=False, lineterminator="\n"), ending="")
            return
        try:
            table.to_csv(output, index=False, lineterminator="\n")
        except OSError as problem:
            raise CommandError(f"Could not write {output}: {problem.strerror}.") from problem
        self.stderr.write(f"Wrote {len(table)} results of {len(cohort.patients)} patients to {output}.")


def import_table(cohort: Cohort, *, mistakes: bool) -> pd.DataFrame:
    """The results of a cohort in the long import format, one result a row, in canonical units.

    The source id names the cohort (scenario, seed, sizes) and the result (patient, analyte, time, timing), so
    that the same cohort sent twice is recognised, whatever its mistakes.
    """
    readings = cohort.readings_as_sent() if mistakes else cohort.readings
    true = cohort.readings
    taken = true["taken_at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    number = true["patient"].astype(str).str.zfill(6)
    marks = [number, true["analyte"].astype(str), taken.str.replace("[-:]", "", regex=True), true["timing"].astype(str)]
    origin = f"sim-{cohort.scenario.name}-{cohort.seed}-{len(cohort.patients)}x{cohort.months}-"
    source_id = origin + marks[0].str.cat(marks[1:], sep="-")
    return pd.DataFrame(
        {
            "mrn": "SIM-" + number,
            "analyte": readings["analyte"].astype(str),
            "value": readings["value_text"],
            "unit": readings["unit"].astype(str),
            "taken_at": taken,
            "timing": readings["timing"].astype(str),
            "source_id": source_id,
        }
    )[list(CSV_COLUMNS)]


def _read_day(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
