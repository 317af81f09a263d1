"""The scheduler switched off: ticks are skipped with that reason, changes and runs refused with it, reading goes on."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.audit.models import AuditEntry
from jobs import explain, ledger, outlook, registry, runtime_flags
from jobs.models import Execution, Job, SchedulerEvent, Tick
from jobs.runtime_flags import SCHEDULER_ENABLED, SchedulerDisabled
from scheduler_project.lib import sql, transactions
from tests.cast import ApiClient, Cast, ClientOf
from tests.jobs.api.conftest import JOB, MakeJob, RunJob

pytestmark = pytest.mark.django_db


def switch_off(note: str = "moving house") -> None:
    runtime_flags.switch(SCHEDULER_ENABLED, False, actor="user:root", note=note)


def decide(job: Job) -> Tick:
    now = sql.now()
    Job.objects.filter(pk=job.pk).update(next_tick_at=now - timedelta(seconds=1))
    spec = {**job.spec, "kind": "interval", "every_seconds": 60, "anchor": (now - timedelta(seconds=1)).isoformat()}
    spec.pop("cron", None)
    Job.objects.filter(pk=job.pk).update(spec=spec)
    with transactions.engine():
        ledger.decide_due(now=now, epoch=1)
    return Tick.objects.filter(job=job).latest("due_at")


class TestSwitch:
    def test_is_on_unless_somebody_says_otherwise(self) -> None:
        flag = runtime_flags.scheduler()
        assert (flag.value, flag.source) == (True, "default")

    def test_tells_who_set_it_and_why_and_leaves_a_trace(self) -> None:
        switch_off()
        flag = runtime_flags.scheduler()
        assert (flag.value, flag.source, flag.set_by, flag.note) == (False, "database", "user:root", "moving house")
        assert SchedulerEvent.objects.get(type="scheduler_switched").message.endswith("off: moving house")
        entry = AuditEntry.objects.get(action="flag.set")
        assert (entry.actor, entry.target_id) == ("user:root", SCHEDULER_ENABLED)

    def test_gives_way_to_the_environment(self, settings: Any) -> None:
        switch_off()
        settings.DAYBOOK_SCHEDULER_ENABLED = True
        assert (runtime_flags.scheduler().value, runtime_flags.scheduler().source) == (True, "environment")
        with pytest.raises(runtime_flags.FixedFlag, match="DAYBOOK_SCHEDULER_ENABLED"):
            switch_off()

    def test_of_notifications_is_set_by_nothing_but_the_environment(self) -> None:
        with pytest.raises(runtime_flags.FixedFlag, match="nothing but the environment variable DAYBOOK_NOTIFICATIONS"):
            runtime_flags.switch("notifications.enabled", False, actor="system:root")

    def test_is_a_command_as_well(self, settings: Any) -> None:
        call_command("set_flag", SCHEDULER_ENABLED, "off", note="x", stdout=(out := StringIO()))
        call_command("set_flag", stdout=out)
        assert "scheduler.enabled is off." in out.getvalue()
        assert "scheduler.use_celery" in out.getvalue()
        with pytest.raises(CommandError, match="SCHEDULER_USE_CELERY"):
            call_command("set_flag", "scheduler.use_celery", "off")
        with pytest.raises(CommandError, match="on or off"):
            call_command("set_flag", SCHEDULER_ENABLED)


class TestTicks:
    def test_are_skipped_with_the_reason_and_fire_again(self, job_of: MakeJob) -> None:
        job = job_of()
        switch_off()
        tick = decide(job)
        assert (tick.outcome, tick.reason, tick.execution_id) == ("skipped", "scheduler_disabled", None)
        block = next(step for step in explain.explain_tick(tick).steps if step.blocks)
        assert (block.rule, block.by) == ("scheduler_disabled", "user:root")
        assert "moving house" in block.text
        steps = explain.explain_job(job, now=sql.now()).steps
        assert "scheduler_disabled" in [step.rule for step in steps if step.blocks]
        skipped = outlook.of_job(Job.objects.get(pk=job.pk), now=sql.now(), count=1).ticks[0].skipped
        assert skipped is not None
        assert skipped.reason == "scheduler_disabled"
        runtime_flags.switch(SCHEDULER_ENABLED, True, actor="user:root")
        assert decide(job).outcome == "fired"


class TestRequests:
    def test_that_change_jobs_or_make_runs_are_refused_and_others_go_on(
        self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob
    ) -> None:
        job = job_of()
        run, done = run_of(job), run_of(job, "failed")
        switch_off()
        path = f"/api/v1/jobs/{job.pk}"
        period = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}
        refused: list[tuple[str, str, Any]] = [
            *(
                ("POST", "/api/v1/jobs", JOB),
                ("PUT", path, JOB),
                ("PATCH", path, {"name": "x"}),
                ("DELETE", path, None),
            ),
            *(("POST", f"{path}/{verb}", {}) for verb in ("run", "pause", "enable", "disable")),
            *(("POST", f"{path}/backfills", period), ("POST", "/api/v1/tasks", {"template": "echo"})),
            ("POST", "/v1/ui/scheduler/jobs", {"name": "x", "template": "echo", "job_type_name": "manual"}),
            ("POST", f"/api/admin/scheduler-jobs/{job.pk}/run", {}),
        ]
        for method, where, body in refused:
            answer = by_key.send(method, where, body)
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (409, "scheduler_disabled"), (method, where, answer.content)
            assert "moving house" in error["message"]
        assert (Job.objects.count(), Execution.objects.count()) == (1, 2)
        for where in (path, "/api/v1/jobs", f"/api/v1/executions/{done.pk}", "/api/v1/scheduler/stats"):
            assert by_key.get(where).status_code == 200
        assert by_key.send("POST", f"/api/v1/executions/{run.pk}/cancel").status_code == 202
        config = by_key.get("/v1/runtime/config").json()
        assert config["scheduler"]["enabled"] is False
        assert [flag["source"] for flag in config["flags"]][1] == "database"

    def test_of_the_system_itself_go_on(self, job_of: MakeJob) -> None:
        job = job_of()
        switch_off()
        assert registry.pause(job.pk, actor="system:failures").paused_at is not None
        with pytest.raises(SchedulerDisabled):
            registry.resume(job.pk, actor="user:ana")


class TestConsole:
    def test_says_so_on_every_page_and_refuses_with_the_reason(
        self, cast: Cast, client_of: ClientOf, job_of: MakeJob
    ) -> None:
        job = job_of(enabled=False)
        switch_off("moving <house>")
        client = client_of(cast.root)
        page = client.get("/admin/").content.decode()
        assert "The scheduler is switched off" in page
        assert "moving &lt;house&gt;" in page
        for name, values in (("do", ["run"]), ("do", ["pause"]), ("switch", ["enable"])):
            path = reverse(f"admin:jobs_job_{name}", args=[job.pk, *values])
            answer = client.post(
                path,
                {"note": "x", "name": job.name, "slug": job.slug, "confirm": job.name},
                follow=True,
                headers={"Referer": "http://testserver/admin/"},
            )
            assert answer.status_code == 200, path
            assert "switched the scheduler off" in answer.content.decode(), path
        job.refresh_from_db()
        assert (job.revision, job.is_enabled) == (1, False)
        assert not Execution.objects.exists()
        runtime_flags.switch(SCHEDULER_ENABLED, True, actor="user:root")
        assert "The scheduler is switched off" not in client.get("/admin/").content.decode()
