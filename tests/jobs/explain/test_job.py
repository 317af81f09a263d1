"""Why a job's next tick would fire or not: the planner's rules and what must hold besides, in order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from jobs import planner, registry
from jobs.explain import Explanation, explain_job, wording
from jobs.models import Calendar, Job, Maintenance
from jobs.rules.states import TickOutcome
from jobs.tick.leader import Leader
from scheduler_project.lib import sql

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _led() -> None:
    Leader("scheduler@test", ttl=timedelta(seconds=60)).keep()


def explained(job: Job) -> Explanation:
    return explain_job(Job.objects.get(pk=job.pk), now=sql.now())


class TestTheRuleList:
    def test_is_the_planner_s_own_in_its_order(self, make_job: MakeJob) -> None:
        steps = [step.rule for step in explained(make_job()).steps]
        names = [rule.name for rule in planner.RULES]
        assert steps[-len(names) :] == names

    def test_has_words_for_every_rule(self) -> None:
        names = {rule.name for rule in planner.RULES}
        assert set(wording.TITLES) == set(wording.PASSED) == names

    def test_follows_a_rule_that_is_added(self, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
        verdict = planner.Verdict(TickOutcome.SKIPPED, "full_moon", by="user:luna", text="The moon is full")
        rule = planner.Rule("moon", lambda _: verdict, ("full_moon",))
        monkeypatch.setattr(planner, "RULES", (rule, *planner.RULES))
        blocked = explained(make_job()).blocked_by
        assert blocked is not None
        assert (blocked.rule, blocked.outcome, blocked.by) == ("moon", "skipped", "user:luna")
        assert blocked.text == "The moon is full."


class TestAJobThatWillRun:
    def test_says_that_nothing_stands_in_the_way(self, make_job: MakeJob) -> None:
        found = explained(make_job())
        assert found.blocked_by is None
        assert found.answer.startswith("Nothing stands in the way: the tick due at ")
        assert {step.state for step in found.steps} == {"passed"}

    def test_writes_nothing(self, make_job: MakeJob, django_assert_max_num_queries: Any) -> None:
        job = make_job()
        with django_assert_max_num_queries(20) as queries:
            explain_job(job, now=sql.now())
        assert all(query["sql"].startswith("SELECT") for query in queries.captured_queries)


class TestWhatBlocks:
    def block_of(self, job: Job) -> Any:
        block = explained(job).blocked_by
        assert block is not None
        return block

    def test_a_pause_names_who_since_when_and_until(self, make_job: MakeJob) -> None:
        job = make_job()
        until = sql.now() + timedelta(hours=3)
        job = registry.pause(job.pk, actor="user:ana", note="Broken feed", until=until)
        block = self.block_of(job)
        assert (block.rule, block.outcome, block.reason, block.by) == ("paused", "skipped", "paused", "user:ana")
        assert (block.since, block.clears_at) == (job.paused_at, until)
        assert "user:ana paused the job at" in block.text
        assert "Broken feed" in block.text

    def test_a_pause_that_ends_before_the_next_tick_does_not_block(self, make_job: MakeJob) -> None:
        job = make_job(schedule={"kind": "interval", "every_seconds": 86_400})
        registry.pause(job.pk, actor="user:ana", until=sql.now() + timedelta(hours=1))
        found = explained(job)
        assert found.blocked_by is None
        assert "ends before it" in next(step.text for step in found.steps if step.rule == "paused")
        now_it_would = found.further[0].blocked_by
        assert now_it_would is not None
        assert now_it_would.rule == "paused"

    def test_maintenance_goes_before_a_pause(self, make_job: MakeJob) -> None:
        job = make_job()
        registry.pause(job.pk, actor="user:ana")
        started = sql.now()
        Maintenance.objects.create(started_at=started, started_by="user:root", note="New disks")
        block = self.block_of(job)
        assert (block.rule, block.by, block.since, block.clears_at) == ("maintenance", "user:root", started, None)
        assert block.text == (
            "Maintenance (“New disks”), started by user:root, holds every job back until somebody ends it."
        )
        assert [step.rule for step in explained(job).steps if step.blocks] == ["maintenance", "paused"]

    def test_a_calendar_says_which_and_when_it_opens(self, make_job: MakeJob) -> None:
        job = make_job()
        today = sql.now().date()
        days = {f"{today + timedelta(days=n)}": "Feast" for n in (0, 1)}
        Calendar.objects.create(tenant=job.tenant, slug="feast", name="Feasts", holidays=days, updated_by="user:cal")
        registry.change(job.pk, {"calendars": ["feast"]}, actor="user:ana")
        block = self.block_of(job)
        assert (block.rule, block.reason, block.by) == ("calendar", "calendar_holiday", "user:cal")
        assert block.clears_at is not None
        assert block.clears_at.date() == today + timedelta(days=2)
        assert "Feast (Feasts)" in block.text

    def test_an_earlier_run_is_named_with_who_chose_the_policy(self, make_job: MakeJob) -> None:
        job = make_job()
        registry.change(job.pk, {"policies": {"overlap": "queue_one"}}, actor="user:bob")
        registry.change(job.pk, {"policies": {"overlap": "skip"}}, actor="user:ana")
        registry.change(job.pk, {"description": "other"}, actor="user:eve")
        run = registry.run_now(job, actor="user:olaf")
        block = self.block_of(job)
        assert (block.rule, block.by, block.execution_id) == ("overlap", "user:ana", run)

    def test_a_disabled_job_is_told_before_all_rules(self, make_job: MakeJob) -> None:
        job = make_job()
        registry.disable(job.pk, actor="user:ana", note="Not needed")
        block = self.block_of(job)
        assert (block.rule, block.by) == ("enabled", "user:ana")
        assert block.since is not None
        assert explained(job).answer == block.text

    def test_an_archived_job_never_runs(self, make_job: MakeJob) -> None:
        job = make_job()
        registry.archive(job.pk, actor="user:ana")
        assert (self.block_of(job).rule, self.block_of(job).by) == ("archived", "user:ana")

    def test_used_up_runs(self, make_job: MakeJob) -> None:
        job = make_job(policies={"max_runs": 3})
        Job.objects.filter(pk=job.pk).update(fired_count=3, next_tick_at=None)
        assert self.block_of(job).text == "All 3 runs are used up; a higher `max_runs` lets it go on."

    def test_a_start_in_the_future_clears_there(self, make_job: MakeJob) -> None:
        start = (sql.now() + timedelta(days=3)).replace(microsecond=0)
        job = make_job(schedule={"kind": "cron", "cron": "* * * * *", "start_at": start.isoformat()})
        assert (self.block_of(job).rule, self.block_of(job).clears_at) == ("start", start)

    def test_a_job_without_a_schedule(self, make_job: MakeJob) -> None:
        job = make_job(schedule={"kind": "manual"})
        assert self.block_of(job).text == "It has no schedule: it runs only when somebody starts it."

    def test_a_schedule_that_cannot_be_read(self, make_job: MakeJob) -> None:
        job = make_job()
        Job.objects.filter(pk=job.pk).update(spec={"kind": "cron", "cron": "what", "timezone": "UTC"})
        found = explained(job)
        assert found.blocked_by is not None
        assert found.blocked_by.rule == "quarantine"
        assert {step.state for step in found.steps[-len(planner.RULES) :]} == {"not_reached"}

    def test_a_missing_scheduler(self, make_job: MakeJob) -> None:
        job = make_job()
        sql.rows("UPDATE scheduler_leases SET expires_at = clock_timestamp() - interval '1 minute'")
        assert self.block_of(job).rule == "scheduler"
