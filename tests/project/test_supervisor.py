"""Keeping programs alive and stopping them in order, with small programs in place of the real ones."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from project.processes import Child, Program, describe_end, pause_before_restart
from project.supervisor import (
    CannotStart,
    Plan,
    Supervisor,
    broker_program,
    only_one,
    refuse_taken_port,
    start_broker,
    stop_order,
    wait_until,
)
from tests.services import ROOT, free_port

SLEEPS = "import time; time.sleep(60)"
# Says in a file when it was asked to stop; ignores the first wish for a while.
STOPS_SLOWLY = """
import signal, sys, time
def stop(*_):
    open(sys.argv[1], "a").write(sys.argv[2] + " ")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
open(sys.argv[1] + "." + sys.argv[2], "w").write("up")
time.sleep(60)
"""
IGNORES_TERM = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").write("up")
time.sleep(60)
"""


def program(name: str, code: str, *arguments: str, stop_seconds: float = 10) -> Program:
    """A small Python program."""
    return Program(
        name=name,
        command=[sys.executable, "-c", code, *arguments],
        environment=dict(os.environ),
        stop_seconds=stop_seconds,
    )


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    """A supervisor whose children end with the test."""
    said: list[str] = []
    keeper = Supervisor(say=said.append)
    yield keeper
    for child in keeper.children:
        child.kill()


@pytest.mark.parametrize(("failures", "seconds"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (60, 30)], ids=str)
def test_pauses_grow_and_stay_bearable(failures: int, seconds: float) -> None:
    assert pause_before_restart(failures) == seconds


def test_a_child_that_dies_is_started_again_after_a_pause_and_not_before() -> None:
    now = [0.0]
    child = Child(program("web", "raise SystemExit(3)"), clock=lambda: now[0])
    child.start()
    assert child.process is not None
    child.process.wait()
    assert child.look_after() == "web stopped with exit code 3; it starts again in 1 s."
    first = child.process.pid
    now[0] = 0.9
    assert child.look_after() is None
    now[0] = 1.0
    assert child.look_after() == "web is started again."
    assert child.process.pid != first
    child.process.wait()
    assert child.look_after() == "web stopped with exit code 3; it starts again in 2 s."


def test_a_child_that_ran_well_starts_with_the_shortest_pause_again() -> None:
    now = [0.0]
    child = Child(program("web", "raise SystemExit(3)"), clock=lambda: now[0])
    child.failures = 5
    child.start()
    assert child.process is not None
    child.process.wait()
    now[0] = 31.0
    assert "starts again in 1 s" in str(child.look_after())


def test_a_living_child_is_left_alone() -> None:
    child = Child(program("web", SLEEPS))
    child.start()
    try:
        assert child.look_after() is None
        assert child.running
    finally:
        child.kill()


def test_the_end_of_a_process_is_said_in_words() -> None:
    assert describe_end(-9) == "was ended by SIGKILL"
    assert describe_end(2) == "stopped with exit code 2"


def test_children_stop_beat_first_and_broker_last(supervisor: Supervisor, tmp_path: Path) -> None:
    log = tmp_path / "log"
    for name in ("broker", "web", "worker", "beat"):
        supervisor.start(program(name, STOPS_SLOWLY, str(log), name))
    names = ("broker", "web", "worker", "beat")
    assert wait_until(lambda: all(Path(f"{log}.{name}").exists() for name in names), seconds=20)
    supervisor.stop()
    assert log.read_text().split() == ["beat", "web", "worker", "broker"]
    assert not any(child.running for child in supervisor.children)


def test_a_child_that_does_not_stop_is_ended_when_its_time_is_over(supervisor: Supervisor, tmp_path: Path) -> None:
    up = tmp_path / "up"
    child = supervisor.start(program("web", IGNORES_TERM, str(up), stop_seconds=0.2))
    assert wait_until(up.exists, seconds=20)
    supervisor.stop()
    assert not child.running


def test_a_second_wish_to_stop_does_not_wait(supervisor: Supervisor, tmp_path: Path) -> None:
    up = tmp_path / "up"
    supervisor.start(program("worker", IGNORES_TERM, str(up), stop_seconds=600))
    assert wait_until(up.exists, seconds=20)
    supervisor.listen_to_signals()
    try:
        # The first is what made it stop; the second comes while it waits for the worker.
        supervisor.stop_requests = 1
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
        started = time.monotonic()
        supervisor.stop()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    assert time.monotonic() - started < 30


def test_stop_order_does_not_depend_on_the_order_of_starting() -> None:
    children = [Child(program(name, SLEEPS)) for name in ("worker", "broker", "beat", "web")]
    assert [child.program.name for child in stop_order(children)] == ["beat", "web", "worker", "broker"]


DIES = """
import sys
sys.path.insert(0, sys.argv[1])
from project.processes import Child, Program
import os, time
child = Child(Program("web", [sys.executable, "-c", "import time; time.sleep(60)"], dict(os.environ), 1))
child.start()
print(child.process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PR_SET_PDEATHSIG is of Linux")
def test_children_of_a_supervisor_that_is_killed_die_too() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", DIES, str(ROOT)], stdout=subprocess.PIPE, cwd=ROOT, env=dict(os.environ)
    )
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    assert wait_until(lambda: not alive(child), seconds=10)


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_a_taken_port_is_named_with_the_variable_that_changes_it() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CannotStart, match=f"Port {port} .* set CALCIWATCH_PORT"):
            refuse_taken_port("127.0.0.1", port)
    refuse_taken_port("127.0.0.1", free_port())


def test_a_data_folder_has_one_supervisor(tmp_path: Path) -> None:
    refused = pytest.raises(CannotStart, match=f"already runs on .*process {os.getpid()}")
    with only_one(tmp_path), refused, only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass


def plan_of(folder: Path) -> Plan:
    """A plan with everything in one folder."""
    return Plan(
        data=folder,
        host="127.0.0.1",
        port=8000,
        broker_socket=folder / "run" / "broker.sock",
        workers=1,
        web_threads=1,
        environment=dict(os.environ),
    )


@pytest.fixture
def make_plan(tmp_path: Path) -> Callable[[], Plan]:
    """Make a plan in the test's folder."""
    return lambda: plan_of(tmp_path)


@pytest.mark.services
def test_the_embedded_broker_starts_over_a_socket_left_behind(
    supervisor: Supervisor, make_plan: Callable[[], Plan], tmp_path: Path
) -> None:
    socket_file = tmp_path / "run" / "broker.sock"
    socket_file.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(socket_file))
    start_broker(supervisor, make_plan(), socket_file)
    assert supervisor.children[0].running
    assert socket_file.stat().st_mode & 0o077 == 0
    assert socket_file.parent.stat().st_mode & 0o077 == 0


@pytest.mark.services
def test_a_broker_that_cannot_start_says_where_to_look(
    supervisor: Supervisor, make_plan: Callable[[], Plan], tmp_path: Path
) -> None:
    (tmp_path / "broker" / "appendonlydir").mkdir(parents=True)
    (tmp_path / "broker" / "appendonlydir" / "appendonly.aof.manifest").write_text("damaged\n")
    with pytest.raises(CannotStart, match=r"broker\.log says why"):
        start_broker(supervisor, make_plan(), tmp_path / "run" / "broker.sock")


def test_the_embedded_broker_listens_on_no_port_and_forgets_nothing(make_plan: Callable[[], Plan]) -> None:
    command = " ".join(broker_program(make_plan(), Path("/x/broker.sock")).command)
    assert "--port 0 " in command
    assert "--unixsocketperm 600" in command
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
