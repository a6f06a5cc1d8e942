"""The tables of the monitoring app, gathered from one module per kind of fact."""

from monitoring.models.access import ApiKey, IdempotentReply, Membership, Role, Scope
from monitoring.models.care import Prescription, Procedure, ProcedureKind, SessionRecord, Treatment, TreatmentClass
from monitoring.models.findings import ChairsideScreen, Finding
from monitoring.models.judgement import Assessment, RuleSet, RuleSetStatus, Tier
from monitoring.models.labs import LabResult, LabStatus, Timing
from monitoring.models.lesions import Certainty, Course, Histology, ImagingStudy, Lesion, Modality, Report
from monitoring.models.patients import DialysisModality, Patient, PatientStatus, Sex
from monitoring.models.receiving import (
    CodeMapping,
    Import,
    ImportStatus,
    QuarantinedItem,
    QuarantineStatus,
    UnitMapping,
)
from monitoring.models.units import DisplayUnits, Unit

__all__ = [
    "ApiKey",
    "Assessment",
    "Certainty",
    "ChairsideScreen",
    "CodeMapping",
    "Course",
    "DialysisModality",
    "DisplayUnits",
    "Finding",
    "Histology",
    "IdempotentReply",
    "ImagingStudy",
    "Import",
    "ImportStatus",
    "LabResult",
    "LabStatus",
    "Lesion",
    "Membership",
    "Modality",
    "Patient",
    "PatientStatus",
    "Prescription",
    "Procedure",
    "ProcedureKind",
    "QuarantineStatus",
    "QuarantinedItem",
    "Report",
    "Role",
    "RuleSet",
    "RuleSetStatus",
    "Scope",
    "SessionRecord",
    "Sex",
    "Tier",
    "Timing",
    "Treatment",
    "TreatmentClass",
    "Unit",
    "UnitMapping",
]
