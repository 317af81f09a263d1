"""A new job that does what another does. What belongs to jobs in apps above goes along by a function of each of them:
`copies_along` of their configurations names it. It is called with both jobs and the actor."""

from __future__ import annotations

from datetime import datetime

from accounts.models import Tenant
from jobs import definition, registry
from jobs.definition import Definition, InvalidJob
from jobs.models import Job
from jobs.runtime_flags import require_scheduler
from scheduler_project.lib import sql, transactions
from scheduler_project.lib.declarations import declared
from templates_registry import schema

LONGEST_NAME, LONGEST_SLUG, MOST_NOTE = 200, 100, 500
MOST_TRIES = 1_000


def clone(
    job: Job,
    *,
    actor: str,
    tenant: Tenant | None = None,
    name: str = "",
    slug: str = "",
    enabled: bool = False,
    owner_id: int | None = None,
    may_run_sub_minute: bool = False,
    note: str = "",
) -> Job:
    """With the definition of the other as it stands, archived or not. Within the tenant secrets go along, which nobody
    gets to see, and the notification rules of this job alone; dependencies, hooks, webhooks and the history stay with
    the other. Raises `InvalidJob`."""
    tenant = tenant or job.tenant
    with transactions.engine():
        require_scheduler(actor)
        now = sql.now()
        named = {"name": name or suggested_name(job, tenant), "slug": slug or suggested_slug(job, tenant)}
        new = _definition(job, named, tenant=tenant, now=now, may_run_sub_minute=may_run_sub_minute)
        note = (note or f"Cloned from {job.slug}, revision {job.revision}.")[:MOST_NOTE]
        facts = {"owner_id": owner_id, "enabled": enabled, "note": note}
        made = registry.admit(new, tenant=tenant, actor=actor, now=now, **facts)
        for copy in declared("copies_along") if tenant.pk == job.tenant_id else ():
            copy(job, made, actor)
        return made


def _definition(
    job: Job, named: dict[str, str], *, tenant: Tenant, now: datetime, may_run_sub_minute: bool
) -> Definition:
    try:
        before = Definition.of(job)
    except (ValueError, TypeError) as error:
        raise InvalidJob({"schedule": [f"The stored one cannot be understood ({error}); mend it first."]}) from error
    if tenant.pk == job.tenant_id:
        return definition.read(named, current=before, now=now, tenant=tenant, may_run_sub_minute=may_run_sub_minute)
    data = before.to_json() | named
    data["schedule"].pop("spread_offset_seconds", None)  # each job has its own
    data["parameters"] = schema.without_secrets(job.template.schema, before.parameters)
    return definition.read(data, now=now, tenant=tenant, may_run_sub_minute=may_run_sub_minute)


def suggested_name(job: Job, tenant: Tenant) -> str:
    """The first of `… (copy)`, `… (copy 2)` that no job of the tenant has."""
    return _free(job.name, " (copy)", " (copy {})", "name", tenant, longest=LONGEST_NAME)


def suggested_slug(job: Job, tenant: Tenant) -> str:
    return _free(job.slug, "-copy", "-copy-{}", "slug", tenant, longest=LONGEST_SLUG)


def _free(text: str, first: str, further: str, column: str, tenant: Tenant, *, longest: int) -> str:
    endings = [first, *(further.format(number) for number in range(2, MOST_TRIES))]
    candidates = [f"{text[: longest - len(ending)]}{ending}" for ending in endings]
    taken = set(Job.objects.filter(tenant=tenant, **{f"{column}__in": candidates}).values_list(column, flat=True))
    return next((candidate for candidate in candidates if candidate not in taken), candidates[0])
