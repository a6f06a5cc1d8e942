"""The signs and symptoms that staff record, and which of them a rule reads as what."""

from __future__ import annotations

from enum import StrEnum


class FindingKind(StrEnum):
    """What was found or complained of; the place is kept beside it (site and side)."""

    MASS = "mass"
    LOSS_OF_MOTION = "loss_of_motion"
    PAIN = "pain"
    STIFFNESS = "stiffness"
    SPASTIC_GAIT = "spastic_gait"
    LIMB_WEAKNESS = "limb_weakness"
    HAND_CLUMSINESS = "hand_clumsiness"
    HYPERREFLEXIA = "hyperreflexia"
    SENSORY_LEVEL = "sensory_level"
    SPHINCTER_CHANGE = "sphincter_change"
    PARAESTHESIA = "paraesthesia"
    MUSCLE_ATROPHY = "muscle_atrophy"
    LUMP_DISAPPEARED = "lump_disappeared"
    CARPAL_TUNNEL = "carpal_tunnel"
    ULNAR_NERVE = "ulnar_nerve"
    SCIATIC_NERVE = "sciatic_nerve"
    DISCHARGE = "discharge"
    ULCER = "ulcer"
    INFLAMED_SWELLING = "inflamed_swelling"
    FEVER = "fever"
    VIOLACEOUS_PLAQUE = "violaceous_plaque"
    LIVEDO = "livedo"
    PURPURA = "purpura"
    ESCHAR = "eschar"
    NON_HEALING_ULCER = "non_healing_ulcer"
    ITCH = "itch"


class Intensity(StrEnum):
    """How bad the person finds it; `severe` neck pain is part of rule S03."""

    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"
    UNKNOWN = "unknown"


class FindingStatus(StrEnum):
    """Whether the finding stands."""

    PRESENT = "present"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"


FINDING_NAMES: dict[FindingKind, str] = {
    FindingKind.MASS: "firm lump or mass",
    FindingKind.LOSS_OF_MOTION: "loss of motion, measured",
    FindingKind.PAIN: "pain",
    FindingKind.STIFFNESS: "stiffness or rigidity",
    FindingKind.SPASTIC_GAIT: "spastic or newly unsteady gait",
    FindingKind.LIMB_WEAKNESS: "weakness of an arm or leg",
    FindingKind.HAND_CLUMSINESS: "clumsy hands",
    FindingKind.HYPERREFLEXIA: "brisk reflexes or Babinski sign",
    FindingKind.SENSORY_LEVEL: "sensory level",
    FindingKind.SPHINCTER_CHANGE: "new bladder or bowel trouble",
    FindingKind.PARAESTHESIA: "tingling or numbness",
    FindingKind.MUSCLE_ATROPHY: "muscle wasting",
    FindingKind.LUMP_DISAPPEARED: "neck lump that suddenly disappeared",
    FindingKind.CARPAL_TUNNEL: "carpal tunnel signs",
    FindingKind.ULNAR_NERVE: "ulnar nerve signs",
    FindingKind.SCIATIC_NERVE: "sciatic nerve signs",
    FindingKind.DISCHARGE: "white or milky discharge",
    FindingKind.ULCER: "ulcer over a joint or deposit",
    FindingKind.INFLAMED_SWELLING: "hot, inflamed swelling",
    FindingKind.FEVER: "fever",
    FindingKind.VIOLACEOUS_PLAQUE: "painful violet plaque",
    FindingKind.LIVEDO: "net-like violet skin (livedo)",
    FindingKind.PURPURA: "purpura",
    FindingKind.ESCHAR: "black eschar",
    FindingKind.NON_HEALING_ULCER: "ulcer that does not heal",
    FindingKind.ITCH: "itch",
}

# Any one of these is a red flag for the cord or the upper cervical spine (S03; SEED, DAV, GUO, CHA12).
NEURO_RED_FLAGS: frozenset[FindingKind] = frozenset(
    {
        FindingKind.SPASTIC_GAIT,
        FindingKind.LIMB_WEAKNESS,
        FindingKind.HAND_CLUMSINESS,
        FindingKind.HYPERREFLEXIA,
        FindingKind.SENSORY_LEVEL,
        FindingKind.SPHINCTER_CHANGE,
        FindingKind.LUMP_DISAPPEARED,
    }
)
# Signs of a trapped nerve outside the spine (S04; COF99, CTS, DOM).
NERVE_SIGNS: frozenset[FindingKind] = frozenset(
    {FindingKind.CARPAL_TUNNEL, FindingKind.ULNAR_NERVE, FindingKind.SCIATIC_NERVE}
)
# A deposit that looks infected or opens (S05; PHA, KIM, ISN, ASU).
HOT_LESION_SIGNS: frozenset[FindingKind] = frozenset(
    {FindingKind.DISCHARGE, FindingKind.ULCER, FindingKind.INFLAMED_SWELLING}
)
# Skin signs of calciphylaxis (S06; NIG16, SPR).
CALCIPHYLAXIS_SIGNS: frozenset[FindingKind] = frozenset(
    {
        FindingKind.VIOLACEOUS_PLAQUE,
        FindingKind.LIVEDO,
        FindingKind.PURPURA,
        FindingKind.ESCHAR,
        FindingKind.NON_HEALING_ULCER,
    }
)
