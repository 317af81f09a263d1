"""Maintenance of the whole system: while a window is open no job fires. Who may open one is the caller's to know."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from accounts import audit
from jobs import trail
from jobs.models import Maintenance
from jobs.rules.schedule import HORIZON
from scheduler_project.lib import sql, telemetry, transactions
from scheduler_project.lib.input import InvalidInput, printable_text

MAINTENANCE_END = "system:maintenance_end"
MOST_NOTE = 500


class InvalidMaintenance(InvalidInput):
    """Input that is no maintenance window; `fields` has the messages by name."""


class MaintenanceIsOpen(Exception):
    """Somebody else has put the system under maintenance already."""


class NoMaintenance(Exception):
    """The system is not under maintenance, so there is nothing to end."""


def start(*, actor: str, note: str, until: datetime | None = None) -> Maintenance:
    """Open a window from now on. Raises `InvalidMaintenance`, `MaintenanceIsOpen`."""
    with transactions.engine():
        now = sql.now()
        note = _judged(note, until, now)
        close_overdue(now=now)
        try:
            with transaction.atomic():
                window = Maintenance.objects.create(started_at=now, started_by=actor, note=note, until=until)
        except IntegrityError as error:
            raise MaintenanceIsOpen(_who_holds_it()) from error
        trail.tell(
            "maintenance.started", window, actor=actor, after={"until": until}, note=note, name="The whole system"
        )
        transaction.on_commit(lambda: telemetry.emit("maintenance.started", actor=actor, note=note, until=until))
    return window


def end(*, actor: str) -> Maintenance:
    """Close the open window: ticks that are due from now on fire again. Raises `NoMaintenance`."""
    with transactions.engine():
        now = sql.now()
        close_overdue(now=now)
        window = Maintenance.objects.select_for_update().filter(ended_at=None).first()
        if window is None:
            raise NoMaintenance("The system is not under maintenance; there is nothing to end.")
        window.ended_at, window.ended_by = now, actor
        window.save(update_fields=["ended_at", "ended_by"])
        trail.tell("maintenance.ended", window, actor=actor, note=window.note, name="The whole system")
        transaction.on_commit(lambda: telemetry.emit("maintenance.ended", actor=actor, note=window.note))
    return window


def current(*, now: datetime | None = None) -> Maintenance | None:
    """The window that is open now; one whose end has come is none, whether or not it has been closed yet."""
    window = Maintenance.objects.filter(ended_at=None).first()
    if window is None or (window.until is not None and window.until <= (now or sql.now())):
        return None
    return window


def close_overdue(*, now: datetime) -> int:
    """Close the window whose end has come, as of that end. Returns 1 when it was this call that closed it."""
    closed = Maintenance.objects.filter(ended_at=None, until__lte=now).update(
        ended_at=F("until"), ended_by=MAINTENANCE_END
    )
    if closed:
        audit.record("maintenance.ended", actor=MAINTENANCE_END, tenant_id=None, target="maintenance")
        transaction.on_commit(lambda: telemetry.emit("maintenance.ended", actor=MAINTENANCE_END, note=""))
    return closed


def _judged(note: object, until: datetime | None, now: datetime) -> str:
    fields: dict[str, list[str]] = {}
    text, problem = printable_text(note, most=MOST_NOTE, if_empty="Say why: everybody whose jobs do not run reads it.")
    if problem:
        fields["note"] = [problem]
    if until is not None and until <= now:
        fields["until"] = ["Lies in the past; write a later instant, or none to end it by hand."]
    elif until is not None and until > HORIZON:
        fields["until"] = ["Lies after 2199; write an earlier instant, or none to end it by hand."]
    if fields:
        raise InvalidMaintenance(fields)
    return text


def _who_holds_it() -> str:
    window = Maintenance.objects.filter(ended_at=None).first()
    if window is None:  # it was ended in this very moment
        return "Somebody else had just put the system under maintenance; try again."
    return (
        f"The system is under maintenance already: {window.started_by} started it at {window.started_at:%H:%M} UTC "
        f"({window.note}). End that one first."
    )
