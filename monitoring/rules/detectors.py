"""The rules that find deposits: mass, joint and cord. They read findings and imaging, never a laboratory value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monitoring.clinical.findings import NEURO_RED_FLAGS, FindingKind
from monitoring.clinical.sites import PAIN_SITES, Site
from monitoring.rules.features import Features, pairs_of
from monitoring.rules.judges import closed_after, first_time, imaged_after, join_episodes, verdicts_of_episodes
from monitoring.rules.types import DAY, NEVER, NO_TIME, YEAR, Flags, Ints, Params, Severity, Table, Verdicts

SPINE_SITES = frozenset({Site.NECK.value, Site.SPINE.value})
_PAIN_SITES = frozenset(site.value for site in PAIN_SITES)
_RED_FLAGS = frozenset(kind.value for kind in NEURO_RED_FLAGS)


def judge_mass(features: Features, params: Params) -> Verdicts:
    """S01: a firm mass that is not stated to be old and still. It ends when imaged and closed, or when gone."""
    found = features.findings
    masses = found.take((found["kind"] == FindingKind.MASS.value) & (found["growing"] != 0))
    seen = np.maximum(imaged_after(features, masses), closed_after(features, masses))
    end = np.minimum(seen, masses["gone_at"])
    episodes = join_episodes(masses["pos"], masses["place"], masses["noted_at"], end, masses["id"], features.as_of)
    return verdicts_of_episodes(episodes, features.as_of, Severity.URGENT)


def joint_complaints(features: Features, params: Params) -> Table:
    """Loss of motion and lasting pain with the moment `true_at` from which each counts for S02, and its `end`.

    Loss of motion counts anywhere; pain at hip, shoulder, elbow or neck. A finding that was only noted after it had
    already lasted long enough counts from when it was noted.
    """
    found = features.findings
    loss = found["kind"] == FindingKind.LOSS_OF_MOTION.value
    pain = (found["kind"] == FindingKind.PAIN.value) & found.is_any("site", _PAIN_SITES)
    rows = found.take(loss | pain)
    is_loss = rows["kind"] == FindingKind.LOSS_OF_MOTION.value
    lasting = np.where(is_loss, params["loss_days"], params["pain_days"]).astype(np.int64) * DAY
    return rows.having(
        is_loss=is_loss,
        true_at=np.maximum(rows["start"] + lasting, rows["noted_at"]),
        end=np.minimum(imaged_after(features, rows), rows["gone_at"]),
    )


def long_exposure(features: Features, params: Params) -> tuple[Flags, Ints]:
    """Per patient: dialysis long enough, or kidney disease long enough where the start of dialysis is unknown; and
    when the patient will have reached it (NEVER for who has, or whose dates are unknown)."""
    dialysis, ckd = features.of_patient("dialysis_start"), features.of_patient("ckd_onset")
    by_dialysis = dialysis + int(params["dialysis_years"] * YEAR)
    by_ckd = ckd + int(params["ckd_years"] * YEAR)
    reached = np.where(dialysis != NO_TIME, by_dialysis, np.where(ckd != NO_TIME, by_ckd, NEVER))
    long = reached <= features.as_of
    return long, np.where(long, NEVER, reached)


def judge_joint(features: Features, params: Params) -> Verdicts:
    """S02: loss of motion of four weeks, or pain of six weeks; pain alone without exposure or mineral load is info."""
    as_of = features.as_of
    rows = joint_complaints(features, params)
    rows = rows.take(rows["end"] > rows["true_at"])
    episodes = join_episodes(rows["pos"], rows["place"], rows["true_at"], rows["end"], rows["id"], as_of)
    loss = rows.take(rows["is_loss"] & (rows["true_at"] <= as_of) & (rows["end"] > as_of))
    loss_keys = set(zip(loss["pos"].tolist(), loss["place"].tolist(), strict=True))
    keys = zip(episodes.patient.tolist(), episodes.scope.tolist(), strict=True)
    has_loss = np.fromiter((key in loss_keys for key in keys), dtype=bool, count=len(episodes.patient))
    long, reached = long_exposure(features, params)
    supported = long.copy()
    for code in ("L02", "L04", "L05", "L08"):
        supported |= features.standing(code)
    # Time alone changes it twice: a complaint becomes lasting, and exposure becomes long.
    later = rows.take((rows["true_at"] > as_of) & (rows["gone_at"] == NEVER))
    waiting = np.unique(episodes.patient[(episodes.until > as_of) & ~supported[episodes.patient]])
    waiting = waiting[reached[waiting] != NEVER]
    verdicts = verdicts_of_episodes(
        episodes,
        as_of,
        Severity.INFO,
        wakes=(np.concatenate((later["pos"], waiting)), np.concatenate((later["true_at"], reached[waiting]))),
    )
    verdicts.severity[has_loss | supported[episodes.patient]] = Severity.WATCH
    undated = (features.of_patient("dialysis_start") == NO_TIME) & (features.of_patient("ckd_onset") == NO_TIME)
    return replace(verdicts, missing={"dialysis start": undated[episodes.patient] & ~has_loss})


def judge_neuro(features: Features, params: Params) -> Verdicts:
    """S03: a red flag of the cord or upper cervical spine, whatever the laboratory or a plain film says.

    It ends when the findings are gone, when an MRI of neck or spine has been done, or when a CT has been done and a
    clinician has closed the lesion of the neck with a plan.
    """
    found = features.findings
    rows = Table.stacked(found.take(found.is_any("kind", _RED_FLAGS)), _cervical_triad(found))
    # The cord can be seen from neck or spine studies, wherever the sign itself shows (a gait has no side).
    end = np.minimum(_cord_seen(features, rows), rows["gone_at"])
    episodes = join_episodes(
        rows["pos"], np.full(len(rows), "", dtype=object), rows["noted_at"], end, rows["id"], features.as_of
    )
    return verdicts_of_episodes(episodes, features.as_of, Severity.CRITICAL)


def _cervical_triad(found: Table) -> Table:
    """Severe neck pain, neck rigidity and any tingling together: rows of the pain, true from the last of the three."""
    neck = found["site"] == Site.NECK.value
    pain = found.take((found["kind"] == FindingKind.PAIN.value) & neck & (found["intensity"] == "severe"))
    rigid = found.take((found["kind"] == FindingKind.STIFFNESS.value) & neck)
    tingling = found.take(found["kind"] == FindingKind.PARAESTHESIA.value)
    row, stiff = pairs_of(pain["pos"], rigid["pos"])
    again, tingle = pairs_of(pain["pos"][row], tingling["pos"])
    row, stiff = row[again], stiff[again]
    both = pain.take(row)
    both = both.having(
        noted_at=np.maximum.reduce([both["noted_at"], rigid["noted_at"][stiff], tingling["noted_at"][tingle]]),
        gone_at=np.minimum.reduce([both["gone_at"], rigid["gone_at"][stiff], tingling["gone_at"][tingle]]),
    )
    return both.take(both["gone_at"] > both["noted_at"])


def _cord_seen(features: Features, rows: Table) -> Ints:
    """Per row, when the cord was first imaged as S03 asks for, at or after the sign was noted (NEVER: not yet)."""
    studies = features.imaging
    studies = studies.take(studies.is_any("site", SPINE_SITES))
    row, study = pairs_of(rows["pos"], studies["pos"])
    performed, modality = studies["performed_at"][study], studies["modality"][study]
    after = performed >= rows["noted_at"][row]
    mri, ct = after & (modality == "MRI"), after & (modality == "CT")
    lesions = features.lesions
    closed = (lesions["closed_at"] != NO_TIME) & (lesions["closed_at"] <= features.as_of)
    plans = lesions.take(closed & lesions.is_any("site", SPINE_SITES))
    of_ct, plan = pairs_of(rows["pos"][row[ct]], plans["pos"])
    planned = plans["closed_at"][plan]
    valid = planned >= performed[ct][of_ct]
    by_plan = first_time(len(rows), row[ct][of_ct][valid], planned[valid])
    return np.minimum(first_time(len(rows), row[mri], performed[mri]), by_plan)
