"""What /healthz and /readyz say, and when."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client, override_settings
from django.utils import timezone

from monitoring.models import Patient
from project import health
from project.beat import claim_lease
from project.models import BeatLease


def readiness() -> tuple[int, str, dict[str, Any]]:
    """Ask; gives the HTTP status, the verdict and the checks."""
    answer = Client().get("/readyz")
    body = answer.json()
    return answer.status_code, body["status"], body["checks"]


@pytest.fixture
def patient(unit_a: Any) -> Patient:
    """A patient who has been judged and is not due."""
    return Patient.objects.create(
        unit=unit_a,
        mrn="1",
        family_name="Invented",
        given_name="Ida",
        facts_version=1,
        evaluated_version=1,
        next_due=timezone.now() + timedelta(days=1),
    )


def test_healthz_touches_no_database() -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_ready_when_everything_works(redis_url: str, patient: Patient) -> None:
    claim_lease("beat")
    status, verdict, checks = readiness()
    assert (status, verdict) == (200, "ready"), checks
    assert set(checks) == {"database", "migrations", "broker", "beat", "patients", "outbox"}
    assert all(check["reason"].endswith(".") for check in checks.values())


@pytest.mark.django_db
def test_without_the_broker_it_is_degraded_but_still_takes_facts() -> None:
    claim_lease("beat")
    status, verdict, checks = readiness()
    assert (status, verdict) == (200, "degraded")
    assert "127.0.0.1:1 does not answer" in checks["broker"]["reason"]


@pytest.mark.django_db
def test_the_password_of_the_broker_is_not_told() -> None:
    with override_settings(BROKER_URL="redis://user:hunter2@127.0.0.1:1/0"):
        assert b"hunter2" not in Client().get("/readyz").content


@pytest.mark.django_db
def test_no_beat_yet_and_a_silent_beat_are_told_apart(redis_url: str) -> None:
    assert readiness()[2]["beat"]["reason"] == "No beat has run yet."
    claim_lease("beat")
    BeatLease.objects.update(last_tick_at=timezone.now() - timedelta(seconds=90))
    beat = readiness()[2]["beat"]
    assert not beat["ok"]
    assert "90 s ago by beat" in beat["reason"]


@pytest.mark.django_db
def test_a_patient_whom_nobody_judges_in_time_is_told(redis_url: str, patient: Patient) -> None:
    claim_lease("beat")
    Patient.objects.update(next_due=timezone.now() - timedelta(minutes=10))
    _, verdict, checks = readiness()
    assert verdict == "degraded"
    assert "a patient due by time has waited 600 s" in checks["patients"]["reason"]


@pytest.mark.django_db
def test_a_patient_due_a_moment_ago_is_no_reason_to_worry(redis_url: str, patient: Patient) -> None:
    Patient.objects.update(next_due=timezone.now() - timedelta(seconds=30))
    assert readiness()[2]["patients"]["ok"]


@pytest.mark.django_db
def test_patients_who_left_do_not_count(redis_url: str, patient: Patient) -> None:
    Patient.objects.update(next_due=timezone.now() - timedelta(days=10), status="deceased", facts_version=9)
    assert readiness()[2]["patients"] == {
        "ok": True,
        "reason": "0 with facts not judged yet.",
        "needed": False,
    }


@pytest.mark.django_db
def test_a_migration_not_applied_is_not_ready_and_names_the_command(redis_url: str) -> None:
    MigrationRecorder(connection).record_unapplied("project", "0001_initial")
    status, verdict, checks = readiness()
    assert (status, verdict) == (503, "not-ready")
    assert "manage.py migrate" in checks["migrations"]["reason"]
    assert "beat" not in checks


@pytest.mark.django_db
def test_without_the_database_it_is_not_ready(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Any:
        raise DatabaseError("password is hunter2")

    monkeypatch.setattr(health.connection, "cursor", fail)
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["status"] == "not-ready"
    assert b"hunter2" not in answer.content


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_probes_only_read(method: str) -> None:
    assert getattr(Client(), method)("/healthz").status_code == 405
