"""Reading of one printed result: comparator and exact number, or a named reason why it is none.

Nothing here repairs a value. A text that is not plainly a number is refused with its reason, and a number
outside what a patient can have is held, with a hint when it would fit another unit.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from monitoring.clinical.analytes import BY_CODE, Kind
from monitoring.clinical.units import FACTORS, apply_factor, find_factor


class Unreadable(StrEnum):
    """Why a result text gives no number."""

    EMPTY = "empty"
    REDACTED = "redacted"
    CANCELLED = "cancelled"
    HAEMOLYSED = "haemolysed"
    PENDING = "pending"
    AMBIGUOUS_SEPARATOR = "ambiguous_separator"
    NOT_A_NUMBER = "not_a_number"


@dataclass(frozen=True, slots=True)
class Reading:
    """A result as printed, its comparator ("", "<", ">", "<=" or ">=") and its exact number."""

    text: str
    comparator: str
    number: Decimal


@dataclass(frozen=True, slots=True)
class UnreadableReading:
    """A result text that gives no number, the reason, and what was expected."""

    text: str
    reason: Unreadable
    message: str


@dataclass(frozen=True, slots=True)
class Implausible:
    """A number that is held: `reason` is "implausible" or "probable_unit_swap"; limits are canonical."""

    reason: str
    message: str
    low: Decimal
    high: Decimal
    unit: str
    likely_unit: str | None


_COMPARATORS = {"<=": "<=", "=<": "<=", "≤": "<=", ">=": ">=", "=>": ">=", "≥": ">=", "<": "<", ">": ">"}
_PREFIX = re.compile(r"(<=|=<|≤|>=|=>|≥|<|>)\s*")
# Flags that analysers print behind the number; they repeat what the number says.
_FLAG = re.compile(r"\s*(?:\*{1,2}|\s(?:HH?|LL?))$", re.ASCII)
# Twelve digits before and eight after the point are far beyond any result and keep arithmetic exact.
_NUMBER = re.compile(r"[-+]?(?:[0-9]{1,12}(?:\.[0-9]{1,8})?|\.[0-9]{1,8})")
_REDACTED = re.compile(r"_{2,}|\*{3,}|x{3,}|#{2,}|\[?\s*redacted\s*\]?|\[\*\*.*\*\*\]", re.IGNORECASE)
_CANCELLED = re.compile(
    r"cancel|not done|not performed|not received|no sample|no specimen|insufficient|\bqns\b|unable to report"
    r"|duplicate order|test not available|annul[ée]",
    re.IGNORECASE,
)
_PENDING = re.compile(r"pending|to follow|in progress|in process|see (?:comment|note|below)", re.IGNORECASE)
_HAEMOLYSED = re.compile(r"ha?emoly|hémoly", re.IGNORECASE)
_NOT_HAEMOLYSED = re.compile(
    r"\b(?:not|non|no|without|no evidence of|no visible|pas d['’e])[\s-]*(?:grossly\s+)?"
    r"(?:ha?emoly|hémoly)\w*",
    re.IGNORECASE,
)

_MESSAGES = {
    Unreadable.EMPTY: "There is no value.",
    Unreadable.REDACTED: "The value is blanked out; the number itself is needed.",
    Unreadable.CANCELLED: "The laboratory gave no result (cancelled or not done).",
    Unreadable.HAEMOLYSED: "The sample was haemolysed; a value from it cannot be trusted.",
    Unreadable.PENDING: "The result is not there yet.",
    Unreadable.AMBIGUOUS_SEPARATOR: (
        "The separator can be a decimal sign or a thousands sign; state “decimal” (and “thousands”, "
        "if used) in the mapping."
    ),
    Unreadable.NOT_A_NUMBER: "Expected a plain number such as 5.6, <0.5 or >=90.",
}


def says_haemolysed(text: str) -> bool:
    """Whether a comment or value says that the sample was haemolysed ("not haemolysed" does not)."""
    return bool(_HAEMOLYSED.search(_NOT_HAEMOLYSED.sub(" ", text)))


def parse_reading(text: str, *, decimal: str = ".", thousands: str = "") -> Reading | UnreadableReading:
    """Read one printed result exactly, by the stated decimal sign ("." or ",") and thousands sign.

    Without a stated thousands sign a grouped number such as "1,234" is refused, never interpreted.
    Exponents, spaces inside a number, NaN and infinity are refused.
    """
    trimmed = text.replace("\u00a0", " ").strip()
    reason = _reason_for_words(trimmed)
    if reason is not None:
        return UnreadableReading(text, reason, _MESSAGES[reason])
    comparator, rest = "", trimmed
    prefix = _PREFIX.match(trimmed)
    if prefix:
        comparator, rest = _COMPARATORS[prefix[1]], trimmed[prefix.end() :]
    digits = _plain_digits(_FLAG.sub("", rest), decimal, thousands)
    if isinstance(digits, Unreadable):
        return UnreadableReading(text, digits, _MESSAGES[digits])
    return Reading(text, comparator, Decimal(digits))


def _reason_for_words(trimmed: str) -> Unreadable | None:
    if not trimmed:
        return Unreadable.EMPTY
    if trimmed[0] in "0123456789" and trimmed.isascii() and len(trimmed) < 8:
        return None  # the usual case: no need to look for words
    if _REDACTED.fullmatch(trimmed):
        return Unreadable.REDACTED
    if says_haemolysed(trimmed):
        return Unreadable.HAEMOLYSED
    if _CANCELLED.search(trimmed):
        return Unreadable.CANCELLED
    if _PENDING.search(trimmed):
        return Unreadable.PENDING
    return None


def _plain_digits(text: str, decimal: str, thousands: str) -> str | Unreadable:
    """The number with a point as decimal sign and no grouping, or why it is not one."""
    if thousands and thousands in text:
        whole, sign, fraction = text.partition(decimal)
        groups = whole.lstrip("+-").split(thousands)
        well_grouped = 1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
        if not well_grouped or thousands in fraction:
            return Unreadable.NOT_A_NUMBER
        text = whole.replace(thousands, "") + sign + fraction
    other = "," if decimal == "." else "."
    if other in text:
        bare = text.replace(other, "").replace(decimal, "")
        looks_numeric = bare.lstrip("+-").isascii() and bare.lstrip("+-").isdigit()
        return Unreadable.AMBIGUOUS_SEPARATOR if looks_numeric else Unreadable.NOT_A_NUMBER
    plain = text.replace(decimal, ".")
    return plain if _NUMBER.fullmatch(plain) else Unreadable.NOT_A_NUMBER


def check_plausible(
    analyte: str,
    canonical: Decimal,
    *,
    value: Decimal | None = None,
    unit: str = "",
    kind: Kind | None = None,
) -> Implausible | None:
    """Why a canonical value cannot be a patient's, or None when it lies within the entry limits.

    `value`, `unit` and `kind` are as sent (default: the canonical value and unit); with them the answer can
    say that the same number would fit another unit (CLINICAL section 6, unit-swap checks). The value is
    held, never corrected.
    """
    known = BY_CODE[analyte]
    if known.low <= canonical <= known.high:
        return None
    sent_unit = unit or known.unit
    sent_value = canonical if value is None else value
    sent = find_factor(analyte, kind or _default_kind(analyte, sent_unit), sent_unit)
    limits = f"{known.name} must lie between {known.low} and {known.high} {known.unit}"
    for row in FACTORS:
        if row.analyte != analyte or (row.multiply, row.divide) == (sent.multiply, sent.divide):
            continue
        if known.low <= apply_factor(row, sent_value) <= known.high:
            return Implausible(
                "probable_unit_swap",
                f"{known.short} {sent_value} {sent_unit} looks like {row.unit}. {limits}.",
                known.low,
                known.high,
                known.unit,
                row.unit,
            )
    return Implausible(
        "implausible", f"{sent_value} {sent_unit} is not possible. {limits}.", known.low, known.high,
        known.unit, None,
    )  # fmt: skip


def _default_kind(analyte: str, unit: str) -> Kind | None:
    return Kind.UREA if analyte == "urea" and unit != "mmol/L" else None
