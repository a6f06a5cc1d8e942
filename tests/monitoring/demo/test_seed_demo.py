"""`manage.py seed_demo` and what the rules make of the people it invents."""

from __future__ import annotations

import contextlib
import io
import stat
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import transaction

from monitoring.errors import Conflict
from monitoring.management.commands import seed_demo as command
from monitoring.models import (
    ChairsideScreen,
    Finding,
    ImagingStudy,
    Import,
    LabResult,
    Lesion,
    Membership,
    Patient,
    Prescription,
    QuarantinedItem,
    SessionRecord,
    Treatment,
    Unit,
)
from monitoring.rules.engine import Judgement, evaluate
from monitoring.rules.types import State
from monitoring.selectors.facts import read_facts
from monitoring.services.demo import SeededDemo, is_empty, seed_demo

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
PASSWORD = "gneiss-basalt-4711"

# The demonstration is invented once, in an open transaction of this module: keep its tests on one worker.
pytestmark = pytest.mark.xdist_group("demo")


@pytest.mark.django_db  # also what makes pytest-django create the database; it must stay before the others
def test_a_database_with_a_unit_is_not_empty() -> None:
    assert is_empty()
    Unit.objects.create(code="A", name="Unit A", time_zone="Europe/London")
    assert not is_empty()


@pytest.fixture(scope="module")
def demo(django_db_setup: None, django_db_blocker: Any) -> Iterator[SeededDemo]:
    """The demonstration, invented once for the tests of this module and rolled back after them."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield seed_demo(now=NOW, password=PASSWORD)
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def judgement(demo: SeededDemo) -> Judgement:
    """What the rules say of everybody at the time of seeding."""
    ids = Patient.objects.order_by("id").values_list("id", flat=True)
    return evaluate(read_facts(ids, NOW), NOW)


def standing(judgement: Judgement, family_name: str) -> set[tuple[str, str, str]]:
    patient = Patient.objects.get(family_name=family_name)
    return {
        (finding.rule, finding.scope, finding.severity.name.lower())
        for finding in judgement.findings
        if finding.patient == patient.pk and finding.state is State.ACTIVE
    }


def assessed(judgement: Judgement, family_name: str) -> Any:
    patient = Patient.objects.get(family_name=family_name)
    return next(each for each in judgement.assessments if each.patient == patient.pk)


# --- what is there ------------------------------------------------------------------------------------------


def test_two_units_with_sixty_patients_who_are_all_due(demo: SeededDemo) -> None:
    assert demo.patients == Patient.objects.count() == 60
    assert list(Unit.objects.values_list("code", "display_units")) == [("HARB", "conventional"), ("NORTH", "si")]
    assert all(patient.facts_version > patient.evaluated_version for patient in Patient.objects.all())
    assert sorted(Patient.objects.values_list("mrn", flat=True)) == [f"DEMO-{n:04d}" for n in range(1, 61)]


def test_nobody_is_called_like_another(demo: SeededDemo) -> None:
    names = list(Patient.objects.values_list("family_name", flat=True))
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "facts", [LabResult, Finding, Prescription, Treatment, SessionRecord, ChairsideScreen, Lesion, ImagingStudy]
)
def test_every_kind_of_fact_is_shown(demo: SeededDemo, facts: Any) -> None:
    assert facts.objects.exists()


def test_nothing_lies_in_the_future(demo: SeededDemo) -> None:
    for model, column in (
        (LabResult, "taken_at"), (LabResult, "received_at"), (Finding, "noted_at"), (Finding, "recorded_at"),
        (ChairsideScreen, "asked_at"), (SessionRecord, "planned_at"), (ImagingStudy, "recorded_at"),
        (Lesion, "recorded_at"), (Treatment, "recorded_at"), (Prescription, "recorded_at"),
    ):  # fmt: skip
        assert not model._default_manager.filter(**{f"{column}__gt": NOW}).exists(), (model, column)


def test_results_go_back_two_years(demo: SeededDemo) -> None:
    oldest = LabResult.objects.earliest("taken_at").taken_at
    assert 690 < (NOW - oldest).days < 740


def test_staff_may_log_in_and_see_their_own_unit(demo: SeededDemo) -> None:
    users = {user.username: user for user in get_user_model().objects.all()}
    assert set(users) == set(demo.usernames)
    assert all(user.check_password(PASSWORD) and user.is_staff for user in users.values())
    assert [name for name, user in users.items() if user.is_superuser] == ["demo"]
    assert Membership.objects.get(user=users["north.nurse"]).unit.code == "NORTH"
    assert not Membership.objects.filter(user=users["demo"]).exists()


def test_an_import_shows_what_happened_to_each_row(demo: SeededDemo) -> None:
    imported = Import.objects.get()
    assert imported.status == "finished"
    counts = (imported.rows_read, imported.rows_accepted, imported.rows_duplicate, imported.rows_not_kept)
    assert counts == (10, 2, 1, 1)
    assert set(QuarantinedItem.objects.values_list("line", "reason")) == {
        (4, "missing_unit"),
        (5, "probable_unit_swap"),
        (6, "haemolysed"),
        (8, "urea_or_bun_unclear"),
        (9, "unknown_code"),
        (10, "unknown_patient"),
    }


def test_a_wrong_report_was_corrected_and_both_are_kept(demo: SeededDemo) -> None:
    right = LabResult.objects.get(supersedes__isnull=False)
    assert right.status == "corrected"
    assert right.value == pytest.approx(4.8, abs=0.02)
    assert right.supersedes is not None
    assert right.supersedes.value == 9.6
    assert right.supersedes.retired_at == right.received_at


# --- what the rules make of it --------------------------------------------------------------------------------

STORIES = [
    # family name, what stands, tier
    (
        "Travertine",
        {
            ("S01", "hip:left", "urgent"), ("S01", "hip:right", "urgent"), ("S02", "hip:left", "watch"),
            ("S02", "hip:right", "watch"), ("S02", "neck:midline", "watch"), ("S03", "", "critical"),
            ("M02", "", "watch"),
        },
        "Critical",
    ),
    ("Apatite", {("S01", "shoulder:right", "urgent")}, "Urgent"),
    ("Basalt", {("L01", "", "info"), ("L02", "", "watch"), ("L03", "", "info"), ("L04", "", "watch")}, "Watch"),
    ("Marble", {("L01", "", "info")}, "Routine"),
    ("Chalk", set(), "Routine"),
    ("Hornfels", set(), "Routine"),
    ("Limestone", {("L06", "L01", "info"), ("L06", "L02", "info"), ("L06", "L03", "info")}, "Routine"),
    ("Ignimbrite", {("S02", "hip:left", "info"), ("S02", "shoulder:left", "info"), ("L06", "L01", "info")}, "Routine"),
    ("Gneiss", {("S02", "shoulder:left", "watch")}, "Watch"),
    ("Syenite", {("S02", "hip:right", "watch")}, "Routine"),
    ("Oolite", {("L03", "", "info"), ("L05", "", "watch")}, "Watch"),
    ("Jadeite", {("M01", "", "info")}, "Routine"),
    ("Eclogite", set(), "Watch"),
    ("Variscite", set(), "Routine"),
    ("Emerald", set(), "Routine"),
    ("Dolomite", set(), "High"),
]  # fmt: skip


@pytest.mark.parametrize("family_name, rules, tier", STORIES, ids=[row[0] for row in STORIES])
def test_what_stands_for_each_story(
    judgement: Judgement, family_name: str, rules: set[tuple[str, str, str]], tier: str
) -> None:
    assert standing(judgement, family_name) == rules
    assert ("Routine", "Watch", "High", "Urgent", "Critical")[assessed(judgement, family_name).tier] == tier


def test_the_founding_patient_is_critical_by_findings_with_minerals_unknown(judgement: Judgement) -> None:
    founding = assessed(judgement, "Travertine")
    assert founding.score == 10
    assert set(founding.missing) == {
        "phosphate", "PTH", "calcium x phosphate", "bicarbonate", "albumin", "dialysis dose (Kt/V or URR)",
    }  # fmt: skip
    assert founding.tier == max(each.tier for each in judgement.assessments)
    assert [each.patient for each in judgement.assessments if each.tier == founding.tier] == [founding.patient]
    assert Patient.objects.get(pk=founding.patient).mrn == "DEMO-0001"


def test_no_laboratory_rule_stands_for_the_founding_patient(judgement: Judgement) -> None:
    assert not {rule for rule, _, _ in standing(judgement, "Travertine") if rule.startswith("L")}


def test_the_founding_patient_keeps_the_values_as_they_were_sent(demo: SeededDemo) -> None:
    results = {result.analyte: result for result in LabResult.objects.filter(patient__mrn="DEMO-0001")}
    assert (results["urea"].value_text, results["urea"].unit_sent, results["urea"].value) == ("8.3", "mmol/L", 8.3)
    assert (results["creatinine"].value_text, results["creatinine"].unit_sent) == ("5", "mg/dL")
    assert (results["crp"].value_text, results["crp"].comparator) == ("<5", "<")
    assert {result.timing for result in results.values()} == {"unknown"}
    patient = Patient.objects.get(mrn="DEMO-0001")
    assert patient.dialysis_start is None
    assert patient.ckd_onset == date(2000, 11, 24)
    assert patient.sex == "male"


def test_the_demonstration_does_not_drown_in_alerts(judgement: Judgement) -> None:
    """Minerals and PTH together: no more of the others than stand in "watch" in the published populations."""
    told = {row[0] for row in STORIES}
    others = set(Patient.objects.exclude(family_name__in=told).values_list("pk", flat=True))
    loud = {
        finding.patient
        for finding in judgement.findings
        if finding.patient in others and finding.state is State.ACTIVE and finding.severity.name != "INFO"
    }
    assert 0.05 < len(loud) / len(others) < 0.45


# --- when it must not happen ----------------------------------------------------------------------------------


def test_a_second_seeding_is_refused_and_changes_nothing(demo: SeededDemo) -> None:
    before = LabResult.objects.count()
    with pytest.raises(Conflict):
        seed_demo(now=NOW, password=PASSWORD)
    out = io.StringIO()
    call_command("seed_demo", stdout=out)
    assert "nothing was invented" in out.getvalue()
    assert LabResult.objects.count() == before


# --- the command ----------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> list[str]:
    """The command on an empty database, without the work; gives the passwords that it hands on."""
    passwords: list[str] = []

    def note(*, now: datetime, password: str) -> SeededDemo:
        passwords.append(password)
        return SeededDemo(2, 60, ("demo", "north.nurse"))

    monkeypatch.setattr(command, "seed_demo", note)
    monkeypatch.setattr(command, "is_empty", lambda: True)
    monkeypatch.setattr(command.transaction, "atomic", contextlib.nullcontext)
    monkeypatch.setattr(command.transaction, "on_commit", lambda act: act())
    monkeypatch.delenv("CALCIWATCH_DEMO_PASSWORD", raising=False)
    settings.DATA_DIR = tmp_path / "data"
    return passwords


def run() -> str:
    out = io.StringIO()
    call_command("seed_demo", stdout=out)
    return out.getvalue()


def test_a_made_up_password_is_long_and_new_each_time(quick: list[str]) -> None:
    said = run()
    run()
    assert quick[0] in said
    assert len(quick[0]) >= 16
    assert quick[0] != quick[1]


def test_the_login_is_kept_for_this_user_alone(quick: list[str], tmp_path: Path) -> None:
    said = run()
    kept = tmp_path / "data" / "demo-login.txt"
    assert kept.read_text().strip() == said.strip()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_file_left_open_to_others_is_replaced_not_filled(quick: list[str], tmp_path: Path) -> None:
    kept = tmp_path / "data" / "demo-login.txt"
    kept.parent.mkdir()
    kept.write_text("old")
    kept.chmod(0o644)
    run()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_given_password_is_used(quick: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALCIWATCH_DEMO_PASSWORD", PASSWORD)
    assert PASSWORD in run()
    assert quick == [PASSWORD]


@pytest.mark.parametrize("weak", ["demo", "1234567890123", "password1234"])
def test_a_weak_password_is_refused_and_not_repeated(
    quick: list[str], monkeypatch: pytest.MonkeyPatch, weak: str
) -> None:
    monkeypatch.setenv("CALCIWATCH_DEMO_PASSWORD", weak)
    with pytest.raises(CommandError) as refusal:
        run()
    assert weak not in str(refusal.value).replace("CALCIWATCH_DEMO_PASSWORD", "")
    assert not quick
