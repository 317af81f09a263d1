"""Migrations: they describe the models, make the partitions, and reverse on a filled database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django_celery_beat.models import PeriodicTask

from accounts import keys
from accounts.models import Tenant
from jobs import dead_letters, dependencies, executions, ledger, registry, sealed
from jobs.execution import executor
from jobs.models import (
    DeadLetter,
    DeadLetterRun,
    Execution,
    ExecutionEvent,
    Job,
    JobRevision,
    LogLine,
    Succession,
    Tick,
)
from jobs.recovery import partitions, projections
from jobs.tick.leader import Leader
from scheduler_project.lib import sql, transactions
from tests.jobs.conftest import database_now

MakeJob = Callable[..., Job]

OURS = ("jobs", "templates_registry", "accounts")


def tables() -> dict[str, str]:
    """Each table with the columns, constraints, indexes and triggers that the catalogue knows.

    Without single partitions: which of them exist depends on the day, and on what else ran in this database.
    """
    rows = sql.rows(
        r"""
        SELECT c.relname AS name, concat_ws(' | ',
            (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull
                               || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), ''), ', ' ORDER BY a.attname)
             FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
            (SELECT string_agg(conname || pg_get_constraintdef(oid), ', ' ORDER BY conname)
             FROM pg_constraint WHERE conrelid = c.oid),
            (SELECT string_agg(pg_get_indexdef(indexrelid), ', ' ORDER BY pg_get_indexdef(indexrelid))
             FROM pg_index WHERE indrelid = c.oid),
            (SELECT string_agg(pg_get_triggerdef(oid), ', ' ORDER BY tgname)
             FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal)) AS shape
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND (NOT c.relispartition OR c.relname LIKE '%\_default')
        """
    )
    return {row["name"]: row["shape"] for row in rows}


def fill() -> None:
    """At least one row in every table that has history."""
    tenant = Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})[0]
    data: dict[str, Any] = {"name": "Job", "template": "echo", "schedule": {"kind": "cron", "cron": "* * * * *"}}
    data["parameters"] = {"token": "hunter2"}
    job = registry.create(data, tenant=tenant, actor="user:test")
    manual = {**data, "name": "Follower", "schedule": {"kind": "manual"}}
    follower = registry.create(manual, tenant=tenant, actor="user:test")
    dependencies.add(job.pk, follower.pk, {}, actor="user:test")
    keys.create(tenant=job.tenant, name="key", scopes=["scheduler:read"])
    Leader("a", ttl=timedelta(seconds=10)).keep()
    with transactions.engine():
        ledger.decide_due(now=database_now() + timedelta(minutes=1), epoch=1)
    Execution.objects.update(available_at=database_now())  # the turn above was told that it is a minute later
    executor.execute(Execution.objects.get().pk, worker="w")
    execution_id = registry.run_now(job, actor="user:test")
    Execution.objects.filter(pk=execution_id).update(attempt=1)
    executions.give_up(execution_id, by="user:test")
    dead_letters.start(DeadLetter.objects.get().pk, actor="user:test")
    registry.pause(job.pk, actor="user:test")
    projections.sweep()
    for model in (Tick, Execution, ExecutionEvent, LogLine, JobRevision, Succession, DeadLetterRun):
        assert model._default_manager.exists(), model


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.django_db(transaction=True)
class TestReversal:
    @pytest.mark.long
    def test_goes_back_step_by_step_and_forward_again(self, tenant: Tenant) -> None:
        fresh = tables()
        fill()
        names = sorted(name for app, name in MigrationLoader(connection).disk_migrations if app == "jobs")
        try:
            for step in [*reversed(names[:-1]), "zero"]:
                call_command("migrate", "jobs", step, verbosity=0)
            for app in OURS[1:]:
                call_command("migrate", app, "zero", verbosity=0)
            assert not {"dynamic_jobs", "ticks", "job_executions", "job_templates", "tenants"} & set(tables())
        finally:
            call_command("migrate", verbosity=0)
        assert tables() == fresh
        tenant.pk = Tenant.objects.get(slug=tenant.slug).pk  # a new row, made by the migration
        PeriodicTask.objects.all().delete()  # of the jobs that there were; the new ones have the same numbers
        fill()

    def test_decrypts_secrets_on_the_way_back_and_encrypts_them_again(self) -> None:
        fill()
        try:
            call_command("migrate", "jobs", "0018", verbosity=0)
            rows = sql.rows("SELECT parameters ->> 'token' AS token FROM dynamic_jobs")
            rows += sql.rows("SELECT parameters ->> 'token' AS token FROM job_executions")
            rows += sql.rows("SELECT definition #>> '{parameters,token}' AS token FROM job_revisions")
            assert {row["token"] for row in rows} == {"hunter2"}
        finally:
            call_command("migrate", verbosity=0)
        jobs = Job.objects.select_related("template")
        assert {sealed.parameters_of(job)["token"] for job in jobs} == {"hunter2"}
        assert all(job.parameters["token"].startswith("daybook:1:") for job in jobs)

    def test_goes_back_from_a_filled_database_and_keeps_what_is_not_ours(self) -> None:
        fresh = tables()
        fill()
        try:
            call_command("migrate", "jobs", "zero", verbosity=0)
            assert not {"dynamic_jobs", "ticks", "job_executions"} & set(tables())
            assert Tenant.objects.exists()
        finally:
            call_command("migrate", verbosity=0)
        assert tables() == fresh


@pytest.mark.django_db
class TestPartitions:
    def test_hold_what_grows_for_ever(self) -> None:
        found = sql.rows("SELECT relname FROM pg_class WHERE relkind = 'p' ORDER BY relname")
        assert [row["relname"] for row in found] == [
            "api_requests",
            "audit_digests",
            "audit_entries",
            "execution_events",
            "execution_log_lines",
            "job_executions",
            "scheduler_events",
            "task_executions",
            "ticks",
        ]

    def test_are_made_ahead(self) -> None:
        partitions.sweep()
        assert partitions.sweep() == 0
        sql.rows("SELECT setval('job_executions_id_seq', 5000000)")
        try:
            assert partitions.sweep() == 8
            found = sql.rows("SELECT to_regclass('job_executions_p000006') IS NOT NULL AS made")
            assert found == [{"made": True}]
        finally:
            sql.rows("SELECT setval('job_executions_id_seq', 1)")

    def test_take_this_months_ticks_out_of_the_default_one(self, make_job: MakeJob) -> None:
        make_job()
        with transactions.engine():
            ledger.decide_due(now=database_now() + timedelta(minutes=1), epoch=1)
        assert sql.rows("SELECT count(*) AS n FROM ticks_default") == [{"n": 0}]
        assert sql.rows("SELECT count(*) AS n FROM ticks") == [{"n": 1}]
