"""Results are stored once however often they are sent; corrections supersede and nothing is overwritten."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from monitoring.clinical.analytes import Kind, Timing
from monitoring.ingest.raw import NormalisedResult, Refusal, Status
from monitoring.models import LabResult, Patient, Unit
from monitoring.services.reception import COLUMNS, Verdict, receive_results

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
TAKEN = datetime(2024, 3, 5, 7, 30, tzinfo=UTC)


def result(mrn: str = "A1", value: str = "5.6", source_id: str = "L1", **fields: Any) -> NormalisedResult:
    base = NormalisedResult(
        line=2, text="as sent", mrn=mrn, analyte="phosphate", kind=Kind.MASS, code="2777-1", name="",
        value_text=value, comparator="", number=Decimal(value), unit_as_sent="mg/dL", canonical=Decimal(value),
        taken_at=TAKEN, received_at=None, timing=Timing.PRE, status=Status.FINAL, source_id=source_id, comment="",
        ref_low="2.5", ref_high="4.5",
    )  # fmt: skip
    return replace(base, **fields)


def withdrawn(source_id: str = "L1", **fields: Any) -> NormalisedResult:
    return result(
        source_id=source_id, status=Status.WITHDRAWN, canonical=None, number=None, value_text="", unit_as_sent="",
        **fields,
    )  # fmt: skip


@pytest.fixture
def patient(unit_a: Unit) -> Patient:
    return Patient.objects.create(unit=unit_a, mrn="A1", family_name="Moreau", given_name="Jean")


def send(unit: Unit, *results: NormalisedResult, now: datetime = NOW, source: str = "lab", **options: Any) -> list[str]:
    answers = receive_results(unit, results=results, source=source, now=now, **options)
    assert len(answers) == len(results)
    return [answer.reason if isinstance(answer, Refusal) else answer for answer in answers]


def version(patient: Patient) -> int:
    patient.refresh_from_db()
    return patient.facts_version


def believed() -> list[tuple[str, float | None, str]]:
    rows = LabResult.objects.filter(retired_at=None).order_by("source_id")
    return list(rows.values_list("source_id", "value", "status"))


def test_a_result_is_stored_as_sent_beside_its_canonical_number(unit_a: Unit, patient: Patient) -> None:
    sent = result(value="1.8", unit_as_sent="mmol/L", canonical=Decimal("5.5745"), code="14879-1")
    assert send(unit_a, sent) == [Verdict.ACCEPTED]
    row = LabResult.objects.get()
    assert (row.patient, row.analyte, row.value) == (patient, "phosphate", 5.5745)
    assert (row.value_text, row.unit_sent, row.code_sent) == ("1.8", "mmol/L", "14879-1")
    assert (row.taken_at, row.received_at, row.timing, row.status) == (TAKEN, NOW, "pre", "final")
    assert (row.source, row.source_id, row.reference_range) == ("A/lab", "L1", "2.5–4.5")


def test_the_bulk_writer_fills_every_column_of_the_table() -> None:
    assert {field.attname for field in LabResult._meta.concrete_fields} - {"id"} == set(COLUMNS)


@pytest.mark.parametrize("source_id", ["L1", ""])
def test_the_same_content_sent_again_changes_nothing(unit_a: Unit, patient: Patient, source_id: str) -> None:
    before = version(patient)
    assert send(unit_a, result(source_id=source_id)) == [Verdict.ACCEPTED]
    after = version(patient)
    assert after == before + 1
    later = NOW + timedelta(days=1)
    assert send(unit_a, result(source_id=source_id), result(source_id=source_id), now=later) == [Verdict.DUPLICATE] * 2
    assert version(patient) == after
    assert LabResult.objects.count() == 1


def test_a_whole_batch_raises_the_version_of_facts_once(unit_a: Unit, patient: Patient) -> None:
    before = version(patient)
    send(unit_a, *(result(source_id=f"L{number}") for number in range(20)))
    assert version(patient) == before + 1


def test_without_an_id_different_contents_are_different_results(unit_a: Unit, patient: Patient) -> None:
    send(
        unit_a,
        result(source_id=""),
        result(source_id="", value="5.7"),
        result(source_id="", taken_at=TAKEN + timedelta(minutes=1)),
        result(source_id="", timing=Timing.POST),
        result(source_id="", comparator="<"),
    )
    assert LabResult.objects.count() == 5


def test_a_changed_value_supersedes_and_the_old_one_stays_to_be_seen(unit_a: Unit, patient: Patient) -> None:
    send(unit_a, result())
    later = NOW + timedelta(hours=3)
    before = version(patient)
    assert send(unit_a, result(value="6.5"), now=later) == [Verdict.CORRECTED]
    assert version(patient) == before + 1
    old, new = LabResult.objects.order_by("id")
    assert (old.value, old.retired_at) == (5.6, later)
    assert (new.value, new.retired_at, new.status, new.supersedes) == (6.5, None, "corrected", old)
    assert new.received_at == old.retired_at  # no moment without a belief, and none with two


def test_a_correction_dated_before_the_reception_of_its_original_takes_over_from_there(
    unit_a: Unit, patient: Patient
) -> None:
    send(unit_a, result())
    assert send(unit_a, result(value="6.5", received_at=NOW - timedelta(days=30))) == [Verdict.CORRECTED]
    old, new = LabResult.objects.order_by("id")
    assert old.received_at == old.retired_at == new.received_at == NOW


def test_a_preliminary_result_becomes_final_without_being_a_correction(unit_a: Unit, patient: Patient) -> None:
    send(unit_a, result(status=Status.PRELIMINARY))
    assert send(unit_a, result()) == [Verdict.CORRECTED]
    assert believed() == [("L1", 5.6, "final")]


def test_an_old_version_sent_again_does_not_come_back(unit_a: Unit, patient: Patient) -> None:
    first, second, third = result(), result(value="6.5", status=Status.CORRECTED), result(value="7.0")
    send(unit_a, first)
    send(unit_a, second)
    send(unit_a, third)
    before = version(patient)
    assert send(unit_a, first, second, third) == [Verdict.DUPLICATE] * 3
    assert version(patient) == before
    assert believed() == [("L1", 7.0, "corrected")]


def test_a_laboratory_may_correct_back_to_the_first_value(unit_a: Unit, patient: Patient) -> None:
    back = result(status=Status.CORRECTED)
    send(unit_a, result())
    send(unit_a, result(value="6.5"))
    assert send(unit_a, back) == [Verdict.CORRECTED]
    assert send(unit_a, back) == [Verdict.DUPLICATE]
    assert believed() == [("L1", 5.6, "corrected")]


def test_the_senders_own_time_tells_a_new_return_from_an_old_message(unit_a: Unit, patient: Patient) -> None:
    def at(hour: int, value: str) -> NormalisedResult:
        return result(value=value, received_at=TAKEN + timedelta(hours=hour))

    send(unit_a, at(1, "5.6"))
    send(unit_a, at(2, "6.5"))
    assert send(unit_a, at(1, "5.6")) == [Verdict.DUPLICATE]
    assert send(unit_a, at(3, "5.6")) == [Verdict.CORRECTED]
    assert believed() == [("L1", 5.6, "corrected")]


def test_a_withdrawn_result_is_retired_and_stays_withdrawn(unit_a: Unit, patient: Patient) -> None:
    send(unit_a, result())
    before = version(patient)
    assert send(unit_a, withdrawn()) == [Verdict.CORRECTED]
    assert version(patient) == before + 1
    assert believed() == [("L1", None, "withdrawn")]
    assert send(unit_a, withdrawn(), result()) == [Verdict.DUPLICATE] * 2
    assert version(patient) == before + 1
    assert send(unit_a, result(value="5.9")) == ["contradicts_earlier"]
    assert send(unit_a, result(value="5.9", status=Status.CORRECTED)) == [Verdict.CORRECTED]
    assert send(unit_a, withdrawn()) == [Verdict.DUPLICATE]  # the old withdrawal, once more
    assert believed() == [("L1", 5.9, "corrected")]


def test_a_withdrawal_that_overtakes_its_result_wins(unit_a: Unit, patient: Patient) -> None:
    assert send(unit_a, withdrawn()) == [Verdict.ACCEPTED]
    assert send(unit_a, result()) == ["contradicts_earlier"]
    assert believed() == [("L1", None, "withdrawn")]


def test_one_id_for_two_analytes_is_not_taken_for_a_correction(unit_a: Unit, patient: Patient) -> None:
    calcium = result(analyte="calcium", value="9.1", code="17861-6")
    assert send(unit_a, result(), calcium) == [Verdict.ACCEPTED, "contradicts_earlier"]
    assert believed() == [("L1", 5.6, "final")]


def test_ids_of_samples_cover_several_analytes_when_the_mapping_says_so(unit_a: Unit, patient: Patient) -> None:
    calcium = result(analyte="calcium", value="9.1", code="17861-6")
    assert send(unit_a, result(), calcium, ids_are_of_samples=True) == [Verdict.ACCEPTED] * 2
    assert send(unit_a, result(), calcium, ids_are_of_samples=True) == [Verdict.DUPLICATE] * 2


def test_a_result_moves_to_another_patient_only_when_called_a_correction(unit_a: Unit, patient: Patient) -> None:
    other = Patient.objects.create(unit=unit_a, mrn="A2", family_name="Okafor", given_name="Ada")
    send(unit_a, result())
    assert send(unit_a, result(mrn="A2")) == ["contradicts_earlier"]
    before = version(patient), version(other)
    assert send(unit_a, result(mrn="A2", status=Status.CORRECTED)) == [Verdict.CORRECTED]
    assert (version(patient), version(other)) == (before[0] + 1, before[1] + 1)
    assert list(LabResult.objects.filter(retired_at=None).values_list("patient__mrn", flat=True)) == ["A2"]


def test_an_unknown_patient_is_refused_and_the_rest_is_stored(unit_a: Unit, patient: Patient) -> None:
    assert send(unit_a, result(mrn="ghost"), result(source_id="L2")) == ["unknown_patient", Verdict.ACCEPTED]
    assert LabResult.objects.count() == 1


def test_a_patient_of_another_unit_is_not_reached_by_the_same_number(
    unit_a: Unit, unit_b: Unit, patient: Patient
) -> None:
    assert send(unit_b, result()) == ["unknown_patient"]
    theirs = Patient.objects.create(unit=unit_b, mrn="A1", family_name="Silva", given_name="Rui")
    send(unit_a, result())
    assert send(unit_b, result(value="9.9")) == [Verdict.ACCEPTED]  # the same id at another unit's laboratory
    assert set(LabResult.objects.values_list("patient", "value")) == {(patient.pk, 5.6), (theirs.pk, 9.9)}


def test_versions_within_one_batch_follow_each_other(unit_a: Unit, patient: Patient) -> None:
    answers = send(unit_a, result(), result(), result(value="6.5"), result(value="6.5"), result(value="7"))
    assert answers == ["accepted", "duplicate", "corrected", "duplicate", "corrected"]
    assert list(LabResult.objects.order_by("id").values_list("value", flat=True)) == [5.6, 6.5, 7.0]
    assert believed() == [("L1", 7.0, "corrected")]


def test_an_id_with_ever_other_values_is_stopped(unit_a: Unit, patient: Patient) -> None:
    answers = send(unit_a, *(result(value=f"{number}.5") for number in range(1, 31)))
    assert answers.count("contradicts_earlier") == 10
    assert LabResult.objects.count() == 20


@pytest.mark.postgres
def test_the_number_of_statements_does_not_grow_with_the_batch(unit_a: Unit) -> None:
    def statements(number: int, first: int) -> int:
        Patient.objects.bulk_create(
            Patient(unit=unit_a, mrn=f"P{place}", family_name="F", given_name="G")
            for place in range(first, first + number)
        )
        batch = [result(mrn=f"P{place}", source_id=f"S{place}") for place in range(first, first + number)]
        with (
            CaptureQueriesContext(
                connection,
            ) as queries,
            transaction.atomic(),
        ):
            send(unit_a, *batch)
        return len(queries)

    assert statements(300, 1000) == statements(3, 0)


def test_nothing_is_stored_when_the_batch_breaks(unit_a: Unit, patient: Patient, monkeypatch: Any) -> None:
    def broken(_: object) -> None:
        raise OSError("the cable is out")

    before = version(patient)
    monkeypatch.setattr("monitoring.services.reception.raise_facts_version", broken)
    with pytest.raises(OSError, match="cable"):
        send(unit_a, result())
    assert LabResult.objects.count() == 0
    assert version(patient) == before


@pytest.mark.django_db(transaction=True)
def test_eight_writers_of_the_same_results_store_each_once(unit_a: Unit, patient: Patient) -> None:
    before = version(patient)
    batch = [result(source_id=f"L{number}") for number in range(50)]
    start = Barrier(8)
    answers: list[list[str]] = []

    def write() -> None:
        try:
            start.wait(timeout=20)
            answers.append(send(unit_a, *batch))
        finally:
            connection.close()

    writers = [Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)
    assert len(answers) == 8
    assert sorted(answer.count("accepted") for answer in answers) == [0] * 7 + [50]
    assert LabResult.objects.count() == 50
    assert version(patient) == before + 1
