"""What the facts mean: for each part that has to work, whether it does, what is wrong and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from jobs import queries
from scheduler_project.observability.facts import BrokerFacts, DatabaseFacts

HEALTHY, DEGRADED, UNHEALTHY = "healthy", "degraded", "unhealthy"


@dataclass(frozen=True)
class Part:
    """One thing that has to work. `message` says what is wrong and `action` what to do about it."""

    status: str
    message: str = ""
    action: str = ""
    figures: dict[str, Any] = field(default_factory=dict)


LOST_DATABASE = Part(
    UNHEALTHY,
    "PostgreSQL does not answer.",
    "Check the server, DATABASE_URL and the network between them; everything goes on by itself once it answers.",
)
LOST_BROKER = Part(
    UNHEALTHY,
    "Redis does not answer. Nothing is lost, but no run starts until it does.",
    "Check the server and REDIS_URL; should it stay away, SCHEDULER_USE_CELERY=false runs jobs without it.",
)
UNKNOWN = Part(UNHEALTHY, "Not known while PostgreSQL does not answer.", "Mend the database first.")


def judge_database(found: DatabaseFacts) -> Part:
    figures = {"milliseconds": found.milliseconds, "migrations_pending": found.migrations_pending}
    if found.migrations_pending:
        return Part(
            UNHEALTHY,
            f"{found.migrations_pending} migrations of this release are not applied.",
            "Run `manage.py migrate`.",
            figures,
        )
    return Part(HEALTHY, figures=figures)


def judge_broker(found: BrokerFacts) -> Part:
    figures = {
        "milliseconds": found.milliseconds,
        "memory_bytes": found.memory_bytes,
        "memory_limit_bytes": found.memory_limit_bytes,
    }
    if found.memory_limit_bytes and found.memory_bytes > 0.9 * found.memory_limit_bytes:
        return Part(DEGRADED, "Redis has used 90 % of its memory.", "Raise its maxmemory.", figures)
    return Part(HEALTHY, figures=figures)


def judge_workers(found: DatabaseFacts) -> Part:
    figures = {
        "count": found.workers,
        "processes": found.worker_processes,
        "vanished": found.workers_vanished,
        "youngest_heartbeat_seconds": found.heartbeat_age,
        "heartbeat_limit_seconds": queries.heartbeat_limit().total_seconds(),
    }
    if not settings.SCHEDULER_USE_CELERY:
        return Part(HEALTHY, figures=figures)
    if not found.workers:
        return Part(
            UNHEALTHY,
            "No worker has a recent heartbeat; runs wait.",
            "Start `celery -A scheduler_project worker`, or read the log of the last one.",
            figures,
        )
    if found.queues_deaf:
        return Part(
            DEGRADED,
            f"No worker answers on the queues {', '.join(found.queues_deaf)}, though processes are free.",
            "Restart their workers; the page Workers & queues says which those are.",
            figures,
        )
    if found.queues_without_worker:
        queues = ", ".join(found.queues_without_worker)
        return Part(
            DEGRADED,
            f"No worker serves the queues {queues}, though enabled jobs use them.",
            f"Start a worker with `-Q {queues.replace(' ', '')}`, or move the jobs to another queue.",
            figures,
        )
    return Part(HEALTHY, figures=figures)


def judge_leader(found: DatabaseFacts) -> Part:
    figures = {"epoch": found.leader_epoch, "expires_in_seconds": found.leader_expires_in}
    if found.leader_expires_in is None or found.leader_expires_in <= 0:
        return Part(
            UNHEALTHY,
            "No scheduler leads, so nothing is decided that becomes due; it will be caught up by each job's policy.",
            "Start `celery -A scheduler_project beat`, or read the log of the last one.",
            figures,
        )
    return Part(HEALTHY, figures=figures)


def judge_tick(found: DatabaseFacts) -> Part:
    limit = queries.tick_limit().total_seconds()
    figures = {"age_seconds": found.tick_age, "limit_seconds": limit}
    if found.tick_age is None or found.tick_age > limit:
        return Part(
            UNHEALTHY,
            f"The scheduler's loop has not turned for more than {limit:g} s.",
            "See the part `leader`; if one leads, its log says what holds it up.",
            figures,
        )
    return Part(HEALTHY, figures=figures)


JUDGES: dict[str, Callable[[DatabaseFacts], Part]] = {
    "workers": judge_workers,
    "leader": judge_leader,
    "tick": judge_tick,
}
