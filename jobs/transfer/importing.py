"""Brings a document into a tenant. A plan is the import itself, taken back, and so says what would come of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts.models import Tenant
from jobs import calendars, dependencies, pools, registry
from jobs.definition import InvalidJob
from jobs.executions import JobIsArchived
from jobs.ledger import StillCatchingUp
from jobs.models import Calendar, Dependency, Job, Pool
from jobs.rules.states import Origin
from jobs.transfer.document import calendar_entry, edge_entry, job_entry, pool_entry
from jobs.transfer.kept_secrets import with_kept_secrets
from jobs.transfer.plan import Change, Item, compare, hash_of
from jobs.transfer.reading import Document, InvalidImport, read
from scheduler_project.lib import transactions
from scheduler_project.lib.input import InvalidInput

MODES = ("create_only", "update", "mirror")
ADOPTED = "Belongs to a row of django-celery-beat in the system that it comes from; leave it out, or write native."

REFUSALS = (InvalidInput, JobIsArchived, StillCatchingUp, dependencies.DependencyIsGone)


class PlanChanged(Exception):
    """The import would come to something else by now than the plan that was looked at."""


@dataclass(frozen=True)
class Outcome:
    """`is_applied` is False for a plan, and for an import that was taken back because something was refused."""

    items: tuple[Item, ...]
    plan_hash: str
    is_applied: bool


@dataclass(frozen=True)
class _Import:
    tenant: Tenant
    mode: str
    actor: str
    note: str
    owner_id: int | None
    may_run_sub_minute: bool


def import_jobs(
    given: Any,
    *,
    tenant: Tenant,
    actor: str,
    mode: str = "update",
    plan_only: bool = False,
    plan_hash: str = "",
    partial: bool = False,
    note: str = "",
    owner_id: int | None = None,
    may_run_sub_minute: bool = False,
) -> Outcome:
    """All or nothing, unless `partial`: then what is refused is left out. Raises `InvalidImport`, `PlanChanged`."""
    if mode not in MODES:
        raise InvalidImport({"mode": [f"Write one of {', '.join(MODES)}."]})
    document = read(given)
    wish = _Import(tenant, mode, actor, note or "Imported", owner_id, may_run_sub_minute)
    with transactions.engine():
        Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)  # one import at a time
        items = tuple(_carry_out(document, wish))
        found = hash_of(items, mode)
        if plan_hash and plan_hash != found:
            raise PlanChanged("Something has changed since the plan was made; nothing was done. Make a new plan.")
        is_refused = any(item.is_refused for item in items)
        is_applied = not plan_only and (partial or not is_refused)
        if not is_applied:
            transaction.set_rollback(True)
    return Outcome(items, found, is_applied)


def _carry_out(document: Document, wish: _Import) -> Iterator[Item]:
    for entry in document.calendars:
        yield _guarded("calendar", entry["slug"], lambda entry=entry: _calendar(entry, wish))  # type: ignore[misc]
    for entry in document.pools:
        yield _guarded("pool", entry["slug"], lambda entry=entry: _pool(entry, wish))  # type: ignore[misc]
    for entry in document.jobs:
        yield _guarded("job", entry["slug"], lambda entry=entry: _job(entry, wish))  # type: ignore[misc]
    for entry in document.dependencies:
        name = f"{entry['upstream']} → {entry['downstream']}"
        yield _guarded("dependency", name, lambda entry=entry, name=name: _edge(entry, name, wish))  # type: ignore[misc]
    if wish.mode == "mirror":
        yield from _take_away(document, wish)


def _guarded(kind: str, name: str, act: Callable[[], Item]) -> Item:
    """Each in a savepoint of its own, so that the others can be told what becomes of them."""
    try:
        with transaction.atomic():
            return act()
    except InvalidInput as error:
        return Item(kind, name, "refuse", problems=error.fields)
    except REFUSALS as error:
        return Item(kind, name, "refuse", problems={"": [str(error)]})


# --- one of each kind -------------------------------------------------------------------------------------------------


def _calendar(entry: dict[str, Any], wish: _Import) -> Item:
    rows = Calendar.objects.prefetch_related("blackouts")
    existing = rows.filter(tenant=wish.tenant, slug=entry["slug"]).first()
    if existing is None:
        calendars.create(entry, tenant=wish.tenant, actor=wish.actor)
        return Item("calendar", entry["slug"], "create")
    if wish.mode == "create_only":
        return Item("calendar", entry["slug"], "leave", note="There is one already.")
    return _changed(
        "calendar",
        entry["slug"],
        calendar_entry(existing),
        lambda: calendars.change(existing.pk, entry, actor=wish.actor, replaces=True),
        lambda: calendar_entry(rows.get(pk=existing.pk)),
    )


def _pool(entry: dict[str, Any], wish: _Import) -> Item:
    existing = Pool.objects.filter(tenant=wish.tenant, slug=entry["slug"]).first()
    if existing is None:
        pools.create(entry, tenant=wish.tenant, actor=wish.actor)
        return Item("pool", entry["slug"], "create")
    if wish.mode == "create_only":
        return Item("pool", entry["slug"], "leave", note="There is one already.")
    return _changed(
        "pool",
        entry["slug"],
        pool_entry(existing),
        lambda: pools.change(existing.pk, entry, actor=wish.actor),
        lambda: pool_entry(Pool.objects.get(pk=existing.pk)),
    )


def _job(entry: dict[str, Any], wish: _Import) -> Item:
    slug, enabled = entry["slug"], entry.get("enabled", True)
    data = {name: value for name, value in entry.items() if name not in ("enabled", "origin")}
    existing = _jobs().filter(tenant=wish.tenant, slug=slug).first()
    if existing is not None and existing.archived_at is not None:
        raise InvalidJob({"slug": ["That of an archived job, which stays as it is; write another."]})
    if existing is not None and wish.mode == "create_only":
        return Item("job", slug, "leave", note="There is one already.")
    data["parameters"] = with_kept_secrets(data.get("parameters", {}), existing, data.get("template"))
    if existing is None:
        if entry.get("origin", Origin.NATIVE) != Origin.NATIVE:
            raise InvalidJob({"origin": [ADOPTED]})
        registry.create(
            data,
            tenant=wish.tenant,
            actor=wish.actor,
            owner_id=wish.owner_id,
            enabled=enabled,
            may_run_sub_minute=wish.may_run_sub_minute,
        )
        return Item("job", slug, "create", note="" if enabled else "Not enabled.")
    return _changed(
        "job",
        slug,
        {**job_entry(existing), "revision": existing.revision},
        lambda: _change_job(existing, data, enabled, wish),
        lambda: _entry_and_revision(existing.pk),
    )


def _change_job(job: Job, data: dict[str, Any], enabled: bool, wish: _Import) -> None:
    registry.change(
        job.pk,
        data,
        actor=wish.actor,
        note=wish.note,
        may_run_sub_minute=wish.may_run_sub_minute,
        replaces=True,
    )
    if enabled != job.is_enabled:
        (registry.enable if enabled else registry.disable)(job.pk, actor=wish.actor, note=wish.note)


def _entry_and_revision(job_id: int) -> dict[str, Any]:
    job = _jobs().get(pk=job_id)
    return {**job_entry(job), "revision": job.revision}


def _edge(entry: dict[str, Any], name: str, wish: _Import) -> Item:
    ends = dict(
        Job.objects.filter(
            tenant=wish.tenant, archived_at=None, slug__in=[entry["upstream"], entry["downstream"]]
        ).values_list("slug", "pk")
    )
    for end in ("upstream", "downstream"):
        if entry[end] not in ends:
            raise dependencies.InvalidDependency({end: [f"{wish.tenant.name} has no job {entry[end]:.100}."]})
    data = {key: value for key, value in entry.items() if key not in ("upstream", "downstream")}
    standing = Dependency.objects.filter(removed_at=None).select_related("upstream", "downstream")
    existing = standing.filter(upstream=ends[entry["upstream"]], downstream=ends[entry["downstream"]]).first()
    if existing is None:
        dependencies.add(ends[entry["upstream"]], ends[entry["downstream"]], data, actor=wish.actor)
        return Item("dependency", name, "create")
    if wish.mode == "create_only":
        return Item("dependency", name, "leave", note="There is one already.")
    return _changed(
        "dependency",
        name,
        edge_entry(existing),
        lambda: dependencies.change(existing.pk, data, actor=wish.actor),
        lambda: edge_entry(standing.get(pk=existing.pk)),
    )


def _take_away(document: Document, wish: _Import) -> Iterator[Item]:
    """Of a mirror: what the document does not name. Calendars and pools stay; they hold nothing back by themselves."""
    edges = {(entry["upstream"], entry["downstream"]) for entry in document.dependencies}
    standing = Dependency.objects.filter(tenant=wish.tenant, removed_at=None).select_related("upstream", "downstream")
    for edge in standing.order_by("pk"):
        if (edge.upstream.slug, edge.downstream.slug) not in edges:
            name = f"{edge.upstream.slug} → {edge.downstream.slug}"
            yield _guarded("dependency", name, lambda edge=edge, name=name: _remove(edge, name, wish))  # type: ignore[misc]
    slugs = [entry["slug"] for entry in document.jobs]
    for job in Job.objects.filter(tenant=wish.tenant, archived_at=None).exclude(slug__in=slugs).order_by("slug"):
        if job.origin == Origin.ADOPTED:
            yield Item("job", job.slug, "leave", note="Its row of django-celery-beat says whether it is there.")
        else:
            yield _guarded("job", job.slug, lambda job=job: _archive(job, wish))  # type: ignore[misc]


def _remove(edge: Dependency, name: str, wish: _Import) -> Item:
    dependencies.remove(edge.pk, actor=wish.actor)
    return Item("dependency", name, "remove", note="The document does not name it.")


def _archive(job: Job, wish: _Import) -> Item:
    registry.archive(job.pk, actor=wish.actor, note=wish.note)
    return Item("job", job.slug, "archive", note="The document does not name it.")


def _changed(
    kind: str, name: str, before: dict[str, Any], change: Callable[[], object], after: Callable[[], dict[str, Any]]
) -> Item:
    """Changes nothing that is as it should be already: the change itself says whether it is."""
    with transaction.atomic():
        change()
        told = after()
        revision = (before.pop("revision", None), told.pop("revision", None))
        changes = compare(before, told)
        if not changes and revision[0] == revision[1]:
            transaction.set_rollback(True)
    if not changes and revision[0] != revision[1]:
        changes = (Change("parameters", "(a secret)", "(another one)"),)
    return Item(kind, name, "change" if changes else "leave", changes, note="" if changes else "It is so already.")


def _jobs() -> Any:
    return Job.objects.select_related("template", "tenant", "pool")
