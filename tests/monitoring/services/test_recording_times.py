"""What was seen or done lies in the past: no door lets a sign in that would be judged only years later."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from monitoring.errors import InvalidValue
from monitoring.models import ChairsideScreen, Finding, ImagingStudy, Procedure, Unit
from monitoring.services.recording import change_finding, record_fact, record_finding
from tests.builders import NOW, add_patient

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def finding(unit: Unit, **about: object) -> Finding:
    patient = add_patient(unit, birth_date=date(1960, 5, 1))
    return Finding(patient=patient, **({"kind": "spastic_gait", "site": "general", "noted_at": NOW} | about))


REFUSED = [
    ("noted next year", {"noted_at": NOW + 300 * DAY}, "noted_at"),
    ("noted in ten minutes", {"noted_at": NOW + timedelta(minutes=10)}, "noted_at"),
    ("noted before birth", {"noted_at": NOW - 100 * 365 * DAY}, "noted_at"),
    ("began next week", {"onset": (NOW + 7 * DAY).date()}, "onset"),
    ("began after it was noted", {"noted_at": NOW - 9 * DAY, "onset": (NOW - 2 * DAY).date()}, "onset"),
]


@pytest.mark.parametrize(("sentence", "about", "field"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused_with_the_field(unit_a: Unit, sentence: str, about: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        record_finding(finding(unit_a, **about), now=NOW)
    assert refusal.value.context["field"] == field
    assert not Finding.objects.exists()


def test_now_with_a_clock_two_minutes_ahead_is_taken(unit_a: Unit) -> None:
    assert record_finding(finding(unit_a, noted_at=NOW + timedelta(minutes=2)), now=NOW).pk


def test_a_change_cannot_move_it_into_the_future_either(unit_a: Unit) -> None:
    known = record_finding(finding(unit_a), now=NOW)
    with pytest.raises(InvalidValue):
        change_finding(known, changes={"noted_at": NOW + DAY}, now=NOW)
    known.refresh_from_db()
    assert known.retired_at is None


def test_other_facts_are_held_to_it_too(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    for fact in (
        ChairsideScreen(patient=patient, asked_at=NOW + DAY),
        ImagingStudy(patient=patient, modality="MRI", site="neck", performed_at=NOW + DAY),
        Procedure(patient=patient, kind="excision", site="hip", performed_on=(NOW + 3 * DAY).date()),
    ):
        with pytest.raises(InvalidValue):
            record_fact(fact, now=NOW)
