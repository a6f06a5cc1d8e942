"""The columns of the tables of facts, and how plain rows become them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from monitoring.rules.types import NEVER, NO_TIME, Facts, Readings, Table

# column -> (kind, value when absent); kinds: int (ids, times, flags), float, text.
COLUMNS: dict[str, dict[str, tuple[str, Any]]] = {
    "patients": {
        "id": ("int", -1),
        "birth": ("int", NO_TIME),
        "dialysis_start": ("int", NO_TIME),
        "ckd_onset": ("int", NO_TIME),
        "seen_since": ("int", NO_TIME),
        "pth_upper_limit": ("float", float("nan")),
        "mineral_days": ("int", 92),
        "pth_days": ("int", 183),
        "alp_days": ("int", 365),
        "dose_days": ("int", 45),
    },
    "findings": {
        "patient": ("int", -1),
        "id": ("int", -1),
        "kind": ("text", ""),
        "site": ("text", "general"),
        "side": ("text", "unknown"),
        "intensity": ("text", "unknown"),
        "onset": ("int", NO_TIME),
        "noted_at": ("int", NO_TIME),
        "resolved_at": ("int", NO_TIME),
        "growing": ("int", -1),
        "lesion": ("int", -1),
        "recorded_at": ("int", NO_TIME),
        "retired_at": ("int", NEVER),
    },
    "imaging": {
        "patient": ("int", -1),
        "id": ("int", -1),
        "modality": ("text", ""),
        "site": ("text", "general"),
        "side": ("text", "unknown"),
        "performed_at": ("int", NO_TIME),
        "calcified_mass": ("text", "not_stated"),
        "recorded_at": ("int", NO_TIME),
        "retired_at": ("int", NEVER),
    },
    "lesions": {
        "patient": ("int", -1),
        "id": ("int", -1),
        "site": ("text", "general"),
        "side": ("text", "unknown"),
        "certainty": ("text", "suspected"),
        "certain_since": ("int", NO_TIME),
        "closed_at": ("int", NO_TIME),
        "recorded_at": ("int", NO_TIME),
    },
    "screens": {
        "patient": ("int", -1),
        "id": ("int", -1),
        "asked_at": ("int", NO_TIME),
        "recorded_at": ("int", NO_TIME),
    },
    "procedures": {
        "patient": ("int", -1),
        "id": ("int", -1),
        "kind": ("text", ""),
        "performed_on": ("int", NO_TIME),
        "recorded_at": ("int", NO_TIME),
    },
    "treatments": {
        "patient": ("int", -1),
        "id": ("int", -1),
        "drug_class": ("text", ""),
        "started_on": ("int", NO_TIME),
        "ended_on": ("int", NO_TIME),
        "recorded_at": ("int", NO_TIME),
    },
}
_DTYPES: dict[str, Any] = {"int": np.int64, "float": np.float64, "text": object}


def table_of(name: str, rows: Iterable[Sequence[Any]], columns: Sequence[str] | None = None) -> Table:
    """The table `name` from rows in the order of `columns` (default: all); None stands for an absent value."""
    spec = COLUMNS[name]
    given = list(columns or spec)
    by_column: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(given)
    length = len(by_column[0])
    data = {}
    for column, (kind, absent) in spec.items():
        if column in given:
            values = by_column[given.index(column)]
            filled = [absent if value is None else value for value in values]
            data[column] = np.array(filled, dtype=_DTYPES[kind])
        else:
            data[column] = np.full(length, absent, dtype=_DTYPES[kind])
    return Table(data)


def readings_of(rows: Iterable[Sequence[Any]]) -> Readings:
    """Readings from rows (patient, analyte, value, comparator, timing, taken_at, received_at, retired_at, id)."""
    columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * 9
    return Readings(
        patient=np.array(columns[0], dtype=np.int64),
        analyte=np.array(columns[1], dtype=np.int16),
        value=np.array(columns[2], dtype=np.float64),
        comparator=np.array(columns[3], dtype=np.int16),
        timing=np.array(columns[4], dtype=np.int16),
        taken_at=np.array(columns[5], dtype=np.int64),
        received_at=np.array(columns[6], dtype=np.int64),
        retired_at=np.array(columns[7], dtype=np.int64),
        id=np.array(columns[8], dtype=np.int64),
    )


def facts_of(tables: Mapping[str, Table], readings: Readings) -> Facts:
    """Facts from the tables at hand; a table that is not given is empty."""
    full = {name: tables[name] if name in tables else table_of(name, ()) for name in COLUMNS}
    return Facts(readings=readings, **full)
