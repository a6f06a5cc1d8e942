"""Puts simulated results into the units and codes in which a laboratory of a country would send them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

import pandas as pd

from monitoring.clinical.analytes import BY_CODE, LOINC, Kind
from monitoring.clinical.units import FACTORS, from_canonical, to_canonical


class SendingStyle(StrEnum):
    """The units a laboratory prints: conventional (mg/dL, urea as BUN) or SI (mmol/L)."""

    CONVENTIONAL = "conventional"
    SI = "si"


@dataclass(frozen=True, slots=True)
class SentAs:
    """How one analyte is sent: unit, decimals, what the number measures, and the LOINC code ("" for none)."""

    unit: str
    decimals: int
    kind: Kind
    loinc: str


def _sent_as(analyte: str, style: SendingStyle) -> SentAs:
    known = BY_CODE[analyte]
    si = style is SendingStyle.SI
    unit = known.si_unit if si else known.conventional_unit
    decimals = known.si_decimals if si else known.conventional_decimals
    kinds = [row.kind for row in FACTORS if (row.analyte, row.unit) == (analyte, unit)]
    kind = Kind.BUN if Kind.BUN in kinds else kinds[0]
    codes = [
        code for code, meaning in LOINC.items()
        if meaning.analyte == analyte and meaning.kind == kind and meaning.timing is None and meaning.mark == "R"
    ]  # fmt: skip
    return SentAs(unit, decimals, kind, codes[0] if codes else "")


STYLES: Mapping[SendingStyle, Mapping[str, SentAs]] = MappingProxyType(
    {style: MappingProxyType({analyte: _sent_as(analyte, style) for analyte in BY_CODE}) for style in SendingStyle}
)


def send_results(readings: pd.DataFrame, style: SendingStyle) -> pd.DataFrame:
    """`readings` with columns sent_text, sent_unit, sent_code, comparator and received_value.

    `received_value` is what the service makes of the sent text: the canonical number, to four decimals. It
    differs from `value` by the rounding of the sent unit. Exact decimals are used once per distinct result.
    """
    keys = pd.DataFrame({"analyte": readings["analyte"].astype(str), "text": readings["value_text"]})
    distinct = keys.drop_duplicates(ignore_index=True)
    sent = [_send(analyte, text, style) for analyte, text in distinct.itertuples(index=False)]
    columns = ["sent_text", "sent_unit", "sent_code", "comparator", "received_value"]
    table = pd.concat([distinct, pd.DataFrame(sent, columns=columns)], axis=1)
    found = keys.merge(table, on=["analyte", "text"], how="left", validate="many_to_one")
    return readings.assign(**{column: found[column].to_numpy() for column in columns})


def _send(analyte: str, text: str, style: SendingStyle) -> tuple[str, str, str, str, float]:
    how = STYLES[style][analyte]
    comparator = "<" if text.startswith("<") else ""
    canonical = Decimal(text.removeprefix("<"))
    number = from_canonical(analyte, canonical, how.unit, kind=how.kind)
    printed = f"{number:.{how.decimals}f}"
    received = float(to_canonical(analyte, how.kind, Decimal(printed), how.unit))
    return comparator + printed, how.unit, how.loinc, comparator, received
