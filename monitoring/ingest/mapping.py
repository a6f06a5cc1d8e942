"""The description of a sender's files: which column is what, how numbers and dates are printed, what codes mean."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from monitoring.clinical.analytes import BY_CODE, CodeMeaning, Timing, find_meaning
from monitoring.clinical.units import SPELLINGS, to_ucum
from monitoring.errors import InvalidValue
from monitoring.ingest.dates import DateFormat, compile_date_format
from monitoring.ingest.raw import FIELDS, InvalidMapping

NOT_KEPT_WORD = "not kept"
_DELIMITERS = {",": ",", ";": ";", "|": "|", "\t": "\t", "tab": "\t"}
_ENCODINGS = ("utf-8", "cp1252", "iso-8859-1", "iso-8859-15")
_CONSTANT_FIELDS = ("unit", "timing", "status", "specimen", "code", "name")


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """How one sender's files are read. Everything left out is found from the file or left unknown.

    `columns` maps our field names to the sender's column names; empty means the usual names. `code_map`
    holds the sender's own codes (None: deliberately not kept). `specimens`, when given, are the only
    specimen words taken. `value_number` (a column) replaces a value that is blanked out or empty.
    `ids_are_of_samples` says that one id covers all analytes of a sample, so that it needs the analyte beside it.
    """

    columns: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    constants: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    delimiter: str = ""
    encoding: str = ""
    decimal: str = ""
    thousands: str = ""
    date_format: DateFormat | None = None
    code_map: Mapping[str, CodeMeaning | None] = field(default_factory=lambda: MappingProxyType({}))
    unit_map: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    specimens: frozenset[str] = frozenset()
    dates_may_be_in_future: bool = False
    ids_are_of_samples: bool = False
    source: str = ""

    def column_of(self, name: str) -> str:
        """The sender's name for one of our fields, for messages."""
        return self.columns.get(name, name)


DEFAULT_MAPPING = ColumnMapping()


def load_mapping(text: str | bytes) -> ColumnMapping:
    """The mapping in a JSON document. Raises InvalidMapping, whose message names the key that is wrong."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidMapping("invalid-mapping", f"The mapping is not a JSON document: {error}.") from None
    if not isinstance(document, dict):
        raise InvalidMapping("invalid-mapping", "The mapping must be a JSON object ({ … }).")
    values: dict[str, Any] = {}
    for key, value in document.items():
        read = _READERS.get(key)
        if read is None:
            known = ", ".join(sorted(_READERS))
            raise _wrong(key, f"is not a known key; known are {known}")
        if value is not None:
            values[key] = read(key, value)
    number_column = values.pop("value_number_column", None)
    if number_column:
        values["columns"] = MappingProxyType({**values.get("columns", {}), "value_number": number_column})
    values.pop("comment", None)
    mapping = ColumnMapping(**values)
    if mapping.thousands and mapping.thousands == (mapping.decimal or "."):
        raise _wrong("thousands", "must differ from the decimal sign")
    return mapping


def _wrong(key: str, problem: str) -> InvalidMapping:
    return InvalidMapping("invalid-mapping", f"In the mapping, “{key}” {problem}.", key=key)


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _wrong(key, "must be a text that is not empty")
    return value


def _object(key: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(key, "must be an object ({ … })")
    return value


def _flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong(key, "must be true or false")
    return value


def _columns(key: str, value: Any) -> Mapping[str, str]:
    columns = {}
    for name, column in _object(key, value).items():
        if name not in FIELDS:
            raise _wrong(f"{key}.{name}", f"is not a field; fields are {', '.join(FIELDS)}")
        columns[name] = _text(f"{key}.{name}", column)
    if not columns:
        raise _wrong(key, "is empty; leave it out to use the usual column names")
    return MappingProxyType(columns)


def _constants(key: str, value: Any) -> Mapping[str, str]:
    constants = {}
    for name, constant in _object(key, value).items():
        if name not in _CONSTANT_FIELDS:
            raise _wrong(f"{key}.{name}", f"cannot be constant; possible are {', '.join(_CONSTANT_FIELDS)}")
        constants[name] = _text(f"{key}.{name}", constant)
    if constants.get("timing", "pre") not in tuple(Timing):
        raise _wrong(f"{key}.timing", f"must be one of {', '.join(Timing)}")
    if "unit" in constants and to_ucum(constants["unit"]) is None:
        raise _wrong(f"{key}.unit", f"is not a known unit (“{constants['unit']}”)")
    return MappingProxyType(constants)


def _delimiter(key: str, value: Any) -> str:
    if not isinstance(value, str) or value not in _DELIMITERS:
        raise _wrong(key, "must be a comma, a semicolon, a bar (|) or “tab”")
    return _DELIMITERS[value]


def _encoding(key: str, value: Any) -> str:
    if not isinstance(value, str) or value.lower() not in _ENCODINGS:
        raise _wrong(key, f"must be one of {', '.join(_ENCODINGS)}")
    return value.lower()


def _decimal(key: str, value: Any) -> str:
    if value not in (".", ","):
        raise _wrong(key, "must be “.” or “,”")
    return str(value)


def _thousands(key: str, value: Any) -> str:
    if value not in (".", ",", " ", "'"):
        raise _wrong(key, "must be “.”, “,”, “'” or a space")
    return str(value)


def _date_format(key: str, value: Any) -> DateFormat:
    try:
        return compile_date_format(_text(key, value))
    except InvalidMapping:
        raise
    except InvalidValue as error:
        raise _wrong(key, f"is wrong: {error.message.rstrip('.')}") from None


def _code_map(key: str, value: Any) -> Mapping[str, CodeMeaning | None]:
    return MappingProxyType(
        {
            code.strip(): _meaning(f"{key}.{code}", target)
            for code, target in _object(key, value).items()
        }
    )  # fmt: skip


def _meaning(key: str, target: Any) -> CodeMeaning | None:
    timing: Timing | None = None
    if isinstance(target, dict):
        unknown = set(target) - {"code", "timing"}
        if unknown or "code" not in target:
            raise _wrong(key, "must be a code, or an object with “code” and, if stated, “timing”")
        if "timing" in target:
            if target["timing"] not in tuple(Timing):
                raise _wrong(f"{key}.timing", f"must be one of {', '.join(Timing)}")
            timing = Timing(target["timing"])
        target = target["code"]
    text = _text(key, target)
    if text.strip().casefold() == NOT_KEPT_WORD:
        return None
    meaning = find_meaning(text)
    if meaning is None:
        raise _wrong(
            key,
            f"names “{text}”, which is neither a LOINC code known here nor an analyte ({', '.join(BY_CODE)}) "
            f"nor “{NOT_KEPT_WORD}”",
        )
    if timing is not None and meaning.timing not in (None, timing):
        raise _wrong(f"{key}.timing", f"contradicts {text}, which is {meaning.timing}-dialysis")
    return CodeMeaning(meaning.analyte, meaning.kind, timing or meaning.timing, meaning.mark)


def _unit_map(key: str, value: Any) -> Mapping[str, str]:
    units = {}
    for sent, unit in _object(key, value).items():
        ucum = to_ucum(_text(f"{key}.{sent}", unit))
        if ucum is None:
            known = ", ".join(sorted(set(SPELLINGS.values())))
            raise _wrong(f"{key}.{sent}", f"names the unknown unit “{unit}”; known are {known}")
        units[sent.strip()] = ucum
    return MappingProxyType(units)


def _specimens(key: str, value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not value:
        raise _wrong(key, "must be a list of words such as [“Blood”, “Serum”]")
    return frozenset(_text(key, word).strip().casefold() for word in value)


_READERS: Mapping[str, Callable[[str, Any], Any]] = MappingProxyType(
    {
        "columns": _columns,
        "constants": _constants,
        "delimiter": _delimiter,
        "encoding": _encoding,
        "decimal": _decimal,
        "thousands": _thousands,
        "date_format": _date_format,
        "code_map": _code_map,
        "unit_map": _unit_map,
        "specimens": _specimens,
        "value_number_column": _text,
        "dates_may_be_in_future": _flag,
        "ids_are_of_samples": _flag,
        "source": _text,
        "comment": _text,
    }
)
