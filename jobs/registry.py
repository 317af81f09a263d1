"""Every change of a job: one transaction that first decides what is already due, then writes a revision."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import Tenant
from jobs import beat_sync, definition, executions, ledger, planner
from jobs.definition import Definition, InvalidJob
from jobs.executions import JobIsArchived
from jobs.models import Job, JobRevision
from jobs.rules.schedule import ENGINE_VERSION, InvalidSchedule, spread_offset, tzdata_version
from jobs.rules.states import Mode, Origin, Trigger
from scheduler_project.lib import sql, telemetry, transactions
from templates_registry import registry as templates


class JobIsAdopted(InvalidJob):
    """What was asked for is decided by the django-celery-beat row that the job was adopted from."""

    def __init__(self, *fields: str) -> None:
        text = "Belongs to the django-celery-beat row that this job was adopted from; change it there."
        super().__init__({field: [text] for field in fields})


def create(
    data: Mapping[str, Any],
    *,
    tenant: Tenant,
    actor: str,
    owner_id: int | None = None,
    enabled: bool = True,
    may_run_sub_minute: bool = False,
) -> Job:
    """A new job. Raises `InvalidJob`."""
    with transactions.engine():
        now = sql.now()
        new = definition.read(data, now=now, may_run_sub_minute=may_run_sub_minute)
        _refuse_for_tenant(new, tenant)
        return add(new, tenant=tenant, actor=actor, owner_id=owner_id, enabled=enabled, now=now)


def add(
    new: Definition,
    *,
    tenant: Tenant,
    actor: str,
    now: datetime,
    owner_id: int | None = None,
    enabled: bool = True,
    origin: Origin = Origin.NATIVE,
    periodic_task_id: int | None = None,
    mode: Mode = Mode.LIVE,
    change: str = "created",
    note: str = "",
    problem: str = "",
) -> Job:
    """Store a definition that was read already. Runs inside the caller's transaction."""
    _refuse_taken_slug(new.slug, tenant_id=tenant.pk)
    job = Job(
        tenant=tenant,
        owner_id=owner_id,
        is_enabled=enabled,
        origin=origin,
        periodic_task_id=periodic_task_id,
        mode=mode,
        problem=problem,
    )
    new.write_to(job)
    with _slug_is_free(new.slug):
        job.save()
    write(job, new, change=change, actor=actor, now=now, note=note)
    return job


def change(
    job_id: int,
    data: Mapping[str, Any],
    *,
    actor: str,
    note: str = "",
    may_run_sub_minute: bool = False,
    expected_revision: int | None = None,
    replaces: bool = False,
) -> Job:
    """Change what `data` names; with `replaces`, all else goes back to its default, but for the slug and secrets.

    Raises `InvalidJob`, `JobIsArchived`, `RevisionConflict`.
    """
    with changing(job_id) as (job, now):
        if expected_revision is not None and job.revision != expected_revision:
            raise RevisionConflict(f"The job is at revision {job.revision}, not {expected_revision}; read it again.")
        before = Definition.of(job)
        new = definition.read(data, current=before, now=now, may_run_sub_minute=may_run_sub_minute, replaces=replaces)
        if job.origin == Origin.ADOPTED:
            _refuse_foreign_fields(before, new)
        elif (new.template, new.parameters) != (before.template, before.parameters):
            _refuse_for_tenant(new, job.tenant)
        if new.slug != job.slug:
            _refuse_taken_slug(new.slug, tenant_id=job.tenant_id)
        ledger.decide_job(job, now=now)
        write(job, new, change="changed", actor=actor, note=note, now=now)
        return job


class RevisionConflict(Exception):
    """Someone else changed the job in the meantime."""


def pause(job_id: int, *, actor: str, note: str = "") -> Job:
    """From now on its ticks are recorded as skipped. Pausing a paused job changes nothing."""

    def apply(job: Job, now: datetime) -> bool:
        if job.paused_at is not None:
            return False
        job.paused_at, job.paused_by, job.pause_note = now, actor, note
        return True

    return _switch(job_id, apply, change="paused", actor=actor, note=note)


def resume(job_id: int, *, actor: str, note: str = "") -> Job:
    """Ticks fire again from the next one on; what was due while paused stays skipped."""

    def apply(job: Job, now: datetime) -> bool:
        if job.paused_at is None:
            return False
        job.paused_at, job.paused_by, job.pause_note = None, "", ""
        return True

    return _switch(job_id, apply, change="resumed", actor=actor, note=note)


def enable(job_id: int, *, actor: str, note: str = "") -> Job:
    """Put the schedule in force. Nothing that was due before now runs. Raises `JobIsAdopted`."""

    def apply(job: Job, now: datetime) -> bool:
        _refuse_adopted(job, "enabled")
        changed, job.is_enabled = not job.is_enabled, True
        return changed

    return _switch(job_id, apply, change="enabled", actor=actor, note=note)


def disable(job_id: int, *, actor: str, note: str = "") -> Job:
    """Take the schedule out of force: from now on nothing is due. What was undecided is missed.

    Raises `JobIsAdopted`.
    """

    def apply(job: Job, now: datetime) -> bool:
        _refuse_adopted(job, "enabled")
        changed, job.is_enabled = job.is_enabled, False
        return changed

    return _switch(job_id, apply, change="disabled", actor=actor, note=note, closing="disabled_at_tick")


def archive(job_id: int, *, actor: str, note: str = "", has_lost_its_row: bool = False) -> Job:
    """End the job for good and cancel what still waits; its ledger and its executions stay. An adopted job ends when
    its row is gone. Raises `JobIsAdopted`."""

    def apply(job: Job, now: datetime) -> bool:
        if has_lost_its_row:
            job.periodic_task_id = None
        else:
            _refuse_adopted(job, "archived")
        job.archived_at, job.is_enabled = now, False
        executions.cancel_waiting(job_id=job.pk, by=actor, now=now, reason="archived")
        return True

    return _switch(job_id, apply, change="archived", actor=actor, note=note, closing="archived_at_tick")


def set_mode(job_id: int, mode: Mode, *, actor: str, note: str = "") -> Job:
    """Live, or only observed: then its ticks are computed and recorded as shadows, and nothing runs."""

    def apply(job: Job, now: datetime) -> bool:
        changed, job.mode = job.mode != mode, mode
        return changed

    return _switch(job_id, apply, change="observed" if mode is Mode.OBSERVE else "live", actor=actor, note=note)


def run_now(
    job: Job,
    *,
    actor: str,
    trigger: Trigger = Trigger.MANUAL,
    parameters: Mapping[str, Any] | None = None,
    dry_run: bool = False,
    request_id: str = "",
) -> int:
    """Queue one run outside the schedule and return its id; `parameters` replace single ones of the job for this run.

    Raises `InvalidJob`, `JobIsArchived`.
    """
    if dry_run and not job.template.supports_dry_run:
        raise InvalidJob({"dry_run": [f"The template {job.template.name} has no dry run."]})
    if parameters is not None:
        current = Definition.of(job)
        changed = {**job.parameters, **parameters}
        new = definition.read({"parameters": changed}, current=current, now=sql.now())
        if new.parameters != current.parameters:
            _refuse_adopted(job, "parameters")
            _refuse_for_tenant(new, job.tenant)
        parameters = new.parameters
    return executions.create(
        job=job, trigger=trigger, requested_by=actor, request_id=request_id, parameters=parameters, dry_run=dry_run
    )


# --- the shape that every change shares -------------------------------------------------------------------------------


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


def _switch(
    job_id: int, apply: Callable[[Job, datetime], bool], *, change: str, actor: str, note: str, closing: str = ""
) -> Job:
    with changing(job_id) as (job, now):
        ledger.decide_job(job, now=now, closing=closing)
        if apply(job, now):
            write(job, Definition.of(job), change=change, actor=actor, note=note, now=now)
        return job


def write(job: Job, new: Definition, *, change: str, actor: str, now: datetime, note: str = "") -> None:
    """The new revision of a locked job, valid from now, and where its schedule goes on."""
    offset = spread_offset(job.pk, new.schedule.spread_seconds)
    new = replace(new, schedule=replace(new.schedule, spread_offset_seconds=offset))
    new.write_to(job)
    job.revision += 1
    if job.origin == Origin.NATIVE:
        job.problem = ""  # the definition was read anew; what an adopted job has, its row says
    job.next_tick_at = _next_tick(job, new, after=now)
    job.undecided_since = None
    with _slug_is_free(new.slug):
        job.save()
    JobRevision.objects.create(
        job=job,
        number=job.revision,
        valid_from=now,
        change=change,
        note=note,
        actor=actor,
        definition={
            **new.to_json(),
            "enabled": job.is_enabled,
            "paused": job.is_paused,
            "archived": job.archived_at is not None,
            "mode": job.mode,
        },
        engine_version=ENGINE_VERSION,
        tzdata_version=tzdata_version(),
    )
    beat_sync.mirror(job)
    transaction.on_commit(lambda: telemetry.emit(f"job.{change}", job_id=job.pk, job=job.name, actor=actor, note=note))


def _next_tick(job: Job, new: Definition, *, after: datetime) -> datetime | None:
    """Raises `InvalidJob` for a stored schedule that cannot be evaluated and that the change leaves as it is."""
    if not job.is_enabled:
        return None
    try:
        return planner.first_tick_after(new.schedule, new.policies, after=after, fired_count=job.fired_count)
    except InvalidSchedule as error:
        raise InvalidJob({"schedule": [f"The stored schedule cannot be evaluated: {error} Write another."]}) from error


def _refuse_taken_slug(slug: str, *, tenant_id: int) -> None:
    if Job.objects.filter(tenant_id=tenant_id, slug=slug).exists():
        raise _taken(slug)


@contextmanager
def _slug_is_free(slug: str) -> Iterator[None]:
    """The constraint speaks for a job that took the slug since it was looked for."""
    try:
        yield
    except IntegrityError as error:
        if "one_job_per_slug_and_tenant" in str(error):
            raise _taken(slug) from error
        raise


def _taken(slug: str) -> InvalidJob:
    return InvalidJob({"slug": [f"Another job (perhaps an archived one) has the slug {slug}; write another."]})


def _refuse_for_tenant(new: Definition, tenant: Tenant) -> None:
    template = templates.get(new.template.name, new.template.version)
    problems = template.check_for_tenant(new.parameters, tenant.slug)
    if problems:
        raise InvalidJob(problems)


def _refuse_adopted(job: Job, field: str) -> None:
    if job.origin == Origin.ADOPTED:
        raise JobIsAdopted(field)


def _refuse_foreign_fields(before: Definition, new: Definition) -> None:
    """Not `queue`: that is where our own run waits. Where the task is sent is in the parameters."""
    fields = [
        *(
            name
            for name in ("name", "template", "parameters", "schedule")
            if getattr(before, name) != getattr(new, name)
        ),
        *(
            f"policies.{name}"
            for name in ("start_deadline_seconds", "max_runs")
            if getattr(before.policies, name) != getattr(new.policies, name)
        ),
    ]
    if fields:
        raise JobIsAdopted(*fields)
