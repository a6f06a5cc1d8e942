"""Processes that `manage.py up` keeps: in sessions of their own, dying with it, restarted with pauses."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

PR_SET_PDEATHSIG: Final = 1
LONGEST_PAUSE: Final = 30.0
# A child that ran this long was well; its next death starts at the shortest pause again.
WELL_AFTER: Final = 30.0


@dataclass(frozen=True, slots=True)
class Program:
    """What to start: its name for people, its command, and how long it may take to stop in order."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    stop_seconds: float
    stop_signal: signal.Signals = signal.SIGTERM


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent dies, however the parent dies (kill -9 included).

    TERM, not KILL, so that a worker gives its messages back. Elsewhere nothing is asked; the next start finds
    what was left by its pid file.
    """
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # the parent died between fork and prctl
        os.kill(os.getpid(), signal.SIGTERM)


def pause_before_restart(failures: int) -> float:
    """Give the seconds to wait after the nth death in a row: 1, 2, 4 … at most 30."""
    return float(min(2.0 ** max(0, failures - 1), LONGEST_PAUSE))


@dataclass
class Child:
    """A running program. Its own session keeps the terminal's Ctrl-C away: the order of stopping is ours."""

    program: Program
    clock: Callable[[], float] = time.monotonic
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    started_at: float = 0.0
    restart_at: float | None = field(default=None)

    def start(self) -> None:
        """Start the program; standard output and error are shared."""
        self.process = subprocess.Popen(
            list(self.program.command),
            env=dict(self.program.environment),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - no threads run in this process
        )
        self.started_at = self.clock()
        self.restart_at = None

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None

    def look_after(self) -> str | None:
        """Restart it when it has died and the pause is over; gives a sentence when something happened."""
        if self.running or self.process is None:
            return None
        now = self.clock()
        if self.restart_at is None:
            self.failures = 1 if now - self.started_at >= WELL_AFTER else self.failures + 1
            pause = pause_before_restart(self.failures)
            self.restart_at = now + pause
            kill_session(self.process.pid)
            ended = describe_end(self.process.returncode)
            return f"{self.program.name} {ended}; it starts again in {pause:.0f} s."
        if now >= self.restart_at:
            self.start()
            return f"{self.program.name} is started again."
        return None

    def ask_to_stop(self) -> None:
        """Send the stop signal to the main process, which stops its own children."""
        if self.process is not None and self.running:
            self.process.send_signal(self.program.stop_signal)

    def kill(self) -> None:
        """End it and its children at once."""
        if self.process is not None:
            kill_session(self.process.pid)
            self.process.wait()


def kill_session(leader: int) -> None:
    """Kill what is left of a child's process group (pool children of a dead worker, for one)."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def describe_end(code: int | None) -> str:
    """Say how a process ended, in words."""
    if code is None:
        return "is running"
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"stopped with exit code {code}"
