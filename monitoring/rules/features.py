"""Turns facts into sorted arrays, once per evaluation: series of readings with their derived ones, and places.

A reading is an interval [low, high]: `5.6` is [5.6, 5.6], `<0.5` is [0, just below 0.5], `>9` is [just above 9, inf].
A reading of unknown side of dialysis has no upper end for analytes that dialysis removes or moves: it may support an
entry, but it can never support an exit. So no condition has to know about comparators or timing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from monitoring.clinical.analytes import ANALYTES, BY_CODE
from monitoring.clinical.sites import Side
from monitoring.rules.types import DAY, NEVER, NO_TIME, Facts, Flags, Floats, Ints, Params, State, Table, Verdicts

ANALYTE_ORDER: tuple[str, ...] = tuple(analyte.code for analyte in ANALYTES)
COMPARATORS: tuple[str, ...] = ("", "<", "<=", ">", ">=")
TIMINGS: tuple[str, ...] = ("pre", "post", "unknown")

# Dialysis moves these within hours, so a post-dialysis value is not compared with a pre-dialysis limit (T50, RIN95).
MOVED_BY_DIALYSIS: frozenset[str] = frozenset(
    {"calcium", "calcium_corrected", "calcium_ionised", "phosphate", "urea", "creatinine", "bicarbonate", "magnesium"}
)
# A lesion of these certainties is known tumoral calcinosis.
ESTABLISHED: frozenset[str] = frozenset({"typical_imaging", "histology"})
# Corrected calcium = calcium + 0.8 x (4.0 - albumin), mg/dL and g/dL (KD6).
CORRECTION, ALBUMIN_NORMAL = 0.8, 4.0
# Albumin of the same draw or of the 31 days before it (expert default, uncalibrated).
ALBUMIN_WITHIN = 31 * DAY
# Calcium and phosphate belong to one draw when taken at most 12 hours apart (expert default, uncalibrated).
SAME_DRAW = DAY // 2
# Binary fractions are rounded away before any comparison, so that rows exactly on a limit stay on it.
DECIMALS = 4
# Room for the time in a combined (patient, time) key; times lie between the years 1698 and 2242.
_TIME_BITS = 34
_TIME_OFFSET = 1 << (_TIME_BITS - 1)


def combined_key(patient: Ints, at: Ints) -> Ints:
    """One sortable int64 per (patient position, time in seconds)."""
    return (patient << _TIME_BITS) + (at + _TIME_OFFSET)


@dataclass(frozen=True)
class Series:
    """Readings of one kind, sorted by patient, time, id. `ids` has a column per component of a derived value.

    `shown` is the number for people (NaN where only bounds are known). `ionised` marks rows in mmol/L of ionised
    calcium in the series "calcaemia" and rows in % (URR) in "dose". `upper` is the upper limit of normal (NaN unknown)
    where rules need it (PTH), else of length 0. `first[p]`..`first[p+1]` are the rows of patient p.
    """

    name: str
    unit: str
    patient: Ints
    at: Ints
    low: Floats
    high: Floats
    shown: Floats
    ids: Ints
    ionised: Flags
    first: Ints
    upper: Floats

    def __len__(self) -> int:
        return len(self.patient)

    @property
    def last_at(self) -> Ints:
        """Per patient, when the newest reading was taken (NO_TIME for none)."""
        counts = np.diff(self.first)
        out = np.full(len(counts), NO_TIME, dtype=np.int64)
        has = counts > 0
        out[has] = self.at[self.first[1:][has] - 1]
        return out


def _series(name: str, unit: str, n: int, columns: dict[str, Any]) -> Series:
    patient = columns["patient"]
    first = np.searchsorted(patient, np.arange(n + 1, dtype=np.int64))
    ionised = columns.get("ionised")
    if ionised is None:
        ionised = np.zeros(len(patient), dtype=bool)
    return Series(
        name=name,
        unit=unit,
        patient=patient,
        at=columns["at"],
        low=columns["low"],
        high=columns["high"],
        shown=columns["shown"],
        ids=columns["ids"],
        ionised=ionised,
        first=first.astype(np.int64),
        upper=columns.get("upper", np.empty(0)),
    )


class Features:
    """The facts of n patients as seen at `as_of` by someone who knows what was received up to `known_at`.

    Built once per evaluation; every property is computed at most once, from the facts alone.
    """

    def __init__(self, facts: Facts, as_of: int, known_at: int) -> None:
        self.facts = facts
        self.as_of = as_of
        self.known_at = known_at
        self.patients = facts.patients.take(np.argsort(facts.patients["id"], kind="stable"))
        self.ids: Ints = self.patients["id"]
        self.n = len(self.ids)
        self._series: dict[str, Series] = {}
        self.verdicts: dict[str, Verdicts] = {}
        self.params: dict[str, Params] = {}

    # Patients ------------------------------------------------------------------------------------------------

    def of_patient(self, column: str) -> Ints:
        """A column of times or days of the table of patients, in patient order."""
        return self.patients[column]

    def standing(self, code: str) -> Flags:
        """Per patient, whether rule `code` stands in any scope; False for a rule that is not in the catalogue."""
        out = np.zeros(self.n, dtype=bool)
        verdicts = self.verdicts.get(code)
        if verdicts is not None:
            out[verdicts.patient[verdicts.standing]] = True
        return out

    def unjudged(self, code: str) -> Flags:
        """Per patient, whether rule `code` could not be judged (unknown or indeterminate) in some scope."""
        out = np.zeros(self.n, dtype=bool)
        verdicts = self.verdicts.get(code)
        if verdicts is not None:
            unknown = (verdicts.state == State.UNKNOWN) | (verdicts.state == State.INDETERMINATE)
            out[verdicts.patient[unknown]] = True
        return out

    # Readings ------------------------------------------------------------------------------------------------

    @cached_property
    def _sorted(self) -> dict[int, dict[str, Any]]:
        """The believed readings, by analyte, sorted by patient, time and id."""
        r = self.facts.readings
        keep = (r.taken_at <= self.as_of) & (r.received_at <= self.known_at) & (r.retired_at > self.known_at)
        rows = np.flatnonzero(keep) if not keep.all() else slice(None)
        patient_id, analyte, at, ids = r.patient[rows], r.analyte[rows], r.taken_at[rows], r.id[rows]
        position = np.searchsorted(self.ids, patient_id)
        position = np.minimum(position, max(self.n - 1, 0))
        if len(patient_id) and not np.array_equal(self.ids[position], patient_id):
            raise ValueError("readings of a patient who is not among the patients")
        key = combined_key(position.astype(np.int64), at)
        value, comparator, timing = r.value[rows], r.comparator[rows], r.timing[rows]
        out: dict[int, dict[str, Any]] = {}
        for index in np.unique(analyte).tolist():
            mine = np.flatnonzero(analyte == index)
            k, i = key[mine], ids[mine]
            step = np.diff(k)
            if len(k) > 1 and not (
                bool((step > 0).all()) or bool(((step > 0) | ((step == 0) & (np.diff(i) > 0))).all())
            ):
                order = np.lexsort((i, k))
                mine = mine[order]
            out[index] = {
                "patient": position[mine].astype(np.int64),
                "at": at[mine],
                "value": np.round(value[mine], DECIMALS),
                "comparator": comparator[mine],
                "timing": timing[mine],
                "ids": ids[mine],
            }
        return out

    def series(self, name: str) -> Series:
        """The series `name`: an analyte, or one of "corrected", "calcaemia", "caxp", "dose"."""
        if name not in self._series:
            derived = {
                "corrected": self._corrected,
                "calcaemia": self._calcaemia,
                "caxp": self._caxp,
                "dose": self._dose,
            }
            self._series[name] = derived[name]() if name in derived else self._measured(name)
        return self._series[name]

    def _measured(self, code: str) -> Series:
        rows = self._sorted.get(ANALYTE_ORDER.index(code))
        if rows is None:
            empty_f, empty_i = np.empty(0), np.empty(0, dtype=np.int64)
            rows = {"patient": empty_i, "at": empty_i, "value": empty_f, "ids": empty_i}
            rows |= {"comparator": np.empty(0, dtype=np.int16), "timing": np.empty(0, dtype=np.int16)}
        if code in MOVED_BY_DIALYSIS:
            before = rows["timing"] != TIMINGS.index("post")
            if not before.all():
                rows = {name: column[before] for name, column in rows.items()}
        value, comparator = rows["value"], rows["comparator"]
        low, high = value, value
        if comparator.any():
            low = np.select(
                [comparator == 1, comparator == 2, comparator == 3], [0.0, 0.0, np.nextafter(value, np.inf)], value
            )
            high = np.select(
                [comparator == 1, comparator == 3, comparator == 4],
                [np.nextafter(value, -np.inf), np.inf, np.inf],
                value,
            )
        if code in MOVED_BY_DIALYSIS:
            unstated = rows["timing"] == TIMINGS.index("unknown")
            if unstated.any():
                high = np.where(unstated, np.inf, high)
        columns = {"patient": rows["patient"], "at": rows["at"], "low": low, "high": high, "shown": value}
        if code == "pth":
            columns["upper"] = self.patients["pth_upper_limit"][rows["patient"]]
        return _series(code, BY_CODE[code].unit, self.n, columns | {"ids": rows["ids"].reshape(-1, 1)})

    def _corrected(self) -> Series:
        """Corrected calcium, mg/dL: as sent by the laboratory (never corrected again), else from calcium and albumin.

        Without an albumin the value is only bounded by the albumins that are possible at all (entry limits).
        """
        calcium, albumin, sent = self.series("calcium"), self.series("albumin"), self.series("calcium_corrected")
        found, row = _latest_before(calcium, albumin, ALBUMIN_WITHIN)
        limits = BY_CODE["albumin"]
        alb_low = np.where(found, _take(albumin.low, row), float(limits.low))
        alb_high = np.where(found, _take(albumin.high, row), float(limits.high))
        low = np.round(calcium.low + CORRECTION * (ALBUMIN_NORMAL - alb_high), DECIMALS)
        high = np.round(calcium.high + CORRECTION * (ALBUMIN_NORMAL - alb_low), DECIMALS)
        shown = np.where(
            found, np.round(calcium.shown + CORRECTION * (ALBUMIN_NORMAL - _take(albumin.shown, row)), DECIMALS), np.nan
        )
        ids = np.column_stack((calcium.ids[:, 0], np.where(found, _take(albumin.ids[:, 0], row), -1)))
        columns = {"patient": calcium.patient, "at": calcium.at, "low": low, "high": high, "shown": shown, "ids": ids}
        if len(sent):
            sent_key = combined_key(sent.patient, sent.at)
            own = ~np.isin(combined_key(calcium.patient, calcium.at), sent_key)
            sent_ids = np.column_stack((sent.ids[:, 0], np.full(len(sent), -1, dtype=np.int64)))
            extra = {"patient": sent.patient, "at": sent.at, "low": sent.low, "high": sent.high, "shown": sent.shown}
            columns = _joined({k: v[own] for k, v in columns.items()}, extra | {"ids": sent_ids})
        return _series("corrected", "mg/dL", self.n, columns)

    def _calcaemia(self) -> Series:
        """Corrected and ionised calcium as one series for hypercalcaemia; of one moment, the ionised one counts."""
        corrected, ionised = self.series("corrected"), self.series("calcium_ionised")
        if not len(ionised):
            return corrected
        own = ~np.isin(combined_key(corrected.patient, corrected.at), combined_key(ionised.patient, ionised.at))
        one = {"patient": corrected.patient, "at": corrected.at, "low": corrected.low, "high": corrected.high}
        one |= {"shown": corrected.shown, "ids": corrected.ids, "ionised": np.zeros(len(corrected), dtype=bool)}
        ids = np.column_stack((ionised.ids[:, 0], np.full(len(ionised), -1, dtype=np.int64)))
        two = {"patient": ionised.patient, "at": ionised.at, "low": ionised.low, "high": ionised.high}
        two |= {"shown": ionised.shown, "ids": ids, "ionised": np.ones(len(ionised), dtype=bool)}
        return _series("calcaemia", "mg/dL", self.n, _joined({k: v[own] for k, v in one.items()}, two))

    def _caxp(self) -> Series:
        """Corrected calcium times phosphate of one draw, mg2/dL2; a draw that lacks one of them has no product."""
        phosphate, calcium = self.series("phosphate"), self.series("corrected")
        found, row = _nearest(phosphate, calcium, SAME_DRAW)
        p, row = np.flatnonzero(found), row[found]
        low = np.round(phosphate.low[p] * calcium.low[row], DECIMALS)
        high = np.round(phosphate.high[p] * calcium.high[row], DECIMALS)
        shown = np.round(phosphate.shown[p] * calcium.shown[row], DECIMALS)
        ids = np.column_stack((phosphate.ids[p, 0], calcium.ids[row]))
        columns = {"patient": phosphate.patient[p], "at": phosphate.at[p], "low": low, "high": high, "shown": shown}
        return _series("caxp", "mg2/dL2", self.n, columns | {"ids": ids})

    def _dose(self) -> Series:
        """Dialysis dose: spKt/V, and URR in % (rows marked `ionised`) where no spKt/V of the same moment is known."""
        kt_v, urr = self.series("kt_v"), self.series("urr")
        own = ~np.isin(combined_key(urr.patient, urr.at), combined_key(kt_v.patient, kt_v.at))
        names = ("patient", "at", "low", "high", "shown", "ids")
        one = {name: getattr(kt_v, name) for name in names} | {"ionised": np.zeros(len(kt_v), dtype=bool)}
        two = {name: getattr(urr, name)[own] for name in names} | {"ionised": np.ones(int(own.sum()), dtype=bool)}
        return _series("dose", "1", self.n, _joined(one, two))

    # Findings, imaging and lesions -----------------------------------------------------------------------------

    def known(self, name: str, at: str) -> Table:
        """Rows of table `name` known at `known_at` and not after `as_of` by column `at`, with `pos` of the patient.

        Sorted by `pos`, `at` and id.
        """
        table: Table = getattr(self.facts, name)
        keep = (table["recorded_at"] <= self.known_at) & (table[at] <= self.as_of)
        if "retired_at" in table:
            keep &= table["retired_at"] > self.known_at
        table = table.take(keep)
        table = table.having(pos=np.searchsorted(self.ids, table["patient"]))
        return table.take(np.lexsort((table["id"], table[at], table["pos"])))

    @cached_property
    def findings(self) -> Table:
        """Findings, one row per single side (a bilateral one is two), with `start` (onset, else noted) and `place`.

        `gone_at` is NEVER while the finding is present.
        """
        table = self.known("findings", "noted_at")
        both = table["side"] == Side.BILATERAL.value
        if both.any():
            pair = table.take(both)
            sides = [pair.having(side=np.full(len(pair), side.value, dtype=object)) for side in (Side.LEFT, Side.RIGHT)]
            table = Table.stacked(table.take(~both), *sides)
            table = table.take(np.lexsort((table["side"].astype(str), table["id"], table["noted_at"], table["pos"])))
        onset, noted, gone = table["onset"], table["noted_at"], table["resolved_at"]
        return table.having(
            start=np.where(onset == NO_TIME, noted, np.minimum(onset, noted)),
            gone_at=np.where((gone == NO_TIME) | (gone > self.as_of), NEVER, gone),
            place=table["site"] + ":" + table["side"] if len(table) else table["site"],
        )

    @cached_property
    def imaging(self) -> Table:
        """Imaging studies performed by `as_of`."""
        return self.known("imaging", "performed_at")

    @cached_property
    def lesions(self) -> Table:
        """Lesions recorded by now, with `is_known`: whether tumoral calcinosis is established there."""
        table = self.known("lesions", "recorded_at")
        sure = table.is_any("certainty", ESTABLISHED) & (table["certain_since"] <= self.as_of)
        return table.having(is_known=sure)

    @cached_property
    def known_calcinosis(self) -> Flags:
        """Per patient, whether tumoral calcinosis is established (typical imaging or histology)."""
        out = np.zeros(self.n, dtype=bool)
        out[self.lesions["pos"][self.lesions["is_known"]]] = True
        return out


def pairs_of(left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """All pairs (row of `left`, row of `right`) with the same patient position; `right` must be sorted."""
    low, high = np.searchsorted(right, left, side="left"), np.searchsorted(right, left, side="right")
    counts = high - low
    rows = np.repeat(np.arange(len(left), dtype=np.int64), counts)
    within = np.arange(len(rows), dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, np.repeat(low, counts) + within


def _take(values: Any, rows: Ints) -> Any:
    """`values[rows]`, or zeros when there is nothing to take from (the caller masks them out)."""
    return values[rows] if len(values) else np.zeros(len(rows), dtype=values.dtype)


def _joined(one: dict[str, Any], two: dict[str, Any]) -> dict[str, Any]:
    """Two sets of columns as one, sorted by patient, time and first id."""
    both = {name: np.concatenate((one[name], two[name])) for name in one}
    order = np.lexsort((both["ids"][:, 0], combined_key(both["patient"], both["at"])))
    return {name: column[order] for name, column in both.items()}


def _latest_before(of: Series, among: Series, within: int) -> tuple[Flags, Ints]:
    """For each row of `of`, the row of `among` (same patient) taken at the same time or at most `within` s before."""
    if not len(among):
        return np.zeros(len(of), dtype=bool), np.zeros(len(of), dtype=np.int64)
    if len(of) == len(among) and np.array_equal(of.at, among.at) and np.array_equal(of.patient, among.patient):
        rows = np.arange(len(of), dtype=np.int64)
        if len(of) < 2 or bool((np.diff(combined_key(of.patient, of.at)) > 0).all()):
            return np.ones(len(of), dtype=bool), rows
    row = np.searchsorted(combined_key(among.patient, among.at), combined_key(of.patient, of.at), side="right") - 1
    safe = np.maximum(row, 0)
    found = (row >= 0) & (among.patient[safe] == of.patient) & (of.at - among.at[safe] <= within)
    return found, safe.astype(np.int64)


def _nearest(of: Series, among: Series, within: int) -> tuple[Flags, Ints]:
    """For each row of `of`, the row of `among` (same patient) nearest in time, at most `within` s away."""
    if not len(among):
        return np.zeros(len(of), dtype=bool), np.zeros(len(of), dtype=np.int64)
    found_before, before = _latest_before(of, among, within)
    after = np.minimum(before + 1, len(among) - 1)
    gap_before = np.where(found_before, of.at - among.at[before], NEVER)
    same = (among.patient[after] == of.patient) & (among.at[after] >= of.at)
    gap_after = np.where(same, among.at[after] - of.at, NEVER)
    # `before` is row 0 also when nothing lies before; then row 0 itself may lie after.
    first_after = (~found_before) & (among.patient[before] == of.patient) & (among.at[before] >= of.at)
    gap_first = np.where(first_after, among.at[before] - of.at, NEVER)
    choose_before = (gap_before <= gap_after) & (gap_before <= gap_first)
    choose_first = ~choose_before & (gap_first <= gap_after)
    row = np.where(choose_before | choose_first, before, after)
    gap = np.minimum(np.minimum(gap_before, gap_after), gap_first)
    return gap <= within, row.astype(np.int64)


def resolve(params: Params, name: str | float) -> float:
    """The number a condition names: a parameter of the rule, or the number itself."""
    return params[name] if isinstance(name, str) else float(name)
