"""`manage.py up` as a person uses it: start, open, Ctrl-C, start again, kill -9, start again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from project.embedded import socket_path
from tests.services import ROOT, free_port

pytestmark = [
    pytest.mark.services,
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]

Up = subprocess.Popen[bytes]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Up]]:
    """Start `manage.py up` in a deep folder of its own; nothing of it outlives the test."""
    # Deeper than a Unix socket's path may be long.
    data = tmp_path / ("a-deep-folder-" * 8)
    started: list[Up] = []
    port = str(free_port())
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}

    def run(*arguments: str) -> Up:
        with (tmp_path / "up.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "up", *arguments],
                cwd=ROOT,
                env={
                    **kept,
                    "CALCIWATCH_DATA": str(data),
                    "CALCIWATCH_PORT": port,
                    "CALCIWATCH_WORKERS": "1",
                },
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process.port = port  # type: ignore[attr-defined]
        process.data = data  # type: ignore[attr-defined]
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert eventually(lambda: not processes_of(data), seconds=90), processes_of(data)
    shutil.rmtree(socket_path(data).parent, ignore_errors=True)


def processes_of(data: Path) -> list[str]:
    """Commands of living processes that work on the data folder."""
    mark = f"CALCIWATCH_DATA={data}".encode()
    # The broker writes over its environment, but shows its socket.
    broker = str(socket_path(data))
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if broker in command or mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(command)
        except OSError:
            continue
    return found


def eventually(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.2)
    return condition()


def verdict(up: Up) -> str:
    """What /readyz says; empty while nothing answers."""
    try:
        with urlopen(f"http://localhost:{up.port}/readyz", timeout=5) as answer:  # type: ignore[attr-defined]
            return str(json.load(answer)["status"])
    except (URLError, OSError):
        return ""


def test_it_starts_stops_and_starts_again_leaving_nothing_behind(start: Callable[..., Up], tmp_path: Path) -> None:
    log = tmp_path / "up.log"

    first = start("--no-demo")
    assert eventually(lambda: verdict(first) == "ready", seconds=90), log.read_text()
    data: Path = first.data  # type: ignore[attr-defined]
    # Supervisor, broker, web and its child, worker and its child, beat.
    assert eventually(lambda: len(processes_of(data)) == 7, seconds=30), processes_of(data)
    first.send_signal(signal.SIGINT)
    assert first.wait(timeout=60) == 0, log.read_text()
    assert not processes_of(data)
    assert "is ready: http://localhost:" in log.read_text()
    assert "Traceback" not in log.read_text()

    second = start("--no-demo")
    assert eventually(lambda: verdict(second) == "ready", seconds=90), log.read_text()
    second.kill()
    second.wait()

    # At once: the children of the killed one may still be on their way out.
    assert eventually(lambda: not listening(second), seconds=30)
    third = start("--no-demo")
    assert eventually(lambda: verdict(third) == "ready", seconds=90), log.read_text()
    third.send_signal(signal.SIGTERM)
    assert third.wait(timeout=60) == 0, log.read_text()


def listening(up: Up) -> bool:
    """Whether the web of a killed supervisor still answers."""
    return bool(verdict(up))
