"""What the logs keep to themselves."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from project.logs import REDACTED, redact_event, redact_text
from tests.services import ROOT


@pytest.mark.parametrize(
    ("sentence", "event"),
    [
        ("a name under its key", {"event": "saved", "family_name": "Okonjo"}),
        ("a record number under its key", {"event": "saved", "mrn": "Okonjo"}),
        ("a birth date whatever the case of its key", {"event": "saved", "Birth_Date": "Okonjo"}),
        ("a name deep inside", {"event": "saved", "request": {"rows": [{"given_name": "Okonjo"}]}}),
        ("a whole patient object", {"event": "saved", "patient": "Okonjo, Ada (77)"}),
        ("the body of a request", {"event": "refused", "body": b"Okonjo"}),
        ("key=value inside a library's sentence", {"event": "bad row mrn=Okonjo at line 3"}),
        ("JSON inside a library's sentence", {"event": 'got {"family_name": "Okonjo", "x": 1}'}),
        ("a Python dict inside an error", {"event": "x", "exception": "KeyError: {'mrn': 'Okonjo'}"}),
        ("the patient segment of an HL7 message", {"event": "bad: PID|1||77||Okonjo^Ada||19500101\rOBR|1"}),
        ("an API key", {"event": "called", "api_key": "Okonjo"}),
        ("an Authorization header", {"event": "called", "headers": {"Authorization": "Okonjo"}}),
    ],
)
def test_what_identifies_a_patient_or_opens_a_door_is_redacted(sentence: str, event: dict[str, Any]) -> None:
    written = str(redact_event(None, "info", event))
    assert "Okonjo" not in written, sentence
    assert REDACTED in written


@pytest.mark.parametrize(
    ("sentence", "event"),
    [
        ("ids", {"event": "judged", "patient_id": 17, "patient_ids": [1, 2], "alert": "0b6f"}),
        ("codes of rules", {"event": "opened", "rule": "S03", "severity": 3}),
        ("counts", {"event": "imported", "accepted": 12, "quarantined": 1}),
        ("a sentence with none of it", {"event": "beat lease taken by host:17"}),
        ("an empty name says nothing", {"event": "x", "family_name": None}),
    ],
)
def test_what_staff_need_to_find_a_fault_stays(sentence: str, event: dict[str, Any]) -> None:
    assert redact_event(None, "info", dict(event)) == event, sentence


def test_the_rest_of_a_message_around_a_redacted_segment_stays() -> None:
    text = redact_text("MSH|^~\\&|LAB\nPID|1||77||Okonjo^Ada\nOBX|1|NM|2777-1")
    assert text == f"MSH|^~\\&|LAB\nPID|{REDACTED}\nOBX|1|NM|2777-1"


WRITE_LOGS = """
import logging, django
django.setup()
import structlog
structlog.get_logger("ours").warning("row_refused", mrn="Okonjo", line=3)
logging.getLogger("theirs").warning("cannot read mrn=%s", "Okonjo")
try:
    raise ValueError("mrn=Okonjo is unknown")
except ValueError:
    logging.getLogger("theirs").exception("import failed")
"""


def test_json_logs_are_redacted_down_to_the_traceback_whoever_wrote_them() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", WRITE_LOGS],
        cwd=ROOT,
        env={**os.environ, "CALCIWATCH_LOG": "json"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    lines = [json.loads(line) for line in answer.stderr.splitlines()]
    assert [line["event"] for line in lines] == [
        "row_refused",
        f"cannot read mrn={REDACTED}",
        "import failed",
    ]
    assert "Okonjo" not in answer.stderr
    assert lines[0]["line"] == 3
    assert lines[0]["timestamp"].endswith("Z")


def test_text_logs_are_redacted_too() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", WRITE_LOGS],
        cwd=ROOT,
        env={**os.environ, "CALCIWATCH_LOG": "text"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert answer.stderr.count(REDACTED) >= 3
    assert "Okonjo" not in answer.stderr
