"""One database, one number of patients: our evaluation and the obvious pipeline, interleaved, results compared.

Peak memory is that of the resident set while each runs, above what was resident when it began.
"""

from __future__ import annotations

import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup()

import numpy as np  # noqa: E402  (the models exist only after setup)
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

import alerts.services.evaluating as evaluating  # noqa: E402
from alerts.models import Alert, AlertEvent, Notification  # noqa: E402
from alerts.selectors import active_patient_chunks  # noqa: E402
from monitoring.models import Assessment, LabResult, Patient, Unit  # noqa: E402
from monitoring.services.bulk import insert_rows  # noqa: E402
from tests.bench.obvious import evaluate_obviously  # noqa: E402

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
MONTHS = 24
# analyte, unit, mean, spread between patients, spread within (roughly the US-like cohort of the simulator)
ANALYTES = (
    ("calcium", "mg/dL", 9.0, 0.5, 0.3),
    ("phosphate", "mg/dL", 5.5, 1.2, 0.9),
    ("albumin", "g/dL", 3.8, 0.3, 0.1),
    ("pth", "pg/mL", 400.0, 200.0, 60.0),
    ("alp", "U/L", 95.0, 30.0, 9.0),
    ("bicarbonate", "mmol/L", 22.6, 2.0, 1.5),
    ("urea", "mmol/L", 22.0, 4.0, 2.5),
    ("kt_v", "1", 1.5, 0.2, 0.1),
)
CHUNK = 2_000


def fill(patients: int) -> int:
    """Invented patients with 24 monthly panels of 8 analytes; gives the number of results."""
    call_command("migrate", verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
    unit = Unit.objects.create(code="BENCH", name="Bench")
    insert_rows(
        Patient,
        [
            Patient(unit=unit, mrn=f"B{i:06}", family_name="Bench", given_name=str(i), created_at=NOW)
            for i in range(patients)
        ],
    )
    ids = list(Patient.objects.order_by("id").values_list("id", flat=True))
    rng = np.random.default_rng(11)
    count = 0
    for start in range(0, patients, 1_000):
        rows = []
        some = ids[start : start + 1_000]
        for name, unit_of_measure, mean, between, within in ANALYTES:
            own = rng.normal(mean, between, (len(some), 1)) + rng.normal(0, within, (len(some), MONTHS))
            values = np.round(np.maximum(own, mean / 5), 1 if name != "kt_v" else 2).tolist()
            for i, patient in enumerate(some):
                for month in range(MONTHS):
                    taken = NOW - timedelta(days=10 + 30 * (MONTHS - 1 - month))
                    rows.append(
                        LabResult(
                            patient_id=patient,
                            analyte=name,
                            value_text=str(values[i][month]),
                            value=values[i][month],
                            unit_sent=unit_of_measure,
                            taken_at=taken,
                            received_at=taken,
                            timing="pre",
                            source="BENCH/lab",
                            source_id=f"{patient}-{name}-{month}",
                        )
                    )
        with transaction.atomic():
            insert_rows(LabResult, rows)
        count += len(rows)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    return count


def reset() -> None:
    """As after the import: nothing judged yet."""
    for model in (Notification, AlertEvent, Alert, Assessment):
        model._default_manager.all()._raw_delete("default")
    Patient.objects.update(evaluated_version=0, evaluated_as_of=None, next_due=None)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


def evaluate_ours() -> tuple[set[tuple[int, str, int]], dict[str, float]]:
    """The service, in the chunks of a sweep; gives what stands, and the seconds of reading, judging and the rest."""
    spent = {"read": 0.0, "judge": 0.0}
    originals = {"read": evaluating.read_facts, "judge": evaluating.evaluate}

    def timed(part: str) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            begin = time.perf_counter()
            try:
                return originals[part](*args, **options)
            finally:
                spent[part] += time.perf_counter() - begin

        return run

    evaluating.read_facts, evaluating.evaluate = timed("read"), timed("judge")
    begin = time.perf_counter()
    try:
        for chunk in active_patient_chunks(CHUNK):
            evaluating.evaluate_patients(chunk, as_of=NOW)
    finally:
        evaluating.read_facts, evaluating.evaluate = originals["read"], originals["judge"]
    whole = time.perf_counter() - begin
    standing = set(Alert.objects.exclude(workflow="resolved").values_list("patient_id", "rule", "severity"))
    return standing, spent | {"write": whole - sum(spent.values())}


def peak_of(run: Callable[[], Any]) -> tuple[Any, float, float]:
    """The result of `run`, its seconds, and by how many MB the resident set rose above its start."""
    done = threading.Event()
    start = peak = _resident()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.01):
            peak = max(peak, _resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    begin = time.perf_counter()
    try:
        result = run()
    finally:
        seconds = time.perf_counter() - begin
        done.set()
        watcher.join()
    return result, seconds, (peak - start) / 1e6


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main(patients: int, rounds: int) -> int:
    """Print a table; fail when the two pipelines disagree."""
    rows = fill(patients)
    print(f"\n{connection.vendor}: {patients:,} patients, {rows:,} results, {rounds} interleaved rounds", flush=True)
    seconds: dict[str, list[float]] = {"CalciWatch": [], "obvious": []}
    for number in range(rounds):
        results = {}
        for name, run in (("CalciWatch", evaluate_ours), ("obvious", lambda: evaluate_obviously(NOW))):
            reset()
            (standing, parts), whole, peak = peak_of(run)
            results[name] = standing
            seconds[name].append(whole)
            total = sum(parts.values())
            shares = "  ".join(f"{part} {spent / total:4.0%}" for part, spent in parts.items())
            print(
                f"  {number + 1}. {name:<11}{whole:7.2f} s  {patients / whole:8,.0f} patients/s  "
                f"{rows / whole:10,.0f} rows/s  +{peak:5.0f} MB   {shares}",
                flush=True,
            )
        if results["CalciWatch"] != results["obvious"]:
            ours, other = results["CalciWatch"], results["obvious"]
            print(f"  DIFFERENT RESULTS: {len(ours - other)} only ours, {len(other - ours)} only theirs")
            print("   ", sorted(ours ^ other)[:10])
            return 1
    ratio = statistics.median(seconds["obvious"]) / statistics.median(seconds["CalciWatch"])
    print(f"  same {len(results['CalciWatch']):,} standing alerts from both; CalciWatch is {ratio:.1f} times as fast")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
