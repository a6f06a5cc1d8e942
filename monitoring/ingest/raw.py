"""What comes out of reading a sender's file or message: rows as sent, and the verdict on each."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from monitoring.clinical.analytes import Kind, Timing
from monitoring.errors import InvalidValue


class FileRefused(InvalidValue):
    """The file as a whole cannot be read; nothing of it was taken."""


class InvalidMapping(InvalidValue):
    """The mapping that describes a sender's file is wrong; the message names the key."""


class Reason(StrEnum):
    """Why a row waits in quarantine. Stable: reports, replays and screens refer to these words."""

    # the shape of the row
    LINE_TOO_LONG = "line_too_long"
    FIELD_TOO_LONG = "field_too_long"
    UNCLOSED_QUOTE = "unclosed_quote"
    BAD_QUOTING = "bad_quoting"
    WRONG_FIELD_COUNT = "wrong_field_count"
    NOT_AN_OBJECT = "not_an_object"
    UNKNOWN_FIELD = "unknown_field"
    NUL_BYTE = "nul_byte"
    DAMAGED_TEXT = "damaged_text"
    # who and what
    MISSING_PATIENT = "missing_patient"
    UNKNOWN_PATIENT = "unknown_patient"
    MISSING_CODE = "missing_code"
    UNKNOWN_CODE = "unknown_code"
    CODE_NAME_CONFLICT = "code_name_conflict"
    MISSING_SPECIMEN = "missing_specimen"
    UNKNOWN_SPECIMEN = "unknown_specimen"
    # the value
    EMPTY = "empty"
    REDACTED = "redacted"
    CANCELLED = "cancelled"
    HAEMOLYSED = "haemolysed"
    PENDING = "pending"
    AMBIGUOUS_SEPARATOR = "ambiguous_separator"
    NOT_A_NUMBER = "not_a_number"
    VALUES_DISAGREE = "values_disagree"
    IMPLAUSIBLE = "implausible"
    PROBABLE_UNIT_SWAP = "probable_unit_swap"
    # the unit
    MISSING_UNIT = "missing_unit"
    UNKNOWN_UNIT = "unknown_unit"
    UNIT_NOT_OF_ANALYTE = "unit_not_of_analyte"
    CODE_UNIT_CONFLICT = "code_unit_conflict"
    UREA_OR_BUN_UNCLEAR = "urea_or_bun_unclear"
    # the times
    MISSING_TIME = "missing_time"
    BAD_TIME = "bad_time"
    FUTURE_TIME = "future_time"
    NONEXISTENT_LOCAL_TIME = "nonexistent_local_time"
    AMBIGUOUS_LOCAL_TIME = "ambiguous_local_time"
    UNKNOWN_TIMING = "unknown_timing"
    TIMING_CONFLICT = "timing_conflict"
    # the state of the result
    UNKNOWN_STATUS = "unknown_status"
    WITHDRAWAL_WITHOUT_ID = "withdrawal_without_id"
    CONTRADICTS_EARLIER = "contradicts_earlier"


class Status(StrEnum):
    """How far the laboratory stands by a result."""

    PRELIMINARY = "preliminary"
    FINAL = "final"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class RawResult:
    """One result as sent, nothing interpreted; a field that was not sent is empty.

    `line` is the physical line of a file (or the segment of a message) where it starts, from 1, and `text`
    that line as it stood. `code` is a LOINC or the sender's own code, `name` what the sender calls it.
    """

    line: int
    text: str
    mrn: str = ""
    code: str = ""
    name: str = ""
    value: str = ""
    value_number: str = ""
    unit: str = ""
    taken_at: str = ""
    received_at: str = ""
    timing: str = ""
    status: str = ""
    source_id: str = ""
    specimen: str = ""
    comment: str = ""
    ref_low: str = ""
    ref_high: str = ""


# The fields a sender may give, by the names used in mappings; in the order of RawResult.
FIELDS: tuple[str, ...] = (
    "mrn", "code", "name", "value", "value_number", "unit", "taken_at", "received_at", "timing", "status",
    "source_id", "specimen", "comment", "ref_low", "ref_high",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NormalisedResult:
    """One accepted result: as sent, beside its canonical number and UTC times.

    `number` is as printed, `canonical` in the analyte's canonical unit; both are None only when the
    laboratory withdrew the result. `received_at` is None when the sender did not say.
    """

    line: int
    text: str
    mrn: str
    analyte: str
    kind: Kind | None
    code: str
    name: str
    value_text: str
    comparator: str
    number: Decimal | None
    unit_as_sent: str
    canonical: Decimal | None
    taken_at: datetime
    received_at: datetime | None
    timing: Timing
    status: Status
    source_id: str
    comment: str
    ref_low: str
    ref_high: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row that waits: where, which value, the stable reason, and what was expected.

    `column` is the sender's own name of the column, empty when the whole row is meant. `raw` is the row
    by fields, for a replay; it is None when the row could not be cut into fields.
    """

    line: int
    column: str
    value: str
    reason: Reason
    message: str
    text: str
    raw: RawResult | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """One well-formed row of something this service does not keep; counted, not an error."""

    line: int
    what: str
    why: str
    text: str


Outcome = NormalisedResult | Refusal | Ignored
