"""Announces executions that wait, after they were committed. Runs beside the tick loop, never in it."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterable, Sequence

from django.db import Error, connections, transaction

from jobs import queries
from jobs.backends.base import Announcement, Backend, BackendUnavailable, get_backend
from scheduler_project.lib import sql, telemetry

BATCH = 500

# Of a job only as many as it has free slots, those announced before included: more announcements would be wasted, and
# whoever frees a slot announces the next one.
FIND = """
(
    SELECT id, queue, priority FROM job_executions
    WHERE status = 'queued' AND published_at IS NULL AND available_at <= clock_timestamp() AND max_instances IS NULL
    ORDER BY priority, id LIMIT %(limit)s
) UNION ALL (
    SELECT id, queue, priority FROM (
        SELECT id, queue, priority, job_id, max_instances, published_at,
               row_number() OVER (PARTITION BY job_id, max_instances ORDER BY priority, id) AS place
        FROM job_executions
        WHERE status = 'queued' AND available_at <= clock_timestamp() AND max_instances IS NOT NULL
    ) AS waiting
    WHERE published_at IS NULL AND place <= max_instances - (
        SELECT count(*) FROM execution_leases l WHERE l.job_id = waiting.job_id AND l.job_slot IS NOT NULL)
)
ORDER BY priority, id LIMIT %(limit)s
"""

MARK = """
UPDATE job_executions SET published_at = clock_timestamp(), publish_count = publish_count + 1
WHERE id = ANY(%(ids)s) AND status = 'queued'
"""


def publish(announcements: Sequence[Announcement], backend: Backend | None = None) -> None:
    """Announce these now and remember that they were. Raises `BackendUnavailable`."""
    if not announcements:
        return
    (backend or get_backend()).announce(announcements)
    sql.rows(MARK, {"ids": [announcement.execution_id for announcement in announcements]})
    for announcement in announcements:
        telemetry.emit("execution.dispatched", execution_id=announcement.execution_id, queue=announcement.queue)


def publish_waiting(backend: Backend | None = None) -> int:
    """Announce everything that waits and was not announced yet. Returns how many."""
    published = 0
    while True:
        batch = [Announcement(row["id"], row["queue"], row["priority"]) for row in sql.rows(FIND, {"limit": BATCH})]
        publish(batch, backend)
        published += len(batch)
        if len(batch) < BATCH:
            return published


def publish_next(job_id: int) -> None:
    """A slot of this job is free: tell whoever waits for it. When that fails, the sweep will."""
    with contextlib.suppress(BackendUnavailable, Error):
        publish([Announcement(row["id"], row["queue"], row["priority"]) for row in queries.next_waiting(job_id)])


# --- for requests: announce at once, without making anyone wait ------------------------------------------------------

SOON: queue.Queue[int] = queue.Queue(maxsize=1_000)
STILL_WAITING = """
SELECT id, queue, priority FROM job_executions
WHERE id = ANY(%(ids)s) AND status = 'queued' AND published_at IS NULL AND available_at <= clock_timestamp()
"""

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


def _announce_once(ids: Sequence[int]) -> None:
    try:
        publish(
            [Announcement(row["id"], row["queue"], row["priority"]) for row in sql.rows(STILL_WAITING, {"ids": ids})]
        )
    except (BackendUnavailable, Error) as error:
        telemetry.emit("execution.announcement_failed", count=len(ids), error=str(error).strip())
    finally:
        connections.close_all()
