"""Patients in numbers, dumps of what judging has made of them, and waiting with a deadline."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from django.db import connection, transaction
from django.utils import timezone

from alerts.models import Alert, AlertEvent, Notification
from monitoring.models import Assessment, Finding, LabResult, Patient, Unit
from monitoring.services.bulk import insert_rows
from monitoring.services.recording import record_finding

_numbers = count(1)
T = TypeVar("T")


def add_patients(
    unit: Unit, number: int, *, now: datetime, judged: bool = False, next_due: datetime | None = None
) -> list[int]:
    """Patients with two very high phosphates each, every fifth with a mass: see `assert_judged_once`.

    Their facts are one version ahead of what has been judged; with `judged` they are not. Nothing is announced.
    """
    people = [
        Patient(
            unit=unit,
            mrn=f"F-{next(_numbers):06}",
            family_name="Flowtest",
            given_name="Ada",
            created_at=now,
            evaluated_version=1 if judged else 0,
            next_due=next_due,
        )
        for _ in range(number)
    ]
    insert_rows(Patient, people)
    insert_rows(
        LabResult,
        [
            LabResult(
                patient=patient,
                analyte="phosphate",
                value_text="9.4",
                value=9.4,
                unit_sent="mg/dL",
                taken_at=now - timedelta(days=days),
                received_at=now - timedelta(days=days),
                timing="pre",
                source=f"{unit.code}/flow",
                source_id=f"f{next(_numbers)}",
            )
            for patient in people
            for days in (35, 5)
        ],
    )
    insert_rows(
        Finding,
        [
            Finding(
                patient=patient,
                kind="mass",
                site="hip",
                side="left",
                noted_at=now - timedelta(days=1),
                recorded_at=now - timedelta(days=1),
            )
            for patient in people[::5]
        ],
    )
    return sorted(patient.pk for patient in people)


def assert_judged_once(patient_ids: Iterable[int]) -> None:
    """Every patient is judged by the newest facts; every alert and every event that must exist does so once."""
    ids = set(patient_ids)
    assert set(unjudged(ids)) == set()
    masses = set(Finding.objects.filter(patient_id__in=ids, retired_at=None).values_list("patient_id", flat=True))
    rules = {patient: ("S01", "L01", "L02", "M02") if patient in masses else ("L01", "L02", "M01") for patient in ids}
    expected = Counter((patient, rule) for patient in ids for rule in rules[patient])
    assert Counter(Alert.objects.filter(patient_id__in=ids).values_list("patient_id", "rule")) == expected
    opened = AlertEvent.objects.filter(alert__patient_id__in=ids, type="opened")
    assert Counter(opened.values_list("alert__patient_id", "alert__rule")) == expected
    assert AlertEvent.objects.filter(alert__patient_id__in=ids).count() == opened.count()
    assessed = Assessment.objects.filter(patient_id__in=ids).values_list("patient_id", flat=True)
    assert sorted(assessed) == sorted(ids)
    numbers = list(AlertEvent.objects.order_by("seq").values_list("seq", flat=True))
    assert numbers == list(range(1, len(numbers) + 1)), "numbers of events are without gaps"


def unjudged(patient_ids: Iterable[int]) -> list[int]:
    """Those whose facts have moved on since they were judged."""
    versions = Patient.objects.filter(id__in=list(patient_ids)).values_list("id", "facts_version", "evaluated_version")
    return [patient for patient, facts, judged in versions if facts != judged]


def dump() -> dict[str, list[dict[str, Any]]]:
    """Every column of every alert, event, assessment and notification, and how far patients have been judged."""
    tables = {model.__name__: list(model._default_manager.order_by("pk").values()) for model in MODELS}
    tables["Patient"] = list(
        Patient.objects.order_by("pk").values("id", "facts_version", "evaluated_version", "next_due")
    )
    return tables


MODELS = (Alert, AlertEvent, Assessment, Notification)


def wait_until(is_true: Callable[[], T], *, seconds: float = 60, why: str = "") -> T:
    """Look until it is true, and give what was seen; fail when it is not in time."""
    deadline = time.monotonic() + seconds
    while True:
        seen = is_true()
        if seen:
            return seen
        assert time.monotonic() < deadline, f"not within {seconds} s: {why or is_true}"
        time.sleep(0.05)


def at_once(work: Callable[[int], T], workers: int) -> list[T]:
    """Run `work(0)` to `work(workers - 1)` in as many threads, each with a connection of its own; give the results."""

    def run(number: int) -> T:
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(run, range(workers)))


def waiting_backends() -> int:
    """How many backends of this database wait for a lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        row = cursor.fetchone()
    return int(row[0])


def give_mass(patient_id: int) -> None:
    """A mass, found now; raises the version of the facts and announces it."""
    now = timezone.now()
    with transaction.atomic():
        record_finding(Finding(patient_id=patient_id, kind="mass", site="hip", side="right", noted_at=now), now=now)
