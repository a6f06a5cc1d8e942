"""The laboratory analytes this service keeps, and the codes and names by which senders call them.

Marks on codes: R = read in a published value set or code table, K = general knowledge; see the code
sources in the clinical specification. A code that is not listed here is unknown and its result waits in
quarantine: codes are never guessed from similar ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """What a number measures, where the analyte alone does not say (the property of a LOINC code)."""

    MASS = "mass"  # mass per volume, such as mg/dL
    MOLAR = "molar"  # amount of substance per volume, such as mmol/L
    BUN = "bun"  # mass of urea *nitrogen* per volume: 1 mg/dL = 0.357 mmol/L of urea
    UREA = "urea"  # mass of urea per volume: 1 mg/dL = 0.1665 mmol/L of urea
    OTHER = "other"  # enzyme activity, ratios, weight: one dimension, nothing to confuse


class Timing(StrEnum):
    """When a sample was drawn relative to the dialysis session."""

    PRE = "pre"
    POST = "post"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Analyte:
    """One kept quantity.

    `low`..`high` are the entry limits in the canonical `unit`, both ends allowed: outside them a number
    is held as an error of entry or unit. `decimals` is the precision, in the canonical unit, at which
    numbers are compared with limits (fine enough that the last digit of an SI value survives the
    conversion); the two display units carry their own.
    """

    code: str
    name: str
    short: str
    unit: str
    decimals: int
    low: Decimal
    high: Decimal
    conventional_unit: str
    conventional_decimals: int
    si_unit: str
    si_decimals: int
    source: str


@dataclass(frozen=True, slots=True)
class CodeMeaning:
    """What a code or name from a sender stands for; `kind` None means that the unit alone decides."""

    analyte: str
    kind: Kind | None = None
    timing: Timing | None = None
    mark: str = "K"


def _analyte(
    code: str,
    name: str,
    short: str,
    canonical: tuple[str, int],
    limits: tuple[str, str],
    conventional: tuple[str, int],
    si: tuple[str, int],
    source: str,
) -> Analyte:
    low, high = (Decimal(limit) for limit in limits)
    return Analyte(code, name, short, *canonical, low, high, *conventional, *si, source)


_LIMITS = "Entry limits: expert default, uncalibrated (clinical specification, section 6)"

ANALYTES: tuple[Analyte, ...] = (
    _analyte("calcium", "Calcium, total", "Ca",
             ("mg/dL", 2), ("4", "20"), ("mg/dL", 1), ("mmol/L", 2), _LIMITS),
    _analyte("calcium_corrected", "Calcium corrected for albumin, by the laboratory", "cCa",
             ("mg/dL", 2), ("4", "20"), ("mg/dL", 1), ("mmol/L", 2), _LIMITS),
    _analyte("calcium_ionised", "Calcium, ionised", "iCa",
             ("mmol/L", 2), ("0.4", "2.5"), ("mg/dL", 2), ("mmol/L", 2), _LIMITS),
    _analyte("phosphate", "Phosphate", "P",
             ("mg/dL", 2), ("0.5", "20"), ("mg/dL", 1), ("mmol/L", 2), _LIMITS),
    # The conventional display of urea is BUN in mg/dL; the number is marked as BUN wherever it is shown.
    _analyte("urea", "Urea", "Urea",
             ("mmol/L", 2), ("1", "80"), ("mg/dL", 0), ("mmol/L", 1), _LIMITS),
    _analyte("creatinine", "Creatinine", "Creat",
             ("mg/dL", 2), ("0.3", "30"), ("mg/dL", 1), ("umol/L", 0), _LIMITS),
    _analyte("albumin", "Albumin", "Alb",
             ("g/dL", 2), ("0.8", "6.5"), ("g/dL", 1), ("g/L", 0), _LIMITS),
    _analyte("pth", "Parathyroid hormone, intact", "PTH",
             ("pg/mL", 1), ("1", "10000"), ("pg/mL", 0), ("pmol/L", 1), _LIMITS),
    _analyte("alp", "Alkaline phosphatase", "ALP",
             ("U/L", 1), ("5", "5000"), ("U/L", 0), ("U/L", 0), _LIMITS),
    _analyte("bicarbonate", "Bicarbonate", "HCO3",
             ("mmol/L", 1), ("5", "50"), ("mmol/L", 0), ("mmol/L", 0), _LIMITS),
    # The specification limits magnesium to 0.2-5 mmol/L; in mg/dL (x 0.4114) that is 0.4861-12.1536.
    _analyte("magnesium", "Magnesium", "Mg",
             ("mg/dL", 2), ("0.4861", "12.1536"), ("mg/dL", 1), ("mmol/L", 2), _LIMITS),
    _analyte("vitamin_d_25oh", "25-hydroxyvitamin D", "25-OH-D",
             ("ng/mL", 1), ("1", "250"), ("ng/mL", 0), ("nmol/L", 0), _LIMITS),
    _analyte("crp", "C-reactive protein", "CRP",
             ("mg/L", 1), ("0", "600"), ("mg/L", 1), ("mg/L", 1), _LIMITS),
    _analyte("kt_v", "Single-pool Kt/V", "Kt/V",
             ("1", 2), ("0.2", "3.5"), ("1", 2), ("1", 2), _LIMITS),
    _analyte("urr", "Urea reduction ratio", "URR",
             ("%", 1), ("10", "95"), ("%", 0), ("%", 0), _LIMITS),
    _analyte("weight", "Body weight", "Weight",
             ("kg", 1), ("20", "300"), ("kg", 1), ("kg", 1), _LIMITS),
)  # fmt: skip

BY_CODE: Mapping[str, Analyte] = MappingProxyType({analyte.code: analyte for analyte in ANALYTES})

# LOINC codes of the clinical specification, section 6. Beware 11065-0 (pre) and 11064-3 (post): one digit
# apart and in the "wrong" order; swapping them turns an ordinary session into a catastrophic one.
LOINC: Mapping[str, CodeMeaning] = MappingProxyType({
    "17861-6": CodeMeaning("calcium", Kind.MASS, None, "R"),
    "2000-8": CodeMeaning("calcium", Kind.MOLAR, None, "R"),
    "46099-8": CodeMeaning("calcium_corrected", Kind.MASS, None, "R"),
    "29265-6": CodeMeaning("calcium_corrected", Kind.MOLAR, None, "R"),
    "17864-0": CodeMeaning("calcium_ionised", Kind.MASS, None, "R"),
    "1994-3": CodeMeaning("calcium_ionised", Kind.MOLAR, None, "R"),
    "1995-0": CodeMeaning("calcium_ionised", Kind.MOLAR, None, "R"),
    "12180-6": CodeMeaning("calcium_ionised", Kind.MOLAR, None, "K"),
    "2777-1": CodeMeaning("phosphate", Kind.MASS, None, "R"),
    "14879-1": CodeMeaning("phosphate", Kind.MOLAR, None, "R"),
    "3094-0": CodeMeaning("urea", Kind.BUN, None, "R"),
    "3091-6": CodeMeaning("urea", Kind.UREA, None, "R"),
    "11065-0": CodeMeaning("urea", Kind.BUN, Timing.PRE, "R"),
    "11064-3": CodeMeaning("urea", Kind.BUN, Timing.POST, "R"),
    "17760-0": CodeMeaning("urea", Kind.BUN, Timing.PRE, "R"),
    "48629-0": CodeMeaning("urea", Kind.BUN, Timing.POST, "R"),
    "22664-7": CodeMeaning("urea", Kind.MOLAR, None, "R"),
    # "Urea nitrogen, moles/volume": laboratories report it as mmol/L of urea (BUN mg/dL x 0.357).
    "14937-7": CodeMeaning("urea", Kind.MOLAR, None, "R"),
    "2160-0": CodeMeaning("creatinine", Kind.MASS, None, "R"),
    "11042-9": CodeMeaning("creatinine", Kind.MASS, Timing.PRE, "R"),
    "11041-1": CodeMeaning("creatinine", Kind.MASS, Timing.POST, "R"),
    "14682-9": CodeMeaning("creatinine", Kind.MOLAR, None, "R"),
    "51619-5": CodeMeaning("creatinine", Kind.MOLAR, Timing.PRE, "R"),
    "51620-3": CodeMeaning("creatinine", Kind.MOLAR, Timing.POST, "R"),
    "1751-7": CodeMeaning("albumin", Kind.MASS, None, "R"),
    # Known, but no factor from umol/L to g/dL was read in a source: its values are refused with a reason.
    "54347-0": CodeMeaning("albumin", Kind.MOLAR, None, "K"),
    "2731-8": CodeMeaning("pth", Kind.MASS, None, "R"),
    "14866-8": CodeMeaning("pth", Kind.MOLAR, None, "R"),
    "6768-6": CodeMeaning("alp", Kind.OTHER, None, "K"),
    "1963-8": CodeMeaning("bicarbonate", Kind.MOLAR, None, "R"),
    "2028-9": CodeMeaning("bicarbonate", Kind.MOLAR, None, "K"),
    "19123-9": CodeMeaning("magnesium", Kind.MASS, None, "K"),
    "2601-3": CodeMeaning("magnesium", Kind.MOLAR, None, "K"),
    "62292-8": CodeMeaning("vitamin_d_25oh", Kind.MASS, None, "R"),
    "1989-3": CodeMeaning("vitamin_d_25oh", Kind.MASS, None, "R"),
    "68438-1": CodeMeaning("vitamin_d_25oh", Kind.MOLAR, None, "K"),
    "1988-5": CodeMeaning("crp", Kind.MASS, None, "K"),
    "8347-7": CodeMeaning("weight", Kind.OTHER, Timing.PRE, "R"),
    "8344-4": CodeMeaning("weight", Kind.OTHER, Timing.POST, "R"),
})  # fmt: skip

# Names accepted in files: exact, whatever the case. "urea" and "BUN" are different inputs. Names that two
# quantities share ("P", "vitamin D", "CO2") are left out on purpose.
_NAMES: tuple[tuple[CodeMeaning, tuple[str, ...]], ...] = (
    (CodeMeaning("calcium"),
     ("calcium", "ca", "calcium, total", "calcium total", "total calcium", "serum calcium", "calcémie")),
    (CodeMeaning("calcium_corrected"),
     ("calcium_corrected", "corrected calcium", "calcium, corrected", "calcium corrected", "cca",
      "adjusted calcium", "calcium, adjusted", "calcium adjusted", "albumin-corrected calcium")),
    (CodeMeaning("calcium_ionised"),
     ("calcium_ionised", "ionised calcium", "ionized calcium", "calcium, ionised", "calcium, ionized",
      "ica", "ca++", "free calcium")),
    (CodeMeaning("phosphate"),
     ("phosphate", "phosphorus", "po4", "phos", "inorganic phosphate", "inorganic phosphorus",
      "serum phosphate", "phosphore")),
    (CodeMeaning("urea", Kind.UREA), ("urea", "serum urea", "urée")),
    (CodeMeaning("urea", Kind.UREA, Timing.PRE), ("urea pre", "pre urea", "pre-dialysis urea")),
    (CodeMeaning("urea", Kind.UREA, Timing.POST), ("urea post", "post urea", "post-dialysis urea")),
    (CodeMeaning("urea", Kind.BUN), ("bun", "urea nitrogen", "blood urea nitrogen", "urea-n")),
    (CodeMeaning("urea", Kind.BUN, Timing.PRE), ("bun pre", "pre bun", "pre-dialysis bun")),
    (CodeMeaning("urea", Kind.BUN, Timing.POST), ("bun post", "post bun", "post-dialysis bun")),
    (CodeMeaning("creatinine"), ("creatinine", "creat", "crea", "cr", "serum creatinine", "créatinine")),
    (CodeMeaning("albumin"), ("albumin", "alb", "serum albumin", "albumine")),
    (CodeMeaning("pth"),
     ("pth", "ipth", "intact pth", "pth intact", "pth, intact", "parathyroid hormone", "parathormone")),
    (CodeMeaning("alp"), ("alp", "alkaline phosphatase", "alk phos", "alkp")),
    (CodeMeaning("bicarbonate"),
     ("bicarbonate", "bicarbonates", "hco3", "hco3-", "tco2", "total co2", "co2, total")),
    (CodeMeaning("magnesium"), ("magnesium", "mg", "serum magnesium", "magnésium")),
    (CodeMeaning("vitamin_d_25oh"),
     ("vitamin_d_25oh", "25-oh-d", "25-oh vitamin d", "25oh vitamin d", "25-hydroxyvitamin d",
      "25-hydroxy vitamin d", "calcidiol")),
    (CodeMeaning("crp"), ("crp", "c-reactive protein", "c reactive protein")),
    (CodeMeaning("kt_v"), ("kt_v", "kt/v", "ktv", "spkt/v", "sp kt/v")),
    (CodeMeaning("urr"), ("urr", "urea reduction ratio")),
    (CodeMeaning("weight"), ("weight", "body weight")),
    (CodeMeaning("weight", None, Timing.PRE), ("weight pre", "pre weight", "pre-dialysis weight")),
    (CodeMeaning("weight", None, Timing.POST), ("weight post", "post weight", "post-dialysis weight")),
)  # fmt: skip

NAMES: Mapping[str, CodeMeaning] = MappingProxyType({name: meaning for meaning, names in _NAMES for name in names})

# Well-known results that this service has no use for: answered as "not kept", counted, not an error.
NOT_KEPT: frozenset[str] = frozenset({
    "potassium", "k", "potassium, whole blood", "sodium", "na", "chloride", "cl", "glucose",
    "haemoglobin", "hemoglobin", "hb", "hgb", "haematocrit", "hematocrit", "hct", "hba1c",
    "ferritin", "iron", "iron binding capacity, total", "iron binding capacity", "tibc", "transferrin",
    "transferrin saturation", "tsat", "uric acid", "urate", "wbc", "white blood cells", "rbc",
    "red blood cells", "platelets", "plt", "platelet count", "mcv", "mch", "mchc", "rdw",
    "alt", "ast", "ggt", "ldh", "bilirubin", "total bilirubin", "total protein", "cholesterol",
    "triglycerides", "inr", "pt", "aptt", "tsh", "troponin t", "troponin i", "lactate", "anion gap",
    # LOINC of the commonest of them (K): potassium, sodium, chloride, glucose, haemoglobin, HbA1c.
    "2823-3", "2951-2", "2075-0", "2345-7", "718-7", "4548-4",
    # The service multiplies calcium and phosphate itself; a product computed elsewhere is not taken.
    "caxp", "ca x p", "calcium phosphate product", "calcium-phosphate product",
})  # fmt: skip


def fold_name(text: str) -> str:
    """The form in which names are compared: trimmed, single spaces, case folded."""
    return " ".join(text.split()).casefold()


def find_meaning(code_or_name: str) -> CodeMeaning | None:
    """What a LOINC code or an accepted name stands for, or None when it is not kept or not known."""
    text = code_or_name.strip()
    return LOINC.get(text) or NAMES.get(fold_name(text))


def is_not_kept(code_or_name: str) -> bool:
    """Whether the code or name is of a well-known result that this service deliberately does not keep."""
    return fold_name(code_or_name) in NOT_KEPT
