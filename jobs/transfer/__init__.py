"""Jobs as one JSON document: written out, and read into a tenant as a plan and then in earnest."""

from jobs.transfer.document import FORMAT, MOST_JOBS, NOT_EXPORTED, VERSION, export
from jobs.transfer.importing import MODES, Outcome, PlanChanged, import_jobs
from jobs.transfer.plan import Change, Item
from jobs.transfer.reading import InvalidImport

__all__ = [
    "FORMAT",
    "MODES",
    "MOST_JOBS",
    "NOT_EXPORTED",
    "VERSION",
    "Change",
    "InvalidImport",
    "Item",
    "Outcome",
    "PlanChanged",
    "export",
    "import_jobs",
]
