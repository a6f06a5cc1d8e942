"""Fills an empty database with the demonstration: two invented units, their staff, sixty patients and their stories."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.db import transaction

from monitoring.clinical.analytes import find_meaning
from monitoring.clinical.readings import Reading, parse_reading
from monitoring.clinical.units import to_canonical
from monitoring.demo.delivery import FILENAME, SOURCE, delivery
from monitoring.demo.founding import FOUNDING_PATIENT
from monitoring.demo.numbers import choose_seats, tell_in_numbers
from monitoring.demo.people import FAMILY_NAMES, LOGINS, UNITS, DemoUnit, given_name_of, mrn_of
from monitoring.demo.stories import STORIES
from monitoring.demo.telling import YEAR, Story, ToldMistake, ToldResult, screen_answers
from monitoring.errors import Conflict, DomainError
from monitoring.models import (
    ChairsideScreen,
    Finding,
    Histology,
    ImagingStudy,
    LabResult,
    LabStatus,
    Lesion,
    Membership,
    Patient,
    Prescription,
    Procedure,
    Unit,
)
from monitoring.services.cohorts import Person, load_cohort, local_times
from monitoring.services.facts import raise_facts_version
from monitoring.services.imports import import_results
from monitoring.simulation import Cohort, scenario_named, simulate_cohort

_MONTHS = 24
_SCREENED_PANELS = 6
_FOUNDING_UNIT = "NORTH"
# Neighbours in the list of patients shall not be neighbours in the alphabet.
_NAME_STEP = 17


@dataclass(frozen=True, slots=True)
class SeededDemo:
    """What was invented."""

    units: int
    patients: int
    usernames: tuple[str, ...]


def is_empty() -> bool:
    """Whether nobody has begun to use this database: no unit and no patient."""
    return not (Unit.objects.exists() or Patient.objects.exists())


@transaction.atomic
def seed_demo(*, now: datetime, password: str) -> SeededDemo:
    """Invent the demonstration in an empty database, all of it or nothing; every patient is due afterwards.

    The same `now` gives the same facts. All logins get `password`. Raises Conflict when the database is not
    empty: invented people must never stand among real ones.
    """
    if not is_empty():
        raise Conflict("database-not-empty", "There are units or patients already; the demonstration needs neither.")
    units = {
        told.code: Unit.objects.create(
            code=told.code,
            name=told.name,
            time_zone=told.time_zone,
            display_units=told.display_units,
            pth_upper_limit=told.pth_upper_limit,
        )
        for told in UNITS
    }
    staff = _write_staff(units, password)
    number = 1
    for told in UNITS:
        unit, nurse = units[told.code], staff[f"{told.code.lower()}.nurse"]
        founding = told.code == _FOUNDING_UNIT
        # The cohort comes first, since it may only be loaded into a unit without patients.
        _write_unit(told, unit, nurse, first_number=number + founding, now=now)
        if founding:
            _write_founding_patient(unit, nurse, mrn_of(number), now)
        number += founding + told.patients
    return SeededDemo(len(units), number - 1, tuple(login.username for login in LOGINS))


def _write_staff(units: Mapping[str, Unit], password: str) -> dict[str, User]:
    # One hash for all: they share the password by intention, and hashing is slow by intention.
    hashed = make_password(password)
    made = get_user_model().objects.bulk_create(
        [
            get_user_model()(
                username=login.username,
                first_name=login.first_name,
                last_name=login.last_name,
                email=f"{login.username}@example.org",
                password=hashed,
                is_staff=True,
                is_superuser=not login.unit,
            )
            for login in LOGINS
        ]
    )
    staff = {user.username: user for user in made}
    Membership.objects.bulk_create(
        [
            Membership(user=staff[login.username], unit=units[login.unit], role=login.role)
            for login in LOGINS
            if login.unit
        ]
    )
    return staff


def _write_unit(told: DemoUnit, unit: Unit, nurse: User, *, first_number: int, now: datetime) -> None:
    cohort = simulate_cohort(
        scenario_named(told.scenario), patients=told.patients, months=_MONTHS, seed=told.seed, end=now
    )
    seats = choose_seats(cohort, STORIES[told.code])
    cohort = tell_in_numbers(cohort, seats)
    people = _name_people(cohort, seats, first_number)
    loaded = load_cohort(cohort, unit=unit, now=now, people=people)
    ids = loaded.patient_ids
    for number, story in seats.items():
        _write_told(story, ids[number], nurse, now)
        if story.mistake is not None:
            _report_wrongly_first(story.mistake, ids[number], now)
    _write_screens(cohort, seats, unit, ids, nurse)
    if told.code == _FOUNDING_UNIT:
        quiet = [people[number].mrn for number in range(len(people)) if number not in seats]
        import_results(
            unit,
            stream=io.BytesIO(delivery(quiet, taken=now - timedelta(hours=30))),
            filename=FILENAME,
            source=SOURCE,
            actor=nurse,
            now=now,
        )


def _name_people(cohort: Cohort, seats: Mapping[int, Story], first_number: int) -> list[Person]:
    taken = {story.family_name for stories in STORIES.values() for story in stories} | {FOUNDING_PATIENT.family_name}
    free = [name for name in FAMILY_NAMES if name not in taken]
    people = []
    for number, sex in enumerate(cohort.patients["sex"], start=first_number):
        story = seats.get(number - first_number)
        if story is not None:
            people.append(Person(mrn_of(number), story.family_name, story.given_name))
        else:
            family = free[number * _NAME_STEP % len(free)]
            people.append(Person(mrn_of(number), family, given_name_of(number, sex)))
    return people


def _write_founding_patient(unit: Unit, nurse: User, mrn: str, now: datetime) -> None:
    story = FOUNDING_PATIENT
    patient = Patient.objects.create(
        unit=unit,
        mrn=mrn,
        family_name=story.family_name,
        given_name=story.given_name,
        sex=story.sex,
        birth_date=_day_before(now, (story.age + 0.5) * YEAR),
        dialysis_start=None,
        ckd_onset=_day_before(now, (story.ckd_years or 0) * YEAR),
    )
    came = max(finding.noted for finding in story.findings)
    # Three sessions a week is all that is known; bath and length were not told.
    Prescription.objects.create(
        patient=patient, sessions_per_week=Decimal(3), started_on=_day_before(now, came), recorded_at=_before(now, came)
    )
    LabResult.objects.bulk_create([_told_result(told, patient.pk, unit, mrn, now) for told in story.results])
    _write_told(story, patient.pk, nurse, now)
    answers = screen_answers(story.findings, came)
    asked = _before(now, came)
    ChairsideScreen.objects.create(
        patient=patient, asked_at=asked, recorded_at=asked, recorded_by=nurse, note="", **answers
    )
    raise_facts_version([patient.pk])


def _told_result(told: ToldResult, patient_id: int, unit: Unit, mrn: str, now: datetime) -> LabResult:
    meaning, reading = find_meaning(told.code), parse_reading(told.text)
    if meaning is None or not isinstance(reading, Reading):
        raise DomainError("story-unreadable", f"The result {told.text!r} with code {told.code} cannot be read.")
    taken = _before(now, told.taken)
    return LabResult(
        patient_id=patient_id,
        analyte=told.analyte,
        value_text=told.text,
        comparator=reading.comparator,
        unit_sent=told.unit,
        code_sent=told.code,
        value=float(to_canonical(told.analyte, meaning.kind, reading.number, told.unit)),
        taken_at=taken,
        received_at=min(taken + timedelta(hours=2), now),
        timing=told.timing,
        source=f"{unit.code}/Referring hospital",
        source_id=f"{mrn}-{told.analyte}",
    )


def _write_told(story: Story, patient_id: int, nurse: User, now: datetime) -> None:
    """Everything of a story but its monthly results, prescriptions and drugs."""
    lesions = {
        told.key: Lesion.objects.create(
            patient_id=patient_id,
            site=told.site,
            side=told.side,
            certainty=told.certainty,
            certain_since=None if told.certain_since is None else _before(now, told.certain_since),
            course=told.course,
            first_noted=None if told.first_noted is None else _day_before(now, told.first_noted),
            closed_at=None if told.closed is None else _before(now, told.closed),
            note=told.note,
            recorded_at=_before(now, told.recorded),
        )
        for told in story.lesions
    }
    Finding.objects.bulk_create(
        [
            Finding(
                patient_id=patient_id,
                lesion=lesions.get(told.lesion),
                kind=told.kind,
                site=told.site,
                side=told.side,
                intensity=told.intensity,
                onset=None if told.onset is None else _day_before(now, told.onset),
                noted_at=_before(now, told.noted),
                size_mm=told.size_mm,
                growing=told.growing,
                status="present" if told.resolved is None else "resolved",
                resolved_at=None if told.resolved is None else _before(now, told.resolved),
                note=told.note,
                recorded_by=nurse,
                recorded_at=_before(now, told.noted),
            )
            for told in story.findings
        ]
    )
    for told in story.studies:
        study = ImagingStudy.objects.create(
            patient_id=patient_id,
            modality=told.modality,
            site=told.site,
            side=told.side,
            level=told.level,
            performed_at=_before(now, told.performed),
            lesion_count=told.lesion_count,
            size_mm=told.size_mm,
            conclusion=told.conclusion,
            recorded_at=_before(now, told.performed - 1 if told.recorded is None else told.recorded),
            **told.report,
        )
        study.lesions.set([lesions[key] for key in told.lesions])
    Histology.objects.bulk_create(
        [
            Histology(
                patient_id=patient_id,
                lesion=lesions[told.lesion],
                taken_at=_before(now, told.taken),
                conclusion=told.conclusion,
                recorded_at=_before(now, told.taken - 7),
                **told.report,
            )
            for told in story.histologies
        ]
    )
    Procedure.objects.bulk_create(
        [
            Procedure(
                patient_id=patient_id,
                kind=told.kind,
                site=told.site,
                side=told.side,
                performed_on=_day_before(now, told.performed),
                note=told.note,
                recorded_at=_before(now, told.performed - 1),
            )
            for told in story.procedures
        ]
    )


def _report_wrongly_first(mistake: ToldMistake, patient_id: int, now: datetime) -> None:
    """Put the wrong number before the newest result of the analyte, as a report that was corrected later."""
    right = LabResult.objects.filter(patient_id=patient_id, analyte=mistake.analyte).latest("taken_at")
    corrected_at = min(right.received_at + timedelta(hours=mistake.corrected_after_hours), now)
    scale = float(right.value_text) / (right.value or 1)
    decimals = len(right.value_text.partition(".")[2])
    wrong = LabResult(
        patient_id=patient_id,
        analyte=right.analyte,
        value_text=f"{mistake.first * scale:.{decimals}f}",
        unit_sent=right.unit_sent,
        code_sent=right.code_sent,
        value=round(mistake.first, 4),
        taken_at=right.taken_at,
        received_at=right.received_at,
        timing=right.timing,
        status=LabStatus.FINAL,
        source=right.source,
        source_id=right.source_id,
        retired_at=corrected_at,
    )
    wrong.save()
    right.supersedes = wrong
    right.status = LabStatus.CORRECTED
    right.received_at = corrected_at
    right.save(update_fields=["supersedes", "status", "received_at"])


def _write_screens(cohort: Cohort, seats: Mapping[int, Story], unit: Unit, ids: Sequence[int], nurse: User) -> None:
    """The five questions at each of the last monthly panels; "no" where nothing had been found."""
    panels = cohort.adequacy.groupby("patient").tail(_SCREENED_PANELS).reset_index(drop=True)
    asked_at: Iterable[datetime] = local_times(panels["taken_at"], ZoneInfo(unit.time_zone))
    screens = []
    for number, asked in zip(panels["patient"], asked_at, strict=True):
        story = seats.get(number)
        ago = (cohort.end - asked) / timedelta(days=1)
        screens.append(
            ChairsideScreen(
                patient_id=ids[number],
                asked_at=asked,
                recorded_at=asked,
                recorded_by=nurse,
                **screen_answers(() if story is None else story.findings, ago),
            )
        )
    ChairsideScreen.objects.bulk_create(screens)


def _before(now: datetime, days: float) -> datetime:
    return now - timedelta(days=days)


def _day_before(now: datetime, days: float) -> date:
    return _before(now, days).date()
