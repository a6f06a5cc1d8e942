"""The sources that rules and tables cite, by key."""

from __future__ import annotations

SOURCES: dict[str, str] = {
    "SEED": "Laasri K et al. Tumoral Calcinosis in a Patient on Hemodialysis Involving Cervical Spine "
    "and Hips. 2023;6(5).",
    "COF99": "Cofan F et al. Uremic tumoral calcinosis in patients receiving longterm hemodialysis therapy. "
    "J Rheumatol 1999;26:379-85.",
    "EU1": "boraymedical.com imaging case 156 (second hip mass found only on imaging).",
    "BUT": "Reposted case text, original unidentified (a deposit cut open as an abscess).",
    "DAV": "Davies M. Nephrol Dial Transplant, before 2007 (a neck lump that disappeared into the canal).",
    "GUO17": "Guo R et al. J Med Case Rep 2017. doi:10.1186/s13256-017-1474-1.",
    "CHA12": "Chang CC et al. Int Urol Nephrol 2012. PMID 22718028 (title only).",
    "LIM99": "Limbach FX. Lettre du Rhumatologue 249, Feb 1999.",
    "EGY": "BMC Musculoskelet Disord 2023;24:788 (pain in 94 haemodialysis patients).",
    "NUT13": "Nutrients 2013;5:1002-23. doi:10.3390/nu5031002, table 1 (KDOQI and KDIGO targets).",
    "K17": "KDIGO 2017 CKD-MBD Guideline Update. Kidney Int Suppl 2017;7:1-59. doi:10.1016/j.kisu.2017.04.001.",
    "TEN08": "Tentori F et al. Am J Kidney Dis 2008;52:519-30. doi:10.1053/j.ajkd.2008.03.020.",
    "JPN05": "doi:10.15106/J00764.2005202433 (four cases; phosphate as the main driver).",
    "KD6": "KDOQI Bone Metabolism and Disease 2003, guideline 6.",
    "ECH00": "Echenique Elizondo M et al. Cir Esp 2000;67:251-4.",
    "AUN": "Indications for parathyroidectomy as summarised on AuntMinnie (product above 70).",
    "RCP17": "Royal College of Pathologists 2017, communication of critical results.",
    "PAT15": "Patel R et al. BMC Nephrol 2015. PMC4687073 (half of out-of-range values normalise unaided).",
    "M20": "PMC3770279, table 1 (KDIGO 2009 and KDOQI 2003 monitoring intervals).",
    "KD06": "KDOQI Hemodialysis Adequacy 2006, guidelines 2 and 4.",
    "T50": "PMC6894765, table 3 (phosphate falls to about 45 % over a session).",
    "RIN95": "Ring T et al. Nephrol Dial Transplant 1995;10:59-63.",
    "FLO11": "Floege J et al. Nephrol Dial Transplant 2011;26:1948-55. doi:10.1093/ndt/gfq219.",
    "GAR10": "Gardham C et al. 2010. PMID 20498246 (variation of PTH and alkaline phosphatase within patients).",
    "COR20": "Corte Z, Venta R. Ann Transl Med 2020 (variation of phosphate and calcium within patients).",
    "BOM": "Bommer J et al. 2004. PMID 15384017 (bicarbonate before dialysis and mortality).",
    "SIM": "PMC6366132 (dialysate bicarbonate and calcium balance).",
    "PHA00": "Phanish MK et al. Nephrol Dial Transplant, about 2000 (a deposit that looked infected, CRP 169).",
    "KIM14": "Kim, Hwang, Park. Kidney Res Clin Pract 2014;33(4).",
    "ISN": "events.theisn.org, case 1452 (chalky discharge).",
    "ASU94": "Asuncion GF, Tzarnas CD. J Hand Surg 1994.",
    "NIG16": "Nigwekar SU et al. PMC5084892 (calciphylaxis: risk factors and mortality).",
    "SPR": "Sprague SM. Clin J Am Soc Nephrol 2014;9:166-73. doi:10.2215/CJN.00320113.",
    "CTS": "Cofan F et al. Rheumatology, before 2007 (carpal tunnel syndrome by a deposit).",
    "DOM": "Domingo-Trepat A et al. (ulnar and sciatic compression by deposits), elsevier.es.",
    "EXPERT": "Expert default, uncalibrated: no published source.",
}
