"""Whatever happens to jobs, in whatever order: when nothing is broken, nobody is accused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs import registry
from jobs.models import Job
from jobs.rules.states import Mode
from tests.jobs.world import MINUTELY, MakeJob, World

pytestmark = pytest.mark.django_db

BERLIN = {"kind": "cron", "timezone": "Europe/Berlin"}
SCHEDULES: tuple[dict[str, Any], ...] = (
    MINUTELY,
    {**MINUTELY, "every_seconds": 90},
    {**MINUTELY, "every_seconds": 3600, "spread_seconds": 1200},
    {**BERLIN, "cron": "*/7 * * * *"},
    {**BERLIN, "cron": "*/20 1-3 * * *", "gap": "skip", "fold": "both"},
    {**BERLIN, "cron": "30 2 * * *"},
    {"kind": "manual"},
)
POLICIES = st.fixed_dictionaries(
    {
        "misfire": st.sampled_from(["none", "last", "all"]),
        "overlap": st.sampled_from(["allow", "skip", "queue_one", "queue_all", "replace"]),
        "max_runs": st.sampled_from([None, None, 1, 3, 10]),
        "misfire_cap": st.sampled_from([1, 5]),
    }
)
Act = Callable[[World, Job], object]


def change(schedule: dict[str, Any]) -> Act:
    return lambda world, job: registry.change(job.pk, {"schedule": schedule}, actor="user:test")


def treat(policies: dict[str, Any]) -> Act:
    return lambda world, job: registry.change(job.pk, {"policies": policies}, actor="user:test")


def decide(seconds: int) -> Act:
    return lambda world, job: world.decides(seconds=seconds)


def wait(seconds: int) -> Act:
    return lambda world, job: world.goes_on(seconds=seconds)


def by(operation: Callable[..., object], **more: Any) -> Act:
    return lambda world, job: operation(job.pk, actor="user:test", **more)


def break_and_mend(seconds: int) -> Act:
    """Its policy cannot be read for a while."""

    def act(world: World, job: Job) -> None:
        policy = Job.objects.get(pk=job.pk).policy
        Job.objects.filter(pk=job.pk).update(policy={**policy, "late_after_seconds": "what"})
        world.decides(seconds=seconds)
        Job.objects.filter(pk=job.pk).update(policy=policy)

    return act


SPANS = st.sampled_from([1, 30, 60, 61, 600, 5400, 30_000, 100_000])
ACTS = st.one_of(
    st.builds(decide, SPANS),
    st.builds(decide, SPANS),
    st.builds(wait, SPANS),
    st.builds(change, st.sampled_from(SCHEDULES)),
    st.builds(treat, POLICIES),
    st.sampled_from(
        [
            by(registry.pause),
            by(registry.resume),
            by(registry.disable),
            by(registry.enable),
            by(registry.set_mode, mode=Mode.OBSERVE),
            by(registry.set_mode, mode=Mode.LIVE),
        ]
    ),
    st.builds(break_and_mend, st.sampled_from([60, 1000])),
)


class TestAnyHistory:
    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(schedule=st.sampled_from(SCHEDULES), policies=POLICIES, acts=st.lists(ACTS, min_size=3, max_size=12))
    def test_gives_no_violation(
        self,
        world: World,
        make_job: MakeJob,
        schedule: dict[str, Any],
        policies: dict[str, Any],
        acts: list[Act],
    ) -> None:
        began_at = world.now
        with transaction.atomic():
            job = make_job(schedule=schedule, policies=policies)
            for act in acts:
                act(world, job)
                report = world.verified(job_id=job.pk)
                assert report.holds, list(report.lines())
            registry.archive(job.pk, actor="user:test")
            report = world.verified(job_id=job.pk)
            assert (report.holds, report.undecided) == (True, 0), list(report.lines())
            transaction.set_rollback(True)
        world.now = began_at
