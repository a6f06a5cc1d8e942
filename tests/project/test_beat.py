"""Two beats, one schedule: who runs it, and who takes over."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from celery import current_app
from django.db import DatabaseError
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from project import beat
from project.beat import LEASE_SECONDS, LeasedDatabaseScheduler, claim_lease, release_lease
from project.models import BeatLease
from tests.conftest import kill_group
from tests.services import ROOT, Broker

DUE = "alerts.tasks.sweep_outbox_task"


@pytest.mark.django_db
class TestLease:
    """The lease by itself."""

    def test_the_first_to_ask_gets_it(self) -> None:
        assert claim_lease("a")
        assert BeatLease.objects.get().holder == "a"

    def test_another_does_not_get_it_while_it_lasts(self) -> None:
        assert claim_lease("a")
        assert not claim_lease("b")
        assert BeatLease.objects.get().holder == "a"

    def test_the_holder_renews_it(self) -> None:
        claim_lease("a")
        expire_lease(seconds=1)
        assert claim_lease("a")
        assert BeatLease.objects.get().expires_at > timezone.now() + timedelta(seconds=15)

    def test_another_takes_it_over_once_it_has_expired_and_the_old_holder_stays_out(self) -> None:
        claim_lease("a")
        expire_lease(seconds=-1)
        assert claim_lease("b")
        assert not claim_lease("a")

    def test_it_lasts_twenty_seconds_and_records_the_tick(self) -> None:
        claim_lease("a")
        lease = BeatLease.objects.get()
        assert lease.expires_at - lease.last_tick_at == timedelta(seconds=20)
        assert abs(timezone.now() - lease.last_tick_at) < timedelta(seconds=5)

    def test_a_released_lease_is_free_at_once(self) -> None:
        claim_lease("a")
        release_lease("a")
        assert claim_lease("b")

    def test_somebody_else_cannot_release_it(self) -> None:
        claim_lease("a")
        release_lease("b")
        assert not claim_lease("b")


def expire_lease(*, seconds: float) -> None:
    """Let the lease end that many seconds from now."""
    BeatLease.objects.update(expires_at=timezone.now() + timedelta(seconds=seconds))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the schedulers send, by holder and task."""
    tasks: list[str] = []

    def record(self: LeasedDatabaseScheduler, entry: object, **_: object) -> None:
        tasks.append(f"{self.holder} {entry.task}")  # type: ignore[attr-defined]

    monkeypatch.setattr(LeasedDatabaseScheduler, "apply_async", record)
    monkeypatch.setattr(LeasedDatabaseScheduler, "producer", None)
    # Ask for the lease at every step instead of every five seconds.
    monkeypatch.setattr(beat, "RENEW_SECONDS", 0)
    return tasks


@pytest.fixture
def schedulers(transactional_db: None) -> Iterator[tuple[LeasedDatabaseScheduler, LeasedDatabaseScheduler]]:
    """Two schedulers on one database with one task that is due."""
    first, second = (LeasedDatabaseScheduler(app=current_app, lazy=False) for _ in range(2))
    first.holder, second.holder = "first", "second"
    PeriodicTask.objects.all().delete()
    make_due()
    yield first, second
    for scheduler in (first, second):
        scheduler._finalize.cancel()


def make_due(name: str = "due", queue: str | None = None) -> None:
    """Have one task whose time has come."""
    interval, _ = IntervalSchedule.objects.get_or_create(every=60, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.update_or_create(
        name=name,
        defaults={
            "task": DUE,
            "queue": queue,
            "interval": interval,
            "last_run_at": timezone.now() - timedelta(seconds=61),
        },
    )


def test_only_the_holder_sends_what_is_due(
    schedulers: tuple[LeasedDatabaseScheduler, LeasedDatabaseScheduler], sent: list[str]
) -> None:
    first, second = schedulers
    for _ in range(3):
        first.tick()
        second.tick()
    assert sent == [f"first {DUE}"]


def test_the_one_that_takes_over_does_not_repeat_what_was_sent(
    schedulers: tuple[LeasedDatabaseScheduler, LeasedDatabaseScheduler], sent: list[str]
) -> None:
    first, second = schedulers
    second.tick()
    second.sync()
    second.tick()
    assert sent == [f"second {DUE}"]
    expire_lease(seconds=-1)
    for _ in range(3):
        first.tick()
        second.tick()
    assert sent == [f"second {DUE}"]
    assert BeatLease.objects.get().holder == "first"


def test_the_one_that_takes_over_sends_what_fell_due_meanwhile(
    schedulers: tuple[LeasedDatabaseScheduler, LeasedDatabaseScheduler], sent: list[str]
) -> None:
    first, second = schedulers
    first.tick()
    first.sync()
    make_due()
    expire_lease(seconds=-1)
    second.tick()
    first.tick()
    assert sent == [f"first {DUE}", f"second {DUE}"]


def test_a_beat_that_stops_in_order_hands_over_at_once(
    schedulers: tuple[LeasedDatabaseScheduler, LeasedDatabaseScheduler], sent: list[str]
) -> None:
    first, second = schedulers
    first.tick()
    first.close()
    make_due()
    second.tick()
    assert sent == [f"first {DUE}", f"second {DUE}"]


def test_without_the_database_nothing_is_sent_and_the_beat_lives_on(
    schedulers: tuple[LeasedDatabaseScheduler, LeasedDatabaseScheduler],
    sent: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(holder: str) -> bool:
        raise DatabaseError("gone")

    monkeypatch.setattr(beat, "claim_lease", fail)
    assert schedulers[0].tick() >= 0
    assert sent == []


def test_without_the_broker_a_due_task_stays_due(
    schedulers: tuple[LeasedDatabaseScheduler, LeasedDatabaseScheduler], broker: Broker
) -> None:
    scheduler = schedulers[0]
    broker.stop()
    started = time.monotonic()
    scheduler.tick()
    assert time.monotonic() - started < LEASE_SECONDS / 2, "the lease must not run out while it waits"
    scheduler.sync()
    assert PeriodicTask.objects.get(name="due").total_run_count == 0
    broker.start()
    scheduler.tick()
    with redis.Redis.from_url(broker.url) as queue:
        assert queue.llen("deliver") == 1


def test_an_entry_for_an_unknown_queue_does_not_stop_the_others(
    schedulers: tuple[LeasedDatabaseScheduler, LeasedDatabaseScheduler], redis_url: str
) -> None:
    make_due(name="a wrong one", queue="nobody-reads-this")
    for _ in range(3):
        schedulers[0].tick()
    with redis.Redis.from_url(redis_url) as queue:
        assert queue.llen("deliver") == 1


def test_a_change_by_staff_survives_the_restart_of_the_beat(transactional_db: None) -> None:
    LeasedDatabaseScheduler(app=current_app, lazy=False)._finalize.cancel()
    assert PeriodicTask.objects.filter(name="Sweep of the outbox", enabled=True).exists()
    slower, _ = IntervalSchedule.objects.get_or_create(every=10, period=IntervalSchedule.MINUTES)
    PeriodicTask.objects.filter(name="Sweep of the outbox").update(interval=slower, enabled=False)
    LeasedDatabaseScheduler(app=current_app, lazy=False)._finalize.cancel()
    kept = PeriodicTask.objects.get(name="Sweep of the outbox")
    assert (kept.interval, kept.enabled) == (slower, False)


@pytest.mark.services
@pytest.mark.slow
def test_two_real_beats_send_each_run_once_and_survive_kill_9(
    redis_url: str, process_environment: dict[str, str], tmp_path: Path
) -> None:
    """Two processes; the holder is killed; the other goes on after the lease, and no run is doubled."""
    interval, _ = IntervalSchedule.objects.get_or_create(every=2, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.create(name="often", task=DUE, interval=interval, queue="deliver")
    beats = {}
    with redis.Redis.from_url(redis_url) as queue:
        try:
            for name in ("one", "two"):
                with (tmp_path / f"{name}.log").open("wb") as log:
                    process = subprocess.Popen(
                        [sys.executable, "-m", "celery", "-A", "project", "beat", "--pidfile", ""],
                        cwd=ROOT,
                        env={**process_environment, "REDIS_URL": redis_url},
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                beats[process.pid] = process
            wait_for_length(queue, 3)
            # Every run is two seconds after the one before: two senders would show as a total too high.
            runs = PeriodicTask.objects.get(name="often").total_run_count
            assert abs(queue.llen("deliver") - runs) <= 1
            holder = BeatLease.objects.get().holder
            killed = int(holder.split(":")[1])
            os.killpg(killed, signal.SIGKILL)
            length = queue.llen("deliver")
            # A killed holder keeps the lease until it ends; the test does not sit that out.
            expire_lease(seconds=-1)
            wait_for_length(queue, length + 2)
            assert BeatLease.objects.get().holder != holder
        finally:
            for process in beats.values():
                kill_group(process)


def wait_for_length(queue: "redis.Redis", length: int) -> None:
    """Wait until that many messages lie in the queue."""
    deadline = time.monotonic() + 40
    while queue.llen("deliver") < length:
        assert time.monotonic() < deadline, f"only {queue.llen('deliver')} messages"
        time.sleep(0.1)
