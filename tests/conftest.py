"""The surroundings of every test: which database, a broker that cannot work, real servers on request.

The suite runs on the PostgreSQL that TEST_POSTGRES_URL names, else on one brought by a wheel;
CALCIWATCH_TEST_DB=sqlite runs it on SQLite. CALCIWATCH_REQUIRE_ALL=1 fails what would be skipped for want of
a browser or a server.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import redis
from celery import current_app
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from kombu import pools

from tests.services import (
    DEAD_BROKER,
    ROOT,
    Broker,
    free_port,
    set_test_environment,
    skip_or_fail,
    start_postgres,
    url_of,
)

PASSWORD = "chairside-4711-only-in-tests"


def pytest_configure(config: pytest.Config) -> None:
    """Choose the database and read the settings, before pytest-django sets Django up."""
    if not hasattr(config, "workerinput"):
        if settings.configured:
            raise pytest.UsageError("Unset DJANGO_SETTINGS_MODULE: tests/conftest.py prepares the settings.")
        signal.signal(signal.SIGTERM, _leave_in_order)
        wanted = os.environ.get("CALCIWATCH_TEST_DB", "postgres")
        if wanted not in {"postgres", "sqlite"}:
            raise pytest.UsageError(f"CALCIWATCH_TEST_DB is {wanted!r}; expected postgres or sqlite.")
        if wanted == "postgres" and not os.environ.get("TEST_POSTGRES_URL"):
            os.environ["TEST_POSTGRES_URL"] = start_postgres()
        set_test_environment(wanted)
    database = settings.DATABASES["default"]
    name = os.environ["CALCIWATCH_TEST_NAME"]
    on_sqlite = database["ENGINE"].endswith("sqlite3")
    # A file, not memory: threads and processes of a test share it.
    database.setdefault("TEST", {})["NAME"] = str(settings.DATA_DIR / name) if on_sqlite else name


def _leave_in_order(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


def pytest_report_header(config: pytest.Config) -> str:
    """Say which database the run uses."""
    return f"database: {settings.DATABASES['default']['ENGINE'].rpartition('.')[2]}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests of PostgreSQL out on SQLite; they run in the other run of the suite."""
    if not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        return
    for item in items:
        if item.get_closest_marker("postgres"):
            item.add_marker(pytest.mark.skip(reason="needs PostgreSQL; this run is on SQLite"))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Before the database of the run is dropped, end the sessions that threads and servers of tests left on it.

    PostgreSQL drops no database that somebody still uses; a thread that has ended does not close its connection.
    """
    yield
    if connection.vendor != "postgresql":
        return
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


# --- People ---


@pytest.fixture
def unit_a(db: None) -> Any:
    """Dialysis unit A, in London."""
    return apps.get_model("monitoring", "Unit").objects.create(code="A", name="Unit A", time_zone="Europe/London")


@pytest.fixture
def unit_b(db: None) -> Any:
    """Dialysis unit B, in Madrid."""
    return apps.get_model("monitoring", "Unit").objects.create(code="B", name="Unit B", time_zone="Europe/Madrid")


@pytest.fixture
def alice(unit_a: Any) -> Any:
    """Alice, nurse of unit A."""
    return _staff("alice", unit_a, "nurse")


@pytest.fixture
def bob(unit_b: Any) -> Any:
    """Bob, nurse of unit B."""
    return _staff("bob", unit_b, "nurse")


@pytest.fixture
def carol(db: None) -> Any:
    """Carol, who belongs to no unit."""
    return _staff("carol", None, "")


def _staff(name: str, unit: Any, role: str) -> Any:
    user = get_user_model().objects.create_user(
        username=name, password=PASSWORD, email=f"{name}@example.org", first_name=name.title(), is_staff=True
    )
    if unit is not None:
        apps.get_model("monitoring", "Membership").objects.create(user=user, unit=unit, role=role)
    return user


# --- Servers ---


@pytest.fixture(scope="session")
def _redis_of_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    given = os.environ.get("TEST_REDIS_URL")
    if given:
        number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
        yield f"{given.rstrip('/').removesuffix('/0')}/{number}"
        return
    broker = Broker(tmp_path_factory.mktemp("redis"), free_port())
    broker.start()
    yield broker.url
    broker.stop()


@pytest.fixture
def redis_url(_redis_of_session: str) -> Iterator[str]:
    """A real, empty Redis; tasks sent by this test go there."""
    with redis.Redis.from_url(_redis_of_session) as client:
        client.flushdb()
    _use_broker(_redis_of_session)
    yield _redis_of_session
    _use_broker(DEAD_BROKER)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A real Redis of this test alone, which it may stop, kill and start; its tasks go there."""
    server = Broker(tmp_path, free_port())
    server.start()
    _use_broker(server.url)
    yield server
    _use_broker(DEAD_BROKER)
    server.stop()


def _use_broker(url: str) -> None:
    settings.BROKER_URL = url
    # Celery keeps pools of connections to the broker it first saw; the types know nothing of this inside.
    app: Any = current_app
    app.conf.broker_url = app.conf.broker_read_url = app.conf.broker_write_url = url
    pools.reset()
    app._pool = None
    app.amqp._producer_pool = None


Process = subprocess.Popen[bytes]


@pytest.fixture
def process_environment(transactional_db: None) -> dict[str, str]:
    """The environment of processes that share this test's database; give them its broker as REDIS_URL."""
    return {**os.environ, "DATABASE_URL": url_of(connection.settings_dict), "CALCIWATCH_LOG": "json"}


@pytest.fixture
def celery_worker_process(process_environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start real workers: `start(redis_url, queues="live", concurrency=1)` gives the process, to be killed.

    Its log is `tmp_path/worker-N.log`. What still runs at the end of the test is killed with its children.
    """
    started: list[Process] = []

    def start(url: str, *, queues: str = "live,sweep,deliver", concurrency: int = 1) -> Process:
        log = tmp_path / f"worker-{len(started) + 1}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "celery", "-A", "project", "worker", "--queues", queues),
                    *("--concurrency", str(concurrency), "--hostname", f"w{len(started) + 1}@%h"),
                    *("--without-heartbeat", "--without-gossip", "--without-mingle"),
                ],
                cwd=ROOT,
                env={**process_environment, "REDIS_URL": url},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        kill_group(process)


def kill_group(process: Process) -> None:
    """Kill a process with its children, and wait for it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)


# --- Browser ---


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The path of a Chromium on this machine."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    skip_or_fail("no Chromium is installed (Debian: apt-get install chromium)")
    raise AssertionError


@pytest.fixture(scope="session")
def browser_type_launch_args(chromium_path: str) -> dict[str, Any]:
    """Make pytest-playwright's `page` use the installed Chromium; root needs it without sandbox."""
    return {"executable_path": chromium_path, "args": ["--no-sandbox", "--disable-dev-shm-usage"]}
