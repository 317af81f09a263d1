"""Changes of a job: what they decide first, what they refuse, what they write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import AuditEntry, Tenant
from jobs import executions, registry
from jobs.definition import InvalidJob
from jobs.models import Execution, Job, JobRevision, Tick
from scheduler_project.lib import transactions
from tests.cast import Cast
from tests.jobs.conftest import database_now

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db

EVERY_10_S = {"kind": "interval", "every_seconds": 10}


def make_undecided(job: Job, *, seconds: float) -> None:
    """As if no scheduler had decided anything for that long."""
    since = database_now() - timedelta(seconds=seconds)
    spec = {**job.spec, "anchor": since.isoformat()}
    Job.objects.filter(pk=job.pk).update(spec=spec, next_tick_at=since)


class TestCreate:
    def test_writes_the_job_its_first_revision_and_its_next_tick(self, make_job: MakeJob) -> None:
        job = make_job(name="Nightly", schedule={"kind": "cron", "cron": "0 2 * * *", "timezone": "Europe/Berlin"})
        revision = JobRevision.objects.get(job=job)
        assert (job.slug, job.revision, revision.number, revision.change) == ("nightly", 1, 1, "created")
        assert revision.definition["schedule"] == {"kind": "cron", "timezone": "Europe/Berlin", "cron": "0 2 * * *"}
        assert revision.actor == "user:test"
        assert job.next_tick_at is not None
        assert job.next_tick_at > database_now()

    def test_fills_in_the_defaults_of_the_template(self, make_job: MakeJob) -> None:
        assert make_job().parameters["text"] == "hello"

    def test_takes_the_template_authors_policies(self, make_job: MakeJob) -> None:
        assert make_job().policies.timeout_seconds == 3600

    @pytest.mark.parametrize(
        ("changes", "path", "says"),
        [
            ({"name": ""}, "name", "empty"),
            ({"name": 5}, "name", "text"),
            ({"name": "a\x07b"}, "name", "control"),
            ({"slug": "No Good"}, "slug", "lower-case"),
            ({"template": "ech"}, "template", "Did you mean echo"),
            ({"template_version": 9}, "template_version", "no version 9"),
            ({"template_version": "1"}, "template_version", "whole number"),
            ({"parameters": []}, "parameters", "object"),
            ({"parameters": {"text": 5}}, "parameters.text", "text"),
            ({"parameters": {"unknown": 5}}, "parameters.unknown", ""),
            ({"schedule": "daily"}, "schedule", "object"),
            ({"schedule": {"kind": "cron", "cron": "0 0 30 2 *"}}, "schedule.cron", ""),
            ({"schedule": {"kind": "cron", "cron": "* * * * * *"}}, "schedule.cron", "seconds"),
            ({"policies": {"overlap": "what"}}, "policies.overlap", "allow, skip"),
            ({"queue": "a b"}, "queue", "letters"),
            ({"priority": "urgent"}, "priority", "critical, high, normal, low"),
            ({"tags": "a"}, "tags", "list"),
            ({"tags": ["ok", "<b>"]}, "tags[1]", "letters"),
            ({"nonsense": 1}, "nonsense", "Unknown field"),
        ],
    )
    def test_refuses_with_the_path_and_what_would_be_right(
        self, make_job: MakeJob, changes: dict[str, Any], path: str, says: str
    ) -> None:
        with pytest.raises(InvalidJob) as caught:
            make_job(**changes)
        assert path in caught.value.fields, caught.value.fields
        assert says.lower() in " ".join(caught.value.fields[path]).lower()
        assert not Job.objects.exists()

    def test_names_everything_that_is_missing_at_once(self, tenant: Tenant) -> None:
        with pytest.raises(InvalidJob) as caught:
            registry.create({}, tenant=tenant, actor="user:test")
        assert set(caught.value.fields) == {"name", "template", "schedule"}

    def test_refuses_a_slug_twice(self, make_job: MakeJob) -> None:
        make_job(name="Same")
        with pytest.raises(InvalidJob, match="slug"):
            make_job(name="Same")

    def test_refuses_less_than_a_minute_without_permission(self, tenant: Tenant) -> None:
        data = {"name": "x", "template": "failing", "schedule": EVERY_10_S}
        with pytest.raises(InvalidJob) as caught:
            registry.create(data, tenant=tenant, actor="user:test")
        assert "schedule.every_seconds" in caught.value.fields


class TestChange:
    def test_decides_under_the_old_definition_first(self, make_job: MakeJob) -> None:
        job = make_job(schedule=EVERY_10_S)
        make_undecided(job, seconds=25)
        registry.change(job.pk, {"schedule": {"kind": "cron", "cron": "0 0 1 1 *"}}, actor="user:test")
        ticks = list(Tick.objects.filter(job=job).order_by("due_at"))
        assert [tick.outcome for tick in ticks] == ["fired", "skipped", "skipped"]
        assert {tick.revision for tick in ticks} == {1}
        job.refresh_from_db()
        assert job.revision == 2
        assert ticks[-1].due_at <= JobRevision.objects.get(job=job, number=2).valid_from

    def test_that_says_what_is_there_already_leaves_no_revision(self, make_job: MakeJob) -> None:
        spread = {"kind": "cron", "cron": "0 * * * *", "spread_seconds": 600}
        job = make_job(schedule=spread, tags=["a"])
        same = registry.change(job.pk, {"schedule": spread, "tags": ["a"]}, actor="user:test", note="Again")
        assert same.revision == 1
        assert JobRevision.objects.filter(job=job).count() == 1

    def test_changes_only_what_is_named(self, make_job: MakeJob) -> None:
        job = make_job(tags=["a"], policies={"max_retries": 7})
        changed = registry.change(job.pk, {"policies": {"misfire": "all"}}, actor="user:test")
        assert (changed.policies.max_retries, changed.policies.misfire, changed.tags) == (7, "all", ["a"])

    def test_keeps_the_anchor_of_an_interval(self, make_job: MakeJob) -> None:
        job = make_job(schedule=EVERY_10_S)
        changed = registry.change(job.pk, {"schedule": {"kind": "interval", "every_seconds": 20}}, actor="user:test")
        assert changed.schedule.anchor == job.schedule.anchor

    def test_refuses_a_lost_update(self, make_job: MakeJob) -> None:
        job = make_job()
        registry.change(job.pk, {"name": "One"}, actor="user:a", expected_revision=1)
        with pytest.raises(registry.RevisionConflict):
            registry.change(job.pk, {"name": "Two"}, actor="user:b", expected_revision=1)

    def test_changes_nothing_when_refused(self, make_job: MakeJob) -> None:
        job = make_job(schedule=EVERY_10_S)
        make_undecided(job, seconds=25)
        with pytest.raises(InvalidJob):
            registry.change(job.pk, {"priority": "urgent"}, actor="user:test")
        assert not Tick.objects.filter(job=job).exists()
        assert JobRevision.objects.filter(job=job).count() == 1

    def test_touches_updated_at_only_with_the_definition(self, make_job: MakeJob) -> None:
        job = make_job()
        job.refresh_from_db()
        before = job.updated_at
        Job.objects.filter(pk=job.pk).update(last_status="failed")
        job.refresh_from_db()
        assert job.updated_at == before
        registry.change(job.pk, {"name": "Else"}, actor="user:test")
        job.refresh_from_db()
        assert job.updated_at > before


class TestPauseAndResume:
    def test_pause_decides_first_and_then_notes_who_and_why(self, make_job: MakeJob) -> None:
        job = make_job(schedule=EVERY_10_S)
        make_undecided(job, seconds=5)
        paused = registry.pause(job.pk, actor="user:ana", note="too loud")
        assert (paused.paused_by, paused.pause_note) == ("user:ana", "too loud")
        assert [tick.outcome for tick in Tick.objects.filter(job=job)] == ["fired"]

    def test_resume_runs_nothing_that_was_due_while_paused(self, make_job: MakeJob) -> None:
        job = make_job(schedule=EVERY_10_S)
        registry.pause(job.pk, actor="user:ana")
        make_undecided(job, seconds=25)
        resumed = registry.resume(job.pk, actor="user:ana")
        assert {tick.reason for tick in Tick.objects.filter(job=job)} == {"paused"}
        assert not Execution.objects.filter(job=job).exists()
        assert resumed.next_tick_at is not None
        assert resumed.next_tick_at > database_now()

    def test_twice_is_once(self, make_job: MakeJob) -> None:
        job = make_job()
        registry.pause(job.pk, actor="user:ana")
        assert registry.pause(job.pk, actor="user:bob").paused_by == "user:ana"
        assert JobRevision.objects.filter(job=job).count() == 2


class TestDisableAndArchive:
    def test_disable_misses_what_was_undecided(self, make_job: MakeJob) -> None:
        job = make_job(schedule=EVERY_10_S)
        make_undecided(job, seconds=15)
        disabled = registry.disable(job.pk, actor="user:ana")
        decided = {(tick.outcome, tick.reason) for tick in Tick.objects.filter(job=job)}
        assert decided == {("missed", "disabled_at_tick")}
        assert disabled.next_tick_at is None

    def test_enable_starts_with_the_next_occurrence(self, make_job: MakeJob) -> None:
        job = make_job(schedule=EVERY_10_S, enabled=False)
        assert job.next_tick_at is None
        enabled = registry.enable(job.pk, actor="user:ana")
        assert enabled.next_tick_at is not None
        assert enabled.next_tick_at > database_now()

    def test_archive_keeps_the_ledger_and_ends_what_waits(self, make_job: MakeJob) -> None:
        job = make_job()
        waiting = registry.run_now(job, actor="user:ana")
        archived = registry.archive(job.pk, actor="user:ana")
        assert archived.archived_at is not None
        assert Execution.objects.get(pk=waiting).reason == "archived"
        for verb in (registry.pause, registry.enable, registry.archive):
            with pytest.raises(executions.JobIsArchived):
                verb(job.pk, actor="user:ana")
        with pytest.raises(executions.JobIsArchived):
            registry.run_now(archived, actor="user:ana")


class TestRunNow:
    def test_takes_parameters_of_its_own(self, make_job: MakeJob) -> None:
        execution_id = registry.run_now(make_job(), actor="user:ana", parameters={"text": "once"})
        assert Execution.objects.get(pk=execution_id).parameters == {"text": "once"}

    def test_judges_them(self, make_job: MakeJob) -> None:
        with pytest.raises(InvalidJob):
            registry.run_now(make_job(), actor="user:ana", parameters={"text": 5})

    def test_refuses_a_dry_run_that_the_template_has_not(self, make_job: MakeJob) -> None:
        with pytest.raises(InvalidJob, match="no dry run"):
            registry.run_now(make_job(template="failing"), actor="user:ana", dry_run=True)


class TestRevisions:
    @pytest.mark.parametrize("statement", ["UPDATE job_revisions SET actor = 'x'", "DELETE FROM job_revisions"])
    def test_are_append_only_by_any_way(self, make_job: MakeJob, statement: str) -> None:
        make_job()
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


class TestTransactions:
    def test_set_their_limits_for_themselves_only(self, transactional_db: None) -> None:
        def timeout() -> str:
            with connection.cursor() as cursor:
                cursor.execute("SHOW idle_in_transaction_session_timeout")
                return str(cursor.fetchone()[0])

        with transactions.engine():
            assert timeout() == "5s"
        assert timeout() == "0"


class TestOwner:
    def test_is_a_member_whom_a_change_names(self, cast: Cast) -> None:
        data = {"name": "Job", "template": "echo", "schedule": {"kind": "manual"}}
        job = registry.create(data, tenant=cast.acme, actor="user:ana", owner_id=cast.ana.pk)
        registry.change(job.pk, {"owner": "olaf"}, actor="user:ana")
        registry.change(job.pk, {"owner": "olaf"}, actor="user:ana")
        registry.change(job.pk, {**data, "slug": job.slug}, actor="user:ana", replaces=True)
        job.refresh_from_db()
        assert (job.owner, job.revision) == (cast.olaf, 2)
        assert [row.definition["owner"] for row in job.revisions.order_by("number")] == ["ana", "olaf"]
        told = AuditEntry.objects.filter(action="job.changed").latest("id")
        assert told.changes["owner"] == ["ana", "olaf"]
        registry.change(job.pk, {"owner": None}, actor="user:ana")
        job.refresh_from_db()
        assert job.owner is None

    def test_is_whom_a_new_job_names_rather_than_its_author(self, cast: Cast) -> None:
        data = {"name": "Job", "template": "echo", "schedule": {"kind": "manual"}, "owner": "root"}
        assert registry.create(data, tenant=cast.acme, actor="user:ana", owner_id=cast.ana.pk).owner == cast.root

    @pytest.mark.parametrize("name", ["gita", "nobody", 5, "a\x00b", ["ana"]])
    def test_is_nobody_from_outside(self, cast: Cast, name: Any) -> None:
        data = {"name": "Job", "template": "echo", "schedule": {"kind": "manual"}, "owner": name}
        with pytest.raises(InvalidJob) as caught:
            registry.create(data, tenant=cast.acme, actor="user:ana")
        assert caught.value.fields == {
            "owner": ["Write the name of a user who is a member of acme, or null for nobody."]
        }

    def test_may_stay_who_has_left_the_tenant(self, cast: Cast) -> None:
        data = {"name": "Job", "template": "echo", "schedule": {"kind": "manual"}}
        job = registry.create(data, tenant=cast.acme, actor="user:ana", owner_id=cast.olaf.pk)
        cast.olaf.memberships.all().delete()
        registry.change(job.pk, {"owner": "olaf", "name": "Renamed"}, actor="user:ana")
        job.refresh_from_db()
        assert (job.name, job.owner) == ("Renamed", cast.olaf)
