"""Judging patients in the database: what opens, what stays, what is withdrawn, and what running it again does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alerts.models import Alert, AlertEvent, Notification
from alerts.services.evaluating import evaluate_patients
from monitoring.models import Assessment, Patient, Unit
from monitoring.services.recording import withdraw_finding
from tests.builders import NOW, add_finding, add_lab, add_patient

pytestmark = pytest.mark.django_db


def judge(patient: Patient, *, days: float = 0) -> None:
    evaluate_patients([patient.pk], as_of=NOW + timedelta(days=days))


def live(patient: Patient) -> dict[tuple[str, str], str]:
    alerts = Alert.objects.filter(patient=patient).exclude(workflow="resolved")
    return {(a.rule, a.scope): f"{a.get_severity_display().lower()} {a.condition}" for a in alerts}


def events(patient: Patient, rule: str) -> list[str]:
    return [e.type for e in AlertEvent.objects.filter(alert__patient=patient, alert__rule=rule).order_by("seq")]


def test_a_new_mass_opens_one_urgent_alert_that_explains_itself(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    mass = add_finding(patient, "mass", "hip", "right")
    judge(patient)
    alert = Alert.objects.get(patient=patient, rule="S01")
    assert (alert.severity, alert.condition, alert.workflow, alert.scope) == (2, "active", "open", "hip:right")
    assert alert.sentence == "Firm lump or mass, right hip, noted 2 Mar 2026."
    assert "Do not cut or drain" in alert.action
    assert "imaged" in alert.clears_when
    assert [row["uuid"] for row in alert.evidence] == [str(mass.uuid)]
    assert alert.rule_set.version == 1


def test_judging_again_changes_nothing(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    add_finding(patient, "mass", "hip", "right")
    judge(patient)
    before = (AlertEvent.objects.count(), Assessment.objects.count(), Alert.objects.count())
    judge(patient)
    judge(patient, days=0.5)
    assert (AlertEvent.objects.count(), Assessment.objects.count(), Alert.objects.count()) == before


def test_sustained_phosphate_is_one_alert_from_the_third_value_and_is_never_opened_again(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    for month, value in enumerate((5.6, 5.2, 5.6, 5.3, 5.6)):
        add_lab(patient, "phosphate", value, days_ago=120 - 30 * month)
        judge(patient, days=-120 + 30 * month)
        assert events(patient, "L01") == (["opened"] if month >= 2 else [])
    assert Alert.objects.filter(patient=patient, rule="L01").count() == 1
    assert Notification.objects.count() == 0


def test_a_corrected_value_withdraws_the_alert_that_rested_on_it(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    wrong = add_lab(patient, "phosphate", 9.4)
    judge(patient)
    assert ("L02", "") in live(patient)
    wrong.retired_at = NOW + timedelta(hours=1)
    wrong.save()
    add_lab(patient, "phosphate", 4.9, source_id=wrong.source_id, supersedes=wrong, status="corrected")
    judge(patient, days=0.1)
    alert = Alert.objects.get(patient=patient, rule="L02")
    assert (alert.workflow, alert.outcome) == ("resolved", "retracted")
    assert events(patient, "L02") == ["opened", "retracted"]


def test_two_low_values_clear_a_watch_alert_but_leave_it_on_the_list(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    add_lab(patient, "phosphate", 9.4, days_ago=60)
    judge(patient, days=-60)
    add_lab(patient, "phosphate", 5.0, days_ago=30)
    judge(patient, days=-30)
    assert live(patient)["L02", ""] == "watch active"
    add_lab(patient, "phosphate", 5.0, days_ago=0)
    judge(patient)
    assert live(patient)["L02", ""] == "watch cleared"


def test_an_information_alert_closes_itself(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    for days_ago, value in ((90, 5.8), (60, 5.8), (30, 4.8), (0, 4.8)):
        add_lab(patient, "phosphate", value, days_ago=days_ago)
        judge(patient, days=-days_ago)
    alert = Alert.objects.get(patient=patient, rule="L01")
    assert (alert.workflow, alert.outcome) == ("resolved", "cleared")


def test_time_without_a_new_value_makes_it_unknown_never_cleared(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    add_lab(patient, "phosphate", 9.4)
    judge(patient)
    judge(patient, days=121)
    assert live(patient)["L02", ""] == "watch indeterminate"
    assert Alert.objects.get(patient=patient, rule="L02").missing == ["phosphate"]


def test_a_patient_is_due_again_when_time_alone_changes_the_verdict(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    add_lab(patient, "phosphate", 4.0)
    judge(patient)
    patient.refresh_from_db()
    assert patient.evaluated_version == patient.facts_version
    assert patient.next_due is not None
    assert NOW < patient.next_due <= NOW + timedelta(days=93)


def test_a_finding_entered_in_error_withdraws_its_alert(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    mass = add_finding(patient, "mass", "hip", "right")
    judge(patient)
    withdraw_finding(mass, now=NOW + timedelta(minutes=1))
    judge(patient, days=0.1)
    assert Alert.objects.get(patient=patient, rule="S01").outcome == "retracted"


def test_patients_who_left_are_not_judged(unit_a: Unit) -> None:
    patient = add_patient(unit_a, status="transferred")
    add_finding(patient, "mass", "hip", "right")
    judge(patient)
    assert not Alert.objects.exists()


def test_an_older_judgement_does_not_overwrite_a_newer_one(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    add_lab(patient, "phosphate", 9.4)
    judge(patient, days=121)
    before = AlertEvent.objects.count()
    judge(patient, days=1)
    assert AlertEvent.objects.count() == before
    assert live(patient)["L02", ""] == "watch indeterminate"


def test_the_number_of_queries_does_not_depend_on_the_number_of_patients(unit_a: Unit) -> None:
    def count(patients: int) -> int:
        ids = []
        for _ in range(patients):
            patient = add_patient(unit_a)
            add_finding(patient, "mass", "hip", "right")
            add_lab(patient, "phosphate", 9.4)
            ids.append(patient.pk)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            evaluate_patients(ids, as_of=NOW)
        return len(captured)

    assert count(2) == count(12)
