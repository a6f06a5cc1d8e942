"""Background work of the monitoring app: imports that were received and wait to be processed."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.db import OperationalError
from django.utils import timezone

from monitoring.selectors_imports import forgotten_imports
from monitoring.services.imports import process_import

# An import that has stood still for so long has lost its message or its worker.
_FORGOTTEN_AFTER = timedelta(minutes=10)


@shared_task(
    name="monitoring.tasks.process_import_task",
    autoretry_for=(OperationalError,),
    retry_backoff=True,
    retry_backoff_max=60,
    max_retries=5,
)
def process_import_task(import_id: int) -> None:
    """Process one received import; run again, or twice at once, it changes nothing more."""
    process_import(import_id)


@shared_task(name="monitoring.tasks.resume_imports_task")
def resume_imports_task() -> int:
    """Send the imports that stand still to be processed again; gives how many."""
    ids = forgotten_imports(before=timezone.now() - _FORGOTTEN_AFTER)
    for import_id in ids:
        process_import_task.delay(import_id)
    return len(ids)
