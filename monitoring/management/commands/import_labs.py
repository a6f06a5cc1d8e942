"""Imports a laboratory's CSV file from the command line and says what became of its rows."""

from __future__ import annotations

import io
import json
from argparse import ArgumentParser
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from monitoring.errors import DomainError
from monitoring.ingest.dates import ISO, parse_time
from monitoring.models import Import, ImportStatus, QuarantinedItem, Unit
from monitoring.services.imports import MAX_FILE_BYTES, import_results

_SHOWN = 10
_LARGEST_MAPPING = 1024 * 1024


class Command(BaseCommand):
    """`manage.py import_labs FILE --unit CODE`: exit code 0 when the file was read, 1 when it was refused."""

    help = "Import laboratory results from a CSV file (one result a row)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", type=Path, help="the CSV file")
        parser.add_argument("--unit", required=True, metavar="CODE", help="code of the unit whose patients these are")
        parser.add_argument("--mapping", type=Path, help="JSON file that describes the columns, codes and dates")
        parser.add_argument("--source", default="", help="name of the sender; ids are unique within unit and sender")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen and store nothing")
        parser.add_argument("--as-of", metavar="TIME", help="take this as the present (ISO 8601); refuse later dates")
        parser.add_argument(
            "--register-patients", action="store_true", help="register unknown patient numbers as unnamed patients"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the import and print the account of its rows."""
        unit = Unit.objects.filter(code=options["unit"]).first()
        if unit is None:
            known = ", ".join(Unit.objects.values_list("code", flat=True)) or "none yet"
            raise CommandError(f"There is no unit {options['unit']}; known are: {known}.")
        dry_run: bool = options["dry_run"]
        try:
            with transaction.atomic() if dry_run else nullcontext():
                imported = _import(unit, options)
                self._report(imported, dry_run=dry_run)
                if dry_run:
                    transaction.set_rollback(True)
        except DomainError as refusal:
            raise CommandError(refusal.message) from None
        if imported.status == ImportStatus.REFUSED:
            raise CommandError(f"The file was refused. {imported.message}")

    def _report(self, imported: Import, *, dry_run: bool) -> None:
        if imported.status == ImportStatus.REFUSED:
            return
        note = " (dry run: nothing was stored)" if dry_run else ""
        self.stdout.write(f"{imported.filename}: unit {imported.unit.code}, source {imported.source}{note}")
        for label, number in (
            ("rows read", imported.rows_read),
            ("  accepted", imported.rows_accepted),
            ("  already known", imported.rows_duplicate),
            ("  quarantined", imported.rows_quarantined),
            ("  not kept by this service", imported.rows_not_kept),
        ):
            self.stdout.write(f"{label:<28}{number:>10,}")
        waiting = QuarantinedItem.objects.filter(imported=imported)
        if not imported.rows_quarantined:
            return
        self.stdout.write("quarantined, by reason")
        for reason, number in (
            waiting.order_by().values_list("reason").annotate(number=Count("id")).order_by("-number", "reason")
        ):
            self.stdout.write(f"  {reason:<26}{number:>10,}")
        self.stdout.write("the first of them")
        for item in waiting.order_by("line", "id")[:_SHOWN]:
            place = f"line {item.line}" + (f", {item.column}" if item.column else "")
            value = f" “{item.value[:40]}”" if item.value else ""
            self.stdout.write(f"  {place}{value}: {item.message}")


def _import(unit: Unit, options: dict[str, Any]) -> Import:
    path: Path = options["file"]
    return import_results(
        unit,
        stream=io.BytesIO(_read(path, MAX_FILE_BYTES + 1)),
        filename=path.name,
        source=options["source"],
        mapping=_read_mapping(options["mapping"]),
        now=_moment(options["as_of"], unit),
        register_patients=options["register_patients"],
    )


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(most)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None


def _read_mapping(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        document = json.loads(_read(path, _LARGEST_MAPPING))
    except ValueError as error:
        raise CommandError(f"The mapping {path.name} is not a JSON document: {error}.") from None
    if not isinstance(document, dict):
        raise CommandError(f"The mapping {path.name} must be a JSON object ({{ … }}).")
    return document


def _moment(text: str | None, unit: Unit) -> datetime:
    return parse_time(text, ISO, ZoneInfo(unit.time_zone)) if text else timezone.now()
