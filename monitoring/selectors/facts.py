"""Reads everything the engine needs of some patients, as facts; the number of queries does not depend on how many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from monitoring.models import (
    ChairsideScreen,
    Finding,
    ImagingStudy,
    Lesion,
    Patient,
    Procedure,
    Treatment,
)
from monitoring.rules.catalogue import RULES
from monitoring.rules.scoring import ASKED_DAYS, NEEDS
from monitoring.rules.tables import COLUMNS, facts_of, table_of
from monitoring.rules.types import Facts, to_seconds
from monitoring.selectors.readings import read_readings

_EPOCH = date(1970, 1, 1)


def windows_of_rules() -> dict[str, int | None]:
    """Per analyte that some rule or the score reads, the longest look-back in days; None means all."""
    windows: dict[str, int | None] = {}
    for need in [*(need for rule in RULES for need in rule.needs), *NEEDS]:
        if need.analyte in windows:
            known = windows[need.analyte]
            windows[need.analyte] = None if known is None or need.days is None else max(known, need.days)
        else:
            windows[need.analyte] = need.days
    return windows


def read_facts(patient_ids: Iterable[int], as_of: datetime) -> Facts:
    """The facts of the patients with these primary keys as they are believed now, for judging at `as_of`."""
    ids = sorted(set(patient_ids))
    tables = {"patients": _patients(ids)}
    if not ids:
        return facts_of(tables, read_readings([0], {}, 0))
    kept: dict[str, Any] = {"patient_id__among": ids}
    asked_since = as_of - timedelta(days=ASKED_DAYS + 1)
    queries: dict[str, tuple[QuerySet[Any], Sequence[str]]] = {
        "findings": (
            Finding.objects.filter(retired_at=None, **kept).exclude(status="withdrawn"),
            (
                "patient_id",
                "id",
                "kind",
                "site",
                "side",
                "intensity",
                "onset",
                "noted_at",
                "resolved_at",
                "growing",
                "lesion_id",
                "recorded_at",
            ),
        ),
        "imaging": (
            ImagingStudy.objects.filter(retired_at=None, **kept),
            ("patient_id", "id", "modality", "site", "side", "performed_at", "calcified_mass", "recorded_at"),
        ),
        "lesions": (
            Lesion.objects.filter(**kept),
            ("patient_id", "id", "site", "side", "certainty", "certain_since", "closed_at", "recorded_at"),
        ),
        "screens": (
            ChairsideScreen.objects.filter(asked_at__gte=asked_since, **kept),
            ("patient_id", "id", "asked_at", "recorded_at"),
        ),
        "procedures": (
            Procedure.objects.filter(**kept),
            ("patient_id", "id", "kind", "performed_on", "recorded_at"),
        ),
        "treatments": (
            Treatment.objects.filter(drug_class="vitamin_k_antagonist", **kept),
            ("patient_id", "id", "drug_class", "started_on", "ended_on", "recorded_at"),
        ),
    }
    for name, (query, columns) in queries.items():
        rows = [tuple(_plain(value) for value in row) for row in query.values_list(*columns)]
        spec = [c if c in COLUMNS[name] else c.removesuffix("_id") for c in columns]
        tables[name] = table_of(name, rows, spec)
    return facts_of(tables, read_readings(ids, windows_of_rules(), to_seconds(as_of)))


def _patients(ids: Sequence[int]) -> Any:
    rows = (
        Patient.objects.filter(id__among=ids)
        .order_by("id")
        .values_list(
            "id",
            "birth_date",
            "dialysis_start",
            "ckd_onset",
            "created_at",
            "unit__pth_upper_limit",
            "unit__mineral_interval_days",
            "unit__pth_interval_days",
            "unit__alp_interval_days",
            "unit__dose_interval_days",
        )
    )
    return table_of("patients", [tuple(_plain(value) for value in row) for row in rows])


def _plain(value: Any) -> Any:
    """Times and dates as seconds, booleans as 1 and 0, everything else as it is."""
    if isinstance(value, datetime):
        return int(value.astimezone(UTC).timestamp())
    if isinstance(value, date):
        return (value - _EPOCH).days * 86_400
    if isinstance(value, bool):
        return int(value)
    return value
