"""A question for each queue every minute: the answer tells a queue that is quiet from one that nobody hears."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import transaction

from jobs import queries, scheduler_events
from jobs.backends.base import BackendUnavailable
from jobs.scheduler_events import Event
from scheduler_project.lib import sql, telemetry

PATIENCE = timedelta(seconds=30)
ASK_AGAIN = timedelta(seconds=10)  # while there is no answer: messages may get lost
FORGET_AFTER = timedelta(days=1)

# Those that somebody serves who does not drain, and how many processes of theirs have nothing to do.
SERVED = """
SELECT queue, sum(greatest(w.concurrency - coalesce(l.runs, 0), 0))::integer AS free
FROM workers w CROSS JOIN unnest(w.queues) AS queue
LEFT JOIN (SELECT worker, count(*) AS runs FROM execution_leases GROUP BY worker) AS l ON l.worker = w.name
WHERE w.stopped_at IS NULL AND w.draining_since IS NULL
  AND w.heartbeat_at > clock_timestamp() - %(limit)s::interval
GROUP BY queue ORDER BY queue
"""

WAITS = "(c.answered_at IS NULL OR c.answered_at < c.asked_at)"

ASK = f"""
INSERT INTO queue_canaries AS c (queue, asked_at, sent_at) VALUES (%(queue)s, clock_timestamp(), clock_timestamp())
ON CONFLICT (queue) DO UPDATE
SET asked_at = CASE WHEN {WAITS} THEN c.asked_at ELSE excluded.asked_at END, sent_at = excluded.sent_at
WHERE c.sent_at IS NULL OR c.sent_at <= clock_timestamp() - CASE WHEN {WAITS} THEN %(again)s ELSE %(every)s END
RETURNING queue
"""  # noqa: S608

# Patience begins anew while all are busy or the broker is away: then silence tells nothing.
EXCUSE = f"""
UPDATE queue_canaries c SET asked_at = clock_timestamp()
WHERE queue = ANY(%(queues)s) AND deaf_since IS NULL AND {WAITS}
"""  # noqa: S608

FIND_DEAF = f"""
UPDATE queue_canaries c SET deaf_since = asked_at
WHERE queue = ANY(%(queues)s) AND deaf_since IS NULL AND {WAITS} AND asked_at <= clock_timestamp() - %(patience)s
RETURNING queue
"""  # noqa: S608

FORGET = "DELETE FROM queue_canaries WHERE sent_at < clock_timestamp() - %(after)s::interval"

ANSWER = """
WITH before AS (SELECT queue, deaf_since FROM queue_canaries WHERE queue = %(queue)s FOR UPDATE)
UPDATE queue_canaries c SET answered_at = clock_timestamp(), answered_by = %(by)s, deaf_since = NULL
FROM before WHERE c.queue = before.queue
RETURNING before.deaf_since IS NOT NULL AS was_deaf
"""

COUNT = "UPDATE queue_canaries SET redelivered = redelivered + %(count)s WHERE queue = %(queue)s"


class Canaries:
    """The leader's sweep. `ask` sends a question through a queue; raises `BackendUnavailable`."""

    def __init__(self, ask: Callable[[str], None]) -> None:
        self._ask = ask

    def sweep(self) -> None:
        served = {row["queue"]: row["free"] for row in sql.rows(SERVED, {"limit": queries.heartbeat_limit()})}
        unreachable = [queue for queue in served if not self._ask_if_due(queue)]
        excused = [queue for queue, free in served.items() if not free or queue in unreachable]
        sql.rows(EXCUSE, {"queues": excused})
        judged = [queue for queue in served if queue not in excused]
        self._tell_of_deaf({queue: served[queue] for queue in judged})
        sql.rows(FORGET, {"after": FORGET_AFTER})

    def _tell_of_deaf(self, free: dict[str, int]) -> None:
        with transaction.atomic():
            deaf = [row["queue"] for row in sql.rows(FIND_DEAF, {"queues": list(free), "patience": PATIENCE})]
            scheduler_events.record(
                [
                    Event(
                        "worker_silent",
                        f"Nobody hears the queue {queue}, though a free worker process serves it.",
                        source=f"queue {queue}",
                    )
                    for queue in deaf
                ]
            )
        for queue in deaf:
            telemetry.emit("queue.deaf", queue=queue, free=free[queue])

    def _ask_if_due(self, queue: str) -> bool:
        """False when the broker was not to be had."""
        every = settings.DAYBOOK_CANARY_EVERY
        try:
            # Together: a question that did not go out was not asked, and an answer waits until it is known as asked.
            with transaction.atomic():
                if sql.rows(ASK, {"queue": queue, "every": every, "again": min(ASK_AGAIN, every)}):
                    self._ask(queue)
        except BackendUnavailable:
            return False
        return True


def answer(queue: str, *, by: str) -> None:
    """A worker has heard the question."""
    row = sql.row(ANSWER, {"queue": queue, "by": by})
    if row and row["was_deaf"]:
        telemetry.emit("queue.hears", queue=queue, worker=by)


def count_redelivered(queue: str, count: int) -> None:
    """So many announcements of this queue had to be repeated."""
    sql.rows(COUNT, {"queue": queue, "count": count})
