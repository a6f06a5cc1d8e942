"""Writes a simulated cohort into a unit: people, results, prescriptions, treatments and sessions, set by set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from django.db import transaction

from monitoring.errors import Conflict
from monitoring.models import (
    DisplayUnits,
    Finding,
    LabResult,
    Patient,
    Prescription,
    SessionRecord,
    Treatment,
    Unit,
)
from monitoring.services.facts import raise_facts_version
from monitoring.simulation import Cohort
from monitoring.simulation.sending import SendingStyle, send_results

# Results arrive some hours after the sample; sessions are kept for the last two months only.
_REPORTED_AFTER = timedelta(hours=5)
_SESSION_DAYS = 60
_ROWS_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Person:
    """The name and number under which a simulated patient is entered."""

    mrn: str
    family_name: str
    given_name: str


@dataclass(frozen=True, slots=True)
class LoadedCohort:
    """What was written: `patient_ids` are the primary keys in the order of the cohort."""

    patient_ids: tuple[int, ...]
    results: int

    @property
    def patients(self) -> int:
        """How many people."""
        return len(self.patient_ids)


def load_cohort(cohort: Cohort, *, unit: Unit, now: datetime, people: Sequence[Person] | None = None) -> LoadedCohort:
    """Write a simulated cohort into a unit without patients, in one transaction; the patients are then due.

    Only true results are written, in the unit's display units as its laboratory would send them; simulated
    clock times count as local time of the unit. `people` are the names (default: "Simulated", numbered).
    Raises Conflict when the unit has patients: invented people must not stand among real ones.
    """
    if Patient.objects.filter(unit=unit).exists():
        raise Conflict(
            "unit-not-empty",
            f"{unit} has patients. Invented people may only be put into a unit without patients.",
            unit=unit.code,
        )
    names = people or [
        Person(f"SIM-{number:06d}", "Simulated", f"Patient {number + 1}") for number in range(len(cohort.patients))
    ]
    zone = ZoneInfo(unit.time_zone)
    with transaction.atomic():
        ids = _write_patients(cohort, unit, names)
        results = _write_results(cohort, unit, names, ids, zone, now)
        _write_care(cohort, ids, zone, now)
        _write_findings(cohort, ids, zone, now)
        raise_facts_version(ids)
    return LoadedCohort(tuple(ids), results)


def local_times(times: pd.Series[Any], zone: ZoneInfo) -> pd.Series[Any]:
    """Simulated clock times (labelled UTC) taken as local time of the unit; NaT stays NaT."""
    wall = pd.DatetimeIndex(times).tz_localize(None)
    return pd.Series(
        wall.tz_localize(zone, ambiguous=np.zeros(len(wall), dtype=bool), nonexistent="shift_forward"),
        index=times.index,
    )


def _write_patients(cohort: Cohort, unit: Unit, names: Sequence[Person]) -> list[int]:
    rows = zip(names, _rows(cohort.patients), strict=True)
    made = Patient.objects.bulk_create(
        [
            Patient(
                unit=unit,
                mrn=person.mrn,
                family_name=person.family_name,
                given_name=person.given_name,
                birth_date=_day(row.birth_date),
                sex=row.sex,
                dialysis_start=_day(row.dialysis_start),
                ckd_onset=_day(row.ckd_onset),
            )
            for person, row in rows
        ]
    )
    return [patient.pk for patient in made]


def _write_results(
    cohort: Cohort, unit: Unit, names: Sequence[Person], ids: Sequence[int], zone: ZoneInfo, now: datetime
) -> int:
    style = SendingStyle.SI if unit.display_units == DisplayUnits.SI else SendingStyle.CONVENTIONAL
    sent = send_results(cohort.readings, style)
    sent["local"] = local_times(sent["taken_at"], zone)
    source = f"{unit.code}/Simulated laboratory"
    count = 0
    for part in _slices(sent):
        LabResult.objects.bulk_create(
            [
                LabResult(
                    patient_id=ids[row.patient],
                    analyte=row.analyte,
                    value_text=row.sent_text,
                    comparator=row.comparator,
                    unit_sent=row.sent_unit,
                    code_sent=row.sent_code or row.analyte,
                    value=row.received_value,
                    taken_at=(taken := row.local.to_pydatetime()),
                    received_at=min(taken + _REPORTED_AFTER, now),
                    timing=row.timing,
                    source=source,
                    source_id=f"{names[row.patient].mrn}-{row.analyte}-{taken:%Y%m%d}-{row.timing}",
                )
                for row in _rows(part)
            ]
        )
        count += len(part)
    return count


def _write_care(cohort: Cohort, ids: Sequence[int], zone: ZoneInfo, now: datetime) -> None:
    Prescription.objects.bulk_create(
        [
            Prescription(
                patient_id=ids[row.patient],
                sessions_per_week=row.sessions_per_week,
                minutes=row.minutes,
                dialysate_calcium=row.dialysate_calcium,
                dialysate_bicarbonate=row.dialysate_bicarbonate,
                started_on=row.started_on.date(),
                ended_on=_day(row.ended_on),
                recorded_at=_midday(row.started_on.date(), zone, now),
            )
            for row in _rows(cohort.prescriptions)
        ]
    )
    Treatment.objects.bulk_create(
        [
            Treatment(
                patient_id=ids[row.patient],
                drug_class=row.drug_class,
                drug=row.drug,
                dose=row.dose,
                started_on=row.started_on.date(),
                ended_on=_day(row.stopped_on),
                recorded_at=_midday(row.started_on.date(), zone, now),
            )
            for row in _rows(cohort.treatments)
        ]
    )
    minutes = cohort.prescriptions.drop_duplicates("patient", keep="last").set_index("patient")["minutes"]
    attendance = cohort.attendance(days=_SESSION_DAYS)
    attendance["local"] = local_times(attendance["started_at"], zone)
    for part in _slices(attendance):
        SessionRecord.objects.bulk_create(
            [
                SessionRecord(
                    patient_id=ids[row.patient],
                    planned_at=row.local,
                    planned_minutes=(planned := int(minutes[row.patient])),
                    delivered_minutes=0 if row.kind == "missed" else planned - row.minutes_lost,
                    missed=row.kind == "missed",
                    recorded_at=min(row.local + timedelta(hours=6), now),
                )
                for row in _rows(part)
            ]
        )


def _write_findings(cohort: Cohort, ids: Sequence[int], zone: ZoneInfo, now: datetime) -> None:
    table = cohort.findings.assign(
        noted=local_times(cohort.findings["noted_at"], zone),
        resolved=local_times(cohort.findings["resolved_at"], zone),
    )
    Finding.objects.bulk_create(
        [
            Finding(
                patient_id=ids[row.patient],
                kind=row.kind,
                site=row.site,
                side=row.side,
                onset=_day(row.onset),
                noted_at=row.noted,
                size_mm=None if pd.isna(row.size_mm) else int(row.size_mm),
                status="present" if pd.isna(row.resolved) else "resolved",
                resolved_at=None if pd.isna(row.resolved) else row.resolved,
                recorded_at=min(row.noted, now),
            )
            for row in _rows(table)
        ]
    )


def _rows(table: pd.DataFrame) -> Iterator[Any]:
    """The rows as named tuples, which pandas' types know nothing about."""
    return iter(table.itertuples(index=False))


def _slices(table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for start in range(0, len(table), _ROWS_AT_ONCE):
        yield table.iloc[start : start + _ROWS_AT_ONCE]


def _day(moment: Any) -> date | None:
    """The day of a pandas time; None for no time."""
    return None if pd.isna(moment) else moment.date()


def _midday(day: date, zone: ZoneInfo, now: datetime) -> datetime:
    return min(datetime.combine(day, time(12), tzinfo=zone), now)
