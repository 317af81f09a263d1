"""Adopted jobs: one for each django-celery-beat row that others made, kept in line with it. The row is the truth."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.models import Tenant
from jobs import beat_sync, ledger, registry, revisions
from jobs.beat_sync import CLEANUP, Reading, Row
from jobs.definition import Definition, InvalidJob, default_policies
from jobs.models import BeatRow, Job
from jobs.rules.states import PRIORITIES, Mode, Origin
from scheduler_project.lib import sql, telemetry, transactions
from templates_registry import registry as templates
from templates_registry import task_functions
from templates_registry.models import TemplateVersion
from templates_registry.sync import find_template_version

ACTOR = "system:beat"
TEMPLATE = "celery_task"
TENANT = "default"

# How far back a row's first sight may reach: to when it was saved, if we have looked at the rows since.
LONGEST_SIGHT = timedelta(minutes=10)


def adopt(row_id: int, *, since: datetime | None = None) -> bool:
    """Make a job for a row. `since` is when we last saw that there was no such row: what came due in between counts,
    and nothing from before. False when the row is gone, or another process was first."""
    try:
        with transactions.engine():
            row = beat_sync.find(row_id)
            return row is not None and _add(row, since=since)
    except (IntegrityError, InvalidJob):
        if Job.objects.filter(periodic_task_id=row_id).exists():
            return False
        raise


def follow(job_id: int) -> None:
    """Bring a job in line with its row: decide what is due under the old definition, then write the new one."""
    with revisions.changing(job_id) as (job, now):
        row = beat_sync.find(job.periodic_task_id) if job.periodic_task_id else None
        if row is None:
            return
        before, was_enabled, old_problem = Definition.of(job), job.is_enabled, job.problem
        reading = beat_sync.read(row, before=before.schedule if was_enabled and row.enabled else None)
        ledger.decide_job(job, now=now, closing="disabled_at_tick" if was_enabled and not row.enabled else "")
        new, problem = _following(before, row, reading, max_runs=_max_runs(job, row))
        if (new, row.enabled, problem) != (before, was_enabled, old_problem):
            job.is_enabled, job.problem = row.enabled, problem
            change = "changed" if row.enabled == was_enabled else "enabled" if row.enabled else "disabled"
            revisions.write(job, new, change=change, actor=ACTOR, now=now, note=_note(row, problem))
            if (problem, row.task) != (old_problem, before.parameters.get("task")):
                _tell(job, row, problem)
        beat_sync.remember(job.pk, row)


def let_go(job_id: int) -> None:
    """Archive a job whose row was deleted. Its ledger stays."""
    registry.archive(job_id, actor=ACTOR, note="Its django-celery-beat row was deleted.", has_lost_its_row=True)


# --- when someone else runs the rows ----------------------------------------------------------------------------------


def stand_aside(why: str) -> int:
    """Only observe all adopted jobs from now on, new ones too, until `take_over`. Returns how many stopped running."""
    ids = _adopted().filter(mode=Mode.LIVE).values_list("pk", flat=True)
    for job_id in list(ids):
        with transactions.engine():
            registry.set_mode(job_id, Mode.OBSERVE, actor=ACTOR, note=why)
            BeatRow.objects.filter(job_id=job_id).update(displaced_at=sql.now())
    return len(ids)


def take_over(*, actor: str) -> int:
    """Run again what we stood aside for. Returns how many jobs are live again."""
    beat_sync.acknowledge(beat_sync.find_foreign_runs())
    ids = _adopted().filter(beat_row__displaced_at__isnull=False).values_list("pk", flat=True)
    for job_id in list(ids):
        with transactions.engine():
            registry.set_mode(job_id, Mode.LIVE, actor=actor, note="No other beat runs the row any more.")
            BeatRow.objects.filter(job_id=job_id).update(displaced_at=None)
    BeatRow.objects.filter(displaced_at__isnull=False).update(displaced_at=None)  # archived in the meantime
    return len(ids)


def _adopted() -> QuerySet[Job]:
    return Job.objects.filter(origin=Origin.ADOPTED, archived_at=None).order_by("pk")


# --- a row as a definition --------------------------------------------------------------------------------------------


def _add(row: Row, *, since: datetime | None) -> bool:
    if Job.objects.filter(periodic_task_id=row.id).exists():
        return False
    now = sql.now()
    # Not from before the row was saved: it may have said something else until then.
    first_seen_at = now if since is None else min(now, max(since, row.date_changed, now - LONGEST_SIGHT))
    tenant, _ = Tenant.objects.get_or_create(slug=TENANT, defaults={"name": "Default"})
    template = find_template_version(TEMPLATE)
    if template is None:
        raise LookupError(f"The template {TEMPLATE} is not in the database yet; run `manage.py migrate`.")
    new = Definition(
        name=row.name,
        slug=_free_slug(row, tenant),
        description=row.description,
        template=template,
        parameters={},
        schedule=beat_sync.BY_HAND,
        policies=default_policies(template),
        queue="default",
        priority=PRIORITIES["normal"],
        tags=(),
    )
    new, problem = _following(new, row, beat_sync.read(row), max_runs=1 if row.one_off else None)
    is_displaced = BeatRow.objects.filter(displaced_at__isnull=False).exists()
    job = registry.add(
        new,
        tenant=tenant,
        actor=ACTOR,
        now=first_seen_at,
        enabled=row.enabled,
        origin=Origin.ADOPTED,
        periodic_task_id=row.id,
        mode=Mode.OBSERVE if is_displaced else Mode.LIVE,
        change="adopted",
        note=_note(row, problem),
        problem=problem,
    )
    beat_sync.remember(job.pk, row)
    if is_displaced:
        BeatRow.objects.filter(job=job).update(displaced_at=now)
    _tell(job, row, problem)
    return True


def _following(before: Definition, row: Row, reading: Reading, *, max_runs: int | None) -> tuple[Definition, str]:
    """The definition with all that is the row's to say, the rest staying the operators'; and why it cannot be run."""
    problem = reading.problem or _template_problem(reading, before.template)
    policies = replace(before.policies, start_deadline_seconds=reading.start_deadline_seconds, max_runs=max_runs)
    schedule = beat_sync.BY_HAND if problem else reading.schedule
    new = replace(before, name=row.name, parameters=reading.parameters, schedule=schedule, policies=policies)
    return new, problem


def _max_runs(job: Job, row: Row) -> int | None:
    """How often a job may run in all: a one-off row once more than it has, each time that somebody enables it."""
    if not row.one_off:
        return None
    most = job.policies.max_runs
    if most is None:
        return job.fired_count + 1
    # As long as the last run is not noted in the row, its being enabled is from before that run.
    is_noted = BeatRow.objects.filter(job=job, fired_count__gte=job.fired_count).exists()
    return job.fired_count + 1 if job.fired_count >= most and row.enabled and is_noted else most


def _template_problem(reading: Reading, template: TemplateVersion) -> str:
    problems = templates.get(template.name, template.version).find_problems(reading.parameters)
    return " ".join(f"{path}: {' '.join(messages)}." for path, messages in problems.items())


def _note(row: Row, problem: str) -> str:
    parts = [f"From the django-celery-beat row {row.id}."]
    if not _is_expected(row.task):
        parts.append(f"Its task {row.task} is not on the list of task functions.")
    return " ".join([*parts, problem])[:500]


def _tell(job: Job, row: Row, problem: str) -> None:
    if not _is_expected(row.task):
        audit.record(
            "beat.unlisted_task_adopted",
            actor=ACTOR,
            tenant_id=job.tenant_id,
            target="job",
            target_id=job.pk,
            target_name=job.name,
            after={"task": row.task, "periodic_task": row.id},
            note=f"{row.task} is not on the list of task functions.",
        )
    facts = {"job_id": job.pk, "job": job.name, "row": row.id}
    events: Sequence[tuple[str, dict[str, object]]] = [
        *([("beat.row_quarantined", {**facts, "problem": problem})] if problem else []),
        *([] if _is_expected(row.task) else [("beat.unlisted_task_adopted", {**facts, "task": row.task})]),
    ]
    for event, fields in events:
        transaction.on_commit(lambda event=event, fields=fields: telemetry.emit(event, **fields))  # type: ignore[misc]


def _is_expected(task: str) -> bool:
    """On the list of what operators may choose, or Celery's own housekeeping, whose row we put in ourselves."""
    return task == CLEANUP or task_functions.is_listed(task)


def _free_slug(row: Row, tenant: Tenant) -> str:
    plain = unicodedata.normalize("NFKD", row.name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:100].strip("-") or f"row-{row.id}"
    if Job.objects.filter(tenant=tenant, slug=slug).exists():
        slug = f"{slug[:80]}-{row.id}"
    return slug
