"""Queues, routes and the beat schedule as data: what runs where, and when."""

from typing import Any, Final

from celery.schedules import crontab, schedule
from kombu import Queue

# A person waits for these (a result just filed, an import just uploaded).
LIVE: Final = "live"
# Work on many patients that must not stand in front of a single new result.
SWEEP: Final = "sweep"
# Mail and webhooks: other people's servers, slow and unreliable.
DELIVER: Final = "deliver"
QUEUE_NAMES: Final = (LIVE, SWEEP, DELIVER)

ROUTES: Final[dict[str, dict[str, str]]] = {
    "alerts.tasks.evaluate_patients_task": {"queue": LIVE},
    "monitoring.tasks.process_import_task": {"queue": LIVE},
    "monitoring.tasks.resume_imports_task": {"queue": SWEEP},
    "alerts.tasks.sweep_due_patients_task": {"queue": SWEEP},
    "alerts.tasks.nightly_sweep_task": {"queue": SWEEP},
    "alerts.tasks.evaluate_chunk_task": {"queue": SWEEP},
    "alerts.tasks.expire_alerts_task": {"queue": SWEEP},
    "alerts.tasks.deliver_task": {"queue": DELIVER},
    "alerts.tasks.sweep_outbox_task": {"queue": DELIVER},
}

SWEEP_SECONDS: Final = 60
EXPIRY_SECONDS: Final = 300
NIGHTLY_HOUR: Final = 2
NIGHTLY_MINUTE: Final = 17


def queues() -> list[Queue]:
    """Give the three queues; any other name in a call is an error instead of a queue nobody reads."""
    return [Queue(name, routing_key=name) for name in QUEUE_NAMES]


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Give the periodic work, by the name staff see in the admin.

    The nightly sweep is at 02:17 UTC: UTC has no clock change, so it is neither doubled nor skipped. A run
    that could not start before the next one is due expires, so that a stopped worker wakes to no pile.
    """
    return {
        "Sweep of due patients": _every("alerts.tasks.sweep_due_patients_task", SWEEP_SECONDS),
        "Sweep of the outbox": _every("alerts.tasks.sweep_outbox_task", SWEEP_SECONDS),
        "Expiry of acknowledgements and snoozes": _every("alerts.tasks.expire_alerts_task", EXPIRY_SECONDS),
        "Imports that stand still": _every("monitoring.tasks.resume_imports_task", EXPIRY_SECONDS),
        "Nightly sweep of all patients": {
            "task": "alerts.tasks.nightly_sweep_task",
            "schedule": crontab(hour=str(NIGHTLY_HOUR), minute=str(NIGHTLY_MINUTE)),
            "options": {
                **ROUTES["alerts.tasks.nightly_sweep_task"],
                "expire_seconds": 6 * 3600,
            },
        },
    }


def _every(task: str, seconds: int) -> dict[str, Any]:
    return {
        "task": task,
        "schedule": schedule(run_every=seconds),
        "options": {**ROUTES[task], "expire_seconds": seconds},
    }


def transport_options(broker_url: str) -> dict[str, Any]:
    """Give the Redis transport's options.

    `visibility_timeout` must stay above the hard time limit and above every countdown, else a message is
    handed out twice while it is still being worked on. The two restore options bring a dead worker's messages
    back within half a minute of the time-out; the defaults look only once in 100 seconds. A Unix socket knows
    no keep-alive.
    """
    options: dict[str, Any] = {
        "visibility_timeout": 300,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        "socket_timeout": 30,
    }
    if not broker_url.startswith("redis+socket://"):
        options.update(socket_keepalive=True, socket_connect_timeout=5)
    return options
