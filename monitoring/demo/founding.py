"""The patient for whom this service was built (SEED), under an invented name, as he was when he first came.

He came with his pictures from another hospital: the computed tomography lies before the examination at which
the findings were noted here. No specimen has been taken and nobody has signed a plan, so his masses are
suspected, not established; no magnetic resonance imaging has been made. His phosphate, PTH, albumin,
bicarbonate and dialysis dose were never reported, nor any medication, nor since when he is dialysed.
"""

from __future__ import annotations

from monitoring.clinical.findings import FindingKind, Intensity
from monitoring.clinical.sites import Side, Site
from monitoring.demo.telling import YEAR, Story, ToldFinding, ToldLesion, ToldResult, ToldStudy

_CAME, _SAMPLED, _PICTURES = 2.0, 2.1, 12.0
_FIVE_YEARS, _ONE_YEAR = 5 * YEAR, YEAR

FOUNDING_PATIENT = Story(
    key="founding",
    tells="Masses and signs of the cord with normal calcium; phosphate and PTH were never reported.",
    given_name="Tariq",
    family_name="Travertine",
    sex="male",
    age=58,
    dialysis_years=None,
    ckd_years=26,
    findings=(
        ToldFinding(
            kind=FindingKind.MASS, site=Site.HIP, side=Side.RIGHT, noted=_CAME, onset=_FIVE_YEARS, lesion="right hip",
            note="Firm, behind the joint, larger than the left one; reaches the upper third of the thigh.",
        ),
        ToldFinding(
            kind=FindingKind.MASS, site=Site.HIP, side=Side.LEFT, noted=_CAME, onset=_FIVE_YEARS, lesion="left hip",
            note="Firm, behind the joint.",
        ),
        ToldFinding(
            kind=FindingKind.LOSS_OF_MOTION, site=Site.HIP, side=Side.BILATERAL, noted=_CAME, onset=_FIVE_YEARS,
            note="Movement of both hips is limited.",
        ),
        ToldFinding(
            kind=FindingKind.STIFFNESS, site=Site.NECK, side=Side.MIDLINE, noted=_CAME, onset=_ONE_YEAR,
            note="Rigid neck.",
        ),
        ToldFinding(
            kind=FindingKind.PAIN, site=Site.NECK, side=Side.MIDLINE, noted=_CAME, onset=_ONE_YEAR,
            intensity=Intensity.SEVERE, note="Upper neck.",
        ),
        ToldFinding(
            kind=FindingKind.SPASTIC_GAIT, site=Site.GENERAL, noted=_CAME, onset=_ONE_YEAR,
            note="Not explained by a mass that stays outside the spinal canal.",
        ),
        ToldFinding(
            kind=FindingKind.LIMB_WEAKNESS, site=Site.GENERAL, side=Side.LEFT, noted=_CAME, onset=_ONE_YEAR,
            note="Left arm.",
        ),
        ToldFinding(
            kind=FindingKind.MUSCLE_ATROPHY, site=Site.GENERAL, side=Side.LEFT, noted=_CAME, onset=_ONE_YEAR,
            note="Left arm.",
        ),
        ToldFinding(
            kind=FindingKind.LIMB_WEAKNESS, site=Site.GENERAL, side=Side.BILATERAL, noted=_CAME, onset=_ONE_YEAR,
            note="Legs.",
        ),
        ToldFinding(
            kind=FindingKind.MUSCLE_ATROPHY, site=Site.GENERAL, side=Side.BILATERAL, noted=_CAME, onset=_ONE_YEAR,
            note="Legs.",
        ),
    ),
    lesions=(
        ToldLesion(key="right hip", site=Site.HIP, side=Side.RIGHT, recorded=_CAME, first_noted=_FIVE_YEARS),
        ToldLesion(key="left hip", site=Site.HIP, side=Side.LEFT, recorded=_CAME, first_noted=_FIVE_YEARS),
        ToldLesion(
            key="neck", site=Site.NECK, side=Side.LEFT, recorded=_CAME, note="Seen by computed tomography only.",
        ),
    ),
    studies=(
        ToldStudy(
            modality="CT", site=Site.NECK, side=Side.LEFT, level="C2–C4", performed=_PICTURES, recorded=_CAME,
            lesions=("neck",), lesion_count=1,
            report={
                "calcified_mass": "yes", "well_limited": "yes", "polylobed": "yes", "amorphous": "yes",
                "foraminal_extension": "yes", "canal_extension": "no", "bone_erosion": "no",
            },
            conclusion="Calcified mass beside the left facet joints C2 to C4, reaching into the transverse foramina; "
            "spinal canal and bone free. Made elsewhere. No MRI of the cord yet.",
        ),
        ToldStudy(
            modality="CT", site=Site.HIP, side=Side.BILATERAL, performed=_PICTURES, recorded=_CAME,
            lesions=("right hip", "left hip"), lesion_count=2,
            report={"calcified_mass": "yes", "bone_erosion": "no"},
            conclusion="Two calcified masses behind the hip joints, the right one larger. Made elsewhere.",
        ),
    ),
    results=(
        ToldResult(analyte="calcium", text="9.2", unit="mg/dL", code="17861-6", taken=_SAMPLED),
        ToldResult(analyte="alp", text="84", unit="U/L", code="6768-6", taken=_SAMPLED),
        ToldResult(analyte="crp", text="<5", unit="mg/L", code="1988-5", taken=_SAMPLED),
        ToldResult(analyte="urea", text="8.3", unit="mmol/L", code="22664-7", taken=_SAMPLED),
        ToldResult(analyte="creatinine", text="5", unit="mg/dL", code="2160-0", taken=_SAMPLED),
    ),
)  # fmt: skip
