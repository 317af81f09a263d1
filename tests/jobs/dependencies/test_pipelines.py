"""Pipelines: which jobs hang together, what stops with one of them, and what a run of one was made of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobs import dependencies, ledger
from jobs.dependencies import Pipeline
from jobs.models import Execution, Job
from scheduler_project.lib import sql, transactions
from tests.jobs.dependencies.conftest import Connect, MakeJob, end, run, settle
from tests.jobs.world import MINUTELY

pytestmark = pytest.mark.django_db


def pipeline_of(job: Job) -> Pipeline:
    found = dependencies.find_pipeline(dependencies.edges(), job.pk)
    assert found is not None
    return found


def names(jobs: object) -> list[str]:
    return [job.name for job in jobs]  # type: ignore[attr-defined]


class TestFind:
    def test_takes_what_hangs_together_in_its_order(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b, c, d, e, alone = (make_manual(name) for name in ("A", "B", "C", "D", "E", "Alone"))
        connect(a, c), connect(b, c), connect(d, e)
        first, second = dependencies.find_pipelines(dependencies.edges())
        assert (first.name, names(first.jobs), first.key) == ("A, B", ["A", "B", "C"], a.pk)
        assert (second.name, names(second.jobs)) == ("D", ["D", "E"])
        assert dependencies.find_pipeline(dependencies.edges(), alone.pk) is None
        assert names(pipeline_of(b).jobs) == ["A", "B", "C"]

    def test_knows_the_longest_line_and_what_runs(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b, c, d = (make_manual(name) for name in "ABCD")
        connect(a, b), connect(a, c), connect(b, d), connect(c, d)
        for job, seconds in ((a, 10), (b, 5), (c, 60)):
            done = run(job)
            settle(done)
            started = Execution.objects.get(pk=done).started_at
            assert started is not None
            Execution.objects.filter(pk=done).update(finished_at=started + timedelta(seconds=seconds))
        run(b)
        found = pipeline_of(a)
        path, seconds_of_path = found.critical_path
        assert (path, round(seconds_of_path)) == ([a.pk, c.pk, d.pk], 70)
        assert found.state_of(b) == "queued"


class TestStopped:
    """What a pause takes along."""

    @pytest.fixture
    def stopped(self, make_manual: MakeJob, make_job: MakeJob, connect: Connect) -> dict[str, Job]:
        jobs = {name: make_manual(name) for name in ("start", "next", "all", "other")}
        jobs["any"] = make_manual("any", policies={"fan_in": "any"})
        jobs["scheduled"] = make_job(name="scheduled", schedule=MINUTELY, policies={"overlap": "allow"})
        jobs["begin"] = make_job(name="begin", schedule=MINUTELY, policies={"overlap": "allow"})
        jobs["gated"] = make_job(name="gated", schedule=MINUTELY, policies={"overlap": "allow"})
        for one, other in (
            ("start", "next"), ("next", "all"), ("other", "all"), ("start", "any"), ("other", "any"),
            ("start", "scheduled"),
        ):  # fmt: skip
            connect(jobs[one], jobs[other])
        connect(jobs["begin"], jobs["gated"], kind="gate")
        return jobs

    def test_follows_fan_in_and_schedules(self, stopped: dict[str, Job]) -> None:
        found = dependencies.stopped_with(stopped["start"].pk, dependencies.edges())
        assert (names(found.stopped), names(found.less)) == (["next", "all"], ["scheduled"])

    def test_shuts_gates(self, stopped: dict[str, Job]) -> None:
        assert names(dependencies.stopped_with(stopped["begin"].pk, dependencies.edges()).stopped) == ["gated"]

    def test_is_nothing_for_the_last(self, stopped: dict[str, Job]) -> None:
        assert dependencies.stopped_with(stopped["all"].pk, dependencies.edges()).stopped == ()

    def test_tells_what_a_run_leads_to_and_what_it_lacks(self, stopped: dict[str, Job]) -> None:
        found = dependencies.following(pipeline_of(stopped["start"]), stopped["start"].pk)
        assert {one.job.name: names(one.missing) for one in found} == {
            "next": [], "scheduled": [], "any": [], "all": ["other"],
        }  # fmt: skip


class TestRuns:
    def test_are_told_with_all_that_followed(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b, c, d = (make_manual(name) for name in "ABCD")
        connect(a, b), connect(b, c), connect(b, d, condition="failure")
        earlier, first = run(a), run(a)
        settle(earlier, "failed")
        (second,) = end(first)
        end(second)
        found = dependencies.read_run(first, tenant_id=a.tenant_id)
        assert found is not None
        assert [(one.execution.job_id, one.depth) for one in found.members] == [(a.pk, 0), (b.pk, 1), (c.pk, 2)]
        assert [(one.dependency.downstream_id, one.reason) for one in found.unstarted] == [(d.pk, "upstream_succeeded")]
        assert found.until is None  # the last is queued
        assert {one.execution.job_id for one in found.members if one.is_critical} == {a.pk, b.pk}
        starts = dependencies.newest_starts([a.pk, b.pk, c.pk, d.pk], most=10)
        assert [(one.id, one.state, one.runs) for one in starts] == [(first, "running", 3), (earlier, "failed", 1)]
        assert dependencies.read_run(second, tenant_id=a.tenant_id) is not None
        assert dependencies.read_run(first, tenant_id=a.tenant_id + 1) is None

    def test_reach_over_gates(self, make_job: MakeJob, connect: Connect) -> None:
        a, b = (make_job(name=name, schedule=MINUTELY) for name in "AB")
        connect(a, b, kind="gate")
        with transactions.engine():
            ledger.decide_due(now=sql.now() + timedelta(minutes=1), epoch=1)
        first, second = Execution.objects.get(job=a), Execution.objects.get(job=b)
        for start in (first, second):
            found = dependencies.read_run(start.pk, tenant_id=a.tenant_id)
            assert found is not None
            assert {one.execution.pk for one in found.members} == {first.pk, second.pk}
        (start,) = dependencies.newest_starts_of_each([[a.pk, b.pk]], most=5)[0]
        assert (start.id, start.runs) == (first.pk, 2)
