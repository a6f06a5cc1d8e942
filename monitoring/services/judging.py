"""Writes what a judgement says of the patients themselves: assessments, and up to where they have been judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import connection

from monitoring.models import Assessment, Patient, RuleSet
from monitoring.rules.types import AssessmentResult
from monitoring.services.bulk import insert_rows


def record_assessments(results: Iterable[AssessmentResult], *, rule_set: RuleSet, as_of: datetime) -> int:
    """Keep the assessments that differ from the current ones; give how many. Runs in the caller's transaction.

    The patients' rows must be locked. Two queries and the rows written, whatever the number of patients.
    """
    by_patient = {result.patient: result for result in results}
    current = {
        patient: (fingerprint, rule_set_id)
        for patient, fingerprint, rule_set_id in Assessment.objects.filter(
            patient_id__among=list(by_patient), superseded_at=None
        ).values_list("patient_id", "fingerprint", "rule_set_id")
    }
    changed = [
        result for patient, result in by_patient.items() if current.get(patient) != (result.fingerprint, rule_set.id)
    ]
    if not changed:
        return 0
    replaced = [result.patient for result in changed if result.patient in current]
    if replaced:
        Assessment.objects.filter(patient_id__among=replaced, superseded_at=None).update(superseded_at=as_of)
    shown: dict[int, tuple[list[dict[str, object]], list[str], list[str], list[str]]] = {}
    for result in changed:
        if result.fingerprint not in shown:
            lines = [
                {"code": x.code, "part": x.part, "label": x.label, "points": x.points, "state": x.state}
                for x in result.lines
            ]
            shown[result.fingerprint] = (
                lines,
                list(result.missing),
                list(result.set_by),
                list(result.awaiting),
            )
    insert_rows(
        Assessment,
        [
            Assessment(
                patient_id=result.patient,
                tier=result.tier,
                score=result.score,
                points=shown[result.fingerprint][0],
                missing=shown[result.fingerprint][1],
                set_by=shown[result.fingerprint][2],
                awaiting=shown[result.fingerprint][3],
                fingerprint=result.fingerprint,
                rule_set=rule_set,
                as_of=as_of,
            )
            for result in changed
        ],
    )
    return len(changed)


def record_judged(versions: Mapping[int, int], next_due: Mapping[int, datetime | None], *, as_of: datetime) -> None:
    """Note on each patient (primary key) the version of the facts that was judged and when it is due again.

    One statement on PostgreSQL. Runs in the caller's transaction, on locked rows.
    """
    if not versions:
        return
    ids = sorted(versions)
    rows = [(versions[i], as_of, next_due[i], i) for i in ids]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "UPDATE monitoring_patient AS p SET evaluated_version = v.version, evaluated_as_of = %s, "
                "next_due = v.due FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS v(id, version, due) "
                "WHERE p.id = v.id",
                [as_of, ids, [row[0] for row in rows], [row[2] for row in rows]],
            )
        else:
            adapt = connection.ops.adapt_datetimefield_value
            cursor.executemany(
                "UPDATE monitoring_patient SET evaluated_version = %s, evaluated_as_of = %s, next_due = %s "
                "WHERE id = %s",
                [(version, adapt(moment), due and adapt(due), patient) for version, moment, due, patient in rows],
            )


def lock_patients(patient_ids: Iterable[int]) -> dict[int, tuple[int, datetime | None, int, datetime | None]]:
    """Lock the patients in the order of their keys; give id -> (evaluated version, as of, unit, next due)."""
    return {
        row[0]: (row[1], row[2], row[3], row[4])
        for row in Patient.objects.select_for_update()
        .filter(id__among=list(patient_ids))
        .order_by("id")
        .values_list("id", "evaluated_version", "evaluated_as_of", "unit_id", "next_due")
    }
