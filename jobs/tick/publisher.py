"""Announces executions that wait, after they were committed. Runs beside the tick loop, never in it."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from django.db import Error, connections, transaction

from jobs import queries
from jobs.backends.base import Announcement, Backend, BackendUnavailable, get_backend
from scheduler_project.lib import sql, telemetry

PAGE_SIZE = 5_000
BATCH = 500  # announced together
FULL_EVERY = 0.5  # seconds

# Of a job only as many as it has free slots, those announced before included: more announcements would be wasted, and
# whoever frees a slot announces the next one. The running ones are counted in the same place as the earlier ones, for
# the index by job then is the only one that fits.
PAGE = """
SELECT id, queue, priority, is_waiting AND (max_instances IS NULL OR max_instances > (
    SELECT count(*) FROM (
        SELECT FROM job_executions o
        WHERE o.job_id = page.job_id AND o.status IN ('queued', 'running') AND o.max_instances IS NOT NULL
          AND (o.status = 'running'
               OR o.available_at <= clock_timestamp() AND (o.priority, o.id) < (page.priority, page.id))
        LIMIT page.max_instances) AS ahead
)) AS may_start
FROM ({page}) AS page
"""

WAITING = PAGE.format(
    page="""
    SELECT id, queue, priority, job_id, max_instances, true AS is_waiting FROM job_executions
    WHERE status = 'queued' AND published_at IS NULL AND available_at <= clock_timestamp()
      AND (priority, id) > (%(priority)s, %(id)s)
    ORDER BY priority, id LIMIT %(limit)s
    """
)

NEW = PAGE.format(
    page="""
    SELECT id, queue, priority, job_id, max_instances,
           status = 'queued' AND published_at IS NULL AND available_at <= clock_timestamp() AS is_waiting
    FROM job_executions WHERE id > %(id)s ORDER BY id LIMIT %(limit)s
    """
)

# A transaction of its own that does not wait for the disk: a mark that is lost in a crash costs a second message.
MARK = """
UPDATE job_executions SET published_at = clock_timestamp(), publish_count = publish_count + 1
WHERE id = ANY(%(ids)s) AND status = 'queued' AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off'
"""


def publish(announcements: Sequence[Announcement], backend: Backend | None = None) -> None:
    """Announce these now and remember that they were. Raises `BackendUnavailable`."""
    if not announcements:
        return
    (backend or get_backend()).announce(announcements)
    sql.rows(MARK, {"ids": [announcement.execution_id for announcement in announcements]})
    for announcement in announcements:
        telemetry.emit("execution.dispatched", execution_id=announcement.execution_id, queue=announcement.queue)


class Publisher:
    """What the leader announces: at once what is new, and every now and then all that waits.

    A look at all that waits goes through the whole backlog, so it must not come with every set of new executions.
    """

    def __init__(self, backend: Backend, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._backend = backend
        self._clock = clock
        self._newest = 0
        self._full_at = clock()

    def turn(self) -> int:
        """Returns how many were announced."""
        started = self._clock()
        if started < self._full_at:
            return self._publish_new()
        newest = sql.row("SELECT coalesce(max(id), 0) AS id FROM job_executions")
        assert newest is not None
        published = publish_waiting(self._backend)
        self._newest = newest["id"]
        self._full_at = started + max(FULL_EVERY, 10 * (self._clock() - started))
        return published

    def _publish_new(self) -> int:
        """Those with higher ids than any seen. One of a lower id that was committed later waits for the full look."""
        published = 0
        while True:
            page = _page(NEW, {"id": self._newest})
            published += _publish_page(page, self._backend)
            if page:
                self._newest = page[-1]["id"]
            if len(page) < PAGE_SIZE:
                return published


def publish_waiting(backend: Backend | None = None) -> int:
    """Announce everything that waits and was not announced yet. Returns how many."""
    published, after = 0, {"priority": -1, "id": 0}
    while True:
        page = _page(WAITING, after)
        published += _publish_page(page, backend)
        if len(page) < PAGE_SIZE:
            return published
        after = {"priority": page[-1]["priority"], "id": page[-1]["id"]}


def _page(statement: str, after: Mapping[str, int]) -> list[sql.Row]:
    """In order, though no outer ORDER BY says so: nothing above the limit sorts. Planned each time, for the tables grow
    within seconds: a plan made for empty ones would read full ones whole."""
    return sql.rows(statement, {**after, "limit": PAGE_SIZE}, prepare=False)


def _publish_page(page: Iterable[sql.Row], backend: Backend | None) -> int:
    found = [Announcement(row["id"], row["queue"], row["priority"]) for row in page if row["may_start"]]
    for start in range(0, len(found), BATCH):
        publish(found[start : start + BATCH], backend)
    return len(found)


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
