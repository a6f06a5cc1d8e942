"""Judging one changed patient reads as many rows among ten thousand as among a hundred."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alerts.models import Alert
from alerts.selectors import due_patient_ids
from alerts.services.evaluating import evaluate_patients
from monitoring.models import Finding, Patient, Unit
from monitoring.services.recording import record_finding
from tests.flows.people import add_patients
from tests.services import url_of

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _without_the_remains_of_other_tests(db: None) -> None:
    """What other tests have rolled back lies in tables and indexes until a VACUUM, and would be counted as read."""
    with psycopg.connect(url_of(connection.settings_dict), autocommit=True) as other:
        other.execute("VACUUM")


# By table: the rows this transaction has read from it, and the entries it has read from its indexes.
READ = """
    SELECT t.relname,
        pg_stat_get_xact_tuples_returned(t.oid) + pg_stat_get_xact_tuples_fetched(t.oid),
        coalesce(sum(pg_stat_get_xact_tuples_returned(i.indexrelid)), 0)
    FROM pg_class t LEFT JOIN pg_index i ON i.indrelid = t.oid
    WHERE t.relkind = 'r' AND t.relnamespace = 'public'::regnamespace
    GROUP BY t.oid, t.relname
"""


def read_so_far() -> dict[str, tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(READ)
        return {name: (int(rows), int(entries)) for name, rows, entries in cursor.fetchall()}


def cost(work: Callable[[], object]) -> tuple[dict[str, int], int]:
    """Rows read by table, where any, and the number of queries.

    A scan of an index alone reads no rows, only entries; whichever are more count.
    """
    before = read_so_far()
    with CaptureQueriesContext(connection) as queries:
        work()
    after = read_so_far()
    rows = {name: max(after[name][0] - before[name][0], after[name][1] - before[name][1]) for name in after}
    return {name: number for name, number in rows.items() if number}, len(queries)


def grow(unit: Unit, size: int, now: datetime) -> None:
    """Fill the unit up to `size` patients who have all been judged; the planner knows the tables as in service."""
    ids = add_patients(unit, size - Patient.objects.count(), now=now, judged=False)
    for start in range(0, len(ids), 2_500):
        evaluate_patients(ids[start : start + 2_500], as_of=now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def test_one_changed_patient_costs_the_same_among_a_hundred_and_among_ten_thousand(unit_a: Unit) -> None:
    now = timezone.now()
    costs = []
    for size in (100, 10_000):
        grow(unit_a, size, now)
        # A patient without a mass so far, from the middle of the table.
        patient = Patient.objects.filter(findings=None).order_by("id")[size // 3]
        later = now + timedelta(minutes=size)

        def commit_to_alert(patient: Patient = patient, later: datetime = later) -> None:
            record_finding(Finding(patient=patient, kind="mass", site="hip", side="left", noted_at=later), now=later)
            evaluate_patients([patient.pk], as_of=later)

        # A hundred patients fit into a few pages, which PostgreSQL would rather read whole than look up.
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off" if size == 100 else "SET LOCAL enable_seqscan = on")
        costs.append(cost(commit_to_alert))
        assert Alert.objects.get(patient=patient, rule="S01").condition == "active"
    small, large = costs
    assert large == small
    assert sum(large[0].values()) < 500


def test_the_sweep_reads_the_due_patients_and_not_the_others(unit_a: Unit) -> None:
    now = timezone.now()
    costs = []
    for size in (100, 10_000):
        add_patients(unit_a, size - Patient.objects.count() - 3, now=now, judged=True, next_due=now + timedelta(days=9))
        late = add_patients(unit_a, 3, now=now)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE monitoring_patient")
        found: list[int] = []
        costs.append(cost(lambda found=found: found.extend(due_patient_ids(now=now, limit=20_000))))
        assert set(found) >= set(late)
        Patient.objects.filter(id__in=late).update(evaluated_version=1)
    assert costs[0][1] == costs[1][1]
    assert sum(costs[1][0].values()) <= 20, costs[1]
