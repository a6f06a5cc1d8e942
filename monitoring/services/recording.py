"""Records what staff find and do: findings, screens, lesions, studies, treatments. Each in one transaction.

Any real change raises the version of the patient's facts; saying the same thing again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Model

from monitoring.clinical.findings import FindingStatus
from monitoring.errors import Conflict, InvalidValue
from monitoring.models import (
    ChairsideScreen,
    Finding,
    Histology,
    ImagingStudy,
    Lesion,
    Patient,
    Prescription,
    Procedure,
    SessionRecord,
    Treatment,
    Unit,
)
from monitoring.services.facts import raise_facts_version

Fact = TypeVar(
    "Fact",
    ChairsideScreen,
    Finding,
    Histology,
    ImagingStudy,
    Lesion,
    Prescription,
    Procedure,
    SessionRecord,
    Treatment,
)
# Bookkeeping that is not itself a fact.
_NOT_FACTS = frozenset({"id", "uuid", "recorded_at", "recorded_by", "created_at", "facts_version"})

# When something was seen or done: never in the future (planned sessions and prescriptions may be).
_OBSERVED_AT = ("noted_at", "resolved_at", "asked_at", "performed_at", "certain_since", "closed_at", "taken_at")
_OBSERVED_ON = ("onset", "performed_on", "first_noted")
_CLOCKS_DIFFER = timedelta(minutes=5)
_EASTERNMOST, _WESTERNMOST = timedelta(hours=14), timedelta(days=1)


def record_fact(fact: Fact, *, now: datetime) -> Fact:
    """Save a new or changed fact of a patient and raise the version of the patient's facts if anything differs.

    Raises InvalidValue (422) naming each field that cannot be taken. `recorded_at` is set on new facts only.
    """
    with transaction.atomic():
        before = type(fact)._default_manager.filter(pk=fact.pk).first() if fact.pk else None
        if before is None:
            fact.recorded_at = now
        elif not _differs(before, fact):
            return fact
        _check(fact)
        _check_times(fact, now)
        fact.save()
        raise_facts_version({fact.patient_id, before.patient_id if before else fact.patient_id})
    return fact


def link_lesions(study: ImagingStudy, *, lesions: list[Lesion]) -> None:
    """Attach the study to these lesions of the same patient, and to no others."""
    strangers = [str(lesion) for lesion in lesions if lesion.patient_id != study.patient_id]
    if strangers:
        raise InvalidValue(
            "lesion-of-another-patient",
            "A study can only show lesions of its own patient.",
            field="lesions",
            value=strangers,
        )
    with transaction.atomic():
        if set(study.lesions.values_list("pk", flat=True)) != {lesion.pk for lesion in lesions}:
            study.lesions.set(lesions)
            raise_facts_version([study.patient_id])


def record_finding(finding: Finding, *, now: datetime, actor: User | None = None) -> Finding:
    """Save a new finding. The lesion, when given, must be the same patient's."""
    if finding.lesion is not None and finding.lesion.patient_id != finding.patient_id:
        raise InvalidValue(
            "lesion-of-another-patient",
            "The lesion belongs to another patient.",
            field="lesion",
            value=str(finding.lesion),
        )
    finding.recorded_by = actor
    return record_fact(finding, now=now)


def change_finding(
    finding: Finding, *, changes: Mapping[str, Any], now: datetime, actor: User | None = None
) -> Finding:
    """Replace `finding` by a row with `changes`; the old row is kept and retired, so the past can be judged as known.

    Without a difference nothing is written and the finding itself comes back. Raises Conflict when it has been replaced
    meanwhile, InvalidValue for content that cannot be taken.
    """
    with transaction.atomic():
        current = Finding.objects.select_for_update().get(pk=finding.pk)
        if current.retired_at is not None:
            raise Conflict("finding-replaced", "This finding has been changed by somebody else meanwhile. Look again.")
        new = Finding.objects.get(pk=current.pk)
        for name, value in changes.items():
            setattr(new, name, value)
        if not _differs(current, new):
            return current
        current.retired_at = now
        current.save(update_fields=["retired_at"])
        new.pk, new.supersedes, new.recorded_at, new.recorded_by = None, current, now, actor
        new.uuid = Finding._meta.get_field("uuid").get_default()
        new._state.adding = True
        _check(new)
        _check_times(new, now)
        new.save()
        raise_facts_version([new.patient_id])
    return new


def resolve_finding(finding: Finding, *, resolved_at: datetime, now: datetime, actor: User | None = None) -> Finding:
    """Say that the finding is gone since `resolved_at`."""
    changes = {"status": FindingStatus.RESOLVED.value, "resolved_at": resolved_at}
    return change_finding(finding, changes=changes, now=now, actor=actor)


def withdraw_finding(finding: Finding, *, now: datetime, actor: User | None = None) -> Finding:
    """Say that the finding was never true (entered in error); alerts that rest on it are retracted."""
    changes = {"status": FindingStatus.WITHDRAWN.value, "resolved_at": None}
    return change_finding(finding, changes=changes, now=now, actor=actor)


def register_patient(unit: Unit, *, mrn: str, now: datetime, **about: Any) -> Patient:
    """Create a patient of `unit`. Raises Conflict when the MRN exists there, InvalidValue for other content."""
    patient = Patient(unit=unit, mrn=mrn.strip(), **about)
    if Patient.objects.filter(unit=unit, mrn=patient.mrn).exists():
        raise Conflict(
            "mrn-exists", f"A patient with MRN {patient.mrn} exists in {unit.code}.", field="mrn", value=patient.mrn
        )
    with transaction.atomic():
        _check(patient)
        try:
            with transaction.atomic():
                patient.save()
        except IntegrityError as problem:
            raise Conflict("mrn-exists", "A patient with this MRN was registered meanwhile.", field="mrn") from problem
        raise_facts_version([patient.pk])
    return patient


def change_patient(patient: Patient, *, changes: Mapping[str, Any]) -> Patient:
    """Change what is known of a patient; the version of the facts rises only when something differs."""
    with transaction.atomic():
        current = Patient.objects.select_for_update().get(pk=patient.pk)
        before = Patient.objects.get(pk=patient.pk)
        for name, value in changes.items():
            setattr(current, name, value)
        if not _differs(before, current):
            return current
        _check(current)
        current.save(update_fields=list(changes))
        raise_facts_version([current.pk])
    current.refresh_from_db()
    return current


def _differs(before: Model, after: Model) -> bool:
    names = [field.attname for field in before._meta.concrete_fields if field.name not in _NOT_FACTS]
    return any(getattr(before, name) != getattr(after, name) for name in names)


def _check_times(fact: Fact, now: datetime) -> None:
    """Refuse what cannot have been observed yet, or was before the patient was born: it would be judged silently never.

    A day may be today anywhere on earth; a time may be five minutes ahead, since clocks differ.
    """
    birth = fact.patient.birth_date
    for name in (*_OBSERVED_AT, *_OBSERVED_ON):
        value = getattr(fact, name, None)
        if value is None:
            continue
        day = value.date() if isinstance(value, datetime) else value
        if value > now + _CLOCKS_DIFFER if isinstance(value, datetime) else day > (now + _EASTERNMOST).date():
            raise InvalidValue(
                "not-yet", "A time that has passed is needed here, not one in the future.", field=name, value=str(value)
            )
        if birth is not None and day < birth - _WESTERNMOST:
            raise InvalidValue("before-birth", "This lies before the patient was born.", field=name, value=str(value))
    onset, noted = getattr(fact, "onset", None), getattr(fact, "noted_at", None)
    if onset is not None and noted is not None and onset > (noted + _EASTERNMOST).date():
        raise InvalidValue(
            "onset-after-noted", "It cannot have begun after it was noted.", field="onset", value=str(onset)
        )


def _check(row: Model) -> None:
    """Validate fields and constraints; a refusal names each field, the value and what was expected."""
    try:
        row.full_clean()
    except ValidationError as problem:
        fields = problem.message_dict
        name = next(iter(fields))
        raise InvalidValue(
            "invalid-fact",
            " ".join(message for messages in fields.values() for message in messages),
            field=name,
            value=str(getattr(row, name, "")),
            errors=fields,
        ) from problem
