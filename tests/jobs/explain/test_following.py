"""Why a job that follows others did not run."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobs import registry
from jobs.explain import explain_execution, explain_job, explain_tick
from jobs.explain.steps import Explanation
from jobs.models import Execution, Job, Tick
from jobs.recovery.successions import Successions
from tests.jobs.dependencies.conftest import Connect, MakeJob, connect, end, make_manual, run
from tests.jobs.world import MINUTELY, World

__all__ = ["connect", "make_manual"]

pytestmark = pytest.mark.django_db


def section(explanation: Explanation, title: str) -> list[str]:
    return [step.text for part in explanation.further if part.title == title for step in part.steps]


def of(execution_id: int, world: World) -> Explanation:
    return explain_execution(Execution.objects.get(pk=execution_id), now=world.now)


class TestTriggers:
    def test_of_an_upstream_says_what_followed(self, world: World, make_manual: MakeJob, connect: Connect) -> None:
        a, b, c = make_manual("a"), make_manual("b"), make_manual("c")
        connect(a, b)
        connect(a, c)
        registry.pause(c.pk, actor="user:test", note="Until Tuesday")
        first = run(a)
        (second,) = end(first)
        told = section(of(first, world), "What followed")
        assert told[0] == f"It started execution {second} of b."
        assert told[1] == "c was not started (paused). Until Tuesday"
        assert f"It follows a, execution {first}." in section(of(second, world), "Where it comes from")

    def test_of_the_downstream_says_what_the_last_end_came_to(
        self, world: World, make_manual: MakeJob, connect: Connect
    ) -> None:
        a, b = make_manual("a"), make_manual("b")
        connect(a, b)
        (told,) = section(explain_job(b, now=world.now), "Jobs that it follows")
        assert told.startswith("a has not ended since user:test made the dependency")
        first = run(a)
        end(first, "failed")
        (told,) = section(explain_job(b, now=world.now), "Jobs that it follows")
        assert told.startswith(f"After execution {first} of a: b was not started (upstream_failed).")

    def test_of_the_downstream_tells_of_ticks_that_ran_nothing(
        self, world: World, make_job: MakeJob, make_manual: MakeJob, connect: Connect
    ) -> None:
        a, b = make_job(name="a", schedule=MINUTELY), make_manual("b")
        connect(a, b)
        registry.pause(a.pk, actor="user:test")
        world.decides(minutes=1)
        (told,) = section(explain_job(b, now=world.now), "Jobs that it follows")
        assert "ran nothing: skipped (paused). So nothing followed it." in told
        tick = Tick.objects.get(job=a)
        assert section(explain_tick(tick), "Jobs that follow it") == [
            "b was not started by this tick: there was no run whose end could start it."
        ]


class TestGates:
    @pytest.fixture
    def pair(self, world: World, make_job: MakeJob, connect: Connect) -> tuple[Job, Job]:
        a, b = make_job(name="a", schedule=MINUTELY), make_job(name="b", schedule=MINUTELY)
        connect(a, b, kind="gate", gate_patience_seconds=600)
        return a, b

    def test_say_what_a_held_run_waits_for(self, world: World, pair: tuple[Job, Job]) -> None:
        a, b = pair
        world.decides(minutes=1)
        upstream, held = Execution.objects.get(job=a), Execution.objects.get(job=b)
        explanation = of(held.pk, world)
        assert explanation.blocked_by is not None
        assert (explanation.blocked_by.rule, explanation.blocked_by.reason) == ("upstream", "upstream")
        assert explanation.blocked_by.clears_at == held.created_at + timedelta(seconds=600)
        assert f"the same tick of a, execution {upstream.pk}, which is queued" in explanation.answer
        end(upstream.pk)
        assert "It waits for no other job." in [step.text for step in of(held.pk, world).steps]
        waited = section(of(held.pk, world), "What it waited for")
        assert waited == [f"It waited for the same tick of a, execution {upstream.pk}."]

    def test_say_why_a_held_run_was_ended(self, world: World, pair: tuple[Job, Job]) -> None:
        a, b = pair
        registry.pause(a.pk, actor="user:test")
        world.decides(minutes=1)
        Successions().sweep()
        held = Execution.objects.get(job=b)
        assert "the upstream's tick of the same instant ran nothing" in of(held.pk, world).answer
        (told,) = section(explain_tick(Tick.objects.get(job=a)), "Jobs that follow it")
        assert told.startswith(f"Execution {held.pk} of b waited for it, and is cancelled")
