"""Ends of runs, as happenings: each judged by how its job did before. Writes the conditions of jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from notifications.rules.condition import FAILED, SUCCEEDED, Condition, judge
from notifications.rules.happening import Happening, JobFacts
from scheduler_project.lib import sql

LONGEST_ERROR = 500
# Beside the error, which says it in full where there is one.
REASONS = {"timed_out": "It ran out of time.", "lost": "Its process was lost.", "dead": "It was given up."}

# Of a run `e`, its template `t` and its job `j`.
FACTS = """e.id AS execution_id, e.tenant_id, e.job_id, e.trigger IN ('backfill', 'replay') AS is_aside,
    left(e.error, %(longest)s) AS error, coalesce(j.name, t.title) AS name, j.slug, j.owner_id, j.tags"""
KNOWN = f"""
SELECT {FACTS}
FROM job_executions e
JOIN tenants n ON n.id = e.tenant_id AND n.is_active
JOIN job_templates t ON t.id = e.template_id
LEFT JOIN dynamic_jobs j ON j.id = e.job_id
WHERE e.id = ANY(%(ids)s::bigint[]) AND NOT e.dry_run
"""  # noqa: S608  the facts are a constant
CONDITIONS = """
SELECT job_id, failures_in_row, failing_since, last_execution_id, last_at FROM notification_conditions
WHERE job_id = ANY(%(jobs)s::bigint[])
"""
STORE = """
INSERT INTO notification_conditions AS c (job_id, failures_in_row, failing_since, last_execution_id, last_at)
SELECT v.* FROM unnest(%(job)s::bigint[], %(failures)s::integer[], %(since)s::timestamptz[], %(execution)s::bigint[],
                       %(at)s::timestamptz[]) AS v(job_id, failures_in_row, failing_since, last_execution_id, last_at)
JOIN dynamic_jobs j ON j.id = v.job_id  -- runs outlive jobs that are deleted
ORDER BY v.job_id
ON CONFLICT (job_id) DO UPDATE
SET failures_in_row = excluded.failures_in_row, failing_since = excluded.failing_since,
    last_execution_id = excluded.last_execution_id, last_at = excluded.last_at
"""


class Ends:
    """Of one batch of events. `wants_successes` says whether a tenant hears of successes of jobs that are well; without
    that they are passed over unread, since nearly all that happens is such."""

    def __init__(self, events: Sequence[sql.Row], *, wants_successes: Callable[[int], bool]) -> None:
        ends = [event for event in events if event["kind"] == SUCCEEDED or event["kind"] in FAILED]
        jobs = {event["job_id"] for event in ends if event["job_id"]}
        self._conditions = _conditions(jobs)
        self._before = dict(self._conditions)
        failing = {event["job_id"] for event in ends if event["kind"] in FAILED} | {
            job for job, condition in self._conditions.items() if condition.failures_in_row
        }
        matter = [
            event
            for event in ends
            if event["kind"] in FAILED or event["job_id"] in failing or wants_successes(event["tenant_id"])
        ]
        self.happenings = happenings(_with_facts(matter), self._conditions)

    def store(self) -> None:
        """The conditions that have changed; those of jobs that have always been well are not stored."""
        changed = {
            job: condition
            for job, condition in self._conditions.items()
            if condition != self._before.get(job) and (condition.failures_in_row or job in self._before)
        }
        if not changed:
            return
        jobs = sorted(changed)
        values = {
            "job": jobs,
            "failures": [changed[job].failures_in_row for job in jobs],
            "since": [changed[job].failing_since for job in jobs],
            "execution": [changed[job].last_execution_id for job in jobs],
            "at": [changed[job].last_at for job in jobs],
        }
        sql.rows(STORE, values)


def _conditions(jobs: set[int]) -> dict[int, Condition]:
    if not jobs:
        return {}
    rows = sql.rows(CONDITIONS, {"jobs": sorted(jobs)}, prepare=False)
    return {row.pop("job_id"): Condition(**row) for row in rows}


def _with_facts(events: Sequence[sql.Row]) -> list[sql.Row]:
    """Those of the events whose runs matter: no dry run, nor one of a tenant that is not active."""
    if not events:
        return []
    asked = {"ids": sorted({event["execution_id"] for event in events}), "longest": LONGEST_ERROR}
    known = {row["execution_id"]: row for row in sql.rows(KNOWN, asked, prepare=False)}
    return [
        {**known[event["execution_id"]], "job_id": event["job_id"], "status": event["kind"], "at": event["at"]}
        for event in events
        if event["execution_id"] in known
    ]


def happenings(ends: Iterable[sql.Row], conditions: dict[int, Condition]) -> list[Happening]:
    """Of rows with a status, an instant `at` and what `FACTS` names, in their order; brings `conditions` up to date on
    the way."""
    found = []
    for end in ends:
        job_id, status = end["job_id"], end["status"]
        before = conditions.get(job_id, Condition()) if job_id else Condition()
        ending = judge(status, before, is_aside=end["is_aside"], execution_id=end["execution_id"], at=end["at"])
        if job_id:
            conditions[job_id] = ending.condition
        if ending.kinds:
            found.append(
                Happening(
                    kinds=ending.kinds,
                    tenant_id=end["tenant_id"],
                    at=end["at"],
                    job=job_of(job_id, end),
                    name=end["name"],
                    execution_id=end["execution_id"],
                    error=end["error"],
                    reason=REASONS.get(status, ""),
                    failures_in_row=ending.failures_in_row,
                )
            )
    return found


def job_of(job_id: int | None, row: sql.Row) -> JobFacts | None:
    if job_id is None or row["slug"] is None:
        return None
    return JobFacts(job_id, row["name"], row["slug"], row["owner_id"], frozenset(row["tags"]))
