"""Gathers all that the rules may look at, for many jobs in a few statements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Q

from jobs import planner, queries, queues, runtime_flags
from jobs.models import Calendar, Job, Maintenance
from jobs.planner import JobFacts, Pause, SwitchedOff, TickDecision
from jobs.rules.calendar import CalendarRules, MaintenanceWindow
from jobs.rules.states import Mode
from jobs.rules.zones import load_zone
from templates_registry.models import TemplateVersion

TEMPLATE_IS_GONE = "The code of its template is not installed any more; its ticks are recorded as missed."


class Surroundings:
    """What stands around these jobs from `since`, the oldest tick to be judged, to now.

    Without `active`, their executions are left out: the rules that let ticks in do not look at them.
    """

    def __init__(self, jobs: Sequence[Job], *, since: datetime, now: datetime, active: bool = True) -> None:
        looked_at = [job.pk for job in jobs if _looks_at_active_ones(job)] if active else []
        self._active = queries.active_executions_by_job(looked_at) if looked_at else {}
        self._calendars = calendars_of(jobs)
        self._switched_off = switched_off()
        self._maintenance = maintenance_windows(since, now)
        self.depth = queues.depths() if active else {}  # whoever queues runs of one job counts them in for the next
        self._gone = set(TemplateVersion.objects.filter(is_available=False).values_list("pk", flat=True))

    def facts(self, job: Job, *, next_tick_at: datetime, closing: str = "") -> JobFacts:
        """Raises whatever a stored schedule or policy that cannot be understood any more raises."""
        return JobFacts(
            job_id=job.pk,
            spec=job.schedule,
            policy=job.policies,
            next_tick_at=next_tick_at,
            fired_count=job.fired_count,
            pause=Pause(job.paused_by, job.pause_note, job.paused_until, job.paused_at) if job.is_paused else None,
            mode=Mode(job.mode),
            closing=closing,
            template_problem=self.template_problem(job),
            calendars=tuple(self._calendar(job.tenant_id, slug) for slug in self._known(job)),
            switched_off=self._switched_off,
            maintenance=self._maintenance,
            active=tuple(self._active.get(job.pk, ())),
            rooms=queues.rooms(job.priority, job.policies, self.depth) if self.depth else (),
        )

    def count_in(self, job: Job, decisions: Sequence[TickDecision]) -> None:
        """The runs that a plan comes to wait too, before those of the next plan."""
        for decision in decisions:
            priority = job.priority if decision.priority is None else decision.priority
            if decision.fires and priority in self.depth:
                self.depth[priority] += 1

    def _known(self, job: Job) -> list[str]:
        return [slug for slug in job.calendars if (job.tenant_id, slug) in self._calendars]

    def _calendar(self, tenant_id: int, slug: str) -> CalendarRules:
        """Raises what a stored calendar that cannot be understood raises: only the jobs that name it have to know."""
        found = self._calendars[tenant_id, slug]
        if isinstance(found, Exception):
            raise found
        return found

    def template_problem(self, job: Job) -> str:
        return TEMPLATE_IS_GONE if job.template_id in self._gone else ""


def _looks_at_active_ones(job: Job) -> bool:
    """Only where it matters: a job that lets them pile up may have any number."""
    try:
        return job.policies.overlap in planner.ROOM
    except Exception:  # noqa: BLE001  a policy that cannot be read is told of where the job is judged
        return False


def calendars_of(jobs: Iterable[Job]) -> dict[tuple[int, str], CalendarRules | Exception]:
    """The calendars that these jobs name, by tenant and slug; an error in the place of one that cannot be read."""
    named = {(job.tenant_id, slug) for job in jobs for slug in job.calendars}
    if not named:
        return {}
    found = Calendar.objects.filter(
        tenant_id__in={tenant for tenant, _ in named}, slug__in={slug for _, slug in named}
    ).prefetch_related("blackouts")
    return {(calendar.tenant_id, calendar.slug): _read(calendar) for calendar in found}


def _read(calendar: Calendar) -> CalendarRules | Exception:
    try:
        load_zone(calendar.timezone)
        return rules_of(calendar)
    except Exception as error:  # noqa: BLE001  told of where a job that names it is judged
        return ValueError(f"Its calendar {calendar.slug} cannot be read: {error}")


def rules_of(calendar: Calendar) -> CalendarRules:
    return CalendarRules(
        slug=calendar.slug,
        name=calendar.name,
        timezone=calendar.timezone,
        weekdays=frozenset(calendar.weekdays),
        holidays=calendar.days_off,
        blackouts=tuple((row.starts_at, row.ends_at, row.name) for row in calendar.blackouts.all()),
        set_by=calendar.updated_by,
    )


def switched_off() -> SwitchedOff | None:
    """Who switched the scheduler off, if it is."""
    flag = runtime_flags.scheduler()
    if flag.value:
        return None
    return SwitchedOff(flag.set_by or f"environment:{flag.variable}", flag.note, flag.set_at)


def maintenance_windows(since: datetime, until: datetime) -> tuple[MaintenanceWindow, ...]:
    """Those that cover an instant between the two, the earliest first."""
    found = Maintenance.objects.filter(
        Q(ended_at=None) | Q(ended_at__gt=since), Q(until=None) | Q(until__gt=since), started_at__lte=until
    )
    return tuple(
        MaintenanceWindow(row.started_at, row.started_by, row.note, row.ends_at) for row in found.order_by("started_at")
    )
