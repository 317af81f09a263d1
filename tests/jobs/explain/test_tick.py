"""What the ledger recorded, told along the rule list that decided it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from jobs import planner, registry
from jobs.explain import explain_tick
from jobs.models import Job, Maintenance, Tick
from scheduler_project.lib import sql
from tests.jobs.test_ledger import decide_due

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db


def states(tick: Tick) -> dict[str, str]:
    names = {rule.name for rule in planner.RULES}
    return {step.rule: step.state for step in explain_tick(tick).steps if step.rule in names}


def block_of(tick: Tick) -> Any:
    block = explain_tick(tick).blocked_by
    assert block is not None
    return block


class TestAFiredTick:
    def test_passed_every_rule(self, make_job: MakeJob) -> None:
        job = make_job()
        decide_due(minutes=1)
        tick = Tick.objects.get(job=job)
        found = explain_tick(tick)
        assert set(states(tick).values()) == {"passed"}
        assert found.blocked_by is None
        assert found.answer == f"Fired. It fired execution {tick.execution_id}, which is queued now."
        assert "epoch 7" in next(step.text for step in found.steps if step.rule == "decided")
        assert found.steps[0].by == "user:test"


class TestABlockedTick:
    def test_shows_what_passed_what_blocked_and_what_was_not_reached(self, make_job: MakeJob) -> None:
        job = make_job()
        registry.pause(job.pk, actor="user:ana", note="Broken feed")
        decide_due(minutes=1)
        tick = Tick.objects.get(job=job)
        assert list(states(tick).values()) == ["passed"] * 5 + ["blocked"] + ["not_reached"] * 4
        block = block_of(tick)
        assert (block.rule, block.by, block.reason) == ("paused", "user:ana", "paused")
        assert "Broken feed" in block.text

    def test_still_knows_who_paused_after_the_job_was_resumed(self, make_job: MakeJob) -> None:
        job = make_job()
        registry.pause(job.pk, actor="user:ana", note="Broken feed")
        decide_due(minutes=1)
        registry.resume(job.pk, actor="user:bob")
        assert block_of(Tick.objects.get(job=job)).by == "user:ana"

    def test_names_the_maintenance_that_is_over(self, make_job: MakeJob) -> None:
        job = make_job()
        now = sql.now()
        Maintenance.objects.create(
            started_at=now, started_by="user:root", note="New disks", ended_at=now + timedelta(minutes=2), ended_by="x"
        )
        decide_due(minutes=1)
        block = block_of(Tick.objects.get(job=job))
        assert (block.rule, block.by, block.clears_at) == ("maintenance", "user:root", now + timedelta(minutes=2))

    def test_names_the_run_in_the_way(self, make_job: MakeJob) -> None:
        job = make_job()
        run = registry.run_now(job, actor="user:olaf")
        decide_due(minutes=1)
        block = block_of(Tick.objects.get(job=job))
        assert (block.rule, block.execution_id, block.by) == ("overlap", run, "user:test")
        assert block.text.startswith(f"Execution {run} had not ended")

    def test_names_the_tick_that_stands_for_it(self, make_job: MakeJob) -> None:
        job = make_job(schedule={"kind": "interval", "every_seconds": 60})
        decide_due(minutes=10, seconds=30)
        oldest, newest = Tick.objects.filter(job=job).earliest("due_at"), Tick.objects.filter(job=job).latest("due_at")
        block = block_of(oldest)
        assert (block.rule, block.execution_id) == ("misfire", newest.execution_id)
        assert f"{newest.due_at:%H:%M:%S}" in block.text

    def test_names_whose_change_decided_it(self, make_job: MakeJob) -> None:
        job = make_job(schedule={"kind": "interval", "every_seconds": 10})
        assert job.next_tick_at is not None
        Job.objects.filter(pk=job.pk).update(next_tick_at=job.next_tick_at - timedelta(seconds=20))
        registry.disable(job.pk, actor="user:ana")
        tick = Tick.objects.filter(job=job).earliest("due_at")
        found, block = explain_tick(tick), block_of(tick)
        assert (block.rule, block.reason, block.by) == ("closing", "disabled_at_tick", "user:ana")
        assert block.text == "user:ana disabled the job before this tick had been decided."
        assert "by a change of the job before it took effect" in found.steps[1].text

    def test_tells_a_repair_as_what_it_is(self, make_job: MakeJob) -> None:
        job = make_job()
        now = sql.now()
        tick = Tick.objects.create(
            tenant=job.tenant, job=job, due_at=now, outcome="missed", reason="unaccounted", revision=1, epoch=3,
            decided_at=now,
        )  # fmt: skip
        assert block_of(tick).rule == "recorded"
        assert set(states(tick).values()) == {"not_reached"}

    def test_survives_a_revision_that_is_gone(self, make_job: MakeJob) -> None:
        job = make_job()
        now = sql.now()
        tick = Tick.objects.create(
            tenant=job.tenant, job=job, due_at=now, outcome="skipped", reason="paused", revision=9, epoch=3,
            decided_at=now,
        )  # fmt: skip
        assert block_of(tick).rule == "paused"


def test_every_reason_of_every_rule_has_words() -> None:
    from jobs.explain.wording import BLOCKED

    patterns = [reason for rule in planner.RULES for reason in rule.reasons]
    assert all(any(planner_reason(known, pattern) for known in BLOCKED) for pattern in patterns)


def planner_reason(known: str, pattern: str) -> bool:
    from fnmatch import fnmatchcase

    return fnmatchcase(known, pattern)
