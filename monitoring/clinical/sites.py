"""Body sites at which deposits, findings and studies are recorded, and their sides."""

from __future__ import annotations

from enum import StrEnum


class Site(StrEnum):
    """Large joints and regions where uraemic tumoral calcinosis is described (SEED, COF99, EU1)."""

    HIP = "hip"
    SHOULDER = "shoulder"
    ELBOW = "elbow"
    KNEE = "knee"
    WRIST_HAND = "wrist_hand"
    ANKLE_FOOT = "ankle_foot"
    NECK = "neck"
    SPINE = "spine"
    BUTTOCK = "buttock"
    CHEST_WALL = "chest_wall"
    SKIN = "skin"
    GENERAL = "general"


class Side(StrEnum):
    """Side of the body; `bilateral` stands for a left and a right one noted together."""

    LEFT = "left"
    RIGHT = "right"
    BILATERAL = "bilateral"
    MIDLINE = "midline"
    UNKNOWN = "unknown"


SITE_NAMES: dict[Site, str] = {
    Site.HIP: "hip",
    Site.SHOULDER: "shoulder",
    Site.ELBOW: "elbow",
    Site.KNEE: "knee",
    Site.WRIST_HAND: "wrist or hand",
    Site.ANKLE_FOOT: "ankle or foot",
    Site.NECK: "neck",
    Site.SPINE: "spine below the neck",
    Site.BUTTOCK: "buttock",
    Site.CHEST_WALL: "chest wall",
    Site.SKIN: "skin, elsewhere",
    Site.GENERAL: "not tied to a place",
}

# Sites a cervical red flag may come from, and those whose pain counts for rule S02 (hip, shoulder, elbow, neck).
PAIN_SITES: frozenset[Site] = frozenset({Site.HIP, Site.SHOULDER, Site.ELBOW, Site.NECK})


def sides_of(side: Side) -> tuple[Side, ...]:
    """The single sides that `side` stands for: a bilateral finding is a left and a right one."""
    return (Side.LEFT, Side.RIGHT) if side is Side.BILATERAL else (side,)


def place_name(site: Site, side: Side) -> str:
    """`site` and `side` in words, such as "right hip"."""
    name = SITE_NAMES[site]
    if side in (Side.LEFT, Side.RIGHT):
        return f"{side.value} {name}"
    if side is Side.BILATERAL:
        return f"{name}, both sides"
    return name
