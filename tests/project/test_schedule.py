"""Queues, routes and the beat schedule."""

import importlib
import importlib.util
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from celery import current_app
from celery.exceptions import QueueNotFound

from project.schedule import DELIVER, LIVE, QUEUE_NAMES, ROUTES, SWEEP, beat_schedule, transport_options


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_each_routed_task_exists_and_goes_to_its_queue(name: str) -> None:
    importlib.import_module(name.rpartition(".")[0])
    assert name in current_app.tasks
    assert current_app.amqp.router.route({}, name)["queue"].name == ROUTES[name]["queue"]


def test_every_task_of_ours_is_routed() -> None:
    for module in ("alerts.tasks", "monitoring.tasks"):
        importlib.import_module(module)
    ours = {name for name in current_app.tasks if name.split(".")[0] in {"alerts", "monitoring", "project"}}
    assert ours == set(ROUTES)


@pytest.mark.parametrize("entry", beat_schedule().values(), ids=beat_schedule())
def test_each_scheduled_task_is_routed_and_expires(entry: dict[str, object]) -> None:
    options = entry["options"]
    assert isinstance(options, dict)
    assert options["queue"] == ROUTES[str(entry["task"])]["queue"]
    assert options["expire_seconds"] > 0


def test_what_a_person_waits_for_does_not_stand_behind_sweeps_or_mail() -> None:
    live = {name for name, route in ROUTES.items() if route["queue"] == LIVE}
    assert live == {"alerts.tasks.evaluate_patients_task", "monitoring.tasks.process_import_task"}
    assert {LIVE, SWEEP, DELIVER} == set(QUEUE_NAMES)


def test_a_queue_nobody_reads_is_refused_instead_of_filled() -> None:
    with pytest.raises(QueueNotFound):
        current_app.amqp.router.route({"queue": "sweeep"}, "alerts.tasks.deliver_task")


def test_the_nightly_sweep_runs_once_in_each_night_of_the_clock_changes() -> None:
    nightly = beat_schedule()["Nightly sweep of all patients"]["schedule"]
    assert str(current_app.timezone) == "UTC"
    for change in (datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)):
        runs = []
        last, moment = change - timedelta(hours=12), change - timedelta(hours=12)
        while moment < change + timedelta(hours=12):
            nightly.nowfun = lambda moment=moment: moment
            if nightly.is_due(last).is_due:
                runs.append(moment)
                last = moment
            moment += timedelta(minutes=1)
        assert runs == [change.replace(hour=2, minute=17)]
        assert runs[0].astimezone(ZoneInfo("Europe/London")).hour in {2, 3}


def test_a_unix_socket_gets_no_options_of_tcp() -> None:
    assert "socket_keepalive" not in transport_options("redis+socket:///run/broker.sock")
    assert transport_options("redis://host:6379/0")["socket_keepalive"] is True
