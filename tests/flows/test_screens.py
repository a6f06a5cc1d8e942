"""The screens in a real browser: no script or style but our own, nothing cut off, usable by keyboard alone."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page

from alerts.models import Alert
from alerts.services.evaluating import evaluate_patients
from monitoring.models import Patient, Unit
from monitoring.services.imports import import_results
from tests.builders import NOW, add_finding, add_lab, add_patient
from tests.conftest import PASSWORD
from tests.monitoring.admin.desk import add_member

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    # A fixture of pytest-base-url, which pytest-playwright brings with it.
    pytest.mark.filterwarnings("ignore:Session-scoped fixtures defined as instance methods"),
]


@pytest.fixture
def complaints(page: Page, live_server: Any) -> list[str]:
    """What the browser complains of: refused scripts and styles, errors, requests to the outside."""
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("response", lambda answer: heard.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    page.on(
        "request",
        lambda asked: (
            heard.append(f"outside: {asked.url}") if not asked.url.startswith((live_server.url, "data:")) else None
        ),
    )
    return heard


@pytest.fixture
def patient(unit_a: Unit) -> Patient:
    """A patient with signs of the cord, a very high phosphate, a treatment's worth of results."""
    patient = add_patient(unit_a, family_name="Zebra", given_name="Zoe", mrn="Z-1")
    add_finding(patient, "spastic_gait", "general", "unknown", days_ago=2)
    add_finding(patient, "mass", "hip", "right", days_ago=2)
    for days in (90, 60, 30):
        add_lab(patient, "phosphate", "7.6", days_ago=days)
        add_lab(patient, "calcium", "9.6", days_ago=days)
    evaluate_patients([patient.pk], as_of=NOW)
    return patient


@pytest.fixture
def nephrologist(unit_a: Unit) -> User:
    """Nadia, nephrologist of unit A, with a password."""
    user = add_member(unit_a, "nephrologist", "nadia")
    user.set_password(PASSWORD)
    user.save()
    return user


def log_in(page: Page, live_server: Any, name: str) -> None:
    page.goto(f"{live_server.url}/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Who needs you today").wait_for()


def addresses(patient: Patient) -> list[str]:
    """One page of every kind."""
    alert = Alert.objects.filter(patient=patient).latest("severity")
    finding = patient.findings.get(kind="mass")
    result = patient.lab_results.earliest("pk")
    upload = patient.unit.imports.get()
    return [
        "",
        "rules/",
        "alerts/alert/",
        f"alerts/alert/{alert.pk}/change/",
        f"alerts/alert/{alert.pk}/resolve/",
        f"alerts/alert/{alert.pk}/snooze/",
        "alerts/alertevent/",
        "alerts/notification/",
        "monitoring/patient/",
        "monitoring/patient/add/",
        f"monitoring/patient/{patient.pk}/change/",
        f"monitoring/patient/{patient.pk}/edit/",
        f"monitoring/finding/add/?patient={patient.pk}",
        f"monitoring/finding/{finding.pk}/change/",
        f"monitoring/finding/{finding.pk}/gone/",
        f"monitoring/chairsidescreen/add/?patient={patient.pk}",
        f"monitoring/imagingstudy/add/?patient={patient.pk}",
        "monitoring/labresult/",
        f"monitoring/labresult/{result.pk}/change/",
        "monitoring/assessment/",
        "monitoring/import/",
        "monitoring/import/add/",
        f"monitoring/import/{upload.pk}/change/",
        "monitoring/quarantineditem/",
        "monitoring/codemapping/",
        "monitoring/codemapping/add/",
        "monitoring/ruleset/",
        "monitoring/unit/",
        "password_change/",
    ]


@pytest.mark.parametrize(
    ("width", "height", "scheme"),
    [(1366, 900, "light"), (768, 1024, "dark"), (683, 450, "light")],
    ids=["desktop", "tablet in the dark", "desktop at 200 %"],
)
def test_no_page_breaks_the_content_policy_leaves_the_house_or_is_cut_off(
    page: Page,
    live_server: Any,
    complaints: list[str],
    patient: Patient,
    nephrologist: User,
    width: int,
    height: int,
    scheme: Any,
) -> None:
    import_file(patient.unit)
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    log_in(page, live_server, "nadia")

    for address in addresses(patient):
        page.goto(f"{live_server.url}/admin/{address}")
        assert page.locator("h1").count() == 1, address
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{address} is {wide} wide"

    assert complaints == []


def test_an_alert_is_acknowledged_by_keyboard_alone(
    page: Page, live_server: Any, complaints: list[str], patient: Patient, nephrologist: User
) -> None:
    log_in(page, live_server, "nadia")
    alert = Alert.objects.get(patient=patient, rule="S03")

    press_until(page, "Signs from the neck or spinal cord")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Signs from the neck or spinal cord", exact=True).wait_for()
    press_until(page, "Acknowledge …")
    page.keyboard.press("Enter")
    # The field has the focus already.
    page.get_by_label("Plan").wait_for()
    page.keyboard.type("MRI at noon, spine surgery informed")
    press_until(page, "Acknowledge")
    page.keyboard.press("Enter")
    page.get_by_text("1 alert is changed").wait_for()

    alert.refresh_from_db()
    assert alert.workflow == "acknowledged"
    assert complaints == []


def test_a_chart_is_drawn_with_its_limits(page: Page, live_server: Any, patient: Patient, nephrologist: User) -> None:
    log_in(page, live_server, "nadia")
    page.goto(f"{live_server.url}/admin/monitoring/patient/{patient.pk}/change/")

    chart = page.get_by_role("img", name=re.compile("^Phosphate:"))
    box = chart.bounding_box()
    assert box is not None
    assert box["width"] > 300
    assert chart.locator(".limit").count() == 2


def press_until(page: Page, words: str, *, most: int = 80) -> None:
    """Press Tab until what has the focus says `words`, and see that the focus can be seen there."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if words in page.evaluate("document.activeElement.innerText || ''"):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"the focus on “{words}” cannot be seen"
            return
    pytest.fail(f"“{words}” is not reached by the keyboard")


def import_file(unit: Unit) -> None:
    """A file of which one row waits in quarantine."""
    rows = b"mrn,analyte,value,unit,taken_at\nghost,phosphate,5.6,mg/dL,2024-03-05T07:30\n"
    import_results(unit, stream=io.BytesIO(rows), filename="labs.csv", now=NOW)
