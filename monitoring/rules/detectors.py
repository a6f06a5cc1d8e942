"""The rules that find deposits: mass, joint and cord. They read findings and imaging, never a laboratory value."""

from __future__ import annotations

import numpy as np
import pandas as pd

from monitoring.clinical.findings import NEURO_RED_FLAGS, FindingKind
from monitoring.clinical.sites import PAIN_SITES
from monitoring.rules.features import Features
from monitoring.rules.judges import closed_after, imaged_after, join_episodes, verdicts_of_episodes
from monitoring.rules.types import DAY, NEVER, NO_TIME, YEAR, Flags, Params, Severity, Verdicts

SECTIONAL = frozenset({"CT", "MRI"})
SPINE_SITES = ("neck", "spine")


def judge_mass(features: Features, params: Params) -> Verdicts:
    """S01: a firm mass that is not stated to be old and still. It ends when imaged and closed, or when gone."""
    found = features.findings
    masses = found[(found["kind"] == FindingKind.MASS.value) & (found["growing"] != 0)].reset_index(drop=True)
    seen = np.maximum(imaged_after(features, masses), closed_after(features, masses))
    end = np.minimum(seen, masses["gone_at"].to_numpy(dtype=np.int64))
    episodes = join_episodes(
        masses["pos"].to_numpy(dtype=np.int64),
        masses["place"].to_numpy(dtype=object),
        masses["noted_at"].to_numpy(dtype=np.int64),
        end,
        masses["id"].to_numpy(dtype=np.int64),
        features.as_of,
    )
    return verdicts_of_episodes(episodes, features.as_of, Severity.URGENT)


def joint_complaints(features: Features, params: Params) -> pd.DataFrame:
    """Loss of motion and lasting pain with the moment `true_at` from which each counts for S02, and its `end`.

    Loss of motion counts anywhere; pain at hip, shoulder, elbow or neck. A finding that was only noted after it had
    already lasted long enough counts from when it was noted.
    """
    found = features.findings
    loss = found["kind"] == FindingKind.LOSS_OF_MOTION.value
    pain = (found["kind"] == FindingKind.PAIN.value) & found["site"].isin([site.value for site in PAIN_SITES])
    rows = found[loss | pain].reset_index(drop=True)
    is_loss = (rows["kind"] == FindingKind.LOSS_OF_MOTION.value).to_numpy()
    lasting = np.where(is_loss, params["loss_days"], params["pain_days"]).astype(np.int64) * DAY
    start, noted = rows["start"].to_numpy(dtype=np.int64), rows["noted_at"].to_numpy(dtype=np.int64)
    end = np.minimum(imaged_after(features, rows), rows["gone_at"].to_numpy(dtype=np.int64))
    return rows.assign(is_loss=is_loss, true_at=np.maximum(start + lasting, noted), end=end)


def long_exposure(features: Features, params: Params) -> Flags:
    """Per patient: dialysis long enough, or kidney disease long enough where the start of dialysis is unknown."""
    dialysis, ckd = features.of_patient("dialysis_start"), features.of_patient("ckd_onset")
    long_dialysis = (dialysis != NO_TIME) & (features.as_of - dialysis >= params["dialysis_years"] * YEAR)
    long_ckd = (dialysis == NO_TIME) & (ckd != NO_TIME) & (features.as_of - ckd >= params["ckd_years"] * YEAR)
    return long_dialysis | long_ckd


def judge_joint(features: Features, params: Params) -> Verdicts:
    """S02: loss of motion of four weeks, or pain of six weeks; pain alone without exposure or mineral load is info."""
    rows = joint_complaints(features, params)
    rows = rows[rows["end"] > rows["true_at"]]
    as_of = features.as_of
    later = rows[(rows["true_at"] > as_of) & (rows["gone_at"] == NEVER)]
    wake_patient = [later["pos"].to_numpy(dtype=np.int64)]
    wake_at = [later["true_at"].to_numpy(dtype=np.int64)]
    episodes = join_episodes(
        rows["pos"].to_numpy(dtype=np.int64),
        rows["place"].to_numpy(dtype=object),
        rows["true_at"].to_numpy(dtype=np.int64),
        rows["end"].to_numpy(dtype=np.int64),
        rows["id"].to_numpy(dtype=np.int64),
        as_of,
    )
    loss = rows[rows["is_loss"] & (rows["true_at"] <= as_of) & (rows["end"] > as_of)]
    loss_keys = set(zip(loss["pos"].tolist(), loss["place"].tolist(), strict=True))
    keys = zip(episodes.patient.tolist(), episodes.scope.tolist(), strict=True)
    has_loss = np.fromiter((key in loss_keys for key in keys), dtype=bool, count=len(episodes.patient))
    load = np.zeros(features.n, dtype=bool)
    for code in ("L02", "L04", "L05", "L08"):
        load |= features.standing(code)
    supported = long_exposure(features, params) | load
    # Exposure grows with time alone: wake when a pain that is only "info" will reach the limit.
    dialysis, ckd = features.of_patient("dialysis_start"), features.of_patient("ckd_onset")
    reach = np.where(
        dialysis != NO_TIME,
        dialysis + np.int64(params["dialysis_years"] * YEAR),
        np.where(ckd != NO_TIME, ckd + np.int64(params["ckd_years"] * YEAR), NEVER),
    )
    waiting = np.unique(episodes.patient[(episodes.until > as_of) & ~supported[episodes.patient]])
    waiting = waiting[(reach[waiting] > as_of) & (reach[waiting] != NEVER)]
    verdicts = verdicts_of_episodes(
        episodes,
        as_of,
        Severity.INFO,
        wakes=(np.concatenate([*wake_patient, waiting]), np.concatenate([*wake_at, reach[waiting]])),
    )
    watch = has_loss | supported[episodes.patient]
    verdicts.severity[watch] = Severity.WATCH
    unknown = (dialysis == NO_TIME) & (ckd == NO_TIME)
    return Verdicts(
        **{
            **vars(verdicts),
            "numbers": {"loss": has_loss},
            "missing": {"dialysis start": unknown[episodes.patient] & ~has_loss},
        }
    )


def judge_neuro(features: Features, params: Params) -> Verdicts:
    """S03: a red flag of the cord or upper cervical spine, whatever the laboratory or a plain film says.

    It ends when the findings are gone, when an MRI of neck or spine has been done, or when a CT has been done and a
    clinician has closed the lesion of the neck with a plan.
    """
    found = features.findings
    flags = found[found["kind"].isin([kind.value for kind in NEURO_RED_FLAGS])]
    rows = pd.concat([flags, _cervical_triad(found)], ignore_index=True)
    # The cord can be seen from neck or spine studies, wherever the sign itself shows (a gait has no side).
    end = np.minimum(_cord_seen(features, rows), rows["gone_at"].to_numpy(dtype=np.int64))
    episodes = join_episodes(
        rows["pos"].to_numpy(dtype=np.int64),
        np.full(len(rows), "", dtype=object),
        rows["noted_at"].to_numpy(dtype=np.int64),
        end,
        rows["id"].to_numpy(dtype=np.int64),
        features.as_of,
    )
    return verdicts_of_episodes(episodes, features.as_of, Severity.CRITICAL)


def _cervical_triad(found: pd.DataFrame) -> pd.DataFrame:
    """Severe neck pain, neck rigidity and any tingling together: rows of the pain, true from the last of the three."""
    neck = found["site"] == "neck"
    pain = found[(found["kind"] == "pain") & neck & (found["intensity"] == "severe")]
    rigid = found[(found["kind"] == "stiffness") & neck]
    tingling = found[found["kind"] == "paraesthesia"]
    both = pain.merge(rigid[["pos", "noted_at", "gone_at"]], on="pos", suffixes=("", "_rigid")).merge(
        tingling[["pos", "noted_at", "gone_at"]], on="pos", suffixes=("", "_tingling")
    )
    noted, gone = (
        [both[name + suffix].to_numpy(dtype=np.int64) for suffix in ("", "_rigid", "_tingling")]
        for name in ("noted_at", "gone_at")
    )
    both = both.assign(noted_at=np.maximum.reduce(noted), gone_at=np.minimum.reduce(gone))
    return both[both["gone_at"] > both["noted_at"]][found.columns]


def _cord_seen(features: Features, rows: pd.DataFrame) -> np.ndarray:
    """Per row, when the cord was first imaged as S03 asks for, at or after the sign was noted (NEVER: not yet)."""
    out = np.full(len(rows), NEVER, dtype=np.int64)
    studies = features.imaging
    studies = studies[studies["site"].isin(SPINE_SITES) & studies["modality"].isin(SECTIONAL)]
    if studies.empty or rows.empty:
        return out
    lesions = features.lesions
    plans = lesions[
        lesions["site"].isin(SPINE_SITES) & (lesions["closed_at"] != NO_TIME) & (lesions["closed_at"] <= features.as_of)
    ]
    left = rows[["pos", "noted_at"]].assign(row=np.arange(len(rows)))
    pairs = left.merge(studies[["pos", "modality", "performed_at"]], on="pos")
    pairs = pairs[pairs["performed_at"] >= pairs["noted_at"]]
    mri = pairs[pairs["modality"] == "MRI"][["row", "performed_at"]].rename(columns={"performed_at": "seen"})
    ct = pairs[pairs["modality"] == "CT"].merge(plans[["pos", "closed_at"]], on="pos")
    ct = ct[ct["closed_at"] >= ct["performed_at"]][["row", "closed_at"]].rename(columns={"closed_at": "seen"})
    first = pd.concat([mri, ct]).groupby("row")["seen"].min()
    out[first.index.to_numpy()] = first.to_numpy(dtype=np.int64)
    return out
