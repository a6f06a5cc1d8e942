"""A laboratory's file as it happens: some rows good, some to be held, each for another reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

FILENAME = "northgate-extra-results.csv"
SOURCE = "Northgate Laboratory"
_HEADER = "mrn,analyte,value,unit,taken_at,timing,ref_low,ref_high,comment,source_id"


def delivery(mrns: Sequence[str], *, taken: datetime) -> bytes:
    """The file for four patients of the unit, sampled at `taken` (aware); the last row repeats the first."""
    one, two, three, four = mrns[:4]
    at = taken.isoformat(timespec="minutes")
    later = (taken + timedelta(minutes=20)).isoformat(timespec="minutes")
    rows = (
        (one, "magnesium", "0.96", "mmol/L", at, "pre", "0.70", "1.00", "", "NG-2001"),
        (two, "crp", "<5", "mg/L", at, "pre", "0", "5", "", "NG-2002"),
        (two, "phosphate", "1.6", "", at, "pre", "0.80", "1.50", "", "NG-2003"),  # no unit
        (three, "calcium", "2.3", "mg/dL", at, "pre", "2.20", "2.60", "", "NG-2004"),  # the number is in mmol/L
        (three, "phosphate", "haemolysed", "mmol/L", at, "pre", "0.80", "1.50", "sample haemolysed", "NG-2005"),
        (three, "potassium", "5.1", "mmol/L", at, "pre", "3.5", "5.3", "", "NG-2006"),  # not kept here
        (four, "BUN", "50", "mg/dL", at, "pre", "15", "40", "", "NG-2007"),  # the range is that of urea
        (four, "PTHX2", "310", "ng/L", at, "pre", "15", "65", "local code", "NG-2008"),
        ("N-77120", "phosphate", "1.45", "mmol/L", later, "pre", "0.80", "1.50", "", "NG-2009"),  # nobody's number
        (one, "magnesium", "0.96", "mmol/L", at, "pre", "0.70", "1.00", "", "NG-2001"),
    )
    return "\n".join((_HEADER, *(",".join(row) for row in rows), "")).encode()
