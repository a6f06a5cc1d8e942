"""Conversion between the units that laboratories send and the canonical unit of each analyte.

There is one table, keyed by (analyte, UCUM unit, kind). A pair that is not in it is refused: a number
whose unit is not understood never becomes a value.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from types import MappingProxyType

from monitoring.clinical.analytes import BY_CODE, Kind
from monitoring.errors import InvalidValue

# Four decimals keep a third SI decimal through every conversion below and fit the stored column.
STORED_STEP = Decimal("0.0001")
_CONTEXT = Context(prec=50, rounding=ROUND_HALF_EVEN)


class MissingUnit(InvalidValue):
    """A number came without a unit."""


class UnknownUnit(InvalidValue):
    """A unit that this service does not know, or that does not measure this analyte."""


class KindConflict(InvalidValue):
    """The unit contradicts what the code says is measured (mass against moles, BUN against urea)."""


@dataclass(frozen=True, slots=True)
class Factor:
    """canonical = value * multiply / divide; kept as two exact numbers so that no rounding is built in."""

    analyte: str
    unit: str
    kind: Kind
    multiply: Decimal
    divide: Decimal
    source: str


_TABLE = "clinical specification, section 6"
_SAME = "canonical unit"


def _factor(analyte: str, unit: str, kind: Kind, multiply: str, divide: str, source: str) -> Factor:
    return Factor(analyte, unit, kind, Decimal(multiply), Decimal(divide), source)


def _calcium(analyte: str) -> tuple[Factor, ...]:
    return (
        _factor(analyte, "mg/dL", Kind.MASS, "1", "1", _SAME),
        _factor(analyte, "mmol/L", Kind.MOLAR, "1", "0.2495", _TABLE),
        _factor(analyte, "meq/L", Kind.MOLAR, "1", "0.499", "derived: two charges, 1 meq = 0.5 mmol"),
    )


FACTORS: tuple[Factor, ...] = (
    *_calcium("calcium"),
    *_calcium("calcium_corrected"),
    _factor("calcium_ionised", "mmol/L", Kind.MOLAR, "1", "1", _SAME),
    _factor("calcium_ionised", "mg/dL", Kind.MASS, "0.2495", "1", _TABLE),
    _factor("calcium_ionised", "meq/L", Kind.MOLAR, "1", "2", "derived: two charges, 1 meq = 0.5 mmol"),
    _factor("phosphate", "mg/dL", Kind.MASS, "1", "1", _SAME),
    _factor("phosphate", "mmol/L", Kind.MOLAR, "1", "0.3229", _TABLE),
    _factor("urea", "mmol/L", Kind.MOLAR, "1", "1", _SAME),
    _factor("urea", "mg/dL", Kind.BUN, "0.357", "1", _TABLE),
    _factor("urea", "mg/dL", Kind.UREA, "0.1665", "1", _TABLE),
    _factor("urea", "g/L", Kind.UREA, "16.65", "1", "derived: 1 g/L = 100 mg/dL"),
    _factor("creatinine", "mg/dL", Kind.MASS, "1", "1", _SAME),
    _factor("creatinine", "mg/L", Kind.MASS, "1", "10", "derived: 1 mg/dL = 10 mg/L"),
    _factor("creatinine", "umol/L", Kind.MOLAR, "1", "88.42", _TABLE),
    _factor("creatinine", "mmol/L", Kind.MOLAR, "1000", "88.42", "derived: 1 mmol/L = 1000 umol/L"),
    _factor("albumin", "g/dL", Kind.MASS, "1", "1", _SAME),
    _factor("albumin", "g/L", Kind.MASS, "1", "10", _TABLE),
    _factor("pth", "pg/mL", Kind.MASS, "1", "1", _SAME),
    _factor("pth", "ng/L", Kind.MASS, "1", "1", _TABLE),
    _factor("pth", "pmol/L", Kind.MOLAR, "1", "0.106", _TABLE),
    _factor("alp", "U/L", Kind.OTHER, "1", "1", _SAME),
    _factor("alp", "ukat/L", Kind.OTHER, "60", "1", _TABLE),
    _factor("bicarbonate", "mmol/L", Kind.MOLAR, "1", "1", _SAME),
    _factor("bicarbonate", "meq/L", Kind.MOLAR, "1", "1", _TABLE),
    _factor("magnesium", "mg/dL", Kind.MASS, "1", "1", _SAME),
    _factor("magnesium", "mmol/L", Kind.MOLAR, "1", "0.4114", _TABLE),
    _factor("magnesium", "meq/L", Kind.MOLAR, "1", "0.8228", "derived: two charges, 1 meq = 0.5 mmol"),
    _factor("vitamin_d_25oh", "ng/mL", Kind.MASS, "1", "1", _SAME),
    _factor("vitamin_d_25oh", "ug/L", Kind.MASS, "1", "1", "derived: 1 ng/mL = 1 ug/L"),
    _factor("vitamin_d_25oh", "nmol/L", Kind.MOLAR, "1", "2.496", _TABLE),
    _factor("crp", "mg/L", Kind.MASS, "1", "1", _SAME),
    _factor("crp", "mg/dL", Kind.MASS, "10", "1", _TABLE),
    _factor("kt_v", "1", Kind.OTHER, "1", "1", _SAME),
    _factor("urr", "%", Kind.OTHER, "1", "1", _SAME),
    _factor("weight", "kg", Kind.OTHER, "1", "1", _SAME),
)

_BY_ANALYTE_UNIT: Mapping[tuple[str, str], tuple[Factor, ...]] = MappingProxyType(
    {
        (row.analyte, row.unit): tuple(
            other for other in FACTORS if (other.analyte, other.unit) == (row.analyte, row.unit)
        )
        for row in FACTORS
    }
)

# Spellings after folding (compatibility form, no spaces, lower case) to UCUM. Case carries no meaning among
# these: no laboratory reports megamoles. "mEq/L" and "IU/L" are not UCUM, yet are what is printed.
SPELLINGS: Mapping[str, str] = MappingProxyType({
    "mg/dl": "mg/dL", "mg/100ml": "mg/dL", "mg%": "mg/dL", "mg/l": "mg/L",
    "g/dl": "g/dL", "g/l": "g/L",
    "mmol/l": "mmol/L", "mm/l": "mmol/L",
    "umol/l": "umol/L", "μmol/l": "umol/L", "mcmol/l": "umol/L", "micromol/l": "umol/L",
    "nmol/l": "nmol/L", "pmol/l": "pmol/L",
    "meq/l": "meq/L",
    "pg/ml": "pg/mL", "ng/l": "ng/L", "ng/ml": "ng/mL",
    "ug/l": "ug/L", "μg/l": "ug/L", "mcg/l": "ug/L",
    "u/l": "U/L", "iu/l": "U/L", "ui/l": "U/L", "[iu]/l": "U/L",
    "ukat/l": "ukat/L", "μkat/l": "ukat/L",
    "%": "%", "1": "1", "{ratio}": "1", "kg": "kg",
})  # fmt: skip


def fold_unit(text: str) -> str:
    """The form in which unit spellings are compared; both micro signs fall together."""
    return "".join(unicodedata.normalize("NFKC", text).split()).lower()


def to_ucum(unit_as_sent: str) -> str | None:
    """The UCUM unit that a spelling stands for, or None when it is not known."""
    return SPELLINGS.get(fold_unit(unit_as_sent))


def accepted_units(analyte: str) -> tuple[str, ...]:
    """The UCUM units in which this analyte is accepted, canonical first."""
    units = dict.fromkeys(row.unit for row in FACTORS if row.analyte == analyte)
    canonical = BY_CODE[analyte].unit
    return (canonical, *(unit for unit in units if unit != canonical))


@lru_cache(maxsize=4096)
def find_factor(analyte: str, kind: Kind | None, unit_as_sent: str) -> Factor:
    """The factor for an analyte sent in this unit, where `kind` is what its code says is measured.

    A kind of BUN or UREA also accepts molar units, in which the two are the same number. Raises
    MissingUnit, UnknownUnit or KindConflict, each naming the units that would be accepted.
    """
    known = BY_CODE[analyte]
    expected = ", ".join(accepted_units(analyte))
    if not unit_as_sent.strip():
        if known.unit != "1":
            raise MissingUnit("missing-unit", f"{known.name} came without a unit; expected one of {expected}.")
        unit_as_sent = "1"
    unit = to_ucum(unit_as_sent)
    if unit is None:
        raise UnknownUnit("unknown-unit", f"The unit “{unit_as_sent}” is not known; expected one of {expected}.")
    rows = _BY_ANALYTE_UNIT.get((analyte, unit), ())
    if not rows:
        raise UnknownUnit("unit-not-of-analyte", f"{known.name} is not accepted in {unit}; expected one of {expected}.")
    if kind is None or kind is Kind.OTHER:
        fitting = rows
    else:
        shared = (Kind.MOLAR,) if kind in (Kind.BUN, Kind.UREA) else ()
        fitting = tuple(row for row in rows if row.kind in (kind, *shared))
    if not fitting:
        raise KindConflict(
            "code-unit-conflict",
            f"The code is for {known.name} as {_KIND_WORDS[kind] if kind else ''}, "
            f"but the unit {unit} measures {_KIND_WORDS[rows[0].kind]}.",
        )
    if len(fitting) > 1:
        raise KindConflict(
            "urea-or-bun-unclear",
            f"In {unit} this could be urea or urea nitrogen (BUN), which differ by a factor of 2.14; "
            "send LOINC 3094-0 (BUN) or 3091-6 (urea), or name it “BUN” or “urea”.",
        )
    return fitting[0]


_KIND_WORDS: Mapping[Kind | None, str] = MappingProxyType(
    {
        Kind.MASS: "a mass concentration",
        Kind.MOLAR: "a molar concentration",
        Kind.BUN: "urea nitrogen (BUN)",
        Kind.UREA: "urea",
        Kind.OTHER: "something else",
    }
)


def to_canonical(analyte: str, kind: Kind | None, value: Decimal, unit_as_sent: str) -> Decimal:
    """The value in the canonical unit of the analyte, to four decimals, half to even.

    Raises InvalidValue for a value that is not finite, and what find_factor raises.
    """
    if not value.is_finite():
        raise InvalidValue("not-a-number", f"“{value}” is not a finite number.")
    return apply_factor(find_factor(analyte, kind, unit_as_sent), value)


def apply_factor(factor: Factor, value: Decimal) -> Decimal:
    """The finite value in the canonical unit, to four decimals, half to even."""
    product = _CONTEXT.multiply(value, factor.multiply)
    return _CONTEXT.divide(product, factor.divide).quantize(STORED_STEP, context=_CONTEXT)


def from_canonical(analyte: str, value: Decimal, unit: str, *, kind: Kind | None = None) -> Decimal:
    """A canonical value in another accepted unit, to four decimals, half to even.

    Urea in mg/dL needs `kind` (BUN or UREA). Raises what find_factor raises.
    """
    factor = find_factor(analyte, kind, unit)
    product = _CONTEXT.multiply(value, factor.divide)
    return _CONTEXT.divide(product, factor.multiply).quantize(STORED_STEP, context=_CONTEXT)


@dataclass(frozen=True, slots=True)
class DisplayedValue:
    """A value as a screen shows it: rounded to the digits usual in that unit, and the unit's label."""

    number: Decimal
    unit: str


def display_value(analyte: str, value: Decimal, *, si: bool) -> DisplayedValue:
    """A canonical value in the conventional or SI display unit, rounded for reading only.

    Never judge with the rounded number. Conventional urea is shown as BUN and labelled so.
    """
    known = BY_CODE[analyte]
    unit = known.si_unit if si else known.conventional_unit
    decimals = known.si_decimals if si else known.conventional_decimals
    as_bun = analyte == "urea" and not si
    number = from_canonical(analyte, value, unit, kind=Kind.BUN if as_bun else None)
    rounded = number.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN)
    return DisplayedValue(rounded, "mg/dL BUN" if as_bun else "" if unit == "1" else unit)
