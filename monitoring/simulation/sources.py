"""The publications behind the figures of the simulator, by the short keys under which they are cited."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# A figure without a publication carries this instead of a key: it may be wrong, and nobody has checked it.
UNCALIBRATED = "expert default, uncalibrated"

SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "BOM": "Bommer J, 2004, PMID 15384017",
        "CHD": "China DOPPS, summary on scioa.org",
        "CHD21": "Zhao X, Sci Rep 2021;11:873, 10.1038/s41598-020-79531-4",
        "CHI12": "BMC Nephrol 2012;13:116",
        "CHQ": "Chinese survey of dialysate calcium, reposted by medicalbrandmx",
        "COR20": "Corte Z, Venta R, Ann Transl Med 2020",
        "COZ": "Cozzolino M, Adv Ther 2020;37:2748-62, 10.1007/s12325-020-01359-1",
        "DPM": "US DOPPS Practice Monitor, abstract on PTH by race",
        "DPMB": "US DOPPS Practice Monitor, tables on phosphate binders",
        "ECH": "Echenique Elizondo M, Cir Esp 2000;67:251-4",
        "EGY": "BMC Musculoskelet Disord 2023;24:788",
        "GAR10": "Gardham C, 2010, PMID 20498246",
        "GCC": "AlSahow A, PMID 33777365",
        "GUE": "Guedes M, Kidney Med 2023, 10.1016/j.xkme.2022.100584, by news summaries",
        "JAS": "J Am Soc Nephrol, table of 6,538 incident haemodialysis patients",
        "KD06": "KDOQI haemodialysis adequacy 2006, guidelines 2 and 4",
        "LIM": "Limbach FX, Lettre du Rhumatologue 249, 1999",
        "M20": "KDIGO 2009 and KDOQI 2003 monitoring intervals, PMC3770279 Table 1",
        "MG19": "PMC6543028",
        "PAT15": "Patel R, BMC Nephrol 2015, PMC4687073",
        "QCO": "Sci Rep 2018;8:11387, 10.1038/s41598-018-29757-0, Table 1",
        "RAB": "Benamar L, haemodialysis unit of Ibn Sina, Rabat",
        "RMR": "Revue Marocaine de Rhumatologie, peritoneal dialysis series",
        "T50": "PMC6894765 Table 3",
        "TEN13": "10.1053/j.ajkd.2013.03.035",
        "UKRR": "Methven S, UK Renal Registry 19th report, chapter 8, 2017",
        "UKU": "UK Renal Registry urea reduction ratios, 10.1159/000331758",
        "ZHU": "Real-life registry of phosphate variability, abstract on scholars.mssm.edu",
    }
)
