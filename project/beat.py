"""A beat that may run several times at once: a lease row lets one of them run the schedule.

Two plain database schedulers each send every task. Here each asks for the lease before every step; the one
that holds it sends, the others wait and take over at most LEASE_SECONDS after the holder fell silent.
"""

import os
import secrets
import socket
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import structlog
from celery.beat import SchedulingError
from django.db import DatabaseError, InterfaceError, close_old_connections, models
from django.db.models import ExpressionWrapper, F, Q
from django.db.models.functions import Now
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler
from kombu.exceptions import OperationalError

from project.models import BeatLease

logger = structlog.get_logger(__name__)

LEASE_NAME: Final = "schedule"
LEASE_SECONDS: Final = 20
# Well below the lease, so that a slow database does not cost it.
RENEW_SECONDS: Final = 5


def claim_lease(holder: str, *, seconds: int = LEASE_SECONDS) -> bool:
    """Take or renew the lease in one conditional UPDATE; says whether `holder` has it now."""
    until = ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=models.DateTimeField())
    mine_or_expired = Q(holder=holder) | Q(expires_at__lt=Now())
    lease = BeatLease.objects.filter(name=LEASE_NAME)
    changed = lease.filter(mine_or_expired).update(holder=holder, expires_at=until, last_tick_at=Now())
    if changed:
        return True
    if lease.exists():
        return False
    # First start ever: of two beats that insert together, ignore_conflicts lets one row in.
    BeatLease.objects.bulk_create(
        [BeatLease(name=LEASE_NAME, holder=holder, expires_at=until, last_tick_at=Now())],
        ignore_conflicts=True,
    )
    return lease.filter(holder=holder).exists()


def release_lease(holder: str) -> None:
    """Let the next beat take over at once."""
    BeatLease.objects.filter(name=LEASE_NAME, holder=holder).update(expires_at=F("last_tick_at"))


class BrokerAway(RuntimeError):
    """A due task could not be sent because the broker does not answer."""


class LeasedDatabaseScheduler(DatabaseScheduler):  # type: ignore[misc]  # the package has no types
    """Runs the schedule kept in the database while it holds the lease."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"[-120:]
        self._holding = False
        self._renewed_at = float("-inf")
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Run what is due when the lease is ours; give the seconds until the next look."""
        if not self._hold_lease():
            return float(min(self.max_interval, RENEW_SECONDS))
        try:
            interval: float = super().tick(*args, **kwargs)
        except (OperationalError, BrokerAway) as problem:
            logger.warning("beat_without_broker", error=type(problem).__name__)
            self._read_again()
            return RENEW_SECONDS
        return min(interval, RENEW_SECONDS)

    def reserve(self, entry: Any) -> Any:
        """Note the run in the schedule too: a heap built anew from it must not find the entry still due."""
        following = super().reserve(entry)
        self._schedule[following.name] = following
        return following

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send a due task. Away from the broker it stays due: the nightly sweep is late then, not left out."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as problem:
            if isinstance(problem.__context__, (OperationalError, OSError)):
                raise BrokerAway(entry.task) from problem
            # An entry that can never be sent, such as one for an unknown queue, must not stop the others.
            logger.exception("beat_entry_refused", task=entry.task)

    def _ensure_connected(self) -> Any:
        """Give up after two tries: waiting here without end, as Celery does, would let the lease run out."""
        return self.connection.ensure_connection(max_retries=2, interval_start=0, interval_step=0.2)

    def _hold_lease(self) -> bool:
        if self._holding and time.monotonic() - self._renewed_at < RENEW_SECONDS:
            return True
        held_before = self._holding
        asked_at = time.monotonic()
        try:
            close_old_connections()
            self._holding = claim_lease(self.holder)
        except (DatabaseError, InterfaceError) as problem:
            # Without the database nobody knows who holds the lease: send nothing, ask again.
            logger.warning("beat_lease_unknown", error=type(problem).__name__)
            self._holding = False
            return False
        if self._holding:
            self._renewed_at = asked_at
        if self._holding and not held_before:
            logger.info("beat_lease_taken", holder=self.holder)
            self._read_again()
        elif held_before and not self._holding:
            logger.warning("beat_lease_lost", holder=self.holder)
            self._dirty.clear()
        return self._holding

    def _read_again(self) -> None:
        """Forget the schedule read earlier: the beat before us has run tasks meanwhile."""
        self._dirty.clear()
        self._initial_read = True
        self._heap = None

    def update_from_dict(self, mapping: Mapping[str, Mapping[str, Any]]) -> None:
        """Add the tasks of the code that the database does not know; what staff changed there stays."""
        known = set(PeriodicTask.objects.filter(name__in=mapping).values_list("name", flat=True))
        super().update_from_dict({name: entry for name, entry in mapping.items() if name not in known})

    def close(self) -> None:
        """Save what ran, then let the lease go."""
        super().close()
        if self._holding:
            self._holding = False
            try:
                release_lease(self.holder)
            except (DatabaseError, InterfaceError) as problem:
                logger.warning("beat_lease_not_released", error=type(problem).__name__)
