"""Charts: the very series that the rules judge, with the limits in force, as SVG that is safe to put on a page."""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from monitoring.charts import Chart, charts_of, draw_chart
from monitoring.models import Patient, Unit
from monitoring.rules.types import Tuning
from monitoring.selectors.facts import read_facts
from tests.builders import NOW, add_lab, add_patient

pytestmark = pytest.mark.django_db
LONDON = ZoneInfo("Europe/London")


def charts(patient: Patient, *, si: bool = False, tuning: Tuning | None = None) -> dict[str, Chart]:
    facts = read_facts([patient.pk], NOW)
    return {chart.name: chart for chart in charts_of(facts, as_of=NOW, tuning=tuning or Tuning(), si=si)}


def drawn(chart: Chart) -> str:
    svg = draw_chart(chart, as_of=NOW, zone=LONDON)
    ET.fromstring(svg)
    return svg


def test_limits_are_those_of_the_rule_set_in_force(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    own = Tuning(version=2, overrides={"L01": {"limit": 5.2}})

    assert [limit.value for limit in charts(patient)["phosphate"].limits] == [5.5, 7.0]
    assert [limit.value for limit in charts(patient, tuning=own)["phosphate"].limits] == [5.2, 7.0]


def test_calcium_is_corrected_as_the_rules_correct_it_and_the_product_multiplies_one_draw(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    add_lab(patient, "calcium", "9.0", days_ago=10)
    add_lab(patient, "albumin", "3.0", days_ago=10)
    add_lab(patient, "phosphate", "6.0", days_ago=10)

    found = charts(patient)

    assert found["corrected"].points[0].value == pytest.approx(9.8)
    assert found["caxp"].points[0].value == pytest.approx(58.8)


def test_calcium_without_albumin_is_a_range_and_never_a_point(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    add_lab(patient, "calcium", "9.2", days_ago=3)

    (point,) = charts(patient)["corrected"].points

    assert point.value is None
    assert point.low < 9.2 < point.high
    assert 'class="range"' in drawn(charts(patient)["corrected"])


def test_a_value_below_detection_is_not_drawn_as_if_it_were_known(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    add_lab(patient, "pth", "<5", days_ago=3)

    (point,) = charts(patient)["pth"].points

    assert point.value is None
    assert "not known exactly" in drawn(charts(patient)["pth"])


def test_a_value_on_the_limit_is_not_beyond_it(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    add_lab(patient, "phosphate", "5.5", days_ago=40)
    add_lab(patient, "phosphate", "5.6", days_ago=10)

    assert [point.beyond for point in charts(patient)["phosphate"].points] == [False, True]


def test_si_units_move_values_and_limits_alike(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    add_lab(patient, "phosphate", "5.6", days_ago=10)

    chart = charts(patient, si=True)["phosphate"]

    assert chart.unit == "mmol/L"
    assert chart.points[0].value == pytest.approx(5.6 * 0.3229, abs=1e-3)
    assert chart.limits[0].value == pytest.approx(5.5 * 0.3229, abs=1e-3)
    assert chart.points[0].beyond


def test_what_is_older_than_24_months_and_what_was_withdrawn_is_not_drawn(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    add_lab(patient, "phosphate", "5.0", days_ago=800)
    add_lab(patient, "phosphate", "9.9", days_ago=20, retired_at=NOW - timedelta(days=1))

    assert charts(patient)["phosphate"].points == ()
    assert "No result in the last 24 months" in drawn(charts(patient)["phosphate"])


def test_it_says_in_words_what_it_draws_and_has_no_inline_style(unit_a: Unit) -> None:
    patient = add_patient(unit_a)
    add_lab(patient, "phosphate", "7.6", days_ago=10)

    svg = drawn(charts(patient)["phosphate"])

    assert 'role="img"' in svg
    assert "the latest 7.6 mg/dL on 20 Feb 2026" in svg
    assert "style=" not in svg
    assert "<script" not in svg


def test_a_chart_of_two_patients_is_refused(unit_a: Unit) -> None:
    one, two = add_patient(unit_a), add_patient(unit_a)

    with pytest.raises(ValueError, match="one patient"):
        charts_of(read_facts([one.pk, two.pk], NOW), as_of=NOW, tuning=Tuning(), si=False)
