"""`manage.py seed_demo`: invent the demonstration in an empty database and say how to log in."""

from __future__ import annotations

import os
import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from monitoring.services.demo import SeededDemo, is_empty, seed_demo

LOGIN_FILE = "demo-login.txt"
PASSWORD_VARIABLE = "CALCIWATCH_DEMO_PASSWORD"  # noqa: S105 - the name of a variable, not a password


class Command(BaseCommand):
    """Invent two units with sixty patients, their stories, and staff who may look around."""

    help = (
        "Fill an empty database with a demonstration: two invented units, sixty invented patients with two years "
        f"of results, and logins. The password is taken from {PASSWORD_VARIABLE}, or made up, and printed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Nothing to choose: the demonstration is always the same."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed once; do nothing where there is anything already."""
        if not is_empty():
            self.stdout.write("There are units or patients already: nothing was invented.")
            return
        password = _password()
        with transaction.atomic():
            seeded = seed_demo(now=timezone.now(), password=password)
            words = login_words(seeded, password)
            # Not before the people exist: a file that tells of logins which were rolled back would mislead.
            transaction.on_commit(lambda: write_login_file(settings.DATA_DIR / LOGIN_FILE, words))
        self.stdout.write(words)


def login_words(seeded: SeededDemo, password: str) -> str:
    """What the person who starts the demonstration must know."""
    first, *others = seeded.usernames
    return (
        f"Invented {seeded.patients} patients in {seeded.units} units; none of them exists.\n"
        f"Log in as {first} with the password {password}\n"
        f"(or as {', '.join(others)}: same password)."
    )


def write_login_file(path: Path, words: str) -> None:
    """Keep the words for later, readable by this user alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(words + "\n")


def _password() -> str:
    given = os.environ.get(PASSWORD_VARIABLE, "").strip()
    if not given:
        return secrets.token_urlsafe(12)
    try:
        validate_password(given)
    except ValidationError as problem:
        raise CommandError(f"{PASSWORD_VARIABLE} cannot be used: {' '.join(problem.messages)}") from problem
    return given
