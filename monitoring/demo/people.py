"""Who appears in the demonstration: two units, their staff, and patients named after minerals and rocks."""

from __future__ import annotations

from dataclasses import dataclass

# Nobody is called like this: a screenshot of the demonstration cannot be taken for a real list of patients.
FAMILY_NAMES = (
    "Agate", "Alabaster", "Amazonite", "Andesite", "Apatite", "Aragonite", "Azurite", "Basalt", "Beryl", "Biotite",
    "Calcite", "Carnelian", "Celestine", "Chalcedony", "Chalk", "Cinnabar", "Citrine", "Corundum", "Diorite",
    "Dolomite", "Feldspar", "Flint", "Fluorite", "Gabbro", "Galena", "Garnet", "Gneiss", "Granite", "Graphite",
    "Gypsum", "Halite", "Hematite", "Hornblende", "Jasper", "Kaolin", "Kyanite", "Lazulite", "Limestone",
    "Magnetite", "Malachite", "Marble", "Moonstone", "Obsidian", "Olivine", "Onyx", "Opal", "Peridot", "Porphyry",
    "Pumice", "Pyrite", "Quartz", "Rhyolite", "Sandstone", "Schist", "Serpentine", "Shale", "Slate", "Sodalite",
    "Talc", "Topaz", "Travertine", "Tuff", "Zeolite", "Zircon", "Anhydrite", "Barite", "Bauxite", "Breccia", "Scoria",
    "Siltstone", "Spinel", "Willemite",
)  # fmt: skip
FEMALE_NAMES = (
    "Ada", "Bea", "Cleo", "Dora", "Esme", "Fay", "Gita", "Hana", "Ines", "Juno", "Kira", "Lena", "Mona", "Nadia",
    "Oda", "Pia", "Rosa", "Salma", "Thea", "Una", "Vera", "Wanda", "Yara", "Zoe",
)  # fmt: skip
MALE_NAMES = (
    "Abel", "Boris", "Cyril", "Dan", "Emil", "Finn", "Gus", "Hugo", "Ivo", "Jonas", "Karim", "Leo", "Milo", "Nils",
    "Otto", "Pablo", "Rami", "Sven", "Tariq", "Ugo", "Victor", "Walid", "Yann", "Zeno",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DemoUnit:
    """A unit of the demonstration and the simulated population that fills it."""

    code: str
    name: str
    time_zone: str
    display_units: str
    pth_upper_limit: float
    scenario: str
    seed: int
    patients: int


@dataclass(frozen=True, slots=True)
class DemoLogin:
    """A person of the staff who may look around; `unit` is empty for the one who may do everything."""

    username: str
    first_name: str
    last_name: str
    unit: str
    role: str


UNITS = (
    DemoUnit("NORTH", "Northgate Dialysis", "Europe/London", "si", 65.0, "uk", 11, 29),
    DemoUnit("HARB", "Harbourside Dialysis", "America/New_York", "conventional", 65.0, "us", 7, 30),
)

LOGINS = (
    DemoLogin("demo", "Demo", "Superuser", "", ""),
    DemoLogin("north.nurse", "Nora", "Northgate", "NORTH", "nurse"),
    DemoLogin("north.nephrologist", "Nestor", "Northgate", "NORTH", "nephrologist"),
    DemoLogin("north.manager", "Maud", "Northgate", "NORTH", "manager"),
    DemoLogin("harb.nurse", "Hal", "Harbourside", "HARB", "nurse"),
    DemoLogin("harb.nephrologist", "Hester", "Harbourside", "HARB", "nephrologist"),
    DemoLogin("harb.manager", "Max", "Harbourside", "HARB", "manager"),
)


def mrn_of(number: int) -> str:
    """The record number of the patient `number`, which says that it is of the demonstration."""
    return f"DEMO-{number:04d}"


def given_name_of(number: int, sex: str) -> str:
    """A given name for the patient `number`; the step of seven spreads neighbours over the alphabet."""
    names = FEMALE_NAMES if sex == "female" else MALE_NAMES
    return names[(number * 7) % len(names)]
