"""`manage.py up`: start everything on this machine, and stop it by Ctrl-C."""

import io
import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError
from django.db import connections, transaction

from monitoring.models import Patient, Unit
from project.embedded import UnsafeFolder
from project.env import Environment, EnvironmentProblem
from project.processes import Child
from project.supervisor import (
    CannotStart,
    Plan,
    Supervisor,
    beat_program,
    only_one,
    refuse_taken_port,
    start_broker,
    wait_until,
    web_program,
    worker_program,
)

# Written by seed_demo, readable by this user alone; remove it once nobody needs the demo's logins.
DEMO_LOGIN_FILE = "demo-login.txt"


class Command(BaseCommand):
    """Start broker, web, worker and beat, with a demo in an empty database."""

    help = "Start CalciWatch on this machine: broker, web, worker and beat. Ctrl-C stops everything."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Offer to leave the demo out."""
        parser.add_argument("--no-demo", action="store_true", help="Leave an empty database empty.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until Ctrl-C."""
        try:
            plan = plan_from(Environment())
            with only_one(plan.data):
                self._run(plan, demo=not options["no_demo"])
        except (CannotStart, EnvironmentProblem, UnsafeFolder) as problem:
            raise CommandError(str(problem)) from problem
        except KeyboardInterrupt:
            sys.exit(130)

    def _run(self, plan: Plan, *, demo: bool) -> None:
        refuse_taken_port(plan.host, plan.port)
        supervisor = Supervisor(say=self._say)
        try:
            if plan.broker_socket is not None:
                start_broker(supervisor, plan, plan.broker_socket)
            self._say("Preparing the database.")
            call_command("migrate", interactive=False, verbosity=0)
            call_command("collectstatic", interactive=False, verbosity=0)
            if demo:
                self._seed_demo()
            # A connection kept here would only be in the way of the programs that follow.
            connections.close_all()
            # Until here Ctrl-C interrupts the preparation; from here on it stops the programs in order.
            supervisor.listen_to_signals()
            web = supervisor.start(web_program(plan))
            supervisor.start(worker_program(plan))
            supervisor.start(beat_program(plan))
        except BaseException:
            supervisor.stop()
            raise
        self._tell_address(plan, supervisor, web)
        supervisor.run()

    def _seed_demo(self) -> None:
        """Invent a demo in an empty database, all of it or nothing."""
        if Unit.objects.exists() or Patient.objects.exists() or "seed_demo" not in get_commands():
            return
        self._say("The database is empty: inventing a demo. This takes a moment.")
        with transaction.atomic():
            # What it says of the login it also writes to a file; both are told last, where people look.
            call_command("seed_demo", stdout=io.StringIO(), stderr=self.stderr)

    def _tell_address(self, plan: Plan, supervisor: Supervisor, web: Child) -> None:
        wait_until(lambda: bool(supervisor.stop_requests) or not web.running or web_answers(plan), seconds=60)
        if supervisor.stop_requests or not web.running:
            return
        login = plan.data / DEMO_LOGIN_FILE
        if login.exists():
            self._say(login.read_text(encoding="utf-8").strip())
        self._say(f"CalciWatch is ready: {address(plan)}  (Ctrl-C stops it; data in {plan.data})")

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()


def address(plan: Plan) -> str:
    """Give the address people open."""
    everywhere = plan.host in {"127.0.0.1", "0.0.0.0", "::"}  # noqa: S104 - compared, not bound
    return f"http://{'localhost' if everywhere else plan.host}:{plan.port}/"


def web_answers(plan: Plan) -> bool:
    """Say whether the web answers."""
    try:
        with urlopen(f"{address(plan)}healthz", timeout=2) as answer:  # noqa: S310 - our own http address
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def plan_from(env: Environment) -> Plan:
    """Read the plan from the environment."""
    port = env.integer("CALCIWATCH_PORT", 8000, minimum=1, maximum=65535)
    data: Path = settings.DATA_DIR
    data.mkdir(parents=True, exist_ok=True)
    return Plan(
        data=data,
        host=env.text("CALCIWATCH_BIND", "127.0.0.1"),
        port=port,
        broker_socket=None if settings.REDIS_URL else settings.BROKER_SOCKET,
        workers=env.integer("CALCIWATCH_WORKERS", min(2, os.cpu_count() or 1), minimum=1, maximum=64),
        web_threads=env.integer("CALCIWATCH_THREADS", 8, minimum=1, maximum=64),
        environment={**os.environ, "DJANGO_SETTINGS_MODULE": "project.settings"},
    )
