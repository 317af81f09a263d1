"""Where parameters are stored, read and written in batches. Plain SQL: a migration uses it as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scheduler_project.lib import sql, transactions
from templates_registry import schema


@dataclass(frozen=True)
class Template:
    name: str
    schema: dict[str, Any]


@dataclass(frozen=True)
class Table:
    """`is_history` says that what is sealed there stays as it is: only plain text is encrypted."""

    what: str
    name: str
    read: str
    write: str
    is_history: bool = False


_RUNS = """
SELECT id, tenant_id, template_id, parameters FROM job_executions
WHERE id > %(after)s AND id <= %(until)s AND template_id = ANY(%(templates)s) AND finished_at IS {} NULL
ORDER BY id LIMIT %(limit)s FOR NO KEY UPDATE
"""
_WRITE = """
UPDATE {} AS t SET parameters = n.value
FROM unnest(%(ids)s::bigint[], %(values)s::jsonb[]) AS n(id, value) WHERE t.id = n.id
"""

TABLES = (
    Table(
        "jobs",
        "dynamic_jobs",
        """
        SELECT id, tenant_id, template_id, parameters FROM dynamic_jobs
        WHERE id > %(after)s AND id <= %(until)s AND template_id = ANY(%(templates)s)
        ORDER BY id LIMIT %(limit)s FOR NO KEY UPDATE
        """,
        _WRITE.format("dynamic_jobs"),
    ),
    Table("runs to come", "job_executions", _RUNS.format(""), _WRITE.format("job_executions")),
    Table(
        "runs that have ended",
        "job_executions",
        _RUNS.format("NOT"),
        _WRITE.format("job_executions"),
        is_history=True,
    ),
    Table(
        "revisions",
        "job_revisions",
        """
        SELECT r.id, j.tenant_id, t.id AS template_id, r.definition -> 'parameters' AS parameters
        FROM job_revisions r JOIN dynamic_jobs j ON j.id = r.job_id
        JOIN job_templates t ON t.name = r.definition ->> 'template'
            AND t.version = (r.definition ->> 'template_version')::integer
        WHERE r.id > %(after)s AND r.id <= %(until)s AND t.id = ANY(%(templates)s) ORDER BY r.id LIMIT %(limit)s
        """,
        """
        UPDATE job_revisions AS r SET definition = jsonb_set(r.definition, '{parameters}', n.value)
        FROM unnest(%(ids)s::bigint[], %(values)s::jsonb[]) AS n(id, value) WHERE r.id = n.id
        """,
        is_history=True,
    ),
)
# Not among the others: those are walked by migrations from before there were drafts.
DRAFTS = Table(
    "drafts",
    "job_drafts",
    """
    SELECT id, tenant_id, template_id, parameters FROM job_drafts
    WHERE id > %(after)s AND id <= %(until)s AND template_id = ANY(%(templates)s)
    ORDER BY id LIMIT %(limit)s FOR NO KEY UPDATE
    """,
    _WRITE.format("job_drafts"),
)

# A revision takes this one change in a transaction that says so: see its trigger.
BEGIN = "SET LOCAL daybook.sealing = 'on'; SET LOCAL lock_timeout = '20s'; SET LOCAL statement_timeout = '60s'"
WINDOW = 20_000  # ids that one statement looks through, most of them of templates without secrets


def templates_with_secrets() -> dict[int, Template]:
    rows = sql.rows("SELECT id, name, schema FROM job_templates ORDER BY id")
    found = {row["id"]: Template(row["name"], sql.loads(row["schema"])) for row in rows}
    return {key: template for key, template in found.items() if schema.secret_paths(template.schema)}


def walk(
    table: Table, templates: Mapping[int, Template], each: Callable[[list[sql.Row]], Mapping[int, Any]], *, size: int
) -> None:
    """All rows, a batch at a time, each in a transaction of its own. `each` returns what to store, by id."""
    found = sql.row(f"SELECT coalesce(max(id), 0) AS last FROM {table.name}")  # noqa: S608
    after, last = 0, found["last"] if found and templates else 0
    while after < last:
        with transactions.engine():
            sql.script(BEGIN)
            values = {"after": after, "until": after + WINDOW, "templates": list(templates), "limit": size}
            rows = sql.rows(table.read, values)
            for row in rows:
                row["parameters"] = sql.loads(row["parameters"])
            if changed := each(rows):
                stored = [sql.json(value) for value in changed.values()]
                sql.rows(table.write, {"ids": list(changed), "values": stored})
        after = rows[-1]["id"] if len(rows) == size else after + WINDOW
