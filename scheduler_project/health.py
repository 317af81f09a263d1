"""What this process and the whole system can tell of their state: three answers, in JSON, within two seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from scheduler_project.lib import telemetry
from scheduler_project.observability import facts
from scheduler_project.observability.facts import BrokerFacts, DatabaseFacts
from scheduler_project.observability.lookup import Lookup

KEEP = timedelta(seconds=1)
PATIENCE = timedelta(seconds=1.5)

HEALTHY, DEGRADED, UNHEALTHY = "healthy", "degraded", "unhealthy"

Facts = TypeVar("Facts")


@dataclass(frozen=True)
class Part:
    """One thing that has to work. `message` says what is wrong and `action` what to do about it."""

    status: str
    message: str = ""
    action: str = ""
    figures: dict[str, Any] = field(default_factory=dict)


# --- the answers ------------------------------------------------------------------------------------------------------


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """This process answers. Touches nothing outside it: a restart would not mend what lies there."""
    return _answer({"status": HEALTHY}, is_good=True)


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """This process can serve: it reaches the database, and the database has the tables that this release needs."""
    part = WATCH.database()
    body = {"status": part.status, "message": part.message, "action": part.action}
    return _answer({name: value for name, value in body.items() if value}, is_good=part.status == HEALTHY)


@require_safe
def system(request: HttpRequest) -> HttpResponse:
    """Everything that has to work for jobs to run, part by part."""
    parts = WATCH.parts()
    status = _overall(parts)
    body = {
        "status": status,
        "checked_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "parts": {
            name: {
                "status": part.status,
                "since": WATCH.since(name, part.status).isoformat(timespec="milliseconds"),
                **({"message": part.message, "action": part.action} if part.message else {}),
                **part.figures,
            }
            for name, part in parts.items()
        },
    }
    return _answer(body, is_good=status == HEALTHY)


def _overall(parts: dict[str, Part]) -> str:
    if parts["database"].status == UNHEALTHY:
        return UNHEALTHY
    return HEALTHY if all(part.status == HEALTHY for part in parts.values()) else DEGRADED


def _answer(body: dict[str, Any], *, is_good: bool) -> HttpResponse:
    response = JsonResponse(body, status=200 if is_good else 503)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response._has_been_logged = True  # type: ignore[attr-defined]  # else Django logs an error for each 503
    return response


# --- what they know ---------------------------------------------------------------------------------------------------


class Watch:
    """Asks the database and the broker, each at most once a second, and remembers since when a part is as it is."""

    def __init__(self) -> None:
        self._database = Lookup("database", facts.ask_database, keep=KEEP)
        self._broker = Lookup("redis", facts.ask_broker, keep=KEEP)
        self._seen: dict[str, tuple[str, datetime]] = {}
        self._lock = threading.Lock()

    def database(self) -> Part:
        found = _found(self._database)
        return LOST_DATABASE if found is None else judge_database(found)

    def parts(self) -> dict[str, Part]:
        if settings.SCHEDULER_USE_CELERY:
            self._broker.start()  # beside the database, so that two that hang cost no more than one
        database = _found(self._database)
        parts = {"database": LOST_DATABASE if database is None else judge_database(database)}
        if settings.SCHEDULER_USE_CELERY:
            broker = _found(self._broker)
            parts["redis"] = LOST_BROKER if broker is None else judge_broker(broker)
        for name, judge in JUDGES.items():
            parts[name] = UNKNOWN if database is None else judge(database)
        return parts

    def since(self, name: str, status: str) -> datetime:
        """When this process first saw the part in the state that it still has."""
        with self._lock:
            seen = self._seen.get(name)
            if seen is None or seen[0] != status:
                if seen is not None or status != HEALTHY:
                    telemetry.emit("health.changed", part=name, status=status)
                seen = self._seen[name] = (status, datetime.now(UTC))
            return seen[1]


def _found(lookup: Lookup[Facts]) -> Facts | None:
    try:
        return lookup.get(patience=PATIENCE)
    except Exception:  # noqa: BLE001  the reason may name hosts and users, so it goes to the log and not to the caller
        return None


# --- what it means ----------------------------------------------------------------------------------------------------

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
        "heartbeat_limit_seconds": facts.heartbeat_limit().total_seconds(),
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
    limit = facts.tick_limit().total_seconds()
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

WATCH = Watch()
