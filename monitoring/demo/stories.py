"""The stories of the demonstration: what each invented patient is there to show, by unit.

Numbers are in canonical units (phosphate and calcium mg/dL, albumin g/dL, PTH pg/mL). The demonstration tells
what is known and done; whether and how it alerts is left to the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from monitoring.clinical.findings import FindingKind, Intensity
from monitoring.clinical.sites import Side, Site
from monitoring.demo.telling import (
    Story,
    ToldFinding,
    ToldHistology,
    ToldLesion,
    ToldMistake,
    ToldProcedure,
    ToldStudy,
    ToldTreatment,
)

_CALCIUM_BINDER = ("calcium_binder", "calcium acetate", "1 g with meals")
_SEVELAMER = ("other_binder", "sevelamer carbonate", "1.6 g with meals")
_ALFACALCIDOL = ("active_vitamin_d", "alfacalcidol", "0.5 ug with each session")


def _drug(which: tuple[str, str, str], *, started: float, stopped: float | None = None) -> ToldTreatment:
    drug_class, drug, dose = which
    return ToldTreatment(drug_class=drug_class, drug=drug, dose=dose, started=started, stopped=stopped)


_NORTHGATE = (
    Story(
        key="one spike",
        tells="Phosphate 5.4, 7.6, 5.3: one high value is gone the next month and nobody is called.",
        given_name="Cleo", family_name="Chalk", sex="female", age=64, dialysis_years=4.2, ckd_years=9,
        usual={"phosphate": 4.9}, last={"phosphate": (5.2, 5.1, 5.3, 5.2, 5.3, 5.4, 7.6, 5.3)},
    ),
    Story(
        key="very high phosphate",
        tells="Phosphate above 7 month after month, product above 70: one card, two rules, one thing to do.",
        given_name="Boris", family_name="Basalt", sex="male", age=47, dialysis_years=7.5, ckd_years=12,
        usual={"phosphate": 6.2, "calcium": 9.6, "pth": 360.0},
        last={
            "phosphate": (6.4, 6.6, 7.3, 7.6, 7.9, 7.4),
            "calcium": (9.5, 9.6, 9.7, 9.6, 9.6, 9.7),
            "albumin": (3.8, 3.8, 3.7, 3.8, 3.8, 3.7),
        },
        treatments=(_drug(_SEVELAMER, started=500, stopped=210), _drug(_ALFACALCIDOL, started=400)),
    ),
    Story(
        key="closed with a plan",
        tells="A mass at the elbow, imaged and closed with a plan: calcium load stopped, it shrinks.",
        given_name="Esme", family_name="Eclogite", sex="female", age=52, dialysis_years=9.1, ckd_years=15,
        usual={"phosphate": 4.9, "calcium": 9.3},
        treatments=(
            _drug(_CALCIUM_BINDER, started=900, stopped=188),
            _drug(_ALFACALCIDOL, started=700, stopped=188),
            _drug(_SEVELAMER, started=188),
        ),
        baths=((900, 1.75), (188, 1.25)),
        findings=(
            ToldFinding(
                kind=FindingKind.MASS, site=Site.ELBOW, side=Side.LEFT, noted=210, onset=240, resolved=35, size_mm=45,
                growing=True, lesion="left elbow", note="No longer felt at the last examination.",
            ),
            ToldFinding(
                kind=FindingKind.LOSS_OF_MOTION, site=Site.ELBOW, side=Side.LEFT, noted=210, onset=230, resolved=60,
                lesion="left elbow",
            ),
        ),
        lesions=(
            ToldLesion(
                key="left elbow", site=Site.ELBOW, side=Side.LEFT, recorded=210, first_noted=240,
                certainty="typical_imaging", certain_since=195, course="shrinking", closed=188,
                note="Plan: no calcium binder, no active vitamin D, dialysate calcium 1.25; X-ray every three months.",
            ),
        ),
        studies=(
            ToldStudy(
                modality="XR", site=Site.ELBOW, side=Side.LEFT, performed=206, lesions=("left elbow",), lesion_count=1,
                size_mm=45, report={"calcified_mass": "yes", "mass_is_new_or_larger": "yes"},
                conclusion="Lobulated calcified mass behind the elbow.",
            ),
            ToldStudy(
                modality="CT", site=Site.ELBOW, side=Side.LEFT, performed=196, lesions=("left elbow",), lesion_count=1,
                size_mm=46,
                report={
                    "calcified_mass": "yes", "well_limited": "yes", "polylobed": "yes", "amorphous": "yes",
                    "fluid_calcium_level": "yes", "bone_erosion": "no",
                },
                conclusion="Typical of tumoral calcinosis; bone free.",
            ),
            ToldStudy(
                modality="XR", site=Site.ELBOW, side=Side.LEFT, performed=75, lesions=("left elbow",), lesion_count=1,
                size_mm=31, report={"calcified_mass": "yes", "mass_is_new_or_larger": "no"}, conclusion="Smaller.",
            ),
        ),
    ),
    Story(
        key="corrected result",
        tells="A phosphate of 9.6 was another patient's; the laboratory corrected it the next day to 4.8.",
        given_name="Hugo", family_name="Hornfels", sex="male", age=70, dialysis_years=3.4, ckd_years=8,
        usual={"phosphate": 4.7}, last={"phosphate": (4.6, 4.9, 4.8)},
        mistake=ToldMistake(analyte="phosphate", first=9.6, corrected_after_hours=26),
    ),
    Story(
        key="pain alone",
        tells="Hip and shoulder hurt for eight weeks, dialysis not yet long: kept in mind, nobody called.",
        given_name="Ines", family_name="Ignimbrite", sex="female", age=68, dialysis_years=2.8, ckd_years=6,
        usual={"phosphate": 5.0, "calcium": 8.3}, last={"phosphate": (4.9, 5.1, 5.7), "calcium": (8.2, 8.1, 8.1)},
        findings=(
            ToldFinding(kind=FindingKind.PAIN, site=Site.HIP, side=Side.LEFT, noted=40, onset=58),
            ToldFinding(kind=FindingKind.PAIN, site=Site.SHOULDER, side=Side.LEFT, noted=40, onset=58),
        ),
    ),
    Story(
        key="awaiting confirmation",
        tells="The newest phosphate is 7.4 after calm months: shown in grey until the next result.",
        given_name="Leo", family_name="Limestone", sex="male", age=59, dialysis_years=3.8, ckd_years=7,
        usual={"phosphate": 4.8}, last={"phosphate": (4.9, 4.7, 7.4)},
    ),
    Story(
        key="neck cleared by MRI",
        tells="Brisk reflexes and tingling in spring, MRI within two days, nothing found, signs gone.",
        given_name="Vera", family_name="Variscite", sex="female", age=61, dialysis_years=5.5, ckd_years=11,
        findings=(
            ToldFinding(
                kind=FindingKind.HYPERREFLEXIA, site=Site.GENERAL, side=Side.BILATERAL, noted=170, onset=180,
                resolved=95,
            ),
            ToldFinding(
                kind=FindingKind.PARAESTHESIA, site=Site.WRIST_HAND, side=Side.RIGHT, noted=170, onset=180, resolved=95,
            ),
        ),
        studies=(
            ToldStudy(
                modality="MRI", site=Site.NECK, side=Side.MIDLINE, level="C1–C7", performed=168,
                report={"calcified_mass": "no", "canal_extension": "no", "bone_erosion": "no"},
                conclusion="No mass, cord free, no destruction.",
            ),
        ),
    ),
)  # fmt: skip

_HARBOURSIDE = (
    Story(
        key="mass with normal minerals",
        tells="A firm lump at the shoulder, calcium and phosphate normal: the laboratory is silent.",
        given_name="Abel", family_name="Apatite", sex="male", age=44, dialysis_years=3.1, ckd_years=8,
        usual={"phosphate": 4.3, "calcium": 9.2}, last={"phosphate": (4.4, 4.2, 4.4), "calcium": (9.2, 9.1, 9.2)},
        findings=(
            ToldFinding(
                kind=FindingKind.MASS, site=Site.SHOULDER, side=Side.RIGHT, noted=6, onset=45, size_mm=60, growing=True,
                lesion="right shoulder", note="Firm, not tender, over the back of the joint.",
            ),
        ),
        lesions=(
            ToldLesion(
                key="right shoulder", site=Site.SHOULDER, side=Side.RIGHT, recorded=6, first_noted=45, course="growing",
            ),
        ),
    ),
    Story(
        key="sustained phosphate",
        tells="Phosphate 5.6, 5.2, 5.6, 5.3, 5.6: above target in two of three, once told, not told again.",
        given_name="Mona", family_name="Marble", sex="female", age=57, dialysis_years=4.8, ckd_years=10,
        usual={"phosphate": 4.9}, last={"phosphate": (4.9, 5.0, 5.6, 5.2, 5.6, 5.3, 5.6)},
    ),
    Story(
        key="calcium load",
        tells="Calcium climbs on a calcium-based binder, active vitamin D and a bath of 1.75 mmol/L; PTH falls.",
        given_name="Otto", family_name="Oolite", sex="male", age=66, dialysis_years=6.4, ckd_years=14,
        usual={"calcium": 9.5, "phosphate": 5.1},
        last={"calcium": (9.6, 9.8, 10.0, 10.5, 10.9, 11.1), "albumin": (3.9, 3.9, 3.9, 3.9, 3.9, 3.9),
              "phosphate": (5.1, 5.2, 5.0, 5.2, 5.1, 5.3), "pth": (190.0, 130.0, 95.0, 74.0)},
        treatments=(_drug(("calcium_binder", "calcium carbonate", "1.25 g with meals"), started=420),
                    _drug(("active_vitamin_d", "calcitriol", "0.25 ug daily"), started=300)),
        baths=((420, 1.75),),
    ),
    Story(
        key="stiff shoulder",
        tells="Measured loss of motion of the left shoulder for ten weeks: look closer, whatever the minerals.",
        given_name="Gita", family_name="Gneiss", sex="female", age=63, dialysis_years=8.3, ckd_years=16,
        usual={"phosphate": 5.0},
        findings=(
            ToldFinding(
                kind=FindingKind.LOSS_OF_MOTION, site=Site.SHOULDER, side=Side.LEFT, noted=38, onset=70,
                note="Abduction 80 degrees, right side 150.",
            ),
            ToldFinding(
                kind=FindingKind.PAIN, site=Site.SHOULDER, side=Side.LEFT, noted=38, onset=70,
                intensity=Intensity.MODERATE,
            ),
        ),
    ),
    Story(
        key="long pain, long dialysis",
        tells="Hip pain for three months after nine years of dialysis: worth a plain film.",
        given_name="Sven", family_name="Syenite", sex="male", age=58, dialysis_years=9.4, ckd_years=13,
        findings=(ToldFinding(kind=FindingKind.PAIN, site=Site.HIP, side=Side.RIGHT, noted=65, onset=95),),
    ),
    Story(
        key="after excision",
        tells="A deposit at the hip, removed five months ago, confirmed by histology: it may come back.",
        given_name="Dora", family_name="Dolomite", sex="female", age=49, dialysis_years=11.2, ckd_years=18,
        usual={"phosphate": 4.9, "calcium": 9.0},
        treatments=(_drug(_SEVELAMER, started=800),),
        findings=(
            ToldFinding(
                kind=FindingKind.MASS, site=Site.HIP, side=Side.RIGHT, noted=260, onset=400, resolved=152, size_mm=80,
                growing=True, lesion="right hip",
            ),
        ),
        lesions=(
            ToldLesion(
                key="right hip", site=Site.HIP, side=Side.RIGHT, recorded=260, first_noted=400, certainty="histology",
                certain_since=145, course="gone", closed=150, note="Removed whole. Examine every three months.",
            ),
        ),
        studies=(
            ToldStudy(
                modality="CT", site=Site.HIP, side=Side.RIGHT, performed=250, lesions=("right hip",), lesion_count=1,
                size_mm=82,
                report={"calcified_mass": "yes", "polylobed": "yes", "amorphous": "yes", "bone_erosion": "no"},
                conclusion="Large calcified mass behind the greater trochanter.",
            ),
        ),
        histologies=(
            ToldHistology(
                lesion="right hip", taken=152,
                report={"amorphous_calcium": "yes", "giant_cells": "yes", "fibrous_septa": "yes",
                        "crystals": "hydroxyapatite", "malignancy_excluded": "yes"},
                conclusion="Tumoral calcinosis.",
            ),
        ),
        procedures=(
            ToldProcedure(
                kind="excision", site=Site.HIP, side=Side.RIGHT, performed=152, note="Radical, wound healed."
            ),
        ),
    ),
    Story(
        key="PTH overdue",
        tells="No PTH for seven months: missing is not normal, it is named.",
        given_name="Juno", family_name="Jadeite", sex="female", age=73, dialysis_years=4.0, ckd_years=9,
        not_measured={"pth": 7.2},
    ),
    Story(
        key="pain gone",
        tells="Neck pain for two months in summer, gone by itself.",
        given_name="Emil", family_name="Emerald", sex="male", age=55, dialysis_years=6.0, ckd_years=10,
        findings=(
            ToldFinding(
                kind=FindingKind.PAIN, site=Site.NECK, side=Side.MIDLINE, noted=150, onset=170, resolved=100,
                intensity=Intensity.MILD,
            ),
        ),
    ),
)  # fmt: skip

STORIES: Mapping[str, tuple[Story, ...]] = MappingProxyType({"NORTH": _NORTHGATE, "HARB": _HARBOURSIDE})
