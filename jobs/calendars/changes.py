"""Every change of a calendar. A tick is judged by the calendar as it is when the tick is decided, so a change first
has everything decided that is due already: it swallows nothing and lets nothing in afterwards."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Tenant
from jobs import ledger, trail
from jobs.calendars.reader import BlackoutInput, CalendarInput, InvalidCalendar, read
from jobs.ledger import StillCatchingUp
from jobs.models import Blackout, Calendar, Job
from jobs.models.job import NAMES_CALENDARS
from scheduler_project.lib import sql, telemetry, transactions

MOST_DUE_JOBS = 500
PATIENCE_SECONDS = 3.0
NAMED = 10


class CalendarInUse(Exception):
    """Jobs name the calendar, so it stays."""


class CalendarChanged(Exception):
    """Someone else changed the calendar in the meantime."""


def create(data: Mapping[str, Any], *, tenant: Tenant, actor: str) -> Calendar:
    """A new calendar. Raises `InvalidCalendar`."""
    new = read(data)
    with transactions.engine(), transactions.refused_as(_taken(new.slug), by="one_calendar_per_slug_and_tenant"):
        calendar = Calendar(tenant=tenant, slug=new.slug)
        _write(calendar, new, actor=actor, now=sql.now())
        _tell("calendar.created", calendar, actor, after=asdict(new))
    return calendar


def change(
    calendar_id: int,
    data: Mapping[str, Any],
    *,
    actor: str,
    replaces: bool = False,
    expected_updated_at: datetime | None = None,
) -> Calendar:
    """Change what `data` names; with `replaces`, all else goes back to its default, but for the slug.

    Raises `InvalidCalendar`, `CalendarChanged`, `StillCatchingUp`, `Calendar.DoesNotExist`.
    """
    with transactions.engine():
        calendar = Calendar.objects.select_for_update(no_key=True).get(pk=calendar_id)
        if expected_updated_at is not None and calendar.updated_at != expected_updated_at:
            raise CalendarChanged(
                f"{calendar.updated_by} has changed {calendar.name} in the meantime; read it again first."
            )
        before = _input_of(calendar)
        new = read(data, before, replaces=replaces)
        now = sql.now()
        _decide_what_is_due(calendar, now)
        _write(calendar, new, actor=actor, now=now)
        _tell("calendar.changed", calendar, actor, before=asdict(before), after=asdict(new))
    return calendar


def delete(calendar_id: int, *, actor: str) -> None:
    """Remove a calendar that no job names. Raises `CalendarInUse`, `Calendar.DoesNotExist`."""
    with transactions.engine():
        # A job that is about to name it holds a lock that this one waits for.
        calendar = Calendar.objects.select_for_update().get(pk=calendar_id)
        names = list(jobs_of(calendar).order_by("name").values_list("name", flat=True)[: NAMED + 1])
        if names:
            others = ", and others" if len(names) > NAMED else ""
            raise CalendarInUse(
                f"{calendar.name} is named by {', '.join(names[:NAMED])}{others}. Take it from these jobs first."
            )
        _tell("calendar.deleted", calendar, actor, before=asdict(_input_of(calendar)))
        calendar.delete()


def jobs_of(calendar: Calendar) -> QuerySet[Job]:
    """The jobs that name it, without archived ones: those are history."""
    named = Job.objects.filter(NAMES_CALENDARS, tenant_id=calendar.tenant_id, calendars__contains=[calendar.slug])
    return named.filter(archived_at=None)


def _decide_what_is_due(calendar: Calendar, now: datetime) -> None:
    """All are locked before the first is decided: whoever changes one of them waits for the sums of ticks next."""
    found = jobs_of(calendar).filter(next_tick_at__lte=now).order_by("pk")
    due = list(found.select_for_update(no_key=True, of=("self",)).select_related("template")[: MOST_DUE_JOBS + 1])
    if len(due) > 1:
        ledger.lock_totals()
    ends_at = time.monotonic() + PATIENCE_SECONDS
    for position, job in enumerate(due):
        if len(due) > MOST_DUE_JOBS or time.monotonic() > ends_at:
            raise StillCatchingUp(
                f"{len(due) - position} or more jobs that name {calendar.name} have undecided ticks: the scheduler is "
                "still catching up. Change the calendar when it has."
            )
        ledger.decide_job(job, now=now)


def _write(calendar: Calendar, new: CalendarInput, *, actor: str, now: datetime) -> None:
    calendar.name, calendar.timezone = new.name, new.timezone
    calendar.weekdays, calendar.holidays = list(new.weekdays), dict(new.holidays)
    calendar.updated_at, calendar.updated_by = now, actor
    calendar.save()
    if _blackouts_of(calendar) != new.blackouts:
        calendar.blackouts.all().delete()
        Blackout.objects.bulk_create(
            Blackout(calendar=calendar, name=one.name, starts_at=one.starts_at, ends_at=one.ends_at)
            for one in new.blackouts
        )


def _input_of(calendar: Calendar) -> CalendarInput:
    return CalendarInput(
        name=calendar.name,
        slug=calendar.slug,
        timezone=calendar.timezone,
        weekdays=tuple(calendar.weekdays),
        holidays=calendar.holidays,
        blackouts=_blackouts_of(calendar),
    )


def _blackouts_of(calendar: Calendar) -> tuple[BlackoutInput, ...]:
    rows = calendar.blackouts.order_by("starts_at", "ends_at", "name")
    return tuple(BlackoutInput(row.name, row.starts_at, row.ends_at) for row in rows)


def _tell(event: str, calendar: Calendar, actor: str, **states: Any) -> None:
    trail.tell(event, calendar, actor=actor, **states)
    fields = {"calendar_id": calendar.pk, "calendar": calendar.name, "actor": actor}
    transaction.on_commit(lambda: telemetry.emit(event, **fields))


def _taken(slug: str) -> InvalidCalendar:
    return InvalidCalendar({"slug": [f"Another calendar has the slug {slug}; write another."]})
