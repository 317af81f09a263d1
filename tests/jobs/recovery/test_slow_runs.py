from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F

from jobs import executions
from jobs.forecast.durations import Usual
from jobs.models import Execution, ExecutionLease, Job, SchedulerEvent
from jobs.recovery import slow_runs
from jobs.recovery.slow_runs import SlowRuns, is_slow
from scheduler_project.lib import sql
from tests.jobs.api.conftest import job_of, run_of

__all__ = ["job_of", "run_of"]

MakeJob = Callable[..., Job]
RunJob = Callable[..., Execution]


@pytest.fixture
def usual(job_of: MakeJob, run_of: RunJob) -> MakeJob:
    """A job of which four runs have taken so long."""

    def make(seconds: float) -> Job:
        job = job_of(policies={"overlap": "allow"})
        for _ in range(4):
            run_of(job, "succeeded")
        Execution.objects.filter(job=job).update(finished_at=F("started_at") + timedelta(seconds=seconds))
        return job

    return make


def running_for(run: Execution, seconds: float) -> None:
    ExecutionLease.objects.filter(pk=run.pk).update(acquired_at=sql.now() - timedelta(seconds=seconds))


class TestIsSlow:
    @pytest.mark.parametrize(
        ("p50", "p95", "seconds", "slow"),
        [
            (1, 2, 32, False),
            (1, 2, 32.1, True),
            (100, 110, 149, False),  # over it by 39 s, but not by half of what is usual
            (100, 110, 151, True),
            (10, 3600, 3629, False),
            (10, 3600, 3631, True),
        ],
    )
    def test_asks_for_a_clear_excess(self, p50: float, p95: float, seconds: float, slow: bool) -> None:
        assert is_slow(seconds, Usual(p50, p95, 5)) is slow

    def test_says_nothing_of_a_job_that_nobody_knows(self) -> None:
        assert not is_slow(1e6, None)


class TestSlowRuns:
    def test_tells_of_a_run_once(self, usual: MakeJob, run_of: RunJob) -> None:
        job, sweep = usual(20), SlowRuns().sweep
        run = run_of(job, "running")
        running_for(run, 45)
        assert sweep() == 0
        running_for(run, 95)
        assert (sweep(), sweep(), SlowRuns().sweep()) == (1, 0, 0)
        event = SchedulerEvent.objects.get(type="run_slow")
        assert (event.level, event.tenant_id, event.job_id, event.execution_id) == (
            "warning",
            job.tenant_id,
            job.pk,
            run.pk,
        )
        assert event.message == f"Execution {run.pk} of {job.name} has run for 1 min 35 s; 19 of 20 take 20 s at most."
        assert (event.data["p50"], event.data["p95"]) == (20, 20)

    def test_tells_of_the_next_attempt_again(self, usual: MakeJob, run_of: RunJob) -> None:
        run = run_of(usual(20), "running")
        running_for(run, 95)
        sweep = SlowRuns().sweep
        sweep()
        ExecutionLease.objects.filter(pk=run.pk).delete()
        Execution.objects.filter(pk=run.pk).update(status="queued", finished_at=None)
        assert executions.claim(run.pk, worker="another@test", lease=timedelta(seconds=60)) is not None
        running_for(run, 95)
        assert sweep() == 1

    def test_leaves_alone_what_is_usual_unknown_or_a_dry_run(
        self, usual: MakeJob, job_of: MakeJob, run_of: RunJob
    ) -> None:
        for run in (
            run_of(usual(300), "running"),
            run_of(job_of(), "running"),
            run_of(usual(1), "running", dry_run=True),
        ):
            running_for(run, 310)
        assert SlowRuns().sweep() == 0

    def test_looks_at_all_however_many_are_only_long(
        self, usual: MakeJob, run_of: RunJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(slow_runs, "AT_ONCE", 2)
        patient, quick = usual(3600), usual(1)
        for age, job in enumerate([patient, patient, patient, quick, quick]):
            running_for(run_of(job, "running"), 500 - age)
        assert SlowRuns().sweep() == 2
