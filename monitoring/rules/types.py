"""The values the engine takes and gives: facts as tables, rules, tuning, verdicts and judgements.

Times inside the engine are whole seconds since 1970-01-01 UTC (int64); `NO_TIME` stands for an unknown one. Dates
count as their midnight UTC. Patients are positions 0..n-1 in the table of patients, sorted by primary key.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from monitoring.rules.features import Features

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Truths = npt.NDArray[np.int8]

NO_TIME = np.iinfo(np.int64).min
NEVER = np.iinfo(np.int64).max
DAY = 86_400
YEAR = int(365.25 * DAY)

# The three values of a condition.
FALSE, TRUE, UNKNOWN = np.int8(0), np.int8(1), np.int8(-1)


class Severity(IntEnum):
    """How much it matters: digest, named work list, notify within days, same day."""

    INFO = 0
    WATCH = 1
    URGENT = 2
    CRITICAL = 3


class State(IntEnum):
    """What a rule says: UNKNOWN has never been true and cannot be judged; INDETERMINATE was true, was never
    cleared, and cannot be judged now."""

    CLEAR = 0
    ACTIVE = 1
    UNKNOWN = 2
    INDETERMINATE = 3


class RuleKind(StrEnum):
    """What a rule is for: find deposits, control risk, ask for data, follow up, or only keep a log."""

    DETECTOR = "detector"
    RISK = "risk"
    DATA = "data"
    SURVEILLANCE = "surveillance"
    LOG = "log"


class ScopeKind(StrEnum):
    """What one alert of a rule is about."""

    PATIENT = "patient"
    LESION = "lesion"
    ANALYTE = "analyte"
    RULE = "rule"


@dataclass(frozen=True)
class Parameter:
    """A number of a rule that a rule set may override within [low, high]; `unit` is UCUM or days."""

    name: str
    default: float
    unit: str
    low: float
    high: float
    meaning: str


@dataclass(frozen=True)
class Need:
    """An analyte a rule reads and how far back from `as_of`, in days; None means the whole history (latches)."""

    analyte: str
    days: int | None = None


Params = Mapping[str, float]


@dataclass(frozen=True)
class Rule:
    """One entry of the catalogue: complete, cited, and judged by `judge` over all patients at once.

    `clears` says with {more} how many more results end a sustained rule. `raises` gives, per verdict row, a severity
    that the state of other rules demands (it runs after all rules are judged); the higher of the two counts. Rules of
    kind LOG open no alert.
    """

    code: str
    title: str
    kind: RuleKind
    severity: Severity
    scope: ScopeKind
    group: str
    judge: Callable[[Features, Params], Verdicts]
    entry: str
    exit: str
    sentence: str
    action: str
    why: str
    source: tuple[str, ...]
    parameters: tuple[Parameter, ...] = ()
    needs: tuple[Need, ...] = ()
    raises: Callable[[Features, Params, Verdicts], npt.NDArray[np.int8]] | None = None
    raised_when: str = ""
    clears: str = ""
    version: int = 1


@dataclass(frozen=True)
class Tuning:
    """A rule set as the engine sees it: a version and overrides {rule code: {parameter: value}}."""

    version: int = 1
    overrides: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def values(self, rule: Rule) -> dict[str, float]:
        """The parameters of `rule` with the overrides applied."""
        own = self.overrides.get(rule.code, {})
        return {parameter.name: float(own.get(parameter.name, parameter.default)) for parameter in rule.parameters}


class Table:
    """A few parallel columns of one length: what a data frame would be, without its cost for one patient."""

    __slots__ = ("columns", "size")

    def __init__(self, columns: Mapping[str, npt.NDArray[Any]], size: int | None = None) -> None:
        self.columns = dict(columns)
        self.size = len(next(iter(self.columns.values()))) if size is None else size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self.columns[name]

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def take(self, rows: npt.NDArray[Any]) -> Table:
        """The rows that a mask marks, or those at the given positions, in that order."""
        return Table({name: column[rows] for name, column in self.columns.items()})

    def having(self, **columns: npt.NDArray[Any]) -> Table:
        """The same rows with further or other columns."""
        return Table(self.columns | columns, self.size)

    def is_any(self, name: str, values: Collection[str]) -> Flags:
        """Mask of the rows whose text in column `name` is one of `values`."""
        return np.fromiter((value in values for value in self.columns[name]), dtype=bool, count=self.size)

    @staticmethod
    def stacked(*tables: Table) -> Table:
        """The rows of all tables below each other; the columns are those of the first."""
        names = list(tables[0].columns)
        return Table({name: np.concatenate([table.columns[name] for table in tables]) for name in names})


@dataclass(frozen=True)
class Facts:
    """Everything known of some patients, as tables. Columns (times in seconds, NO_TIME when unknown):

    patients: id, birth, dialysis_start, ckd_onset, pth_upper_limit (pg/mL or NaN), mineral_days, pth_days, alp_days,
        dose_days; readings: patient (id), analyte, value (canonical), comparator, timing, taken_at, received_at,
        retired_at, id; findings: patient, id, kind, site, side, intensity, onset, noted_at, resolved_at, growing
        (1 yes, 0 no, -1 not stated), lesion, recorded_at, retired_at; imaging: patient, id, modality, site, side,
        performed_at, calcified_mass, recorded_at, retired_at; lesions: patient, id, site, side, certainty,
        certain_since, closed_at, recorded_at; screens: patient, id, asked_at, recorded_at; procedures: patient, id,
        kind, performed_on, recorded_at; treatments: patient, id, drug_class, started_on, ended_on, recorded_at.
    """

    patients: Table
    readings: Readings
    findings: Table
    imaging: Table
    lesions: Table
    screens: Table
    procedures: Table
    treatments: Table


@dataclass(frozen=True)
class Readings:
    """The readings of some patients as parallel arrays of one length, in any order.

    `analyte` is the position in `rules.features.ANALYTE_ORDER`, `comparator` the position in
    `rules.features.COMPARATORS`, `timing` the position in `rules.features.TIMINGS`. `value` is in the analyte's
    canonical unit.
    """

    patient: Ints
    analyte: npt.NDArray[np.int16]
    value: Floats
    comparator: npt.NDArray[np.int16]
    timing: npt.NDArray[np.int16]
    taken_at: Ints
    received_at: Ints
    retired_at: Ints
    id: Ints

    def __len__(self) -> int:
        return len(self.patient)


@dataclass(frozen=True)
class Verdicts:
    """What one rule says, a row per patient (patient scope) or per (patient, scope).

    `since` is the start of the present episode, or of the last one when cleared at `cleared_at`; `due` the earliest
    moment at which the row could change without a new fact. `evidence` holds ids of rows of the table `evidence_of`
    that made the present episode begin (-1 for none), `numbers` what the sentence needs, `missing` for each name of
    an absent input the rows that lack it. `wake_patient` and `wake_at` are further moments, tied to no row, at which
    time alone may make the rule true.
    """

    patient: Ints
    scope: npt.NDArray[np.object_]
    state: npt.NDArray[np.int8]
    since: Ints
    cleared_at: Ints
    severity: npt.NDArray[np.int8]
    due: Ints
    evidence_of: str
    evidence: Ints
    numbers: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    missing: Mapping[str, Flags] = field(default_factory=dict)
    wake_patient: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    wake_at: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @property
    def standing(self) -> Flags:
        """Rows whose rule was entered and not left: active, or indeterminate for want of data."""
        standing: Flags = (self.state == State.ACTIVE) | (self.state == State.INDETERMINATE)
        return standing


@dataclass(frozen=True)
class RuleFinding:
    """One standing verdict, or one just cleared, ready to be compared with the live alerts."""

    patient: int
    rule: str
    scope: str
    state: State
    severity: Severity
    since: datetime
    cleared_at: datetime | None
    evidence_of: str
    evidence: tuple[int, ...]
    numbers: Mapping[str, Any]
    missing: tuple[str, ...]

    @property
    def key(self) -> tuple[int, str, str]:
        """What makes alerts the same alert: patient, rule code, scope."""
        return (self.patient, self.rule, self.scope)


@dataclass(frozen=True)
class PointsLine:
    """One line of the score C01: `state` is "counted", "no" or "unknown"."""

    code: str
    part: str
    label: str
    points: int
    state: str


@dataclass(frozen=True)
class AssessmentResult:
    """What C01 says of one patient; `awaiting` names the rules for which L06 waits.

    `fingerprint` is equal exactly when everything shown is equal.
    """

    patient: int
    tier: int
    score: int
    lines: tuple[PointsLine, ...]
    missing: tuple[str, ...]
    set_by: tuple[str, ...]
    awaiting: tuple[str, ...]
    fingerprint: int


def to_seconds(moment: datetime) -> int:
    """Seconds since 1970 of an aware time; a naive one is refused, since its zone would be a guess."""
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone cannot be judged: {moment!r}")
    return int(moment.timestamp())


def from_seconds(seconds: int) -> datetime:
    """The aware UTC time of `seconds`."""
    return datetime.fromtimestamp(int(seconds), tz=UTC)
