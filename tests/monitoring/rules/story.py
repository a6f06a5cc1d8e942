"""Tells a patient's story in days and gives it to the engine as facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from monitoring.rules.engine import Judgement, evaluate
from monitoring.rules.features import ANALYTE_ORDER, COMPARATORS, TIMINGS
from monitoring.rules.tables import COLUMNS, facts_of, readings_of, table_of
from monitoring.rules.types import NEVER, Facts, Tuning, to_seconds

START = datetime(2025, 1, 6, 8, 0, tzinfo=UTC)
_ids = count(1)


def day(number: float) -> datetime:
    """The morning of day `number` of the story."""
    return START + timedelta(days=number)


@dataclass
class Story:
    """One patient; times are days since the story began (negative ones lie before it)."""

    patient: int = 1
    about: dict[str, Any] = field(default_factory=dict)
    readings: list[tuple[Any, ...]] = field(default_factory=list)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def who(self, **days: float) -> Story:
        """Dates of the patient: dialysis_start, ckd_onset, birth in days; other columns as they are."""
        dates = {"dialysis_start", "ckd_onset", "birth", "seen_since"}
        self.about |= {k: to_seconds(day(v)) if k in dates else v for k, v in days.items()}
        return self

    def lab(
        self,
        analyte: str,
        value: float | str,
        at: float,
        *,
        timing: str = "pre",
        received: float | None = None,
        retired: float | None = None,
        id: int | None = None,  # noqa: A002  (the name of the column)
    ) -> Story:
        """A reading; a text such as "<0.5" carries its comparator."""
        text = str(value)
        comparator = next((c for c in ("<=", ">=", "<", ">") if text.startswith(c)), "")
        self.readings.append(
            (
                self.patient,
                ANALYTE_ORDER.index(analyte),
                float(text[len(comparator) :]),
                COMPARATORS.index(comparator),
                TIMINGS.index(timing),
                to_seconds(day(at)),
                to_seconds(day(at if received is None else received)),
                NEVER if retired is None else to_seconds(day(retired)),
                next(_ids) if id is None else id,
            )
        )
        return self

    def monthly(self, analyte: str, *values: float | str, start: float = 0, **options: Any) -> Story:
        """Readings 30 days apart, the first on day `start`."""
        for i, value in enumerate(values):
            self.lab(analyte, value, start + 30 * i, **options)
        return self

    def add(self, table: str, **columns: Any) -> Story:
        """A row of another table; columns of time are days."""
        times = {"onset", "noted_at", "resolved_at", "performed_at", "certain_since", "closed_at", "asked_at"}
        times |= {"performed_on", "started_on", "ended_on", "recorded_at", "retired_at"}
        row = {k: to_seconds(day(v)) if k in times else v for k, v in columns.items()}
        row |= {"patient": self.patient, "id": row.get("id", next(_ids))}
        if "recorded_at" not in row:
            clock = ("noted_at", "performed_at", "asked_at", "performed_on", "started_on", "certain_since")
            row["recorded_at"] = min((row[c] for c in clock if c in row), default=to_seconds(day(-10_000)))
        self.rows.setdefault(table, []).append(row)
        return self

    def finding(self, kind: str, site: str, side: str = "left", **columns: Any) -> Story:
        """A finding, noted on day `noted_at`."""
        return self.add("findings", kind=kind, site=site, side=side, **columns)


def facts(*stories: Story) -> Facts:
    """The facts of all stories."""
    tables = {"patients": table_of("patients", *_rows("patients", [{"id": s.patient} | s.about for s in stories]))}
    for name in COLUMNS:
        if name != "patients":
            tables[name] = table_of(name, *_rows(name, [row for s in stories for row in s.rows.get(name, [])]))
    return facts_of(tables, readings_of([r for s in stories for r in s.readings]))


def _rows(name: str, dicts: list[dict[str, Any]]) -> tuple[list[tuple[Any, ...]], list[str]]:
    columns = list(COLUMNS[name])
    unknown = {key for row in dicts for key in row} - set(columns)
    assert not unknown, f"{name} has no column {unknown}"
    return [tuple(row.get(c) for c in columns) for row in dicts], columns


def judge(story: Story, at: float, tuning: Tuning | None = None, known: float | None = None) -> Judgement:
    """What the rules say of the story on day `at`."""
    return evaluate(facts(story), day(at), tuning, known_at=None if known is None else day(known))


def fired(judgement: Judgement) -> dict[tuple[str, str], str]:
    """Standing rules: (code, scope) -> "severity" or "severity?" when it cannot be judged now."""
    return {
        (f.rule, f.scope): f.severity.name.lower() + ("?" if f.state.name == "INDETERMINATE" else "")
        for f in judgement.findings
        if f.state.name != "CLEAR"
    }


def codes(judgement: Judgement) -> set[str]:
    """The codes of the standing rules."""
    return {code for code, _ in fired(judgement)}
