"""The rules about what looks infected or dying: hot or open deposits (S05) and calciphylaxis (S06)."""

from __future__ import annotations

import numpy as np

from monitoring.clinical.findings import CALCIPHYLAXIS_SIGNS, HOT_LESION_SIGNS, FindingKind
from monitoring.clinical.sites import Site
from monitoring.rules.features import Features, pairs_of
from monitoring.rules.judges import closed_after, imaged_after, join_episodes, verdicts_of_episodes
from monitoring.rules.types import DAY, Params, Severity, Table, Verdicts

_HOT = frozenset(kind.value for kind in HOT_LESION_SIGNS)
_DYING = frozenset(kind.value for kind in CALCIPHYLAXIS_SIGNS)
_NOT_A_JOINT = frozenset({Site.SKIN.value, Site.GENERAL.value})
_JOINT_COMPLAINTS = frozenset(
    {
        FindingKind.MASS.value,
        FindingKind.LOSS_OF_MOTION.value,
        FindingKind.PAIN.value,
        FindingKind.STIFFNESS.value,
        FindingKind.INFLAMED_SWELLING.value,
    }
)


def judge_hot_lesion(features: Features, params: Params) -> Verdicts:
    """S05: discharge, ulcer or inflamed swelling over a joint or a deposit; or lasting fever, a high CRP and a joint.

    The part about signs never looks at a laboratory value. It ends when the place has been imaged and closed with a
    plan, or when the sign is gone; the part about fever when fever or joint complaint is gone.
    """
    found = features.findings
    over = ~found.is_any("site", _NOT_A_JOINT) | (found["lesion"] >= 0)
    local = found.take(found.is_any("kind", _HOT) & over)
    seen = np.maximum(imaged_after(features, local), closed_after(features, local))
    local = local.having(begin=local["noted_at"], end=np.minimum(seen, local["gone_at"]), scope=local["place"])
    fever = _fever_with_joint(features, params)
    rows = Table.stacked(local, fever)
    episodes = join_episodes(rows["pos"], rows["scope"], rows["begin"], rows["end"], rows["id"], features.as_of)
    waiting = rows["begin"] > features.as_of
    return verdicts_of_episodes(
        episodes, features.as_of, Severity.URGENT, wakes=(rows["pos"][waiting], rows["begin"][waiting])
    )


def _fever_with_joint(features: Features, params: Params) -> Table:
    """Rows of fevers that have lasted, with a CRP above the limit meanwhile and a complaint of a joint meanwhile."""
    found = features.findings
    fever = found.take(found["kind"] == FindingKind.FEVER.value)
    joint = found.take(found.is_any("kind", _JOINT_COMPLAINTS) & ~found.is_any("site", _NOT_A_JOINT))
    crp = features.series("crp")
    high = np.flatnonzero(crp.low > params["crp"])
    row, reading = pairs_of(fever["pos"], crp.patient[high])
    reading = high[reading]
    again, complaint = pairs_of(fever["pos"][row], joint["pos"])
    row, reading = row[again], reading[again]
    lasting = fever["start"][row] + int(params["fever_days"]) * DAY
    begin = np.maximum.reduce([lasting, crp.at[reading], fever["noted_at"][row], joint["noted_at"][complaint]])
    end = np.minimum(fever["gone_at"][row], joint["gone_at"][complaint])
    meanwhile = (crp.at[reading] >= fever["start"][row]) & (crp.at[reading] < end) & (begin < end)
    out = fever.take(row[meanwhile])
    nowhere = np.full(len(out), "", dtype=object)
    return out.having(begin=begin[meanwhile], end=end[meanwhile], scope=nowhere)


def judge_calciphylaxis(features: Features, params: Params) -> Verdicts:
    """S06: a skin sign of calciphylaxis, whatever the laboratory says. It ends when closed with a plan, or gone."""
    found = features.findings
    signs = found.take(found.is_any("kind", _DYING))
    end = np.minimum(closed_after(features, signs), signs["gone_at"])
    episodes = join_episodes(signs["pos"], signs["place"], signs["noted_at"], end, signs["id"], features.as_of)
    return verdicts_of_episodes(episodes, features.as_of, Severity.CRITICAL)
