"""Import of a file: every row answered, safe to break off, harmless to send again."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery.exceptions import Retry
from django.db import OperationalError

from monitoring.errors import InvalidValue
from monitoring.ingest.raw import InvalidMapping
from monitoring.models import CodeMapping, Import, LabResult, Patient, QuarantinedItem, Unit, UnitMapping
from monitoring.services import imports
from monitoring.services.import_report import write_report
from monitoring.services.imports import import_results, process_import, receive_file
from monitoring.services.quarantine import Replay, dismiss_items, replay_quarantine
from monitoring.signals import facts_changed
from monitoring.tasks import process_import_task, resume_imports_task

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
HEADER = "mrn,loinc,value,unit,taken_at,timing,source_id\n"
GOOD = "A1,2777-1,5.6,mg/dL,2024-03-05T07:30,pre,L{}\n"
MIXED = (
    HEADER
    + GOOD.format(1)
    + GOOD.format(1)  # the same line again
    + "A1,17861-6,2.3,mg/dL,2024-03-05T07:30,pre,L2\n"  # probably mmol/L
    + "A1,2823-3,5.1,mmol/L,2024-03-05T07:30,pre,L3\n"  # potassium
    + "ghost,2777-1,5.6,mg/dL,2024-03-05T07:30,pre,L4\n"
    + "A1,LOCAL9,9.1,mg/dL,2024-03-05T07:30,pre,L5\n"
    + "A1,17861-6,9.1,mg/dl.,2024-03-05T07:30,pre,L6\n"
    + "A1,2777-1\n"
)


@pytest.fixture
def patient(unit_a: Unit) -> Patient:
    return Patient.objects.create(unit=unit_a, mrn="A1", family_name="Moreau", given_name="Jean")


def take(unit: Unit, content: str | bytes = MIXED, **options: Any) -> Import:
    data = content.encode() if isinstance(content, str) else content
    return import_results(
        unit, stream=io.BytesIO(data), filename="march.csv", **{"source": "lab", "now": NOW, **options}
    )


def counts(imported: Import) -> tuple[int, ...]:
    return (
        imported.rows_read, imported.rows_accepted, imported.rows_duplicate, imported.rows_quarantined,
        imported.rows_not_kept,
    )  # fmt: skip


def waiting() -> list[tuple[int, str, str]]:
    items = QuarantinedItem.objects.filter(status="waiting").order_by("line")
    return list(items.values_list("line", "column", "reason"))


def version(patient: Patient) -> int:
    patient.refresh_from_db()
    return patient.facts_version


def test_every_row_is_answered(unit_a: Unit, patient: Patient) -> None:
    imported = take(unit_a)
    assert imported.status == "finished"
    assert counts(imported) == (8, 1, 1, 5, 1)
    assert waiting() == [
        (4, "value", "probable_unit_swap"),
        (6, "mrn", "unknown_patient"),
        (7, "loinc", "unknown_code"),
        (8, "unit", "unknown_unit"),
        (9, "", "wrong_field_count"),
    ]
    held = QuarantinedItem.objects.get(line=4)
    assert (held.value, held.mrn, held.raw) == ("2.3", "A1", "A1,17861-6,2.3,mg/dL,2024-03-05T07:30,pre,L2")
    assert "looks like mmol/L" in held.message
    assert held.fields["code"] == "17861-6"
    assert LabResult.objects.get().line == 2


def test_the_file_is_kept_as_received(unit_a: Unit, patient: Patient) -> None:
    imported = take(unit_a)
    kept = Import.objects.get(pk=imported.pk)
    assert bytes(kept.content) == MIXED.encode()
    assert len(kept.sha256) == 64
    assert (kept.filename, kept.source, kept.received_at) == ("march.csv", "lab", NOW)


def test_the_same_file_again_changes_nothing_but_is_accounted_for(unit_a: Unit, patient: Patient) -> None:
    take(unit_a)
    before, rows = version(patient), list(LabResult.objects.values())
    again = take(unit_a, now=NOW + timedelta(days=1))
    assert counts(again) == (8, 0, 7, 0, 1)  # what waits already does not wait twice
    assert version(patient) == before
    assert list(LabResult.objects.values()) == rows
    assert len(waiting()) == 5


def test_facts_changed_is_sent_once_for_the_patients_touched(
    unit_a: Unit, patient: Patient, django_capture_on_commit_callbacks: Any
) -> None:
    heard: list[list[int]] = []

    def listen(sender: object, patient_ids: list[int], **_: object) -> None:
        heard.append(patient_ids)

    facts_changed.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            take(unit_a)
        with django_capture_on_commit_callbacks(execute=True):
            take(unit_a)
    finally:
        facts_changed.disconnect(listen)
    assert heard == [[patient.pk]]


REFUSED = [
    ("", "The file is empty"),
    ("just,some\nwords,here\n", "does not name the columns"),
    ("x" * 2_000_000, "does not end"),
    (HEADER + GOOD.replace("2024-03-05T07:30", "05/03/2024"), "day first or month first"),
]


@pytest.mark.parametrize(("content", "words"), REFUSED)
def test_a_file_refused_as_a_whole_says_why_and_stores_nothing(
    unit_a: Unit, patient: Patient, content: str, words: str
) -> None:
    imported = take(unit_a, content)
    assert imported.status == "refused"
    assert words in imported.message
    assert counts(imported) == (0, 0, 0, 0, 0)
    assert LabResult.objects.count() == 0
    assert list(write_report(imported))[1].startswith(",refused,")


def test_a_file_that_is_too_large_is_refused_without_being_kept(unit_a: Unit, monkeypatch: Any) -> None:
    monkeypatch.setattr(imports, "MAX_FILE_BYTES", 100)
    imported = take(unit_a)
    assert imported.status == "refused"
    assert bytes(imported.content) == b""


def test_a_wrong_mapping_or_source_is_an_error_of_the_caller(unit_a: Unit) -> None:
    with pytest.raises(InvalidMapping, match="colums"):
        take(unit_a, mapping={"colums": {}})
    with pytest.raises(InvalidValue, match="more than 60"):
        take(unit_a, source="s" * 61)
    assert Import.objects.count() == 0


def test_a_break_in_the_middle_keeps_whole_chunks_and_can_be_taken_up(
    unit_a: Unit, patient: Patient, monkeypatch: Any
) -> None:
    content = HEADER + "".join(GOOD.format(number) for number in range(1, 26))
    received = receive_file(
        unit_a, stream=io.BytesIO(content.encode()), filename="long.csv", source="lab", mapping=None, now=NOW
    )
    real, calls = imports.receive_results, []

    def breaks_at_the_third(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise OperationalError("the server went away")
        return real(*args, **options)

    monkeypatch.setattr(imports, "receive_results", breaks_at_the_third)
    with pytest.raises(OperationalError):
        process_import(received.pk, chunk_rows=10)
    broken = Import.objects.get(pk=received.pk)
    assert broken.status == "interrupted"
    assert counts(broken) == (20, 20, 0, 0, 0)
    assert LabResult.objects.count() == 20
    monkeypatch.setattr(imports, "receive_results", real)
    resumed = process_import(received.pk, chunk_rows=10)
    assert resumed.status == "finished"
    assert counts(resumed) == (25, 25, 0, 0, 0)
    assert LabResult.objects.count() == 25


def test_an_import_whose_worker_was_killed_is_taken_up_behind_its_last_chunk(
    unit_a: Unit, patient: Patient, monkeypatch: Any
) -> None:
    content = HEADER + "".join(GOOD.format(number) for number in range(1, 26))
    received = receive_file(
        unit_a, stream=io.BytesIO(content.encode()), filename="long.csv", source="lab", mapping=None, now=NOW
    )
    # What SIGKILL leaves behind: whole chunks, and a status that nobody could change.
    monkeypatch.setattr(imports, "_chunks", lambda rows, size: iter([[next(rows) for _ in range(10)]]))
    process_import(received.pk)
    monkeypatch.undo()
    Import.objects.filter(pk=received.pk).update(status="running", finished_at=None)
    imported = process_import(received.pk)
    assert imported.status == "finished"
    assert counts(imported) == (25, 25, 0, 0, 0)


def test_processing_a_finished_import_again_does_nothing(unit_a: Unit, patient: Patient) -> None:
    imported = take(unit_a)
    assert counts(process_import(imported.pk)) == counts(imported)
    assert len(waiting()) == 5


def test_a_second_worker_on_the_same_import_leaves_it_to_the_first(
    unit_a: Unit, patient: Patient, monkeypatch: Any
) -> None:
    content = HEADER + "".join(GOOD.format(number) for number in range(1, 11))
    received = receive_file(
        unit_a, stream=io.BytesIO(content.encode()), filename="f.csv", source="lab", mapping=None, now=NOW
    )
    real = imports.reader_of

    def first_worker_is_faster(imported: Import, *, now: datetime) -> Any:
        monkeypatch.setattr(imports, "reader_of", real)
        process_import(imported.pk)
        return real(imported, now=now)

    monkeypatch.setattr(imports, "reader_of", first_worker_is_faster)
    imported = process_import(received.pk)
    assert imported.status == "finished"
    assert counts(imported) == (10, 10, 0, 0, 0)


def test_a_second_worker_between_two_chunks_counts_nothing_twice(
    unit_a: Unit, patient: Patient, monkeypatch: Any
) -> None:
    content = HEADER + "".join(GOOD.format(number) for number in range(1, 11))
    received = receive_file(
        unit_a, stream=io.BytesIO(content.encode()), filename="f.csv", source="lab", mapping=None, now=NOW
    )
    first = Import.objects.select_related("unit").get(pk=received.pk)

    def other_worker_stores_a_chunk(imported: Import, *, now: datetime) -> Any:
        reader = real_reader(imported, now=now)
        rows = imports._rows_left(first, reader)
        imports._store_chunk(first, [next(rows) for _ in range(4)], reader, register_patients=False)
        return reader

    real_reader = imports.reader_of
    monkeypatch.setattr(imports, "reader_of", other_worker_stores_a_chunk)
    left_alone = process_import(received.pk)
    assert left_alone.status == "running"
    assert counts(left_alone) == (4, 4, 0, 0, 0)
    monkeypatch.undo()
    assert counts(process_import(received.pk)) == (10, 10, 0, 0, 0)


def test_unknown_patients_are_registered_only_when_asked(unit_a: Unit, patient: Patient) -> None:
    imported = take(unit_a, register_patients=True)
    assert counts(imported) == (8, 2, 1, 4, 1)
    assert Patient.objects.get(mrn="ghost").unit == unit_a


def test_the_waiting_room_opens_when_the_patient_is_registered(unit_a: Unit, patient: Patient) -> None:
    take(unit_a)
    ghost = Patient.objects.create(unit=unit_a, mrn="ghost", family_name="Ghost", given_name="G")
    before = ghost.facts_version
    assert replay_quarantine(unit_a, mrn="ghost", now=NOW) == Replay(stored=1)
    assert ghost.lab_results.get().value == 5.6
    assert version(ghost) == before + 1
    assert replay_quarantine(unit_a, mrn="ghost", now=NOW) == Replay()
    item = QuarantinedItem.objects.get(mrn="ghost")
    assert (item.status, item.closed_at) == ("replayed", NOW)


def test_a_code_and_a_unit_are_mapped_and_replayed_in_one_step(unit_a: Unit, patient: Patient, alice: Any) -> None:
    take(unit_a)
    CodeMapping.objects.create(unit=unit_a, source="lab", code="LOCAL9", target="17861-6")
    UnitMapping.objects.create(unit=unit_a, source="lab", spelling="mg/dl.", ucum="mg/dL")
    assert replay_quarantine(unit_a, now=NOW, actor=alice) == Replay(stored=2, waiting=2)
    assert set(LabResult.objects.values_list("source_id", "analyte")) == {
        ("L1", "phosphate"), ("L5", "calcium"), ("L6", "calcium"),
    }  # fmt: skip
    assert [reason for _, _, reason in waiting()] == ["probable_unit_swap", "unknown_patient", "wrong_field_count"]
    assert QuarantinedItem.objects.filter(status="replayed", closed_by=alice).count() == 2


def test_a_code_mapped_to_not_kept_is_dismissed(unit_a: Unit, patient: Patient) -> None:
    take(unit_a)
    CodeMapping.objects.create(unit=unit_a, source="lab", code="LOCAL9", target="not_kept")
    assert replay_quarantine(unit_a, reason="unknown_code", now=NOW) == Replay(not_kept=1)
    assert QuarantinedItem.objects.get(line=7).status == "dismissed"


def test_a_row_that_waits_for_another_reason_now_says_the_new_one(unit_a: Unit, patient: Patient) -> None:
    take(unit_a, HEADER + "ghost,LOCAL9,9.1,mg/dL,2024-03-05T07:30,pre,L5\n")
    CodeMapping.objects.create(unit=unit_a, source="lab", code="LOCAL9", target="17861-6")
    assert replay_quarantine(unit_a, now=NOW) == Replay(waiting=1)
    assert waiting() == [(2, "mrn", "unknown_patient")]


def test_a_mapping_of_another_source_or_unit_does_not_count(unit_a: Unit, unit_b: Unit, patient: Patient) -> None:
    take(unit_a)
    CodeMapping.objects.create(unit=unit_a, source="other", code="LOCAL9", target="17861-6")
    CodeMapping.objects.create(unit=unit_b, source="lab", code="LOCAL9", target="17861-6")
    assert replay_quarantine(unit_a, reason="unknown_code", now=NOW) == Replay(waiting=1)
    assert replay_quarantine(unit_b, now=NOW) == Replay()


def test_a_replay_reads_the_row_as_it_was_read_first(unit_a: Unit) -> None:
    content = "mrn;loinc;value;unit;taken_at\nA1;2777-1;5,6;mg/dL;25/03/2024\nA1;2777-1;5,7;mg/dL;05/03/2024\n"
    take(unit_a, content)
    patient = Patient.objects.create(unit=unit_a, mrn="A1", family_name="Moreau", given_name="Jean")
    assert replay_quarantine(unit_a, now=NOW) == Replay(stored=2)
    rows = patient.lab_results.order_by("value").values_list("value", "taken_at__month")
    assert list(rows) == [(5.6, 3), (5.7, 3)]


def test_a_dismissed_row_stays_dismissed_when_the_file_comes_again(unit_a: Unit, patient: Patient, alice: Any) -> None:
    take(unit_a)
    items = list(QuarantinedItem.objects.values_list("uuid", flat=True))
    assert dismiss_items(unit_a, items=items, actor=alice, now=NOW) == 5
    assert dismiss_items(unit_a, items=items, actor=alice, now=NOW) == 0
    assert counts(take(unit_a))[2:4] == (7, 0)
    assert waiting() == []


def test_another_units_waiting_rows_cannot_be_dismissed(unit_a: Unit, unit_b: Unit, patient: Patient, bob: Any) -> None:
    take(unit_a)
    items = list(QuarantinedItem.objects.values_list("uuid", flat=True))
    assert dismiss_items(unit_b, items=items, actor=bob, now=NOW) == 0
    assert len(waiting()) == 5


def test_the_report_has_one_line_for_every_row(unit_a: Unit, patient: Patient) -> None:
    imported = take(unit_a)
    lines = "".join(write_report(imported)).splitlines()
    assert lines[0] == "line,status,column,value,reason,message"
    assert [line.split(",")[:2] for line in lines[1:]] == [
        ["2", "accepted"],
        ["3", "already known"],
        ["4", "quarantined"],
        ["5", "not kept"],
        ["6", "quarantined"],
        ["7", "quarantined"],
        ["8", "quarantined"],
        ["9", "quarantined"],
    ]
    Patient.objects.create(unit=unit_a, mrn="ghost", family_name="Ghost", given_name="G")
    replay_quarantine(unit_a, mrn="ghost", now=NOW)
    assert "6,accepted after replay," in "".join(write_report(imported))


@pytest.mark.parametrize("sign", ["=", "+", "-", "@"])
def test_the_report_is_harmless_in_a_spreadsheet(unit_a: Unit, patient: Patient, sign: str) -> None:
    evil = f"{sign}cmd|' /C calc'!A0"
    imported = take(unit_a, HEADER + GOOD.format(1).replace("5.6", evil))
    [_, line] = write_report(imported)
    assert f"'{evil}" in line
    assert f",{evil}" not in line


def test_the_task_processes_what_was_received(unit_a: Unit, patient: Patient) -> None:
    received = receive_file(
        unit_a, stream=io.BytesIO(MIXED.encode()), filename="f.csv", source="lab", mapping=None, now=NOW
    )
    process_import_task(received.pk)
    process_import_task(received.pk)
    received.refresh_from_db()
    assert counts(received) == (8, 1, 1, 5, 1)


def test_the_task_tries_again_when_the_database_is_away(unit_a: Unit, monkeypatch: Any) -> None:
    def away(_: int) -> None:
        raise OperationalError("the server went away")

    monkeypatch.setattr("monitoring.tasks.process_import", away)
    monkeypatch.setattr(process_import_task, "retry", lambda **_: Retry("again"))
    with pytest.raises((Retry, OperationalError)):
        process_import_task(1)


def test_imports_that_stand_still_are_sent_again(unit_a: Unit, monkeypatch: Any) -> None:
    sent: list[int] = []
    monkeypatch.setattr(process_import_task, "delay", sent.append)
    now = datetime.now(UTC)

    def received(minutes: int, status: str) -> int:
        return Import.objects.create(
            unit=unit_a, source="lab", status=status, received_at=now - timedelta(minutes=minutes)
        ).pk

    old, running = received(30, "received"), received(20, "running")
    received(1, "received"), received(30, "finished"), received(30, "refused"), received(60 * 48, "received")
    assert resume_imports_task() == 2
    assert sent == [old, running]
