"""Reads what verification needs: what is kept, jobs with their revisions, ticks in pages, executions without a tick."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from django.db import connection, transaction

from jobs.verification.expected import INSTANT, Revision
from jobs.verification.findings import History, Kind, RecordedTick, Violation
from scheduler_project.lib import sql

PAGE = 20_000
BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
END = datetime(2200, 1, 1, tzinfo=UTC)

KEPT = r"""
WITH bounds AS MATERIALIZED (
    SELECT i.inhparent::regclass::text AS parent,
           substring(pg_get_expr(c.relpartbound, c.oid) FROM 'FROM \(''([^'']+)''\)') AS first
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent IN ('ticks'::regclass, 'job_executions'::regclass)
)
SELECT (SELECT min(first::timestamptz) FROM bounds WHERE parent = 'ticks') AS ticks,
       (SELECT min(first::bigint) FROM bounds WHERE parent = 'job_executions') AS executions
"""

JOBS = """
SELECT id, name, is_enabled AND archived_at IS NULL AS is_in_force, next_tick_at, undecided_since, fired_count,
       (policy->>'max_runs') IS NOT NULL AS has_max_runs
FROM dynamic_jobs
WHERE id > %(after)s AND (%(only)s::bigint IS NULL OR id = %(only)s)
  AND (NOT %(in_force)s OR (is_enabled AND archived_at IS NULL))
ORDER BY id LIMIT %(limit)s
"""

# From the revision on that was valid at the beginning of the window.
REVISIONS = """
SELECT r.job_id, r.number, r.valid_from, r.definition->'schedule' AS schedule,
       (r.definition->'policies'->>'max_runs')::bigint AS max_runs,
       (r.definition->>'enabled')::boolean AND NOT (r.definition->>'archived')::boolean AS is_in_force,
       r.engine_version, r.tzdata_version
FROM job_revisions r JOIN unnest(%(jobs)s::bigint[], %(since)s::timestamptz[]) AS s(job_id, since) USING (job_id)
WHERE NOT EXISTS (SELECT FROM job_revisions n
                  WHERE n.job_id = r.job_id AND n.number = r.number + 1 AND n.valid_from <= s.since)
ORDER BY r.job_id, r.number
"""

FIRED = """
SELECT s.job_id, (SELECT count(*) FROM ticks t WHERE t.job_id = s.job_id AND t.due_at >= s.since
                                                 AND t.outcome IN ('fired', 'late')) AS fired
FROM unnest(%(jobs)s::bigint[], %(since)s::timestamptz[]) AS s(job_id, since)
"""

# Each execution by its key, whatever the statistics say: the limits keep the planner from reading whole tables.
TICKS = """
SELECT s.job_id, t.due_at, t.outcome, t.reason, t.revision,
       CASE WHEN t.execution_id IS NULL OR t.execution_id < %(oldest)s THEN ''
            WHEN e.id IS NULL THEN 'gone'
            WHEN e.job_id = t.job_id AND e.scheduled_for = t.due_at AND e.trigger = 'schedule' THEN ''
            ELSE 'wrong' END AS link,
       t.decided_at < t.due_at AS is_early
FROM unnest(%(jobs)s::bigint[], %(since)s::timestamptz[]) AS s(job_id, since)
CROSS JOIN LATERAL (
    SELECT * FROM ticks
    WHERE ticks.job_id = s.job_id AND ticks.due_at >= s.since AND ticks.due_at <= %(until)s
    ORDER BY ticks.due_at LIMIT %(limit)s
) AS t
LEFT JOIN LATERAL (SELECT * FROM job_executions x WHERE x.id = t.execution_id LIMIT 1) AS e ON true
ORDER BY s.job_id, t.due_at
"""

WITHOUT_TICK = """
SELECT e.id, e.job_id, e.scheduled_for, t.outcome, t.execution_id
FROM {executions} AS e
LEFT JOIN LATERAL (
    SELECT * FROM ticks WHERE ticks.job_id = e.job_id AND ticks.due_at = e.scheduled_for LIMIT 1
) AS t ON true
WHERE e.trigger = 'schedule' AND e.job_id = ANY(%(jobs)s)
  AND e.scheduled_for >= %(since)s AND e.scheduled_for <= %(until)s
  AND NOT EXISTS (SELECT FROM ticks n WHERE n.job_id = e.job_id AND n.due_at = e.scheduled_for
                                        AND n.execution_id = e.id AND n.job_id = ANY(%(jobs)s)
                                        AND n.due_at >= %(since)s)
ORDER BY e.job_id, e.scheduled_for, e.id
"""
# Of each job, so many that were made last: an index leads to them.
NEWEST = """(
    SELECT n.* FROM unnest(%(jobs)s::bigint[]) AS j(id)
    CROSS JOIN LATERAL (SELECT * FROM job_executions x WHERE x.job_id = j.id ORDER BY x.id DESC LIMIT 200) AS n
)"""


@dataclass(frozen=True)
class Kept:
    """Where the ledger begins: what lies before was dropped after its retention, and proves nothing."""

    since: datetime
    first_execution: int


@contextmanager
def snapshot() -> Iterator[None]:
    """A read-only transaction that sees one state of the database; inside another one, that one's view."""
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        if is_outermost:
            sql.script("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def kept() -> Kept:
    row = sql.row(KEPT)
    assert row is not None
    return Kept(row["ticks"] or BEGINNING, row["executions"] or 0)


def job_rows(*, after: int = 0, limit: int = 1, only: int | None = None, in_force: bool = False) -> list[sql.Row]:
    return sql.rows(JOBS, {"after": after, "limit": limit, "only": only, "in_force": in_force})


def histories(rows: Sequence[sql.Row], since: Mapping[int, datetime], *, now: datetime) -> list[History]:
    """Of the jobs in `rows`; to be called in the transaction that read them."""
    columns = _columns(since)
    found = {
        job_id: [_revision(row) for row in group]
        for job_id, group in groupby(sql.rows(REVISIONS, columns), key=lambda row: row["job_id"])
    }
    counted = {
        row["id"]
        for row in rows
        if row["has_max_runs"] or any(r.max_runs is not None for r in found.get(row["id"], ()))
    }
    fired = {row["job_id"]: row["fired"] for row in sql.rows(FIRED, _columns({id_: since[id_] for id_ in counted}))}
    return [_history(row, found.get(row["id"], []), fired.get(row["id"]), since[row["id"]], now) for row in rows]


def ticks_of(
    since: Mapping[int, datetime], *, until: datetime, limit: int, first_execution: int
) -> dict[int, list[RecordedTick]]:
    """The ticks of these jobs in order, at most `limit` of each."""
    rows = sql.tuples(TICKS, {**_columns(since), "until": until, "limit": limit, "oldest": first_execution})
    found: dict[int, list[RecordedTick]] = {job_id: [] for job_id in since}
    for job_id, *tick in rows:
        found[job_id].append(RecordedTick._make(tick))
    return found


def further_ticks(
    job_id: int, first: Sequence[RecordedTick], *, limit: int, until: datetime, first_execution: int
) -> Iterator[RecordedTick]:
    """The first page, read already with that limit, and all that follow, each read when it is needed.

    They may be read later than the job was: nothing is ever added to the part that was decided then.
    """
    page = first
    while True:
        yield from page
        if len(page) < limit:
            return
        limit, since = PAGE, {job_id: page[-1].due_at + INSTANT}
        with snapshot():
            page = ticks_of(since, until=until, limit=limit, first_execution=first_execution)[job_id]


def executions_without_tick(
    job_ids: Iterable[int], *, since: datetime, until: datetime, newest: bool = False
) -> list[Violation]:
    """Scheduled executions that no tick names; with `newest` only among the last of each job."""
    statement = WITHOUT_TICK.format(executions=NEWEST if newest else "job_executions")
    return [
        Violation(row["job_id"], row["scheduled_for"], *_accusation(row))
        for row in sql.rows(statement, {"jobs": list(job_ids), "since": since, "until": until})
    ]


def _accusation(row: sql.Row) -> tuple[Kind, str]:
    if row["outcome"] is None:
        return Kind.EXECUTION_WITHOUT_TICK, f"execution {row['id']}"
    if row["execution_id"] is None:
        return Kind.EXECUTION_WITHOUT_TICK, f"execution {row['id']}, and the tick is {row['outcome']}"
    return Kind.DOUBLE, f"execution {row['id']} besides {row['execution_id']}"


def _columns(since: Mapping[int, datetime]) -> dict[str, object]:
    return {"jobs": list(since), "since": list(since.values())}


def _revision(row: sql.Row) -> Revision:
    return Revision(
        row["number"],
        row["valid_from"],
        row["is_in_force"],
        sql.loads(row["schedule"]),
        row["max_runs"],
        row["engine_version"],
        row["tzdata_version"],
    )


def _history(row: sql.Row, revisions: Sequence[Revision], fired: int | None, since: datetime, now: datetime) -> History:
    """When its whole life is in the window, nothing fired before, and what is missing has gone. Otherwise nobody can
    tell the two apart, and the ledger is believed."""
    is_whole = bool(revisions) and revisions[0].number == 1 and revisions[0].valid_from >= since
    missing = 0 if fired is None else max(row["fired_count"] - fired, 0)
    return History(
        job_id=row["id"],
        name=row["name"],
        is_in_force=row["is_in_force"],
        next_tick_at=row["next_tick_at"],
        undecided_since=row["undecided_since"],
        revisions=revisions,
        fired_before=0 if is_whole else missing,
        fired_and_gone=missing if is_whole else 0,
        since=since,
        now=now,
    )
