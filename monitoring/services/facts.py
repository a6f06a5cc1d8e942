"""Raises the version of patients' facts in the transaction that changes them, and says so after commit."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import F

from monitoring.models import Patient
from monitoring.signals import facts_changed


def raise_facts_version(patient_ids: Iterable[int]) -> None:
    """Mark the patients (primary keys) as changed, once each; `facts_changed` is sent when the transaction commits.

    Must be called inside the transaction that writes the facts, so that neither can exist without the other. Rows are
    locked in the order of their keys, so two writers cannot wait for each other.
    """
    ids = sorted(set(patient_ids))
    if not ids:
        return
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("raise_facts_version must run inside the transaction that changes the facts")
    list(Patient.objects.select_for_update().filter(id__among=ids).order_by("id").values_list("id", flat=True))
    Patient.objects.filter(id__among=ids).update(facts_version=F("facts_version") + 1)
    transaction.on_commit(lambda: _announce(ids), robust=True)


def _announce(ids: list[int]) -> None:
    facts_changed.send_robust(sender=Patient, patient_ids=ids)
