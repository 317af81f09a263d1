"""Every change of a job: one transaction that first decides what is already due, then writes a revision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import Tenant
from jobs import definition, executions, ledger, queues, revisions, sealed, trail
from jobs.definition import Definition, InvalidJob
from jobs.models import Job
from jobs.rules.schedule import HORIZON, ScheduleSpec
from jobs.rules.states import Mode, Origin, Trigger
from jobs.runtime_flags import require_scheduler
from scheduler_project.lib import sql, transactions
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
    """A new job, of the owner that `data` names, or else of `owner_id`. Raises `InvalidJob`, `SchedulerDisabled`."""
    with transactions.engine():
        require_scheduler(actor)
        now = sql.now()
        new = definition.read(data, now=now, tenant=tenant, may_run_sub_minute=may_run_sub_minute)
        owner_id = new.owner_id if "owner" in data else owner_id
        return admit(new, tenant=tenant, actor=actor, owner_id=owner_id, enabled=enabled, now=now)


def admit(new: Definition, *, tenant: Tenant, actor: str, now: datetime, **facts: Any) -> Job:
    """Store a definition that was read for the tenant, if the tenant may have it. Runs inside the caller's
    transaction; `facts` as of `add`. Raises `InvalidJob`."""
    _refuse_for_tenant(new, tenant)
    _refuse_unknown_calendars(new, tenant)
    return add(new, tenant=tenant, actor=actor, now=now, **facts)


def judge(data: Mapping[str, Any], *, tenant: Tenant, now: datetime, may_run_sub_minute: bool = False) -> Definition:
    """The definition that `create` would store; writes nothing. Raises `InvalidJob` for whatever `create` refuses."""
    new = definition.read(data, now=now, tenant=tenant, may_run_sub_minute=may_run_sub_minute)
    _refuse_for_tenant(new, tenant)
    _refuse_unknown_calendars(new, tenant, keeps=False)
    revisions.refuse_unknown_pool(new.pool, tenant)
    revisions.refuse_taken_slug(new.slug, tenant_id=tenant.pk)
    return new


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
    revisions.refuse_taken_slug(new.slug, tenant_id=tenant.pk)
    job = Job(
        tenant=tenant,
        is_enabled=enabled,
        origin=origin,
        periodic_task_id=periodic_task_id,
        mode=mode,
        problem=problem,
    )
    new = replace(new, owner_id=owner_id)
    new.write_to(job)
    with revisions.slug_is_free(new.slug):
        job.save()
    revisions.write(job, new, change=change, actor=actor, now=now, note=note)
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
    What changes nothing leaves no revision.

    Raises `InvalidJob`, `JobIsArchived`, `RevisionConflict`.
    """
    with revisions.changing(job_id) as (job, now):
        require_scheduler(actor)
        if expected_revision is not None and job.revision != expected_revision:
            raise RevisionConflict(f"The job is at revision {job.revision}, not {expected_revision}; read it again.")
        new = proposed(
            job, data, now=now, may_run_sub_minute=may_run_sub_minute, replaces=replaces, keeps_calendars=True
        )
        if not job.problem and new.says_the_same(Definition.of(job)):
            return job
        ledger.decide_job(job, now=now)
        revisions.write(job, new, change="changed", actor=actor, note=note, now=now)
        return job


def proposed(
    job: Job,
    data: Mapping[str, Any],
    *,
    now: datetime,
    may_run_sub_minute: bool = False,
    replaces: bool = False,
    keeps_calendars: bool = False,
) -> Definition:
    """The definition that a change comes to; writes nothing. With `keeps_calendars` those that it names cannot be
    deleted before the transaction ends. Raises `InvalidJob` for whatever `change` refuses."""
    before = _stored(job, is_mended="schedule" in data)
    new = definition.read(
        data,
        current=before,
        now=now,
        tenant=job.tenant,
        may_run_sub_minute=may_run_sub_minute,
        replaces=replaces,
    )
    if job.origin == Origin.ADOPTED:
        _refuse_foreign_fields(before, new)
    elif (new.template, new.parameters) != (before.template, before.parameters):
        _refuse_for_tenant(new, job.tenant)
    if new.calendars != before.calendars:
        _refuse_unknown_calendars(new, job.tenant, keeps=keeps_calendars)
    if new.pool != before.pool:
        revisions.refuse_unknown_pool(new.pool, job.tenant)
    if new.slug != job.slug:
        revisions.refuse_taken_slug(new.slug, tenant_id=job.tenant_id)
    return new


def _stored(job: Job, *, is_mended: bool) -> Definition:
    """The definition before a change. One whose schedule nobody understands any more needs a change of that."""
    try:
        return Definition.of(job)
    except (ValueError, TypeError) as error:
        if not is_mended:
            raise InvalidJob(
                {"schedule": [f"The stored one cannot be understood ({error}); write another."]}
            ) from error
        job.spec = ScheduleSpec(kind="manual").to_json()
        return Definition.of(job)


class RevisionConflict(Exception):
    """Someone else changed the job in the meantime."""


Condition = Callable[[Job, datetime], bool]


def pause(
    job_id: int,
    *,
    actor: str,
    note: str = "",
    until: datetime | None = None,
    only_if: Condition = lambda job, now: True,
) -> Job:
    """From now on its ticks are recorded as skipped, up to `until` when that is given. Pausing a paused job changes
    nothing but its end. `only_if` judges the locked job. Raises `InvalidJob`."""

    def apply(job: Job, now: datetime) -> bool:
        if not only_if(job, now):
            return False
        refuse_end_of_pause(until, now)
        if job.paused_at is not None and job.paused_until == until:
            return False
        job.paused_at = job.paused_at or now
        job.paused_by, job.pause_note, job.paused_until = actor, note, until
        return True

    return _switch(job_id, apply, change="paused", actor=actor, note=note)


def refuse_end_of_pause(until: datetime | None, now: datetime) -> None:
    if until is not None and until <= now:
        raise InvalidJob({"until": ["Lies in the past; write a later instant, or none for a pause without end."]})
    if until is not None and until > HORIZON:
        raise InvalidJob({"until": ["Lies after 2199; write an earlier instant, or none for a pause without end."]})


def resume(job_id: int, *, actor: str, note: str = "", only_if: Condition = lambda job, now: True) -> Job:
    """Ticks fire again from the next one on; what was due while paused stays skipped. `only_if` judges the locked
    job."""

    def apply(job: Job, now: datetime) -> bool:
        if job.paused_at is None or not only_if(job, now):
            return False
        job.paused_at, job.paused_by, job.pause_note, job.paused_until = None, "", "", None
        job.failures_in_row = 0
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
    user_id: str | None = None,
) -> int:
    """Queue one run outside the schedule and return its id; `parameters` replace single ones of the job for this run.

    Raises `InvalidJob`, `JobIsArchived`, `QueueFull`.
    """
    require_scheduler(actor)
    if dry_run and not job.template.supports_dry_run:
        raise InvalidJob({"dry_run": [f"The template {job.template.name} has no dry run."]})
    if parameters is not None:
        current = Definition.of(job)
        changed = {**sealed.parameters_of(job), **parameters}
        new = definition.read({"parameters": changed}, current=current, now=sql.now(), tenant=job.tenant)
        if new.parameters != current.parameters:
            _refuse_adopted(job, "parameters")
            _refuse_for_tenant(new, job.tenant)
        parameters = new.parameters
    with transaction.atomic():
        execution_id = executions.create(
            job=job,
            trigger=trigger,
            requested_by=actor,
            request_id=request_id,
            parameters=parameters,
            dry_run=dry_run,
            user_id=user_id,
            priority=queues.admit(job.priority, job.policies),
        )
        if trail.is_worth_telling(actor):
            asked = {} if parameters is None else {"parameters": trail.masked(job.template, parameters)}
            wishes = {"execution": execution_id, "trigger": trigger.value, "dry_run": dry_run, **asked}
            trail.tell("job.run", job, actor=actor, after=wishes)
    return execution_id


def _switch(
    job_id: int, apply: Callable[[Job, datetime], bool], *, change: str, actor: str, note: str, closing: str = ""
) -> Job:
    with revisions.changing(job_id) as (job, now):
        require_scheduler(actor)
        ledger.decide_job(job, now=now, closing=closing)
        if apply(job, now):
            revisions.write(job, Definition.of(job), change=change, actor=actor, note=note, now=now)
        return job


def _refuse_for_tenant(new: Definition, tenant: Tenant) -> None:
    template = templates.get(new.template.name, new.template.version)
    given = sealed.open_all(template.schema(), new.parameters, tenant_id=tenant.pk, template=template.name)
    problems = template.check_for_tenant(given, tenant.slug)
    if problems:
        raise InvalidJob(problems)


# The lock is one that a change of a calendar passes and its deletion waits for.
CALENDARS = "SELECT slug FROM calendars WHERE tenant_id = %(tenant)s AND slug = ANY(%(slugs)s) ORDER BY id"
KEPT_CALENDARS = f"{CALENDARS} FOR KEY SHARE"


def _refuse_unknown_calendars(new: Definition, tenant: Tenant, *, keeps: bool = True) -> None:
    if not new.calendars:
        return
    statement = KEPT_CALENDARS if keeps else CALENDARS
    known = {row["slug"] for row in sql.rows(statement, {"tenant": tenant.pk, "slugs": list(new.calendars)})}
    if unknown := [slug for slug in new.calendars if slug not in known]:
        raise InvalidJob({"calendars": [f"{tenant.name} has no calendar {', '.join(unknown)}."]})


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
