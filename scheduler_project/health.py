"""What this process and the whole system can tell of their state: three answers, in JSON, within two seconds."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from scheduler_project.lib import telemetry
from scheduler_project.observability import facts, verdicts
from scheduler_project.observability.lookup import Lookup
from scheduler_project.observability.verdicts import DEGRADED, HEALTHY, UNHEALTHY, Part

KEEP = timedelta(seconds=1)
PATIENCE = timedelta(seconds=1.5)

Facts = TypeVar("Facts")

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
        return verdicts.LOST_DATABASE if found is None else verdicts.judge_database(found)

    def parts(self) -> dict[str, Part]:
        if settings.SCHEDULER_USE_CELERY:
            self._broker.start()  # beside the database, so that two that hang cost no more than one
        database = _found(self._database)
        parts = {"database": verdicts.LOST_DATABASE if database is None else verdicts.judge_database(database)}
        if settings.SCHEDULER_USE_CELERY:
            broker = _found(self._broker)
            parts["redis"] = verdicts.LOST_BROKER if broker is None else verdicts.judge_broker(broker)
        for name, judge in verdicts.JUDGES.items():
            parts[name] = verdicts.UNKNOWN if database is None else judge(database)
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


WATCH = Watch()
