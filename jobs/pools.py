"""Pools of a tenant: every change of one, and who uses its slots now."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.text import slugify

from accounts.models import Tenant
from jobs import trail
from jobs.models import Job, Pool
from scheduler_project.lib import sql, telemetry, transactions
from scheduler_project.lib.input import InvalidInput

FIELDS = ("name", "slug", "size")
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,59}", re.ASCII)
MOST_SLOTS = 1000
NAMED = 10


class InvalidPool(InvalidInput):
    """Input that is no pool; `fields` has the messages by name."""


class PoolInUse(Exception):
    """Jobs run in the pool, so it stays."""


@dataclass(frozen=True)
class Use:
    """How many slots of a pool are taken, and how many runs wait for one."""

    running: int
    waiting: int


def judge(data: Mapping[str, Any], *, is_new: bool, tenant_id: int | None = None) -> None:
    """Raises `InvalidPool` for what `create` and `change` refuse; writes nothing."""
    pool = Pool(name="-", slug="-", size=1)
    _read(data, pool, is_new=is_new)
    if is_new and tenant_id is not None and Pool.objects.filter(tenant_id=tenant_id, slug=pool.slug).exists():
        raise _taken(pool.slug)


def create(data: Mapping[str, Any], *, tenant: Tenant, actor: str) -> Pool:
    """A new pool. Raises `InvalidPool`."""
    pool = Pool(tenant=tenant)
    _read(data, pool, is_new=True)
    with transactions.engine(), transactions.refused_as(_taken(pool.slug), by="one_pool_per_slug_and_tenant"):
        _write(pool, actor)
        _tell("pool.created", pool, actor, after=_fields(pool))
    return pool


def change(pool_id: int, data: Mapping[str, Any], *, actor: str) -> Pool:
    """Change its name or size. More slots are used at once; of fewer the surplus ends with the runs that hold them.

    Raises `InvalidPool`, `Pool.DoesNotExist`.
    """
    with transactions.engine():
        pool = Pool.objects.select_for_update(no_key=True).get(pk=pool_id)
        before = _fields(pool)
        _read(data, pool, is_new=False)
        _write(pool, actor)
        if pool.size < before["size"]:
            sql.rows(TAKE_BACK, {"pool": pool.pk})
        _tell("pool.changed", pool, actor, before=before, after=_fields(pool))
    return pool


# What was announced for slots that are no more would fill its tenant's window. It is announced again in its turn.
TAKE_BACK = """
UPDATE job_executions SET published_at = NULL
WHERE status = 'queued' AND published_at IS NOT NULL AND id = ANY (ARRAY(
    SELECT id FROM job_executions WHERE pool_id = %(pool)s AND status = 'queued' AND published_at IS NOT NULL
    FOR NO KEY UPDATE SKIP LOCKED))
"""


def delete(pool_id: int, *, actor: str) -> None:
    """Remove a pool that no job runs in. Raises `PoolInUse`, `Pool.DoesNotExist`."""
    with transactions.engine():
        pool = Pool.objects.select_for_update().get(pk=pool_id)
        names = list(jobs_of(pool).order_by("name").values_list("name", flat=True)[: NAMED + 1])
        if names or pool.jobs.exists():
            who = f"{', '.join(names[:NAMED])}{', and others' if len(names) > NAMED else ''}" or "archived ones"
            raise PoolInUse(f"Jobs run in the pool {pool.name}: {who}. Take them out of it first.")
        _tell("pool.deleted", pool, actor, before=_fields(pool))
        pool.delete()


def jobs_of(pool: Pool) -> QuerySet[Job]:
    """The jobs that run in it, without archived ones: those are history."""
    return Job.objects.filter(pool=pool, archived_at=None)


USE = """
SELECT p.id, (SELECT count(*) FROM execution_leases l WHERE l.pool_id = p.id) AS running,
       (SELECT count(*) FROM job_executions e WHERE e.pool_id = p.id AND e.status = 'queued') AS waiting
FROM unnest(%(pools)s::bigint[]) AS p(id)
"""


def use_of(pools: list[Pool]) -> dict[int, Use]:
    rows = sql.rows(USE, {"pools": [pool.pk for pool in pools]})
    return {row["id"]: Use(row["running"], row["waiting"]) for row in rows}


def _read(data: Mapping[str, Any], pool: Pool, *, is_new: bool) -> None:
    problems: dict[str, list[str]] = {}
    for name in data:
        if name not in FIELDS:
            problems[name] = [f"Unknown field. Known are {', '.join(FIELDS)}."]
    name = data.get("name", pool.name)
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= 200 or not name.isprintable():
        problems["name"] = ["Write 1 to 200 printable characters."]
    else:
        pool.name = name.strip()
    size = data.get("size", pool.size)
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= MOST_SLOTS:
        problems["size"] = [f"Write a whole number from 1 to {MOST_SLOTS}: how many runs at once."]
    else:
        pool.size = size
    if is_new:
        slug = data.get("slug") or (slugify(pool.name)[:60].strip("-") or "pool")
        if not isinstance(slug, str) or not SLUG.fullmatch(slug):
            problems["slug"] = [
                "Write 1 to 60 lower-case letters, digits and hyphens, beginning with a letter or digit."
            ]
        else:
            pool.slug = slug
    elif data.get("slug", pool.slug) != pool.slug:
        problems["slug"] = ["Jobs name the pool by its slug, so it stays."]
    if problems:
        raise InvalidPool(problems)


def _write(pool: Pool, actor: str) -> None:
    pool.updated_at, pool.updated_by = sql.now(), actor
    pool.save()


def _fields(pool: Pool) -> dict[str, Any]:
    return {name: getattr(pool, name) for name in FIELDS}


def _tell(event: str, pool: Pool, actor: str, **states: Any) -> None:
    trail.tell(event, pool, actor=actor, **states)
    fields = {"pool_id": pool.pk, "pool": pool.name, "size": pool.size, "actor": actor}
    transaction.on_commit(lambda: telemetry.emit(event, **fields))


def _taken(slug: str) -> InvalidPool:
    return InvalidPool({"slug": [f"Another pool has the slug {slug}; write another."]})
