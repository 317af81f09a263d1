"""What is known of an error besides its words: since when it is seen, how often, and in how many jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from jobs.models import Execution
from scheduler_project.lib import sql

MOST = 1000
"""Runs with the error that are looked at; more are told as so many."""

FIND = """
SELECT count(*) AS runs, count(DISTINCT job_id) AS jobs, min(finished_at) AS first_at, max(finished_at) AS last_at
FROM (SELECT job_id, finished_at FROM job_executions
      WHERE fingerprint = %(fingerprint)s AND fingerprint <> '' AND tenant_id = %(tenant)s AND finished_at IS NOT NULL
      ORDER BY fingerprint, id DESC LIMIT %(most)s) e
"""


@dataclass(frozen=True)
class Failure:
    fingerprint: str
    runs: int
    jobs: int
    first_at: datetime | None
    is_cut: bool

    @property
    def is_new(self) -> bool:
        return self.runs <= 1


def of(row: Execution) -> Failure | None:
    """None for a run without an error."""
    if not row.fingerprint or not row.error:
        return None
    found = sql.row(FIND, {"fingerprint": row.fingerprint, "tenant": row.tenant_id, "most": MOST})
    assert found is not None
    return Failure(row.fingerprint, found["runs"], found["jobs"], found["first_at"], found["runs"] >= MOST)
