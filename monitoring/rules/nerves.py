"""The rule about trapped nerves outside the spine (S04)."""

from __future__ import annotations

import numpy as np

from monitoring.clinical.findings import NERVE_SIGNS, FindingKind
from monitoring.clinical.sites import Site
from monitoring.rules.features import Features, pairs_of
from monitoring.rules.judges import imaged_after, join_episodes, verdicts_of_episodes
from monitoring.rules.types import DAY, NEVER, NO_TIME, YEAR, Params, Severity, Table, Verdicts

_NERVES = frozenset(kind.value for kind in NERVE_SIGNS)
_ARM = frozenset({Site.WRIST_HAND.value, Site.ELBOW.value})
_HIP = frozenset({Site.HIP.value, Site.BUTTOCK.value})


def judge_nerve(features: Features, params: Params) -> Verdicts:
    """S04: signs of a trapped nerve with a mass near, or new ones after long dialysis; urgent with a mass.

    "Near" is the same region (wrist, elbow; hip, buttock) on the same side, or a side that is not stated.
    """
    found, as_of = features.findings, features.as_of
    signs = found.take(found.is_any("kind", _NERVES))
    region = _region_of(signs)
    masses = found.take((found["kind"] == FindingKind.MASS.value) & (found["gone_at"] == NEVER))
    row, mass = pairs_of(signs["pos"], masses["pos"])
    side, of_mass = signs["side"][row], masses["side"][mass]
    near = (region[row] == _region_of(masses)[mass]) & (region[row] != "")
    near &= (side == of_mass) | (side == "unknown") | (of_mass == "unknown")
    with_mass = np.zeros(len(signs), dtype=bool)
    with_mass[row[near]] = True
    begin_mass = np.full(len(signs), NEVER, dtype=np.int64)
    np.minimum.at(begin_mass, row[near], masses["noted_at"][mass][near])
    dialysis = features.of_patient("dialysis_start")[signs["pos"]]
    reached = np.where(dialysis != NO_TIME, dialysis + int(params["dialysis_years"] * YEAR), NEVER)
    new = signs["noted_at"] - signs["start"] <= int(params["new_days"]) * DAY
    by_time = np.where(new, np.maximum(reached, signs["noted_at"]), NEVER)
    begin = np.minimum(np.maximum(begin_mass, signs["noted_at"]), by_time)
    end = np.minimum(imaged_after(features, signs), signs["gone_at"])
    keep = (begin != NEVER) & (begin < end)
    rows = signs.take(keep)
    episodes = join_episodes(rows["pos"], rows["place"], begin[keep], end[keep], rows["id"], as_of)
    later = begin[keep] > as_of
    verdicts = verdicts_of_episodes(episodes, as_of, Severity.WATCH, wakes=(rows["pos"][later], begin[keep][later]))
    urgent = set(zip(signs["pos"][with_mass].tolist(), signs["place"][with_mass].tolist(), strict=True))
    keys = zip(episodes.patient.tolist(), episodes.scope.tolist(), strict=True)
    verdicts.severity[[key in urgent for key in keys]] = Severity.URGENT
    return verdicts


def _region_of(rows: Table) -> np.ndarray:
    arm, hip = rows.is_any("site", _ARM), rows.is_any("site", _HIP)
    return np.where(arm, "arm", np.where(hip, "hip", "")).astype(object)
