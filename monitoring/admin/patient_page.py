"""What the page of a patient shows, gathered in a number of queries that does not depend on how much there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from monitoring.admin.showing import (
    NOTHING,
    show_as_sent,
    show_day,
    show_day_in,
    show_time,
    show_value,
    uses_si,
    zone_of,
)
from monitoring.charts import charts_of, draw_chart
from monitoring.clinical.analytes import BY_CODE as ANALYTE_BY_CODE
from monitoring.clinical.sites import Side, Site, place_name
from monitoring.models import Assessment, Finding, ImagingStudy, LabResult, Lesion, Patient, Procedure
from monitoring.rules.catalogue import BY_CODE
from monitoring.rules.scoring import CAPS, TIER_FROM, UNCALIBRATED
from monitoring.selectors.facts import read_facts
from monitoring.selectors.rule_sets import active_rule_set, tuning_of

_DRAWS_SHOWN = 2
_RESULTS_READ = 60
_SITE_WORDS = {site.value: site for site in Site}


@dataclass(frozen=True)
class Fact:
    """A name and what is known of it; `known` is False where it must be said that it is not."""

    name: str
    value: str
    known: bool = True


@dataclass(frozen=True)
class ScorePart:
    """One part of the score: its lines, its sum, and the cap that limits it."""

    name: str
    lines: list[dict[str, object]]
    total: int
    counted: int
    cap: int


@dataclass(frozen=True)
class Drawing:
    """A chart ready to be put on a page."""

    title: str
    unit: str
    svg: SafeString


@dataclass(frozen=True)
class Draw:
    """The results of one day."""

    day: str
    rows: list[dict[str, str]]


def describe_patient(patient: Patient, now: datetime) -> list[Fact]:
    """The facts for the head of the page; what is unknown is said to be so."""
    age = _years_between(patient.birth_date, now.date()) if patient.birth_date else None
    return [
        Fact(
            _("Born"), f"{show_day(patient.birth_date)} ({age})" if age is not None else _("unknown"), age is not None
        ),
        Fact(_("Sex"), patient.get_sex_display(), patient.sex != "unknown"),
        Fact(_("Dialysis"), patient.get_modality_display()),
        _since(_("On dialysis since"), patient.dialysis_start, now),
        _since(_("Kidney disease since"), patient.ckd_onset, now),
        Fact(
            _("Relative with tumoral calcinosis"),
            patient.get_kin_affected_display(),
            patient.kin_affected != "not_asked",
        ),
        Fact(_("Status"), patient.get_status_display()),
    ]


def _since(name: str, day: object, now: datetime) -> Fact:
    if day is None:
        return Fact(name, _("unknown"), known=False)
    return Fact(name, _("%(day)s (%(years)s years)") % {"day": show_day(day), "years": _years_between(day, now.date())})


def _years_between(first: object, last: object) -> int:
    years: int = last.year - first.year - ((last.month, last.day) < (first.month, first.day))  # type: ignore[attr-defined]
    return years


def explain_score(assessment: Assessment | None) -> dict[str, object]:
    """The score part by part, with caps; why the tier is what it is; which inputs are missing."""
    if assessment is None:
        return {"parts": [], "set_by": [], "missing": [], "uncalibrated": UNCALIBRATED, "thresholds": ""}
    names = {
        "symptoms": _("Signs and symptoms"),
        "laboratory": _("Laboratory"),
        "exposure": _("Time and drugs"),
        "history": _("History"),
    }
    parts = []
    for part, cap in CAPS.items():
        lines = [line for line in assessment.points if line["part"] == part]
        total = sum(line["points"] for line in lines)
        shown = [line for line in lines if line["state"] != "no"]
        parts.append(ScorePart(names[part], shown, total, min(total, cap), cap))
    return {
        "parts": parts,
        "score": assessment.score,
        "set_by": [_set_by(code) for code in assessment.set_by],
        "missing": assessment.missing,
        "awaiting": [_set_by(code) for code in assessment.awaiting],
        "uncalibrated": UNCALIBRATED,
        "thresholds": _("Watch from %(watch)s points, high from %(high)s, urgent from %(urgent)s.")
        % {"watch": TIER_FROM[1], "high": TIER_FROM[2], "urgent": TIER_FROM[3]},
    }


def _set_by(code: str) -> str:
    rule = BY_CODE.get(code)
    if rule is not None:
        return f"{code} {rule.title}"
    return {"score": _("the score"), "known calcinosis": _("tumoral calcinosis is established")}.get(code, code)


def draw_charts(patient: Patient, now: datetime) -> list[Drawing]:
    """Phosphate, corrected calcium, their product and PTH with the limits of the active rule set."""
    unit = patient.unit
    charts = charts_of(read_facts([patient.pk], now), as_of=now, tuning=tuning_of(active_rule_set()), si=uses_si(unit))
    # draw_chart escapes every word of its own.
    return [
        Drawing(chart.title, chart.unit, mark_safe(draw_chart(chart, as_of=now, zone=zone_of(unit))))  # noqa: S308
        for chart in charts
    ]


def read_recent_results(patient: Patient) -> list[Draw]:
    """The results of the last two days with results, newest first: in display units, and as they were sent."""
    rows = LabResult.objects.filter(patient=patient, retired_at=None).order_by("-taken_at", "analyte")[:_RESULTS_READ]
    draws: list[Draw] = []
    for result in rows:
        day = show_day_in(result.taken_at, patient.unit)
        if not draws or draws[-1].day != day:
            if len(draws) == _DRAWS_SHOWN:
                break
            draws.append(Draw(day, []))
        draws[-1].rows.append(
            {
                "name": ANALYTE_BY_CODE[result.analyte].name,
                "value": show_value(result, patient.unit),
                "sent": show_as_sent(result),
                "timing": _session_words(result),
                "time": show_time(result.taken_at, patient.unit).rpartition(", ")[2],
                "status": "" if result.status == "final" else result.get_status_display(),
                "url": reverse("admin:monitoring_labresult_change", args=[result.pk]),
            }
        )
    return draws


def _session_words(result: LabResult) -> str:
    return {"pre": _("before"), "post": _("after")}.get(result.timing, _("not stated"))


def read_findings(patient: Patient) -> list[dict[str, object]]:
    """What staff found, the present ones first; withdrawn ones are left out."""
    rows = Finding.objects.filter(patient=patient, retired_at=None).exclude(status="withdrawn")
    order = {"present": 0, "resolved": 1}
    return [
        {
            "row": finding,
            "what": finding.get_kind_display(),
            "where": name_place(finding.site, finding.side),
            "since": show_day(finding.onset) if finding.onset else _("not known"),
            "noted": show_day_in(finding.noted_at, patient.unit),
            "more": "; ".join(_details_of(finding)),
            "present": finding.status == "present",
            "status": _("present")
            if finding.status == "present"
            else _("gone since %(day)s") % {"day": show_day_in(finding.resolved_at, patient.unit)},
        }
        for finding in sorted(rows, key=lambda f: (order.get(f.status, 2), -f.noted_at.timestamp()))
    ]


def _details_of(finding: Finding) -> list[str]:
    out = []
    if finding.intensity != "unknown":
        out.append(finding.intensity)
    if finding.size_mm:
        out.append(f"{finding.size_mm} mm")
    if finding.growing is not None:
        out.append(_("new or growing") if finding.growing else _("old, not growing"))
    if finding.note:
        out.append(finding.note)
    return out


def name_place(site: str, side: str) -> str:
    """A place in words, such as "right hip"."""
    if site not in _SITE_WORDS:
        return NOTHING
    if site == Site.GENERAL:
        words = {Side.LEFT: _("left side"), Side.RIGHT: _("right side"), Side.BILATERAL: _("both sides")}
        return words.get(Side(side), _("not tied to a place"))
    return place_name(Site(site), Side(side))


def read_care(patient: Patient) -> list[dict[str, object]]:
    """Cards of everything else that is known: lesions, imaging, treatments, prescriptions, procedures, screens."""
    unit = patient.unit
    studies = patient.imaging_studies.filter(retired_at=None)
    return [
        _card("lesion", _("Lesions"), [(lesion, _lesion_words(lesion)) for lesion in patient.lesions.all()]),
        _card("imagingstudy", _("Imaging"), [(study, _study_words(study, patient)) for study in studies]),
        _card(
            "histology",
            _("Histology"),
            [(row, [name_place(row.lesion.site, row.lesion.side), show_day_in(row.taken_at, unit), row.conclusion])
             for row in patient.histologies.select_related("lesion")],
        ),
        _card(
            "treatment",
            _("Treatments"),
            [(row, [str(row), row.dose, _period(row.started_on, row.ended_on)]) for row in patient.treatments.all()],
        ),
        _card(
            "prescription",
            _("Dialysis prescription"),
            [
                (
                    row,
                    [
                        _("%(n)s × %(m)s min a week")
                        % {"n": _number(row.sessions_per_week), "m": row.minutes or "?"},
                        _("calcium %(v)s mmol/L") % {"v": row.dialysate_calcium} if row.dialysate_calcium else "",
                        _period(row.started_on, row.ended_on),
                    ],
                )
                for row in patient.prescriptions.all()[:4]
            ],
        ),
        _card(
            "procedure",
            _("Procedures"),
            [
                (row, [str(row.get_kind_display()), _place_of(row), show_day(row.performed_on)])
                for row in patient.procedures.all()
            ],
        ),
        _card(
            "chairsidescreen",
            _("Chairside screens"),
            [(row, [show_day_in(row.asked_at, unit), summarise_screen(row)]) for row in patient.screens.all()[:4]],
        ),
    ]  # fmt: skip


# What stands below the results; the rest stands below the findings.
_BESIDE_RESULTS = frozenset({"imagingstudy", "histology", "treatment", "prescription"})


def split_cards(cards: list[dict[str, object]]) -> dict[str, list[dict[str, object]]]:
    """The cards for the two columns of the page."""
    return {
        "left": [card for card in cards if card["model"] in _BESIDE_RESULTS],
        "right": [card for card in cards if card["model"] not in _BESIDE_RESULTS],
    }


def _card(model: str, title: str, rows: Sequence[tuple[object, list[str]]]) -> dict[str, object]:
    return {
        "title": title,
        "model": model,
        "add": reverse(f"admin:monitoring_{model}_add"),
        "rows": [
            {
                "url": reverse(f"admin:monitoring_{model}_change", args=[row.pk]),  # type: ignore[attr-defined]
                "head": words[0],
                "rest": " · ".join(word for word in words[1:] if word),
            }
            for row, words in rows
        ],
    }


def _place_of(procedure: Procedure) -> str:
    return name_place(procedure.site, procedure.side) if procedure.site else ""


def _lesion_words(lesion: Lesion) -> list[str]:
    closed = _("closed with a plan") if lesion.closed_at else _("no plan recorded")
    return [
        name_place(lesion.site, lesion.side),
        lesion.get_certainty_display(),
        lesion.get_course_display().lower(),
        closed,
    ]


def _study_words(study: ImagingStudy, patient: Patient) -> list[str]:
    mass = {"yes": _("calcified mass"), "no": _("no calcified mass")}.get(study.calcified_mass, "")
    return [
        f"{study.get_modality_display()} {name_place(study.site, study.side)} {study.level}".strip(),
        show_day_in(study.performed_at, patient.unit),
        mass,
    ]


def summarise_screen(screen: object) -> str:
    """The five answers of a screen in one line: what was said yes to, and how many were not asked."""
    names = ("lump", "stiff_joint", "lasting_pain", "weakness", "skin")
    words = {
        "lump": _("lump"),
        "stiff_joint": _("stiff joint"),
        "lasting_pain": _("lasting pain"),
        "weakness": _("weakness"),
        "skin": _("skin"),
    }
    answers = {name: getattr(screen, name) for name in names}
    yes = [words[name] for name in names if answers[name] == "yes"]
    unasked = sum(answer == "not_asked" for answer in answers.values())
    said = _("yes: %(what)s") % {"what": ", ".join(yes)} if yes else _("nothing found")
    if unasked == len(names):
        return _("nothing was asked")
    return said + (_("; %(n)s not asked") % {"n": unasked} if unasked else "")


def _period(first: object, last: object) -> str:
    if last is None:
        return _("since %(day)s") % {"day": show_day(first)}
    return f"{show_day(first)} – {show_day(last)}"


def _number(value: object) -> str:
    return "?" if value is None else f"{value:g}" if isinstance(value, float) else f"{value}".removesuffix(".0")
