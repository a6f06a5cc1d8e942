"""Writes docs/rules.md from the catalogue of rules, or checks that it is up to date."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from monitoring.rules.document import render_rules


class Command(BaseCommand):
    """`manage.py write_rules_doc [--check]`."""

    help = "Write docs/rules.md from the catalogue; with --check, only say whether it is up to date."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The one switch."""
        parser.add_argument("--check", action="store_true", help="write nothing, fail when the page is out of date")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write or check."""
        path = Path(settings.BASE_DIR) / "docs" / "rules.md"
        text = render_rules()
        if options["check"]:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                raise CommandError("docs/rules.md is out of date; run: make docs")
            self.stdout.write("docs/rules.md is up to date")
            return
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        self.stdout.write(f"wrote {path}")
