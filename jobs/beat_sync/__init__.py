"""Our side of django-celery-beat: nothing else may import it, the admin and the legacy importer apart.

The truth flows one way. A native job is mirrored in a row (`mirror`); every other row is read (`rows`, `reading`) and
followed by an adopted job, which `jobs.recovery` keeps in line.
"""

from jobs.beat_sync.drift import Drift, change_mark, find_changed, find_rowless
from jobs.beat_sync.entries import CLEANUP, install
from jobs.beat_sync.mirror import mirror
from jobs.beat_sync.reading import BY_HAND, Reading, read
from jobs.beat_sync.rows import Row, find, remember
from jobs.beat_sync.write_back import (
    ForeignRun,
    acknowledge,
    find_foreign_runs,
    note_runs,
    switch_off_what_is_over,
)

__all__ = [
    "BY_HAND",
    "CLEANUP",
    "Drift",
    "ForeignRun",
    "Reading",
    "Row",
    "acknowledge",
    "change_mark",
    "find",
    "find_changed",
    "find_foreign_runs",
    "find_rowless",
    "install",
    "mirror",
    "note_runs",
    "read",
    "remember",
    "switch_off_what_is_over",
]
