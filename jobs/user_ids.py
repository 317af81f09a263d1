"""Reports in which types the ids of users are stored, and brings them into one form, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Func, QuerySet, TextField
from django.db.models.expressions import F

from jobs.models import Execution
from jobs.rules import user_ids
from scheduler_project.lib import sql

BATCH = 1_000
SLICE = 100_000  # ids of executions that one statement looks at


class Canonical(Func):
    """`daybook_user_id(user_id)`, for which there is an index."""

    function = "daybook_user_id"
    output_field = TextField()


def of_user(executions: QuerySet[Execution], user_id: str | None) -> QuerySet[Execution]:
    """Those of one user, however the id was written; with None, those of nobody."""
    known = executions.alias(canonical_user_id=Canonical(F("user_id")))
    if user_id is None:
        return known.filter(canonical_user_id__isnull=True)
    # The first condition is that of the index.
    return known.filter(user_id__isnull=False, canonical_user_id=user_id)


@dataclass(frozen=True)
class Count:
    """How many runs of a tenant have ids of a type, and how many of those are not in the one form."""

    tenant: str
    kind: str
    runs: int
    users: int
    to_change: int


REPORT = """
SELECT t.slug AS tenant, e.user_id AS stored, count(*) AS runs
FROM job_executions e JOIN tenants t ON t.id = e.tenant_id
GROUP BY 1, 2 ORDER BY 1, 2
"""

CHANGE = """
WITH found AS (
    SELECT id FROM job_executions
    WHERE id >= %(first)s AND id < %(first)s + %(slice)s AND user_id IS NOT NULL
      AND user_id IS DISTINCT FROM daybook_user_id(user_id)
    ORDER BY id LIMIT %(batch)s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE job_executions e SET user_id = daybook_user_id(e.user_id)
FROM found WHERE e.id = found.id AND e.id >= %(first)s AND e.id < %(first)s + %(slice)s
RETURNING e.id
"""


def report() -> list[Count]:
    """Reads every execution that is kept."""
    sums: dict[tuple[str, str], tuple[int, set[str], int]] = {}
    for row in sql.rows(REPORT):
        stored = row["stored"]
        canonical = None if stored is None else user_ids.of_text(stored)
        key = row["tenant"], user_ids.kind(stored)
        runs, users, to_change = sums.get(key, (0, set(), 0))
        users = users | ({canonical} if canonical is not None else set())
        sums[key] = runs + row["runs"], users, to_change + (row["runs"] if stored != canonical else 0)
    return [Count(*key, runs, len(users), wrong) for key, (runs, users, wrong) in sorted(sums.items())]


def bring_into_one_form() -> Iterator[int]:
    """Yields after each batch how many rows it changed; each is a transaction of its own, and begun anew it goes on."""
    newest = sql.row("SELECT coalesce(max(id), 0) AS id FROM job_executions")
    assert newest is not None
    for first in range(0, newest["id"] + 1, SLICE):
        while changed := _change(first):
            yield changed
            if changed < BATCH:
                break


def _change(first: int) -> int:
    with transaction.atomic():
        return len(sql.rows(CHANGE, {"first": first, "slice": SLICE, "batch": BATCH}))
