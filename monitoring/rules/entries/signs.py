"""Entries of the rules about signs: mass, cord, and what looks infected or dying."""

from __future__ import annotations

from monitoring.rules.detectors import judge_mass, judge_neuro
from monitoring.rules.nerves import judge_nerve
from monitoring.rules.skin import judge_calciphylaxis, judge_hot_lesion
from monitoring.rules.types import Need, Parameter, Rule, RuleKind, ScopeKind, Severity

SIGNS: tuple[Rule, ...] = (
    Rule(
        code="S01",
        title="New or growing mass",
        kind=RuleKind.DETECTOR,
        severity=Severity.URGENT,
        scope=ScopeKind.LESION,
        group="signs",
        judge=judge_mass,
        entry="A firm mass at any place, unless it is stated to be old and not growing. Whatever the laboratory says, "
        "however short the dialysis.",
        exit="The place has been imaged and a clinician has closed the lesion with a plan, or the mass is gone.",
        sentence="Firm lump or mass, {place}, noted {since}.",
        action="Examine both sides and all large joints. X-ray, then CT, within 14 days. Full mineral panel. "
        "Do not cut or drain it as an abscess.",
        why="A palpable mass by a joint is the strongest single sign; in the founding case it was there five years "
        "before the diagnosis, with normal calcium.",
        source=("SEED", "COF99", "EU1", "BUT"),
    ),
    Rule(
        code="S03",
        title="Signs from the neck or spinal cord",
        kind=RuleKind.DETECTOR,
        severity=Severity.CRITICAL,
        scope=ScopeKind.PATIENT,
        group="signs",
        judge=judge_neuro,
        entry="Any of: spastic or newly unsteady gait, weakness of a limb, clumsy hands, brisk reflexes, "
        "a sensory level, new bladder or bowel trouble, a neck lump that suddenly disappeared; or severe neck pain "
        "with rigidity and any tingling.",
        exit="An MRI of neck or spine has been done; or a CT has been done and a clinician has closed the neck lesion "
        "with a plan; or the signs are gone. A normal plain film does not end it.",
        sentence="Red flag for the spinal cord: {findings}, noted {since}.",
        action="A physician sees the patient today. Urgent MRI and CT (a plain film may be normal). Call spine "
        "surgery; collar if unstable. Do not wait for laboratory results.",
        why="Paralysis and instability are described; the cord can recover when pressure is taken off early. A spastic "
        "gait is not explained by a mass outside the canal, so MRI is asked for even when CT shows one.",
        source=("SEED", "DAV", "GUO17", "CHA12"),
    ),
    Rule(
        code="S04",
        title="Trapped nerve",
        kind=RuleKind.DETECTOR,
        severity=Severity.WATCH,
        scope=ScopeKind.LESION,
        group="signs",
        judge=judge_nerve,
        entry="Carpal tunnel, ulnar or sciatic signs with a mass in the same region; or new ones (noted within "
        "{new_days} of their beginning) after {dialysis_years} of dialysis.",
        exit="The place has been imaged, or the signs are gone.",
        sentence="{findings}{at_place}, noted {since}.",
        action="Image the tunnel or elbow; nerve conduction study; hand surgery.",
        why="A third of published patients had a nerve compressed.",
        source=("COF99", "CTS", "DOM"),
        parameters=(
            Parameter("new_days", 90, "d", 14, 365, "signs are new this long (expert default, uncalibrated)"),
            Parameter("dialysis_years", 5, "a", 0, 20, "dialysis this long supports it (expert default, uncalibrated)"),
        ),
        raised_when="Urgent with a mass near.",
    ),
    Rule(
        code="S05",
        title="Hot, open or chalky lesion",
        kind=RuleKind.DETECTOR,
        severity=Severity.URGENT,
        scope=ScopeKind.LESION,
        group="signs",
        judge=judge_hot_lesion,
        entry="White or milky discharge, ulcer or inflamed swelling over a joint or a known deposit; or fever for "
        "{fever_days} with a CRP above {crp} and a complaint of a joint.",
        exit="The place has been imaged and a clinician has closed the lesion with a plan, or the sign is gone.",
        sentence="{findings}{at_place}, noted {since}.",
        action="Culture, image, send an aspirate for crystals. Antibiotics only if infection is likely. Wound care.",
        why="A deposit can look infected, and can get infected. A normal CRP does not exclude it.",
        source=("PHA00", "KIM14", "ISN", "ASU94"),
        parameters=(
            Parameter("fever_days", 14, "d", 3, 60, "fever lasts this long (expert default, uncalibrated)"),
            Parameter("crp", 50, "mg/L", 20, 200, "CRP above this counts (expert default, uncalibrated)"),
        ),
        needs=(Need("crp"),),
    ),
    Rule(
        code="S06",
        title="Skin signs of calciphylaxis",
        kind=RuleKind.DETECTOR,
        severity=Severity.CRITICAL,
        scope=ScopeKind.LESION,
        group="signs",
        judge=judge_calciphylaxis,
        entry="A painful violet or net-like plaque, purpura, black eschar or an ulcer that does not heal.",
        exit="A clinician has closed the lesion with a plan, or the sign is gone.",
        sentence="{findings}{at_place}, noted {since}.",
        action="A physician sees the patient today. Discuss stopping vitamin K antagonist, calcium and vitamin D; "
        "dermatology; sodium thiosulfate by protocol.",
        why="Calciphylaxis is next door and more lethal: nearly half die within a year.",
        source=("NIG16", "SPR"),
    ),
)
