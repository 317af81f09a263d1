"""Writes jobs out, with the calendars, pools and dependencies that they name. No secret is in it, and the same state
always makes the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import Max

from jobs.definition import Definition, InvalidJob
from jobs.models import Calendar, Dependency, Job, JobRevision, Pool
from templates_registry import schema

FORMAT, VERSION = "daybook-jobs", 1
MOST_JOBS = 1_000
NOT_EXPORTED = {"secret": "not exported"}


def export(jobs: Sequence[Job]) -> dict[str, Any]:
    """Of jobs of one tenant, each with its template, tenant and pool. `exported_at` is that of the newest change in it.
    Raises `InvalidJob` for a job that nobody understands any more."""
    jobs = sorted(jobs, key=lambda job: job.slug)
    ids = [job.pk for job in jobs]
    tenant_id = jobs[0].tenant_id if jobs else 0
    named = {slug for job in jobs for slug in job.calendars}
    calendars = list(Calendar.objects.filter(tenant_id=tenant_id, slug__in=named).prefetch_related("blackouts"))
    pools = list(Pool.objects.filter(pk__in={job.pool_id for job in jobs if job.pool_id}))
    edges = Dependency.objects.filter(removed_at=None, upstream__in=ids, downstream__in=ids)
    standing = list(edges.select_related("upstream", "downstream"))
    changed = JobRevision.objects.filter(job__in=ids).aggregate(newest=Max("valid_from"))["newest"]
    instants = [changed, *(row.updated_at for row in calendars), *(row.updated_at for row in pools)]
    instants += [edge.updated_at for edge in standing]
    versions = {(job.template.name, job.template.version) for job in jobs}
    return {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": _instant(max((at for at in instants if at is not None), default=None)),
        "templates": [{"name": name, "version": version} for name, version in sorted(versions)],
        "calendars": [calendar_entry(calendar) for calendar in sorted(calendars, key=lambda one: one.slug)],
        "pools": [pool_entry(pool) for pool in sorted(pools, key=lambda one: one.slug)],
        "jobs": [job_entry(job) for job in jobs],
        "dependencies": sorted(map(edge_entry, standing), key=lambda one: (one["downstream"], one["upstream"])),
    }


def job_entry(job: Job) -> dict[str, Any]:
    try:
        entry = Definition.of(job).to_json()
    except (ValueError, TypeError) as error:
        raise InvalidJob({"schedule": [f"That of {job.slug} cannot be understood ({error}); mend it."]}) from error
    entry["schedule"].pop("spread_offset_seconds", None)  # computed for each job
    entry["parameters"] = schema.map_secrets(job.template.schema, entry["parameters"], lambda _: dict(NOT_EXPORTED))
    return {**entry, "enabled": job.is_enabled, "origin": str(job.origin)}


def calendar_entry(calendar: Calendar) -> dict[str, Any]:
    rows = sorted(calendar.blackouts.all(), key=lambda row: (row.starts_at, row.ends_at, row.name))
    return {
        "slug": calendar.slug,
        "name": calendar.name,
        "timezone": calendar.timezone,
        "weekdays": sorted(calendar.weekdays),
        "holidays": dict(sorted(calendar.holidays.items())),
        "blackouts": [
            {"name": row.name, "starts_at": _instant(row.starts_at), "ends_at": _instant(row.ends_at)} for row in rows
        ],
    }


def pool_entry(pool: Pool) -> dict[str, Any]:
    return {"slug": pool.slug, "name": pool.name, "size": pool.size}


def edge_entry(edge: Dependency) -> dict[str, Any]:
    return {
        "upstream": edge.upstream.slug,
        "downstream": edge.downstream.slug,
        "kind": edge.kind,
        "condition": edge.condition,
        "parameters": dict(sorted(edge.parameters.items())),
        "gate_patience_seconds": edge.gate_patience_seconds,
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
