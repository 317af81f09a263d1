"""The shape that every change of a job shares: its row locked, the new definition written, and a revision of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from accounts.models import Tenant
from jobs import beat_sync, planner, trail
from jobs.definition import Definition, InvalidJob
from jobs.executions import JobIsArchived
from jobs.models import Job, JobRevision, Pool
from jobs.rules.schedule import ENGINE_VERSION, InvalidSchedule, spread_offset, tzdata_version
from jobs.rules.states import Origin
from scheduler_project.lib import sql, telemetry, transactions


@contextmanager
def changing(job_id: int) -> Iterator[tuple[Job, datetime]]:
    """The job, locked, and the database's now. Raises `Job.DoesNotExist`, `JobIsArchived`."""
    with transactions.engine():
        job = (
            Job.objects.select_for_update(no_key=True, of=("self",)).select_related("template", "tenant").get(pk=job_id)
        )
        if job.archived_at is not None:
            raise JobIsArchived(f"{job.name} is archived and does not change any more.")
        yield job, sql.now()


def write(job: Job, new: Definition, *, change: str, actor: str, now: datetime, note: str = "") -> None:
    """The new revision of a locked job, valid from now, and where its schedule goes on."""
    offset = spread_offset(job.pk, new.schedule.spread_seconds)
    new = replace(new, schedule=replace(new.schedule, spread_offset_seconds=offset))
    new.write_to(job)
    job.pool = _pool_of(job, new)
    job.revision += 1
    if job.origin == Origin.NATIVE:
        job.problem = ""  # the definition was read anew; what an adopted job has, its row says
    job.next_tick_at = _next_tick(job, new, after=now)
    job.undecided_since = None
    with slug_is_free(new.slug):
        job.save()
    former = JobRevision.objects.filter(job=job).order_by("-number").values_list("definition", flat=True).first()
    definition = {
        **new.to_json(),
        "owner": None if job.owner is None else job.owner.get_username(),
        "enabled": job.is_enabled,
        "paused": job.is_paused,
        "paused_until": None if job.paused_until is None else job.paused_until.isoformat(),
        "archived": job.archived_at is not None,
        "mode": job.mode,
    }
    JobRevision.objects.create(
        job=job,
        number=job.revision,
        valid_from=now,
        change=change,
        note=note,
        actor=actor,
        definition=definition,
        engine_version=ENGINE_VERSION,
        tzdata_version=tzdata_version(),
    )
    before, after = trail.comparable(former, definition)
    trail.tell(f"job.{change}", job, actor=actor, before=before, after=after, note=note)
    beat_sync.mirror(job)
    transaction.on_commit(lambda: telemetry.emit(f"job.{change}", job_id=job.pk, job=job.name, actor=actor, note=note))


def refuse_unknown_pool(slug: str, tenant: Tenant) -> None:
    if slug and not Pool.objects.filter(tenant=tenant, slug=slug).exists():
        raise _no_such_pool(slug, tenant)


def _no_such_pool(slug: str, tenant: Tenant) -> InvalidJob:
    return InvalidJob({"pool": [f"{tenant.name} has no pool {slug}."]})


def _pool_of(job: Job, new: Definition) -> Pool | None:
    """Locked against its deletion. Raises `InvalidJob`."""
    if not new.pool:
        return None
    named = Pool.objects.filter(tenant_id=job.tenant_id, slug=new.pool)
    if (
        sql.row(
            "SELECT 1 FROM pools WHERE tenant_id = %(tenant)s AND slug = %(slug)s FOR KEY SHARE",
            {"tenant": job.tenant_id, "slug": new.pool},
        )
        is None
    ):
        raise _no_such_pool(new.pool, job.tenant)
    return named.get()


def _next_tick(job: Job, new: Definition, *, after: datetime) -> datetime | None:
    """Raises `InvalidJob` for a stored schedule that cannot be evaluated and that the change leaves as it is."""
    if not job.is_enabled:
        return None
    try:
        return planner.first_tick_after(new.schedule, new.policies, after=after, fired_count=job.fired_count)
    except InvalidSchedule as error:
        raise InvalidJob({"schedule": [f"The stored schedule cannot be evaluated: {error} Write another."]}) from error


def refuse_taken_slug(slug: str, *, tenant_id: int) -> None:
    if Job.objects.filter(tenant_id=tenant_id, slug=slug).exists():
        raise _taken(slug)


@contextmanager
def slug_is_free(slug: str) -> Iterator[None]:
    """The constraint speaks for a job that took the slug since it was looked for."""
    with transactions.refused_as(_taken(slug), by="one_job_per_slug_and_tenant"):
        yield


def _taken(slug: str) -> InvalidJob:
    return InvalidJob({"slug": [f"Another job (perhaps an archived one) has the slug {slug}; write another."]})
