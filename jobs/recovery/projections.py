"""Reads the events in order and keeps what is asked for often: sums per template, and each job's last outcome."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from jobs import scheduler_events
from jobs.recovery import outbox
from jobs.rules import durations
from jobs.scheduler_events import Event
from scheduler_project.lib import sql

READER = "projections"

BUCKETS = durations.BUCKETS

# What else is asked of the executions that the events are of.
KNOWN = """
SELECT e.id, e.dry_run AS is_dry_run, e.dry_run OR e.trigger IN ('backfill', 'replay') AS is_aside, t.name AS template,
       coalesce(j.name, t.name) AS job, e.reason
FROM job_executions e JOIN job_templates t ON t.id = e.template_id LEFT JOIN dynamic_jobs j ON j.id = e.job_id
WHERE e.id = ANY(%(ids)s)
"""

ADD = """
INSERT INTO execution_totals AS o (template, kind, count, seconds, buckets)
VALUES (%(template)s, %(kind)s, %(count)s, %(seconds)s, %(buckets)s::bigint[])
ON CONFLICT (template, kind) DO UPDATE
SET count = o.count + excluded.count, seconds = o.seconds + excluded.seconds,
    buckets = ARRAY(SELECT coalesce(a, 0) + coalesce(b, 0)
                    FROM unnest(o.buckets, excluded.buckets) WITH ORDINALITY AS u(a, b, n) ORDER BY n)
"""

ADD_HOUR = """
INSERT INTO run_hours AS h (tenant_id, hour, status, count, seconds, buckets)
VALUES (%(tenant)s, %(hour)s, %(status)s, %(count)s, %(seconds)s, %(buckets)s::bigint[])
ON CONFLICT (tenant_id, hour, status) DO UPDATE
SET count = h.count + excluded.count, seconds = h.seconds + excluded.seconds,
    buckets = ARRAY(SELECT coalesce(a, 0) + coalesce(b, 0)
                    FROM unnest(h.buckets, excluded.buckets) WITH ORDINALITY AS u(a, b, n) ORDER BY n)
"""

STARTED = """
UPDATE dynamic_jobs j SET last_run_at = v.at
FROM unnest(%(job)s::bigint[], %(at)s::timestamptz[]) AS v(id, at)
WHERE j.id = v.id AND (j.last_run_at IS NULL OR j.last_run_at < v.at)
"""

ENDED = """
UPDATE dynamic_jobs j SET last_execution_id = v.execution, last_status = v.status, last_finished_at = v.at
FROM unnest(%(job)s::bigint[], %(execution)s::bigint[], %(status)s::text[], %(at)s::timestamptz[])
    AS v(id, execution, status, at)
WHERE j.id = v.id AND (j.last_finished_at IS NULL OR j.last_finished_at <= v.at)
"""

# The locks first, in the order in which all others take them. So a resume of a job has also either happened, and its
# revision is there to be read, or it waits.
LOCK = "SELECT id FROM dynamic_jobs WHERE id = ANY(%(job)s::bigint[]) ORDER BY id FOR NO KEY UPDATE"
RESUMED = """
SELECT job_id, max(valid_from) AS at FROM job_revisions
WHERE job_id = ANY(%(job)s::bigint[]) AND change = 'resumed' GROUP BY job_id
"""
COUNT_FAILURES = """
UPDATE dynamic_jobs j SET failures_in_row = v.failures + CASE WHEN v.succeeded THEN 0 ELSE j.failures_in_row END
FROM unnest(%(job)s::bigint[], %(succeeded)s::boolean[], %(failures)s::integer[]) AS v(id, succeeded, failures)
WHERE j.id = v.id AND (v.failures > 0 OR j.failures_in_row > 0)
"""

LOST_ATTEMPTS = "lost attempts"  # beside the kinds of events: most of them are tried again
AT_REST = frozenset({"succeeded", "failed", "timed_out", "cancelled", "lost", "dead"})
FAILED = AT_REST - {"succeeded", "cancelled"}


@dataclass
class _Sum:
    count: int = 0
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))

    def add(self, seconds: float | None) -> None:
        self.count += 1
        if seconds is not None:
            self.seconds += seconds
            self.buckets[next((n for n, bound in enumerate(BUCKETS) if seconds <= bound), len(BUCKETS))] += 1


def sweep() -> int:
    """Read everything that is new. Returns how many events."""
    return outbox.read(READER, _handle)


def _handle(read: Sequence[sql.Row]) -> None:
    ids = {"ids": sorted({event["execution_id"] for event in read})}
    known = {row["id"]: row for row in sql.rows(KNOWN, ids, prepare=False)}
    events = [{**known[event["execution_id"]], **event} for event in read if event["execution_id"] in known]
    _add_up(events)
    _add_up_hours(events)
    sql.rows(LOCK, {"job": sorted({event["job_id"] for event in events if event["job_id"]})})
    _remember_outcomes(events)
    _count_failures([event for event in events if event["job_id"] and not event["is_aside"]])
    scheduler_events.record([told for event in events for told in _failures_of(event)])


def _add_up(events: Iterable[sql.Row]) -> None:
    sums: dict[tuple[str, str], _Sum] = defaultdict(_Sum)
    for event in events:
        entry = sums[event["template"], event["kind"]]
        data = sql.loads(event["data"])
        entry.add(data.get("seconds"))
        if data.get("outcome") == "lost":
            sums[event["template"], LOST_ATTEMPTS].count += 1
    for (template, kind), entry in sorted(sums.items()):
        values = {"template": template, "kind": kind, "count": entry.count, "seconds": entry.seconds}
        sql.rows(ADD, {**values, "buckets": entry.buckets})


def _add_up_hours(events: Iterable[sql.Row]) -> None:
    sums: dict[tuple[int, datetime, str], _Sum] = defaultdict(_Sum)
    for event in events:
        if event["kind"] in AT_REST:
            hour = event["at"].astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            sums[event["tenant_id"], hour, event["kind"]].add(sql.loads(event["data"]).get("seconds"))
    for (tenant, hour, status), entry in sorted(sums.items()):
        values = {"tenant": tenant, "hour": hour, "status": status, "count": entry.count, "seconds": entry.seconds}
        sql.rows(ADD_HOUR, {**values, "buckets": entry.buckets})


def _failures_of(event: sql.Row) -> Iterator[Event]:
    """What the record of the scheduling tells of it: a failure, the letter that it left, the worker that was lost."""
    data, job, number = sql.loads(event["data"]), event["job"], event["execution_id"]
    of = {"tenant_id": event["tenant_id"], "job_id": event["job_id"], "execution_id": number}
    if data.get("outcome") == "lost":
        yield Event("worker_lost", f"The process of execution {number} of {job} is gone.", **of)
    if event["kind"] in FAILED:
        told = {"status": event["kind"], "reason": event["reason"]}
        yield Event("job_failed", f"Execution {number} of {job} is {event['kind']}.", data=told, **of)
        if not event["is_dry_run"]:
            yield Event("dead_letter", f"Execution {number} of {job} left a dead letter.", **of)


def _remember_outcomes(events: Sequence[sql.Row]) -> None:
    started = {event["job_id"]: event for event in events if event["job_id"] and event["kind"] == "started"}
    ended = {event["job_id"]: event for event in events if event["job_id"] and event["kind"] in AT_REST}
    if started:
        jobs = sorted(started)
        sql.rows(STARTED, {"job": jobs, "at": [started[job]["at"] for job in jobs]})
    if ended:
        jobs = sorted(ended)
        sql.rows(
            ENDED,
            {
                "job": jobs,
                "execution": [ended[job]["execution_id"] for job in jobs],
                "status": [ended[job]["kind"] for job in jobs],
                "at": [ended[job]["at"] for job in jobs],
            },
        )


def _count_failures(events: Sequence[sql.Row]) -> None:
    """Failed executions of each job since its last success or its last resume, whichever came later."""
    failing = sorted({event["job_id"] for event in events if event["kind"] in FAILED})
    resumed = {}
    if failing:
        resumed = {row["job_id"]: row["at"] for row in sql.rows(RESUMED, {"job": failing})}
    streaks: dict[int, tuple[bool, int]] = {}  # whether there was a success, and the failures after it
    for event in events:
        job, kind = event["job_id"], event["kind"]
        succeeded, failures = streaks.get(job, (False, 0))
        if kind == "succeeded":
            streaks[job] = (True, 0)
        elif kind in FAILED and not (job in resumed and event["at"] <= resumed[job]):
            streaks[job] = (succeeded, failures + 1)
    if streaks:
        jobs = sorted(streaks)
        columns = {"succeeded": [streaks[job][0] for job in jobs], "failures": [streaks[job][1] for job in jobs]}
        sql.rows(COUNT_FAILURES, {"job": jobs, **columns})
