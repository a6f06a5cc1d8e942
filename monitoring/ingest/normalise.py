"""From one row as sent to one accepted result, a refusal with its reason, or "not kept"."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

from monitoring.clinical.analytes import LOINC, CodeMeaning, Kind, Timing, find_meaning, fold_name, is_not_kept
from monitoring.clinical.readings import (
    Reading,
    Unreadable,
    UnreadableReading,
    check_plausible,
    parse_reading,
    says_haemolysed,
)
from monitoring.clinical.units import apply_factor, find_factor
from monitoring.errors import InvalidValue
from monitoring.ingest.dates import ISO, DateFormat, UnreadableTime, parse_time
from monitoring.ingest.mapping import DEFAULT_MAPPING, ColumnMapping
from monitoring.ingest.raw import Ignored, NormalisedResult, Outcome, RawResult, Reason, Refusal, Status

# Clocks of laboratories run ahead by minutes; more than this is a wrong date.
FUTURE_TOLERANCE = timedelta(hours=1)
_LENGTHS: tuple[tuple[str, int], ...] = (
    ("mrn", 64), ("code", 64), ("name", 64), ("value", 64), ("unit", 32), ("source_id", 128),
)  # fmt: skip
# Texts that together are no longer than this keep every limit but that of the unit.
_TOGETHER, _LONGEST_UNIT = 64, 32

_BLOOD = frozenset({
    "blood", "serum", "plasma", "serum/plasma", "serum or plasma", "ser", "plas", "bld", "ser/plas", "whole blood",
    "venous blood", "arterial blood", "capillary blood", "sang", "sérum",
})  # fmt: skip
_OTHER_SPECIMENS = frozenset({
    "urine", "ascites", "ascitic fluid", "pleural", "pleural fluid", "csf", "cerebrospinal fluid",
    "joint fluid", "synovial fluid", "peritoneal fluid", "other body fluid", "body fluid", "dialysate", "stool",
    "saliva", "drainage", "bone marrow", "urine, 24 hour", "24h urine",
})  # fmt: skip

_TIMINGS: Mapping[str, Timing] = MappingProxyType({
    "": Timing.UNKNOWN, "unknown": Timing.UNKNOWN, "random": Timing.UNKNOWN, "not stated": Timing.UNKNOWN,
    "pre": Timing.PRE, "pre-dialysis": Timing.PRE, "predialysis": Timing.PRE, "pre-hd": Timing.PRE,
    "pre hd": Timing.PRE, "before": Timing.PRE, "before dialysis": Timing.PRE,
    "post": Timing.POST, "post-dialysis": Timing.POST, "postdialysis": Timing.POST, "post-hd": Timing.POST,
    "post hd": Timing.POST, "after": Timing.POST, "after dialysis": Timing.POST,
})  # fmt: skip

# HL7 table 0085 (OBX-11) and FHIR Observation.status, beside plain words. "X" and "cancelled" (no result could
# be obtained), "D" and "W" (deleted, wrong patient) take an earlier value back.
_STATUSES: Mapping[str, Status] = MappingProxyType({
    "": Status.FINAL, "f": Status.FINAL, "final": Status.FINAL,
    "p": Status.PRELIMINARY, "r": Status.PRELIMINARY, "preliminary": Status.PRELIMINARY,
    "c": Status.CORRECTED, "corrected": Status.CORRECTED, "amended": Status.CORRECTED,
    "x": Status.WITHDRAWN, "d": Status.WITHDRAWN, "w": Status.WITHDRAWN, "withdrawn": Status.WITHDRAWN,
    "cancelled": Status.WITHDRAWN, "entered-in-error": Status.WITHDRAWN, "deleted": Status.WITHDRAWN,
})  # fmt: skip

# A reference range betrays a mislabelled urea: the upper limit for adults is near 20 mg/dL as nitrogen (BUN)
# and near 40-50 mg/dL as urea (general knowledge; the founding case was mislabelled so).
_BUN_UPPER_BELOW, _UREA_UPPER_ABOVE = Decimal(30), Decimal(35)


@dataclass(frozen=True, slots=True)
class Conventions:
    """How texts of one file or sender are read, and the moment of reading (`now`, aware)."""

    zone: ZoneInfo
    now: datetime
    decimal: str = "."
    thousands: str = ""
    date_format: DateFormat = ISO


class _Refused(Exception):
    """Carries a refusal out of the steps below; never leaves this module."""

    def __init__(self, field: str, value: str, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.field, self.value, self.reason, self.message = field, value, reason, message


def _check_texts(raw: RawResult) -> None:
    """Refuse texts that are too long to keep, or that no database can hold (NUL, half an escaped character)."""
    joined = raw.mrn + raw.code + raw.name + raw.value + raw.unit + raw.source_id
    short = len(joined) <= _TOGETHER and len(raw.unit) <= _LONGEST_UNIT
    if short and joined.isascii() and "\x00" not in joined:
        return  # nearly every row
    for field, longest in _LENGTHS:
        text: str = getattr(raw, field)
        if len(text) > longest:
            raise _Refused(field, text[:200], Reason.FIELD_TOO_LONG, f"Longer than the {longest} signs that are kept.")
        if "\x00" in text:
            raise _Refused(field, text.replace("\x00", "␀"), Reason.NUL_BYTE, "The text holds a NUL; it is damaged.")
        if any("\ud800" <= sign <= "\udfff" for sign in text):
            shown = text.encode("utf-8", "replace").decode()
            raise _Refused(field, shown, Reason.DAMAGED_TEXT, "The text holds half a character; it is damaged.")


@dataclass(frozen=True, slots=True)
class _Measured:
    text: str
    comparator: str
    number: Decimal
    canonical: Decimal
    kind: Kind


class Normaliser:
    """Judges rows of one sender by one mapping; a row's outcome depends on that row alone."""

    def __init__(
        self,
        conventions: Conventions,
        mapping: ColumnMapping = DEFAULT_MAPPING,
        column_of: Callable[[str], str] | None = None,
    ) -> None:
        self._conventions = conventions
        self._mapping = mapping
        self._column_of = column_of or mapping.column_of
        self._latest = None if mapping.dates_may_be_in_future else conventions.now + FUTURE_TOLERANCE
        # Codes, times and printed values repeat by the thousand; each is judged once.
        self._meaning_of = lru_cache(maxsize=4096)(self._find_meaning)
        self._moment_of = lru_cache(maxsize=16384)(self._find_moment)
        self._measure_of = lru_cache(maxsize=32768)(self._measure)

    def normalise(self, raw: RawResult) -> Outcome:
        """The outcome of one row. Never raises for what the row contains."""
        raw = self._with_constants(raw)
        try:
            meaning = self._meaning_of(raw.code, raw.name)
            if isinstance(meaning, str):
                return Ignored(raw.line, meaning, "not kept by this service", raw.text)
            unwanted = self._unwanted_specimen(raw, meaning)
            if unwanted:
                return Ignored(raw.line, unwanted, "not a blood sample", raw.text)
            return self._accept(raw, meaning)
        except _Refused as refused:
            return Refusal(
                raw.line,
                self._column_of(refused.field) if refused.field else "",
                refused.value,
                refused.reason,
                refused.message,
                raw.text,
                raw,
            )

    def _with_constants(self, raw: RawResult) -> RawResult:
        if not self._mapping.constants:
            return raw
        missing = {name: text for name, text in self._mapping.constants.items() if not getattr(raw, name)}
        if not missing:
            return raw
        fields = {name: getattr(raw, name) for name in RawResult.__dataclass_fields__}
        return RawResult(**{**fields, **missing})

    def _accept(self, raw: RawResult, meaning: CodeMeaning) -> NormalisedResult:
        _check_texts(raw)
        if not raw.mrn:
            raise _Refused("mrn", "", Reason.MISSING_PATIENT, "There is no patient number (MRN).")
        status = _STATUSES.get(raw.status) or _STATUSES.get(fold_name(raw.status))
        if status is None:
            raise _Refused(
                "status", raw.status, Reason.UNKNOWN_STATUS,
                "Expected preliminary, final, corrected or withdrawn (or the HL7 letters P, F, C, D, W, X).",
            )  # fmt: skip
        taken_at = self._moment_of("taken_at", raw.taken_at)
        received_at = self._moment_of("received_at", raw.received_at) if raw.received_at else None
        timing = self._timing(raw, meaning)
        measured = None
        if status is Status.WITHDRAWN:
            if not raw.source_id:
                raise _Refused(
                    "source_id", "", Reason.WITHDRAWAL_WITHOUT_ID,
                    "A result is taken back, but without the id of the result it cannot be known which.",
                )  # fmt: skip
        else:
            measured = self._measured(raw, meaning)
            self._check_reference_range(raw, measured)
        return NormalisedResult(
            line=raw.line,
            text=raw.text,
            mrn=raw.mrn,
            analyte=meaning.analyte,
            kind=measured.kind if measured else meaning.kind,
            code=raw.code,
            name=raw.name,
            value_text=measured.text if measured else raw.value,
            comparator=measured.comparator if measured else "",
            number=measured.number if measured else None,
            unit_as_sent=raw.unit,
            canonical=measured.canonical if measured else None,
            taken_at=taken_at,
            received_at=received_at,
            timing=timing,
            status=status,
            source_id=raw.source_id,
            comment=raw.comment,
            ref_low=raw.ref_low,
            ref_high=raw.ref_high,
        )

    def _find_meaning(self, code: str, name: str) -> CodeMeaning | str:
        """The meaning of a row's code and name, or the words for something that is not kept."""
        if not code and not name:
            raise _Refused("code", "", Reason.MISSING_CODE, "There is neither a code nor a name of the analyte.")
        field, text = ("code", code) if code else ("name", name)
        if text in self._mapping.code_map:
            mapped = self._mapping.code_map[text]
            return mapped if mapped is not None else (name or code)
        meaning = find_meaning(text)
        named = find_meaning(name) if name and code else None
        if meaning is None:
            if is_not_kept(text) or (name and is_not_kept(name)):
                return name or code
            raise _Refused(
                field, text, Reason.UNKNOWN_CODE,
                f"“{text[:64]}” is neither a LOINC code nor an analyte known here; map it to one in the mapping, "
                "or to “not kept”.",
            )  # fmt: skip
        if named is not None and named.analyte != meaning.analyte:
            raise _Refused(
                "code", code, Reason.CODE_NAME_CONFLICT,
                f"The code {code} is for {meaning.analyte}, but the name “{name}” is of {named.analyte}.",
            )  # fmt: skip
        return meaning

    def _unwanted_specimen(self, raw: RawResult, meaning: CodeMeaning) -> str | None:
        if not raw.specimen and not self._mapping.specimens:
            return None
        specimen = fold_name(raw.specimen)
        accepted = self._mapping.specimens or _BLOOD
        if specimen in accepted or meaning.analyte == "weight":
            return None
        if not specimen:
            if raw.code not in LOINC:
                raise _Refused("specimen", "", Reason.MISSING_SPECIMEN, "The kind of specimen is not stated.")
            return None
        if self._mapping.specimens or specimen in _OTHER_SPECIMENS:
            return f"{raw.name or raw.code} in {raw.specimen}"
        raise _Refused(
            "specimen", raw.specimen, Reason.UNKNOWN_SPECIMEN,
            "Expected blood, serum or plasma; state other words for them as “specimens” in the mapping.",
        )  # fmt: skip

    def _find_moment(self, field: str, text: str) -> datetime:
        rules = self._conventions
        try:
            moment = parse_time(text, rules.date_format, rules.zone)
        except UnreadableTime as error:
            raise _Refused(field, text, Reason(error.code), error.message) from None
        if self._latest is not None and moment > self._latest:
            raise _Refused(
                field, text, Reason.FUTURE_TIME, f"The date lies after {rules.now:%Y-%m-%d %H:%M} UTC, the present."
            )
        return moment

    def _timing(self, raw: RawResult, meaning: CodeMeaning) -> Timing:
        timing = _TIMINGS.get(raw.timing) or _TIMINGS.get(fold_name(raw.timing))
        if timing is None:
            raise _Refused("timing", raw.timing, Reason.UNKNOWN_TIMING, "Expected pre, post or unknown.")
        if meaning.timing in (None, Timing.UNKNOWN):
            return timing
        if timing not in (Timing.UNKNOWN, meaning.timing):
            raise _Refused(
                "timing", raw.timing, Reason.TIMING_CONFLICT,
                f"The code {raw.code or raw.name} is for {meaning.timing}-dialysis samples.",
            )  # fmt: skip
        return meaning.timing or timing

    def _measured(self, raw: RawResult, meaning: CodeMeaning) -> _Measured:
        if raw.comment and says_haemolysed(raw.comment):
            raise _Refused(
                "comment", raw.comment[:200], Reason.HAEMOLYSED,
                "The laboratory reports haemolysis; the value cannot be trusted without its word.",
            )  # fmt: skip
        return self._measure_of(meaning, raw.value, raw.value_number, raw.unit)

    def _measure(self, meaning: CodeMeaning, value: str, value_number: str, unit: str) -> _Measured:
        reading = self._read(value, value_number)
        try:
            factor = find_factor(meaning.analyte, meaning.kind, self._mapping.unit_map.get(unit, unit))
        except InvalidValue as error:
            reason = Reason(error.code.replace("-", "_"))
            field = "code" if reason is Reason.UREA_OR_BUN_UNCLEAR else "unit"
            raise _Refused(field, unit, reason, error.message) from None
        canonical = apply_factor(factor, reading.number)
        held = check_plausible(meaning.analyte, canonical, value=reading.number, unit=factor.unit, kind=factor.kind)
        if held is not None:
            raise _Refused("value", value, Reason(held.reason), held.message)
        return _Measured(reading.text.strip(), reading.comparator, reading.number, canonical, factor.kind)

    def _read(self, value: str, value_number: str) -> Reading:
        rules = self._conventions
        reading = parse_reading(value, decimal=rules.decimal, thousands=rules.thousands)
        if isinstance(reading, UnreadableReading):
            if not (value_number and reading.reason in (Unreadable.REDACTED, Unreadable.EMPTY)):
                raise _Refused("value", value, Reason(reading.reason.value), reading.message)
            second = parse_reading(value_number)
            if isinstance(second, UnreadableReading):
                raise _Refused("value_number", value_number, Reason(second.reason.value), second.message)
            return second
        if value_number:
            second = parse_reading(value_number)
            if isinstance(second, Reading) and second.number != reading.number:
                raise _Refused(
                    "value", value, Reason.VALUES_DISAGREE, f"The value as text and as number ({value_number}) differ."
                )
        return reading

    def _check_reference_range(self, raw: RawResult, measured: _Measured) -> None:
        if measured.kind not in (Kind.BUN, Kind.UREA) or not raw.ref_high:
            return
        try:
            upper = Decimal(raw.ref_high)
        except InvalidOperation:
            return
        if not upper.is_finite() or not fold_name(raw.unit).startswith("mg"):
            return
        if measured.kind is Kind.BUN and upper >= _UREA_UPPER_ABOVE:
            message = f"Sent as BUN, but the reference range up to {upper} mg/dL is that of urea."
        elif measured.kind is Kind.UREA and upper <= _BUN_UPPER_BELOW:
            message = f"Sent as urea, but the reference range up to {upper} mg/dL is that of urea nitrogen (BUN)."
        else:
            return
        raise _Refused("ref_high", raw.ref_high, Reason.UREA_OR_BUN_UNCLEAR, message)
