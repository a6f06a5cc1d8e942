"""Files sent in on the screens: every row answered, nothing of another unit, and a second chance for what waits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile

from monitoring.models import CodeMapping, Import, LabResult, QuarantinedItem, Unit
from tests.builders import add_patient
from tests.monitoring.admin.desk import add_member, desk_of, queries_of, said, text_of

pytestmark = pytest.mark.django_db
LIST = "/admin/monitoring/import/"
QUARANTINE = "/admin/monitoring/quarantineditem/"
ROWS = (
    "mrn,analyte,value,unit,taken_at,timing\n"
    "A1,phosphate,5.6,mg/dL,2024-03-05T07:30,pre\n"
    "A1,phosphate,5.6,,2024-03-06T07:30,pre\n"
    "A1,PTHX2,300,pg/mL,2024-03-05T07:30,pre\n"
    "ghost,phosphate,5.6,mg/dL,2024-03-05T07:30,pre\n"
    "A1,phosphate,<script>alert(1)</script>,mg/dL,2024-03-07T07:30,pre\n"
)


def send(user: User, unit: Unit, content: str | bytes = ROWS, **fields: Any) -> Any:
    data = content.encode() if isinstance(content, str) else content
    file = SimpleUploadedFile("labs.csv", data, content_type="text/csv")
    return desk_of(user).post(f"{LIST}add/", {"unit": unit.pk, "file": file, **fields}, follow=True)


def test_good_rows_are_stored_and_bad_ones_wait_with_line_column_and_reason(unit_a: Unit, alice: User) -> None:
    add_patient(unit_a, mrn="A1")

    page = text_of(send(alice, unit_a))

    assert LabResult.objects.get().value_text == "5.6"
    assert QuarantinedItem.objects.count() == 4
    for words in ("missing unit", "unknown code", "PTHX2", "unknown patient", "ghost", "not a number"):
        assert words in page
    assert "<script>alert(1)" not in page


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02 not a csv", "column"),
        ("Just one sentence.\n", "column"),
    ],
)
def test_a_file_that_cannot_be_read_is_answered_in_words(
    unit_a: Unit, alice: User, content: str | bytes, words: str
) -> None:
    page = text_of(send(alice, unit_a, content))

    assert words in page.lower()
    assert "Refused as a whole" in page
    assert not LabResult.objects.exists()


def test_a_wrong_mapping_is_answered_at_the_form(unit_a: Unit, alice: User) -> None:
    assert "This is not JSON" in text_of(send(alice, unit_a, mapping="{columns"))
    assert "errornote" in text_of(send(alice, unit_a, mapping='{"nonsense": 1}'))
    assert not Import.objects.exists()


def test_the_mapping_of_an_earlier_file_can_be_used_again(unit_a: Unit, alice: User) -> None:
    add_patient(unit_a, mrn="A1")
    first = "No,Test,Result,Unit,Drawn\nA1,phosphate,5.6,mg/dL,2024-03-05T07:30\n"
    columns = {"mrn": "No", "name": "Test", "value": "Result", "unit": "Unit", "taken_at": "Drawn"}
    mapping = json.dumps({"source": "Lab X", "columns": columns})
    send(alice, unit_a, first, mapping=mapping)
    earlier = Import.objects.get()
    assert earlier.rows_accepted == 1, earlier.message

    send(alice, unit_a, first.replace("5.6", "5.7").replace("03-05", "03-06"), like=earlier.pk)

    again = Import.objects.exclude(pk=earlier.pk).get()
    assert (again.source, again.rows_accepted) == ("Lab X", 1)


def test_nothing_can_be_sent_into_or_seen_of_another_unit(unit_a: Unit, unit_b: Unit, alice: User, bob: User) -> None:
    add_patient(unit_b, mrn="A1")
    send(alice, unit_b)
    assert not Import.objects.exists()

    send(bob, unit_b)
    imported = Import.objects.get()
    desk = desk_of(alice)
    assert "labs.csv" not in text_of(desk.get(LIST))
    assert desk.get(f"{LIST}{imported.pk}/change/").status_code == 404
    assert desk.get(f"{LIST}{imported.pk}/report.csv").status_code == 404
    assert "PTHX2" not in text_of(desk.get(QUARANTINE))


def test_the_report_has_a_line_for_every_row(unit_a: Unit, alice: User) -> None:
    add_patient(unit_a, mrn="A1")
    send(alice, unit_a)

    response = desk_of(alice).get(f"{LIST}{Import.objects.get().pk}/report.csv")

    lines = b"".join(response.streaming_content).decode().splitlines()
    assert len(lines) == 6
    assert lines[1].startswith("2,accepted")
    assert "attachment" in response["Content-Disposition"]


def test_a_row_is_stored_once_its_code_is_mapped(unit_a: Unit, alice: User) -> None:
    nephrologist = add_member(unit_a, "nephrologist", "nadia")
    add_patient(unit_a, mrn="A1")
    send(alice, unit_a)
    code = {"unit": unit_a.pk, "source": "csv", "code": "PTHX2"}
    add = "/admin/monitoring/codemapping/add/"

    wrong = desk_of(nephrologist).post(add, {**code, "target": "pht"})
    assert "neither an analyte nor a LOINC code" in text_of(wrong)
    desk_of(nephrologist).post(add, {**code, "target": "pth"})
    assert CodeMapping.objects.count() == 1

    response = desk_of(alice).post(f"{LIST}{Import.objects.get().pk}/replay/", follow=True)
    assert "1 rows are stored now" in said(response)
    assert LabResult.objects.filter(analyte="pth").count() == 1


def test_rows_are_dismissed_by_name_and_only_those_of_the_own_unit(
    unit_a: Unit, unit_b: Unit, alice: User, bob: User
) -> None:
    send(alice, unit_a)
    send(bob, unit_b)
    chosen = list(QuarantinedItem.objects.filter(reason="missing_unit").values_list("pk", flat=True))
    assert len(chosen) == 2

    desk_of(alice).post(QUARANTINE, {"action": "dismiss", "_selected_action": chosen})

    mine, theirs = QuarantinedItem.objects.filter(pk__in=chosen).order_by("unit__code")
    assert (mine.status, mine.closed_by) == ("dismissed", alice)
    assert theirs.status == "waiting"


def test_a_manager_reads_imports_but_sends_nothing(unit_a: Unit, alice: User) -> None:
    send(alice, unit_a)
    manager = add_member(unit_a, "manager", "maud")

    assert "labs.csv" in text_of(desk_of(manager).get(LIST))
    send(manager, unit_a)
    assert Import.objects.count() == 1


def test_thirty_imports_need_no_more_queries_than_two(unit_a: Unit, alice: User) -> None:
    desk = desk_of(alice)
    from_one = Import(unit=unit_a, source="x", filename="f.csv", received_at="2024-01-01T00:00Z")
    Import.objects.bulk_create([from_one, Import(unit=unit_a, source="y", received_at="2024-01-01T00:00Z")])

    few = queries_of(lambda: desk.get(LIST))
    Import.objects.bulk_create(
        [Import(unit=unit_a, source="z", content=b"x", received_at="2024-01-01T00:00Z") for _ in range(28)]
    )
    assert queries_of(lambda: desk.get(LIST)) == few <= 16
