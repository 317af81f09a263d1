"""Announces executions that wait, after they were committed. Runs beside the tick loop, never in it.

Announced means two things: the row is marked, so that a claim finds it, and a message wakes a worker. Only a window of
each tenant's backlog is marked, and only as many messages are sent as there are workers to wake.
"""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import Error, connections, transaction

from jobs import queries
from jobs.backends.base import Announcement, Backend, BackendUnavailable, get_backend
from jobs.executions import Settled
from jobs.tick import canaries
from scheduler_project.lib import sql, telemetry
from scheduler_project.lib.background import Background

EVERY = 0.5  # seconds
MOST = 5_000  # marked together
ASIDE_AT_ONCE = 100  # looked at together, of a job in a queue and a pool
LOOKS = 20  # in one turn, as long as each puts some aside
BATCH = 500  # sent together
LOST_AFTER = 2.0  # seconds that a message may take before it counts as lost
LONGEST_PAUSE = 8.0  # seconds between messages for what nobody can claim

IS_OPEN = "NOT EXISTS (SELECT FROM paused_queues paused WHERE paused.queue = {row}.queue)"

COLUMNS = "id, queue, priority, template_id, job_id, pool_id, max_instances, available_at"

# Those that were put aside, stepped through from one job, queue and pool to the next.
PLACE = """(
    SELECT job_id, queue, coalesce(pool_id, 0) AS pool, max_instances FROM job_executions
    WHERE status = 'queued' AND held_for = 'slot' AND {which}
    ORDER BY job_id, queue, coalesce(pool_id, 0), priority, available_at, id LIMIT 1)"""
PLACES = f"""
places AS (
    {{first}}
    UNION ALL
    SELECT e.* FROM places f CROSS JOIN LATERAL {PLACE} AS e
)"""  # noqa: S608
ASIDE = f"""
    SELECT e.* FROM places f LEFT JOIN pools p ON p.id = f.pool CROSS JOIN LATERAL (
        SELECT {COLUMNS} FROM job_executions
        WHERE status = 'queued' AND held_for = 'slot' AND job_id = f.job_id AND queue = f.queue
          AND coalesce(pool_id, 0) = f.pool AND available_at <= clock_timestamp()
        ORDER BY priority, available_at, id LIMIT least(f.max_instances, p.size, %(aside)s)) AS e
    WHERE {IS_OPEN.format(row="f")}"""  # noqa: S608

ALL_PLACES = PLACES.format(
    first=PLACE.format(which="true"), which="(job_id, queue, coalesce(pool_id, 0)) > (f.job_id, f.queue, f.pool)"
)

# The next of each level of each tenant, as far as its window has room. `turns` steps from one to the next, an index
# entry each, so that a backlog costs no more than its window. Then those whose turn depends on a slot.
WINDOW = f"""
turns AS (
    (SELECT queue, priority, tenant_id FROM job_executions
     WHERE status = 'queued' AND published_at IS NULL AND held_for = ''
     ORDER BY queue, priority, tenant_id LIMIT 1)
    UNION ALL
    SELECT e.* FROM turns t CROSS JOIN LATERAL (
        SELECT queue, priority, tenant_id FROM job_executions
        WHERE status = 'queued' AND published_at IS NULL AND held_for = ''
          AND (queue, priority, tenant_id) > (t.queue, t.priority, t.tenant_id)
        ORDER BY queue, priority, tenant_id LIMIT 1) AS e
), {ALL_PLACES}, found AS MATERIALIZED (
    (SELECT e.* FROM turns t CROSS JOIN LATERAL (
        SELECT {COLUMNS} FROM job_executions
        WHERE status = 'queued' AND published_at IS NULL AND held_for = '' AND available_at <= clock_timestamp()
          AND queue = t.queue AND priority = t.priority AND tenant_id = t.tenant_id
        ORDER BY available_at, id
        LIMIT %(window)s - (SELECT count(*) FROM (
            SELECT FROM job_executions WHERE status = 'queued' AND published_at IS NOT NULL
              AND queue = t.queue AND priority = t.priority AND tenant_id = t.tenant_id LIMIT %(window)s) AS p)
    ) AS e WHERE {IS_OPEN.format(row="t")} LIMIT %(most)s)
    UNION ALL
    {ASIDE}
)"""  # noqa: S608

THESE = f"""found AS MATERIALIZED (
    SELECT {COLUMNS} FROM job_executions
    WHERE id = ANY(%(ids)s) AND status = 'queued' AND published_at IS NULL AND held_for = ''
      AND available_at <= clock_timestamp() AND {IS_OPEN.format(row="job_executions")}
)"""  # noqa: S608
OF_A_FREED = f"""(
    SELECT e.* FROM (
        SELECT %(job)s::bigint AS id UNION SELECT id FROM dynamic_jobs WHERE pool_id = %(pool)s) AS j
    CROSS JOIN LATERAL {PLACE.format(which="job_id = j.id")} AS e)"""  # noqa: S608
FREED = (
    PLACES.format(first=OF_A_FREED, which="job_id = f.job_id AND (queue, coalesce(pool_id, 0)) > (f.queue, f.pool)")
    + f", found AS MATERIALIZED ({ASIDE})"
)

# Of a job and of a pool only as many as have slots, those announced and running included: more announcements would be
# wasted. What was announced in another queue, of another template or at a lower level does not count: it may be that
# nobody takes it for long. The others are put aside, where they are in no one's way, and whoever frees a slot announces
# the next of them. The marks do not wait for the disk: one that is lost in a crash is made again. A row that somebody
# else is changing is left to the next look, so that nobody waits for this and this for nobody.
PUBLISH = """
WITH RECURSIVE {found}, jobs AS MATERIALIZED (
    SELECT f.job_id, f.queue, f.template_id, f.priority, f.most
        - (SELECT count(*) FROM execution_leases l WHERE l.job_id = f.job_id AND l.job_slot IS NOT NULL)
        - (SELECT count(*) FROM (
            SELECT FROM job_executions o
            WHERE o.status = 'queued' AND o.published_at IS NOT NULL AND o.max_instances IS NOT NULL
              AND o.job_id = f.job_id AND o.queue = f.queue AND o.priority <= f.priority
              AND o.template_id = f.template_id LIMIT f.most) AS announced) AS free
    FROM (SELECT job_id, queue, template_id, priority, max(max_instances) AS most FROM found
          WHERE max_instances IS NOT NULL GROUP BY job_id, queue, template_id, priority) AS f
), pools_used AS MATERIALIZED (
    SELECT f.pool_id, f.queue, f.template_id, f.priority, p.size
        - (SELECT count(*) FROM execution_leases l WHERE l.pool_id = f.pool_id)
        - (SELECT count(*) FROM (
            SELECT FROM job_executions o
            WHERE o.status = 'queued' AND o.published_at IS NOT NULL
              AND o.pool_id = f.pool_id AND o.queue = f.queue AND o.priority <= f.priority
              AND o.template_id = f.template_id LIMIT p.size) AS announced) AS free
    FROM (SELECT DISTINCT pool_id, queue, template_id, priority FROM found WHERE pool_id IS NOT NULL) AS f
    JOIN pools p ON p.id = f.pool_id
), in_job AS (
    SELECT f.*, f.max_instances IS NULL OR row_number() OVER (
        PARTITION BY job_id, queue, template_id, max_instances IS NULL ORDER BY priority, available_at, id
        ) <= j.free AS fits_job
    FROM found f LEFT JOIN jobs j USING (job_id, queue, template_id, priority)
), judged AS MATERIALIZED (
    SELECT f.id, f.fits_job AND (p.pool_id IS NULL OR row_number() OVER (
        PARTITION BY pool_id, queue, template_id, fits_job ORDER BY priority, available_at, id) <= p.free) AS may_start
    FROM in_job f LEFT JOIN pools_used p USING (pool_id, queue, template_id, priority)
), locked AS MATERIALIZED (
    SELECT e.id, j.may_start FROM judged j JOIN job_executions e ON e.id = j.id
    WHERE e.status = 'queued' AND e.published_at IS NULL AND (e.held_for = '' OR e.held_for = 'slot' AND j.may_start)
    FOR NO KEY UPDATE OF e SKIP LOCKED
)
UPDATE job_executions e
SET published_at = CASE WHEN j.may_start THEN clock_timestamp() END,
    held_for = CASE WHEN j.may_start THEN '' ELSE 'slot' END
FROM locked j
WHERE e.id = j.id AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off'
RETURNING e.id, e.queue, e.priority, j.may_start
"""
# Those that no slot can stand in the way of: nothing to count, so little to plan.
PUBLISH_FREE = f"""
UPDATE job_executions SET published_at = clock_timestamp()
WHERE id = ANY(%(ids)s::bigint[]) AND status = 'queued' AND published_at IS NULL AND held_for = ''
  AND available_at <= clock_timestamp() AND max_instances IS NULL AND pool_id IS NULL
  AND {IS_OPEN.format(row="job_executions")}
  AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off'
RETURNING id, queue, priority, true AS may_start
"""  # noqa: S608

PUBLISH_WINDOW = PUBLISH.format(found=WINDOW)
PUBLISH_THESE = PUBLISH.format(found=THESE)
PUBLISH_FREED = PUBLISH.format(found=FREED)

# What is announced and unclaimed in each queue, and the first of it.
UNCLAIMED = f"""
WITH RECURSIVE queues AS (
    (SELECT queue FROM job_executions WHERE status = 'queued' AND published_at IS NOT NULL ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT e.* FROM queues q CROSS JOIN LATERAL (
        SELECT queue FROM job_executions WHERE status = 'queued' AND published_at IS NOT NULL AND queue > q.queue
        ORDER BY queue LIMIT 1) AS e
)
SELECT q.queue, e.id, e.priority, extract(epoch FROM clock_timestamp() - e.published_at)::float AS age
FROM queues q CROSS JOIN LATERAL (
    SELECT id, priority, published_at FROM job_executions
    WHERE status = 'queued' AND published_at IS NOT NULL AND queue = q.queue
    ORDER BY priority, tenant_id, available_at LIMIT %(most)s) AS e
WHERE {IS_OPEN.format(row="q")}
"""  # noqa: S608


def publish_waiting(backend: Backend | None = None) -> int:
    """Announce what waits, as far as the windows have room. Returns how many. Raises `BackendUnavailable`."""
    values = {"window": settings.DAYBOOK_PUBLISH_WINDOW, "most": MOST, "aside": ASIDE_AT_ONCE}
    published = 0
    for _ in range(LOOKS):
        marked = _mark(PUBLISH_WINDOW, values)
        found = _announcements(marked)
        _wake(found, backend or get_backend())
        published += len(found)
        if len(found) == len(marked):
            break  # otherwise some were put aside, and there may be others behind them
    return published


def publish_freed(settled: Settled) -> None:
    """Tell whoever waits for the slot that this run had. When that fails, the leader will."""
    if settled.freed_slot_of is None and settled.freed_pool is None:
        return
    values = {"job": settled.freed_slot_of, "pool": settled.freed_pool, "aside": 1}
    with contextlib.suppress(BackendUnavailable, Error):
        _wake(_announcements(_mark(PUBLISH_FREED, values)), get_backend())


def publish(execution_ids: Sequence[int]) -> None:
    """Announce these at once, before returning. When that fails, the leader will."""
    if not execution_ids:
        return
    with contextlib.suppress(BackendUnavailable, Error):
        _wake(_announcements(_mark(PUBLISH_THESE, {"ids": list(execution_ids)})), get_backend())


def _mark(statement: str, values: Mapping[str, Any]) -> list[sql.Row]:
    """Planned each time, for the tables grow within seconds: a plan made for empty ones would read full ones whole."""
    return sql.rows(statement, values, prepare=False)


def _announcements(marked: Iterable[sql.Row]) -> list[Announcement]:
    return [Announcement(row["id"], row["queue"], row["priority"]) for row in marked if row["may_start"]]


def _wake(found: Sequence[Announcement], backend: Backend) -> None:
    """A message each, up to what workers can take at once: whoever takes one goes on with all that is marked."""
    by_queue: dict[str, list[Announcement]] = defaultdict(list)
    for announcement in sorted(found, key=lambda one: (one.priority, one.execution_id)):
        by_queue[announcement.queue].append(announcement)
    for name, announcements in by_queue.items():
        some = announcements[:BATCH]
        if len(some) > queries.FEWEST_WAKE_UPS:
            some = some[: max(queries.wake_ups(name) - backend.waiting(name), 0)]
        if some:
            backend.announce(some)
    for announcement in found:
        telemetry.emit("execution.dispatched", execution_id=announcement.execution_id, queue=announcement.queue)


@dataclass
class _Silence:
    """A queue in which nothing moves, however often it is announced."""

    runs: tuple[int, ...]
    pause: float
    until: float


# Statistics of quiet times say that little waits, and then a plan would read and sort all of it for the first of each.
PREFER_INDEXES = "SET enable_sort = off; SET enable_seqscan = off; SET jit = off"


def prefer_indexes() -> None:
    """On this thread's own connection; behind a pooler it would be somebody else's too."""
    if settings.DATABASE_POOLER != "transaction":
        sql.script(PREFER_INDEXES)


class Publisher:
    """The leader's loop: announces what waits, and wakes again whoever did not hear of it."""

    def __init__(self, backend: Backend, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._backend = backend
        self._clock = clock
        self._silent: dict[str, _Silence] = {}

    def turn(self) -> int:
        """Returns how many were announced."""
        prefer_indexes()
        published = publish_waiting(self._backend)
        self._wake_again()
        return published

    def _wake_again(self) -> None:
        """As long as a queue holds a message for each free worker, what is in it only has to wait its turn. Fewer mean
        that some got lost, were stale, or that Redis lost its data: all the same to us."""
        unclaimed: dict[str, list[sql.Row]] = defaultdict(list)
        for row in sql.rows(UNCLAIMED, {"most": BATCH}, prepare=False):
            unclaimed[row["queue"]].append(row)
        self._silent = {name: silence for name, silence in self._silent.items() if name in unclaimed}
        for name, rows in unclaimed.items():
            missing = min(len(rows), queries.wake_ups(name)) - self._backend.waiting(name)
            if missing > 0 and self._may_speak(name, tuple(row["id"] for row in rows)):
                self._backend.announce([Announcement(row["id"], name, row["priority"]) for row in rows[:missing]])
                lost = sum(row["age"] > LOST_AFTER for row in rows[:missing])
                if lost:
                    canaries.count_redelivered(name, lost)
                    telemetry.emit("execution.redelivered", count=lost)

    def _may_speak(self, name: str, runs: tuple[int, ...]) -> bool:
        """Ever more seldom about runs that nobody takes, or a queue full of unknown templates would keep all busy."""
        now, known = self._clock(), self._silent.get(name)
        if known is None or known.runs != runs:
            self._silent[name] = _Silence(runs, EVERY, now + EVERY)
            return True
        if now < known.until:
            return False
        known.pause = min(2 * known.pause, LONGEST_PAUSE)
        known.until = now + known.pause
        return True


# --- for requests: announce at once, without making anyone wait ------------------------------------------------------


def announce_soon(execution_ids: Iterable[int]) -> None:
    """Announce these after the commit, from a thread of this process, so that a broker that hangs costs the caller
    nothing. Best effort: what is dropped or fails is announced by the leader within a second."""
    ids = list(execution_ids)
    transaction.on_commit(lambda: _put(ids))


def _put(ids: Iterable[int]) -> None:
    for execution_id in ids:
        SOON.put(execution_id)


def _mark_these(ids: Sequence[int]) -> list[sql.Row]:
    free = sql.rows(PUBLISH_FREE, {"ids": list(ids)})
    others = sorted({*ids}.difference(row["id"] for row in free))
    return free + (_mark(PUBLISH_THESE, {"ids": others}) if others else [])


def _announce_once(ids: Sequence[int]) -> None:
    try:
        _wake(_announcements(_mark_these(ids)), get_backend())
    except (BackendUnavailable, Error) as error:
        telemetry.emit("execution.announcement_failed", count=len(ids), error=str(error).strip())
    finally:
        connections.close_all()


SOON = Background[int]("announcer", _announce_once, most=1_000, at_once=BATCH)
