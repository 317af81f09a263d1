"""Daybook itself under measurement: its environment, its database, a scheduler process, many jobs in few statements."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import django
from django.db import connection

from benchmarks.processes import Process, environment
from benchmarks.servers import Servers

MIGRATED = "daybook_migrated"
PARAMETERS = {"model": "sessions.Session", "older_than_days": 30}


# Where runs are only announced and nobody takes them, all of them are to fit.
WITHOUT_WORKERS = {"DAYBOOK_PUBLISH_WINDOW": "1000000", "DAYBOOK_QUEUE_LIMIT": "100000000"}
PRODUCTION = "scheduler_project.settings.prod"


def settings_for(database_url: str, redis_url: str, role: str, *, settings: str = PRODUCTION) -> dict[str, str]:
    """Production settings; only the servers are on this machine."""
    return {
        "DJANGO_SETTINGS_MODULE": settings,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DAYBOOK_SECRET_KEY": "only-for-the-benchmark",
        "DAYBOOK_ALLOWED_HOSTS": "localhost",
        "DAYBOOK_ROLE": role,
        "C_FORCE_ROOT": "1",
    }


def set_up(servers: Servers, *, settings: str = PRODUCTION) -> None:
    """Django in this process, and a migrated database to copy. The servers' addresses become this process's own."""
    os.environ.update(
        settings_for(servers.database(MIGRATED), servers.redis_url, "command", settings=settings),
        DAYBOOK_LOG_LEVEL="WARNING",
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    connection.close()


def use(servers: Servers, name: str) -> str:
    """A fresh copy of the migrated database, in which this process works from now on. Returns its address.

    The one before is dropped: autovacuum would go on in it meanwhile.
    """
    from scheduler_project.settings.base import database

    connection.close()
    if connection.settings_dict["NAME"] != MIGRATED:
        servers.drop(connection.settings_dict["NAME"])
    url = servers.database(name, template=MIGRATED)
    connection.settings_dict.update(database(url))
    return url


def scheduler(database_url: str, redis_url: str, folder: Path, **more: str) -> Process:
    """`celery beat` with our class."""
    arguments = ["-m", "celery", "-A", "scheduler_project", "beat", "--pidfile="]
    values = settings_for(database_url, redis_url, "scheduler") | more
    return Process(arguments, environment(**values), folder / "scheduler.log")


def make_jobs(schedules: Iterable[Mapping[str, Any]], count: int, **values: Any) -> None:
    """`count` jobs with these schedules in turn: one of each by the registry, the others as copies of all its rows."""
    from accounts.models import Tenant
    from jobs import registry

    tenant = Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})[0]
    models = []
    for number, schedule in enumerate(list(schedules)[:count], 1):
        data = {"name": f"Job {number}", "template": "database_cleanup", "parameters": PARAMETERS, **values}
        job = registry.create(
            {**data, "schedule": schedule}, tenant=tenant, actor="user:bench", may_run_sub_minute=True
        )
        models.append(job.pk)
    _copy(models, count - len(models))
    _run(f"ANALYZE {', '.join(TABLES)}")


TABLES = ("dynamic_jobs", "job_revisions", "beat_rows", "django_celery_beat_periodictask")

# Intervals get anchors of their own, as they have when jobs are made one after the other.
COPIES = """
CREATE TEMPORARY TABLE copies AS
SELECT n, model, nextval('dynamic_jobs_id_seq') AS id, nextval('django_celery_beat_periodictask_id_seq') AS row_id,
       CASE WHEN j.spec ->> 'kind' = 'interval' THEN jsonb_set(j.spec, '{anchor}', to_jsonb(
           (j.spec ->> 'anchor')::timestamptz
           - make_interval(secs => (j.spec ->> 'every_seconds')::integer * (n %% 500))))
       ELSE j.spec END AS spec
FROM (SELECT n, (%(models)s::bigint[])[1 + n %% cardinality(%(models)s::bigint[])] AS model
      FROM generate_series(1, %(count)s) AS n) AS numbered
JOIN dynamic_jobs j ON j.id = model
"""


def _copy(models: list[int], count: int) -> None:
    if count <= 0:
        return
    _run(COPIES, {"models": models, "count": count})
    _copy_rows(
        "django_celery_beat_periodictask",
        "id = (SELECT periodic_task_id FROM dynamic_jobs WHERE id = fresh.model)",
        id="fresh.row_id",
        name="'daybook:' || fresh.id",
        kwargs="json_build_object('job_id', fresh.id)::text",
    )
    _copy_rows(
        "dynamic_jobs",
        "id = fresh.model",
        id="fresh.id",
        slug="slug || '-' || fresh.id",
        name="'Job ' || fresh.id",
        spec="fresh.spec",
        periodic_task_id="fresh.row_id",
    )
    _copy_rows(
        "job_revisions",
        "job_id = fresh.model",
        id="nextval('job_revisions_id_seq')",
        job_id="fresh.id",
        definition="definition || jsonb_build_object('name', 'Job ' || fresh.id, 'schedule', fresh.spec)",
    )
    from jobs.beat_sync.rows import CONTENT, JOINED

    _copy_rows(
        "beat_rows",
        "job_id = fresh.model",
        job_id="fresh.id",
        content=f"(SELECT {CONTENT.strip()} FROM {JOINED} WHERE p.id = fresh.row_id)",  # noqa: S608
    )
    _run("DROP TABLE copies")


def _copy_rows(table: str, where: str, **changed: str) -> None:
    with connection.cursor() as cursor:
        columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
    values = ", ".join(changed.get(name, f"source.{name}") for name in columns)
    _run(
        f"INSERT INTO {table} ({', '.join(columns)}) "  # noqa: S608
        f"SELECT {values} FROM copies fresh JOIN LATERAL (SELECT * FROM {table} WHERE {where}) AS source ON true"
    )


def _run(statement: str, parameters: Mapping[str, Any] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
