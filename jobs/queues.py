"""How full the queues are, and whether one more run may wait: of what nobody can work off, the surplus is refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.conf import settings

from jobs.planner import Room
from jobs.rules.policy import JobPolicy
from jobs.rules.states import PRIORITIES, PRIORITY_NAMES, OnQueueFull
from scheduler_project.lib import sql, telemetry

RETRY_AFTER = 10  # seconds

# Bounded: how many more than the limit wait does not matter. The range is one priority, written so that only the index
# of what is queued gives the order: by ids alone, or without an order, all that there is might be read first.
DEPTHS = """
SELECT p.priority, (
    SELECT count(*) FROM (
        SELECT FROM job_executions WHERE status = 'queued' AND priority BETWEEN p.priority AND p.priority
        ORDER BY priority, id LIMIT %(limit)s) AS waiting) AS depth
FROM unnest(%(priorities)s::smallint[]) AS p(priority)
"""

COUNT = """
INSERT INTO queue_rejections AS r (priority, count, last_at) VALUES (%(priority)s, 1, clock_timestamp())
ON CONFLICT (priority) DO UPDATE SET count = r.count + 1, last_at = excluded.last_at
"""


class QueueFull(Exception):
    """So many runs wait in this priority that no more of them are taken."""

    def __init__(self, priority: int) -> None:
        name = PRIORITY_NAMES[priority]
        super().__init__(
            f"{settings.DAYBOOK_QUEUE_LIMIT:,} runs of priority {name} wait already; try again in {RETRY_AFTER} s."
        )
        self.priority = priority
        self.retry_after = RETRY_AFTER


def depths(priorities: Collection[int] = tuple(PRIORITIES.values())) -> dict[int, int]:
    """How many runs wait in each of these priorities, counted up to the limit."""
    values = {"priorities": sorted(priorities), "limit": settings.DAYBOOK_QUEUE_LIMIT}
    return {row["priority"]: row["depth"] for row in sql.rows(DEPTHS, values)}


def rooms(priority: int, policy: JobPolicy, depth: Mapping[int, int]) -> tuple[Room, ...]:
    """Where runs of a job may wait: in its own priority, and where its policy says so in the lower ones."""
    free = {level: max(settings.DAYBOOK_QUEUE_LIMIT - waiting, 0) for level, waiting in depth.items()}
    return tuple(Room(level, free[level]) for level in levels_of(priority, policy) if level in free)


def levels_of(priority: int, policy: JobPolicy) -> list[int]:
    """Its own priority, and the lower ones where the policy lets it go down."""
    if policy.on_queue_full is OnQueueFull.SKIP:
        return [priority]
    return [level for level in sorted(PRIORITIES.values()) if level >= priority]


def admit(priority: int, policy: JobPolicy) -> int:
    """The priority in which one more run may wait now. Raises `QueueFull`."""
    levels = levels_of(priority, policy)
    for room in rooms(priority, policy, depths(levels)):
        if room.free:
            return room.priority
    raise QueueFull(priority)


def count_rejection(full: QueueFull) -> None:
    """Remember that somebody was refused; to be called when the transaction that was refused is over."""
    sql.rows(COUNT, {"priority": full.priority})
    telemetry.emit("queue.rejected", priority=PRIORITY_NAMES[full.priority])
