"""The switches of the whole system: what each is set to, and by what. A change of one counts at once, everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from accounts import audit
from jobs import scheduler_events
from jobs.models import RuntimeFlag
from jobs.scheduler_events import Event
from scheduler_project.lib import sql, telemetry, transactions

SCHEDULER_ENABLED = "scheduler.enabled"
USE_CELERY = "scheduler.use_celery"
NOTIFICATIONS_ENABLED = "notifications.enabled"

# Name -> the environment variable that sets it, what it does, and whether it can be set while everything runs.
DESCRIBED: Mapping[str, tuple[str, str, bool]] = {
    NOTIFICATIONS_ENABLED: (
        "DAYBOOK_NOTIFICATIONS_ENABLED",
        "Off: nothing is sent; what would have been told is kept.",
        False,
    ),
    SCHEDULER_ENABLED: (
        "DAYBOOK_SCHEDULER_ENABLED",
        "Off: ticks that become due are skipped, and changes of jobs and new runs are refused. Reading goes on.",
        True,
    ),
    USE_CELERY: (
        "SCHEDULER_USE_CELERY",
        "On: runs go through Celery workers. Off: APScheduler runs them in processes of its own.",
        False,
    ),
}
MOST_NOTE = 500


class SchedulerDisabled(Exception):
    """The scheduler is switched off, so nothing that could make a run is accepted."""


class FixedFlag(Exception):
    """The switch is one that only the environment sets."""


@dataclass(frozen=True)
class Flag:
    name: str
    value: bool
    source: str  # default, environment or database
    description: str
    variable: str
    note: str = ""
    set_by: str = ""
    set_at: datetime | None = None


def current() -> list[Flag]:
    """All of them, in the order of their names."""
    stored = {row.name: row for row in RuntimeFlag.objects.all()}
    return [_flag(name, stored.get(name)) for name in sorted(DESCRIBED)]


def scheduler() -> Flag:
    return _flag(SCHEDULER_ENABLED, RuntimeFlag.objects.filter(name=SCHEDULER_ENABLED).first())


def notifications() -> Flag:
    """Asks no database, since only the environment sets it."""
    return _flag(NOTIFICATIONS_ENABLED, None)


def require_scheduler(actor: str) -> None:
    """For what people and programs ask for; the system's own changes go on. Raises `SchedulerDisabled`."""
    if actor.startswith("system:"):
        return
    flag = scheduler()
    if not flag.value:
        raise SchedulerDisabled(refusal(flag))


def refusal(flag: Flag) -> str:
    if flag.source == "environment":
        return f"The scheduler is switched off by {flag.variable}. Jobs and runs can be read and runs be cancelled."
    why = f" ({flag.note})" if flag.note else ""
    return (
        f"{flag.set_by} switched the scheduler off at {flag.set_at:%Y-%m-%d %H:%M} UTC{why}. Jobs and runs can be read "
        "and runs be cancelled; `manage.py set_flag scheduler.enabled on` switches it on."
    )


def switch(name: str, value: bool, *, actor: str, note: str = "") -> Flag:
    """Set one, for every process at once. Raises `FixedFlag`."""
    variable, _, can_be_set = DESCRIBED[name]
    if not can_be_set or _from_environment(name) is not None:
        only = "" if can_be_set else "nothing but "
        raise FixedFlag(f"{name} is set by {only}the environment variable {variable}; change it there and start anew.")
    with transactions.engine():
        before = RuntimeFlag.objects.select_for_update().filter(name=name).first()
        was = before.value if before else True
        row, _created = RuntimeFlag.objects.update_or_create(
            name=name, defaults={"value": value, "note": note[:MOST_NOTE], "set_by": actor, "set_at": sql.now()}
        )
        if was != value:
            told = {"value": value, "by": actor, "note": note[:MOST_NOTE]}
            words = f"{actor} switched {name} {'on' if value else 'off'}" + (f": {note}" if note else "")
            scheduler_events.record([Event("scheduler_switched", words, source=name, data=told)])
        audit.record(
            "flag.set",
            actor=actor,
            tenant_id=None,
            target="flag",
            target_id=name,
            target_name=name,
            before={"value": was},
            after={"value": value},
            note=note[:MOST_NOTE],
        )
    telemetry.emit("flag.set", actor=actor, flag=name, value="on" if value else "off", note=note)
    return _flag(name, row)


def _from_environment(name: str) -> bool | None:
    if name == USE_CELERY:
        return bool(settings.SCHEDULER_USE_CELERY)
    found: bool | None = getattr(settings, DESCRIBED[name][0])
    return found


def _flag(name: str, row: RuntimeFlag | None) -> Flag:
    variable, description, can_be_set = DESCRIBED[name]
    by_environment = _from_environment(name)
    if name == USE_CELERY:
        source = "environment" if settings.SCHEDULER_USE_CELERY_IS_GIVEN else "default"
        return Flag(name, bool(by_environment), source, description, variable)
    if by_environment is not None:
        return Flag(name, by_environment, "environment", description, variable)
    if row is None or not can_be_set:
        return Flag(name, True, "default", description, variable)
    return Flag(name, row.value, "database", description, variable, row.note, row.set_by, row.set_at)
