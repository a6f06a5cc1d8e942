"""The form of a story: what happened to one invented patient, in days before the demonstration begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from monitoring.clinical.findings import NEURO_RED_FLAGS, FindingKind, Intensity
from monitoring.clinical.sites import Side, Site

YEAR = 365.25


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldFinding:
    """A finding; days are counted back from the beginning of the demonstration."""

    kind: FindingKind
    site: Site
    side: Side = Side.UNKNOWN
    noted: float
    onset: float | None = None
    resolved: float | None = None
    intensity: Intensity = Intensity.UNKNOWN
    size_mm: int | None = None
    growing: bool | None = None
    lesion: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldLesion:
    """A lesion, known in its story by `key`."""

    key: str
    site: Site
    side: Side
    recorded: float
    first_noted: float | None = None
    certainty: str = "suspected"
    certain_since: float | None = None
    course: str = "new"
    closed: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldStudy:
    """An imaging study; `report` holds the structured fields of the report ("yes", "no")."""

    modality: str
    site: Site
    side: Side
    performed: float
    recorded: float | None = None
    level: str = ""
    lesions: tuple[str, ...] = ()
    lesion_count: int | None = None
    size_mm: int | None = None
    report: Mapping[str, str] = field(default_factory=dict)
    conclusion: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldHistology:
    """What the pathologist saw of a lesion."""

    lesion: str
    taken: float
    report: Mapping[str, str] = field(default_factory=dict)
    conclusion: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldProcedure:
    """An operation."""

    kind: str
    site: Site
    side: Side
    performed: float
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldTreatment:
    """A drug, from so many days ago until so many days ago (None: still taken)."""

    drug_class: str
    drug: str
    dose: str
    started: float
    stopped: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldResult:
    """A single result as a sender wrote it."""

    analyte: str
    text: str
    unit: str
    code: str
    taken: float
    timing: str = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldMistake:
    """The newest result of an analyte was first reported as `first` (canonical unit), then corrected."""

    analyte: str
    first: float
    corrected_after_hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One invented patient with a point to make.

    `usual` are levels around which the monthly results lie (others of the panel: see `CALM`), `last` the
    newest ones, oldest first; `not_measured` gives months since an analyte was last measured. `baths` are
    (days ago, dialysate calcium) from which a prescription holds; without any the simulated one stays, as do
    the simulated treatments where `treatments` is None.
    """

    key: str
    tells: str
    given_name: str
    family_name: str
    sex: str
    age: int
    dialysis_years: float | None
    ckd_years: float | None
    usual: Mapping[str, float] = field(default_factory=dict)
    last: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    not_measured: Mapping[str, float] = field(default_factory=dict)
    mistake: ToldMistake | None = None
    treatments: tuple[ToldTreatment, ...] | None = None
    baths: tuple[tuple[float, float], ...] = ()
    findings: tuple[ToldFinding, ...] = ()
    lesions: tuple[ToldLesion, ...] = ()
    studies: tuple[ToldStudy, ...] = ()
    histologies: tuple[ToldHistology, ...] = ()
    procedures: tuple[ToldProcedure, ...] = ()
    results: tuple[ToldResult, ...] = ()


# The panel of a patient with nothing the matter, in canonical units (expert default): a story says where it differs.
CALM: Mapping[str, float] = MappingProxyType(
    {"phosphate": 4.6, "calcium": 9.1, "albumin": 3.9, "pth": 250.0, "bicarbonate": 23.0, "alp": 85.0}
)

# Which finding answers which question of the chairside screen with "yes".
_SKIN = (
    FindingKind.DISCHARGE, FindingKind.ULCER, FindingKind.INFLAMED_SWELLING, FindingKind.VIOLACEOUS_PLAQUE,
    FindingKind.LIVEDO, FindingKind.PURPURA, FindingKind.ESCHAR, FindingKind.NON_HEALING_ULCER,
)  # fmt: skip
QUESTIONS: Mapping[str, frozenset[FindingKind]] = MappingProxyType(
    {
        "lump": frozenset({FindingKind.MASS}),
        "stiff_joint": frozenset({FindingKind.LOSS_OF_MOTION, FindingKind.STIFFNESS}),
        "lasting_pain": frozenset({FindingKind.PAIN}),
        "weakness": NEURO_RED_FLAGS | {FindingKind.PARAESTHESIA},
        "skin": frozenset(_SKIN),
    }
)
_LASTING_PAIN_DAYS = 42


def screen_answers(findings: tuple[ToldFinding, ...], asked: float) -> dict[str, str]:
    """Answers to the five questions when asked `asked` days ago, from what had been found by then."""
    present = {
        finding.kind
        for finding in findings
        if finding.noted >= asked
        and (finding.resolved is None or finding.resolved < asked)
        and (finding.kind is not FindingKind.PAIN or (finding.onset or finding.noted) - asked >= _LASTING_PAIN_DAYS)
    }
    return {question: "yes" if kinds & present else "no" for question, kinds in QUESTIONS.items()}
