"""Announces executions that wait, after they were committed. Runs beside the tick loop, never in it.

Announced means two things: the row is marked, so that a claim finds it, and a message wakes a worker. Only a window of
each tenant's backlog is marked, and only as many messages are sent as there are workers to wake.
"""

from __future__ import annotations

import contextlib
import queue
import threading
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

EVERY = 0.5  # seconds
MOST = 5_000  # marked together
LOOKS = 20  # in one turn, as long as each puts some aside
BATCH = 500  # sent together
LOST_AFTER = 2.0  # seconds that a message may take before it counts as lost
LONGEST_PAUSE = 8.0  # seconds between messages for what nobody can claim

COLUMNS = "id, queue, priority, job_id, pool_id, max_instances, available_at"

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
), full_jobs AS (
    (SELECT job_id FROM job_executions WHERE status = 'queued' AND held_for = 'slot' ORDER BY job_id LIMIT 1)
    UNION ALL
    SELECT e.* FROM full_jobs f CROSS JOIN LATERAL (
        SELECT job_id FROM job_executions WHERE status = 'queued' AND held_for = 'slot' AND job_id > f.job_id
        ORDER BY job_id LIMIT 1) AS e
), found AS MATERIALIZED (
    (SELECT e.* FROM turns t CROSS JOIN LATERAL (
        SELECT {COLUMNS} FROM job_executions
        WHERE status = 'queued' AND published_at IS NULL AND held_for = '' AND available_at <= clock_timestamp()
          AND queue = t.queue AND priority = t.priority AND tenant_id = t.tenant_id
        ORDER BY available_at, id
        LIMIT %(window)s - (SELECT count(*) FROM (
            SELECT FROM job_executions WHERE status = 'queued' AND published_at IS NOT NULL
              AND queue = t.queue AND priority = t.priority AND tenant_id = t.tenant_id LIMIT %(window)s) AS p)
    ) AS e LIMIT %(most)s)
    UNION ALL
    SELECT e.* FROM full_jobs f CROSS JOIN LATERAL (
        SELECT {COLUMNS} FROM job_executions
        WHERE status = 'queued' AND held_for = 'slot' AND job_id = f.job_id AND available_at <= clock_timestamp()
        ORDER BY priority, available_at, id LIMIT 100) AS e
)"""  # noqa: S608

SOME = "found AS MATERIALIZED (SELECT {columns} FROM job_executions WHERE {which})"
THESE = SOME.format(
    columns=COLUMNS,
    which="id = ANY(%(ids)s) AND status = 'queued' AND published_at IS NULL AND held_for = '' "
    "AND available_at <= clock_timestamp()",
)
FREED = SOME.format(
    columns=COLUMNS,
    which="""id IN (
    SELECT e.id FROM (
        SELECT %(job)s::bigint AS job_id
        UNION SELECT job_id FROM job_executions
              WHERE pool_id = %(pool)s AND status = 'queued' AND held_for = 'slot') AS j
    CROSS JOIN LATERAL (
        SELECT id FROM job_executions
        WHERE status = 'queued' AND held_for = 'slot' AND job_id = j.job_id AND available_at <= clock_timestamp()
        ORDER BY priority, available_at, id LIMIT 100) AS e)""",
)

# Of a job and of a pool only as many as have slots, those announced and running included: more announcements would be
# wasted. The others are put aside, where they are in no one's way, and whoever frees a slot announces the next of them.
# The marks do not wait for the disk: one that is lost in a crash is made again.
PUBLISH = """
WITH RECURSIVE {found}, jobs AS MATERIALIZED (
    SELECT f.job_id, f.max_instances - (SELECT count(*) FROM (
        SELECT FROM job_executions o
        WHERE o.job_id = f.job_id AND o.status IN ('queued', 'running') AND o.max_instances IS NOT NULL
          AND (o.status = 'running' OR o.published_at IS NOT NULL) LIMIT f.max_instances) AS used) AS free
    FROM (SELECT job_id, max(max_instances) AS max_instances FROM found
          WHERE max_instances IS NOT NULL GROUP BY job_id) AS f
), pools_used AS MATERIALIZED (
    SELECT p.id AS pool_id, p.size - (SELECT count(*) FROM job_executions o
        WHERE o.pool_id = p.id AND o.status IN ('queued', 'running')
          AND (o.status = 'running' OR o.published_at IS NOT NULL)) AS free
    FROM pools p WHERE p.id IN (SELECT pool_id FROM found)
), in_job AS (
    SELECT f.*, f.max_instances IS NULL OR row_number() OVER (
        PARTITION BY job_id, max_instances IS NULL ORDER BY priority, available_at, id) <= j.free AS fits_job
    FROM found f LEFT JOIN jobs j USING (job_id)
), judged AS (
    SELECT f.*, fits_job AND (f.pool_id IS NULL OR row_number() OVER (
        PARTITION BY pool_id, fits_job ORDER BY priority, available_at, id) <= p.free) AS may_start
    FROM in_job f LEFT JOIN pools_used p USING (pool_id)
)
UPDATE job_executions e
SET published_at = CASE WHEN j.may_start THEN clock_timestamp() END,
    held_for = CASE WHEN j.may_start THEN '' ELSE 'slot' END
FROM judged j
WHERE e.id = j.id AND e.status = 'queued' AND e.published_at IS NULL AND e.held_for IN ('', 'slot')
  AND (j.may_start OR e.held_for = '') AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off'
RETURNING e.id, e.queue, e.priority, j.may_start
"""
# Those that no slot can stand in the way of: nothing to count, so little to plan.
PUBLISH_FREE = """
UPDATE job_executions SET published_at = clock_timestamp()
WHERE id = ANY(%(ids)s::bigint[]) AND status = 'queued' AND published_at IS NULL AND held_for = ''
  AND available_at <= clock_timestamp() AND max_instances IS NULL AND pool_id IS NULL
  AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off'
RETURNING id, queue, priority, true AS may_start
"""

PUBLISH_WINDOW = PUBLISH.format(found=WINDOW)
PUBLISH_THESE = PUBLISH.format(found=THESE)
PUBLISH_FREED = PUBLISH.format(found=FREED)

# What is announced and unclaimed in each queue, and the first of it.
UNCLAIMED = """
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
"""


def publish_waiting(backend: Backend | None = None) -> int:
    """Announce what waits, as far as the windows have room. Returns how many. Raises `BackendUnavailable`."""
    values = {"window": settings.DAYBOOK_PUBLISH_WINDOW, "most": MOST}
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
    values = {"job": settled.freed_slot_of, "pool": settled.freed_pool}
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

SOON: queue.Queue[int] = queue.Queue(maxsize=1_000)

_starting = threading.Lock()
_thread: threading.Thread | None = None


def announce_soon(execution_ids: Iterable[int]) -> None:
    """Announce these after the commit, from a thread of this process, so that a broker that hangs costs the caller
    nothing. Best effort: what is dropped or fails is announced by the leader within a second."""
    ids = list(execution_ids)
    transaction.on_commit(lambda: _put(ids))


def _put(ids: Iterable[int]) -> None:
    with contextlib.suppress(queue.Full):
        for execution_id in ids:
            SOON.put_nowait(execution_id)
    _start_thread()


def _start_thread() -> None:
    global _thread
    with _starting:
        if _thread is None or not _thread.is_alive():  # a fork takes no threads along
            _thread = threading.Thread(target=_announce_for_ever, name="announcer", daemon=True)
            _thread.start()


def _announce_for_ever() -> None:
    while True:
        ids = [SOON.get()]
        with contextlib.suppress(queue.Empty):
            while len(ids) < BATCH:
                ids.append(SOON.get_nowait())
        _announce_once(ids)


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
