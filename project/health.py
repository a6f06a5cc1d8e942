"""Is the process alive (/healthz), can it serve, and does the work go on (/readyz)? With plain reasons.

Only what a request needs makes the service "not ready" (503). A broker, a beat or a worker that is away is
told as "degraded" with 200: facts must still be taken, and taking the web away would make it worse.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, F, Min, Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis.backoff import NoBackoff
from redis.retry import Retry

from alerts.models import Notification
from monitoring.models import Patient
from project.beat import LEASE_SECONDS
from project.models import BeatLease
from project.schedule import QUEUE_NAMES, SWEEP_SECONDS

# Two sweeps: after that a lost message has been made good, so older work means that nobody works.
LATE_WORK: Final = timedelta(seconds=2 * SWEEP_SECONDS)
LATE_BEAT: Final = timedelta(seconds=2 * LEASE_SECONDS)
BROKER_TIMEOUT: Final = 2.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: whether it is well, and a reason that says so in words."""

    name: str
    ok: bool
    reason: str
    needed: bool = False


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that this process answers. It touches nothing else, so a failing database restarts no web."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether requests can be served and whether the work behind them goes on."""
    checks = look_at_everything(timezone.now())
    if any(check.needed and not check.ok for check in checks):
        status = "not-ready"
    elif all(check.ok for check in checks):
        status = "ready"
    else:
        status = "degraded"
    body: dict[str, Any] = {"status": status, "checks": {check.name: _shown(check) for check in checks}}
    return JsonResponse(body, status=503 if status == "not-ready" else 200)


def _shown(check: Check) -> dict[str, Any]:
    shown = asdict(check)
    del shown["name"]
    return shown


def look_at_everything(now: datetime) -> list[Check]:
    """Give all checks at a time; those that need the database are left out while it is away."""
    database = check_database()
    checks = [database]
    if database.ok:
        migrations = check_migrations()
        checks.append(migrations)
        if migrations.ok:
            checks += [check_beat(now), check_patients(now), check_outbox(now)]
    return [*checks, check_broker()]


def check_database() -> Check:
    """Ask the database for one row."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except DatabaseError as problem:
        return Check("database", ok=False, reason=f"It does not answer ({type(problem).__name__}).", needed=True)
    return Check("database", ok=True, reason=f"{connection.display_name} answers.", needed=True)


def check_migrations() -> Check:
    """Compare the code's migrations with the database's."""
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        first = waiting[0][0]
        return Check(
            "migrations",
            ok=False,
            reason=f"{len(waiting)} not applied, first {first}. Run `manage.py migrate`.",
            needed=True,
        )
    return Check("migrations", ok=True, reason="All applied.", needed=True)


def check_broker() -> Check:
    """Ping the broker and tell how much waits in each queue."""
    url = settings.BROKER_URL.replace("redis+socket://", "unix://", 1)
    place = urlsplit(url)
    shown = place.path if place.scheme == "unix" else f"{place.hostname}:{place.port or 6379}"
    try:
        with redis.Redis.from_url(
            url,
            socket_connect_timeout=BROKER_TIMEOUT,
            socket_timeout=BROKER_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        ) as client:
            lengths = {name: client.llen(name) for name in QUEUE_NAMES}
    except (redis.RedisError, OSError) as problem:
        return Check(
            "broker",
            ok=False,
            reason=f"{shown} does not answer ({type(problem).__name__}); facts are judged when it is back.",
        )
    waiting = ", ".join(f"{name} {length}" for name, length in lengths.items())
    return Check("broker", ok=True, reason=f"{shown} answers; waiting: {waiting}.")


def check_beat(now: datetime) -> Check:
    """Tell when a beat last looked at the schedule."""
    lease = BeatLease.objects.order_by("-last_tick_at").first()
    if lease is None:
        return Check("beat", ok=False, reason="No beat has run yet.")
    age = now - lease.last_tick_at
    return Check("beat", ok=age <= LATE_BEAT, reason=f"Last tick {_seconds(age)} ago by {lease.holder}.")


def check_patients(now: datetime) -> Check:
    """Tell how many patients wait to be judged, and since when time alone has made one due."""
    due = Patient.objects.filter(status="active").aggregate(
        unjudged=Count("pk", filter=~Q(facts_version=F("evaluated_version"))),
        oldest=Min("next_due", filter=Q(next_due__lte=now)),
    )
    return _late(
        "patients",
        now,
        due["oldest"],
        f"{due['unjudged']} with facts not judged yet",
        "a patient due by time",
    )


def check_outbox(now: datetime) -> Check:
    """Tell how long the oldest notification has been ready to go, and how many need a person."""
    outbox = Notification.objects.aggregate(
        waiting=Count("pk", filter=Q(status__in=["pending", "leased"])),
        failed=Count("pk", filter=Q(status="failed")),
        oldest=Min("next_attempt_at", filter=Q(status="pending", next_attempt_at__lte=now)),
    )
    words = f"{outbox['waiting']} to send, {outbox['failed']} failed and waiting for a person"
    return _late("outbox", now, outbox["oldest"], words, "one ready to go")


def _late(name: str, now: datetime, oldest: datetime | None, words: str, what: str) -> Check:
    if oldest is None:
        return Check(name, ok=True, reason=f"{words}.")
    age = now - oldest
    return Check(name, ok=age <= LATE_WORK, reason=f"{words}; {what} has waited {_seconds(age)}.")


def _seconds(age: timedelta) -> str:
    return f"{max(0, round(age.total_seconds()))} s"
