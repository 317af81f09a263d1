"""Ticks that wait for the same tick of another job."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobs import dependencies, executions, registry
from jobs.models import Execution, Job, Succession
from jobs.recovery.successions import Successions
from tests.jobs.dependencies.conftest import Connect, MakeJob, end, outcomes, run, settle
from tests.jobs.world import MINUTELY, World

pytestmark = pytest.mark.django_db

Pair = tuple[Job, Job]


@pytest.fixture
def make_minutely(make_job: MakeJob) -> MakeJob:
    def make(name: str, **changes: object) -> Job:
        policies = {"overlap": "allow", "max_retries": 0, **changes.pop("policies", {})}  # type: ignore[dict-item]
        return make_job(name=name, schedule=MINUTELY, policies=policies, **changes)

    return make


@pytest.fixture
def pair(make_minutely: MakeJob, connect: Connect) -> Pair:
    """b waits for a."""
    a, b = make_minutely("a"), make_minutely("b")
    connect(a, b, kind="gate", gate_patience_seconds=600)
    return a, b


def newest(job: Job) -> Execution:
    found = Execution.objects.filter(job=job).order_by("-pk").first()
    assert found is not None
    return found


def ended(execution: Execution) -> tuple[str, str]:
    found = Execution.objects.get(pk=execution.pk)
    return found.status, found.reason


class TestGate:
    def test_holds_the_run_until_the_upstream_has_ended(self, world: World, pair: Pair) -> None:
        a, b = pair
        world.decides(minutes=1)
        held = newest(b)
        assert held.held_for == "upstream"
        assert executions.claim(held.pk, worker="w1", lease=timedelta(seconds=60)) is None
        assert Successions().sweep() == 0
        upstream = newest(a)
        assert end(upstream.pk) == [held.pk]
        assert outcomes(upstream.pk) == [("b", "started", "")]
        settle(held.pk)
        assert ended(held) == ("succeeded", "")
        assert world.kinds() == {}

    @pytest.mark.parametrize(
        ("condition", "ending", "reason"),
        [
            ("success", "failed", "upstream_failed"),
            ("success", "cancelled", "upstream_cancelled"),
            ("failure", "succeeded", "upstream_succeeded"),
        ],
    )
    def test_ends_the_run_when_the_upstream_did_not_end_fittingly(
        self, world: World, make_minutely: MakeJob, connect: Connect, condition: str, ending: str, reason: str
    ) -> None:
        a, b = make_minutely("a"), make_minutely("b")
        connect(a, b, kind="gate", condition=condition)
        world.decides(minutes=1)
        upstream = newest(a)
        assert end(upstream.pk, ending) == []
        assert ended(newest(b)) == ("cancelled", reason)
        assert outcomes(upstream.pk) == [("b", "not_started", reason)]
        assert world.kinds() == {}

    def test_ends_the_run_when_the_upstream_skips(self, world: World, pair: Pair) -> None:
        a, b = pair
        registry.pause(a.pk, actor="user:test")
        world.decides(minutes=1)
        Successions().sweep()
        assert ended(newest(b)) == ("cancelled", "upstream_skipped")
        row = Succession.objects.get(successor_id=newest(b).pk)
        assert (row.outcome, row.reason, row.upstream_execution_id) == ("not_started", "upstream_skipped", None)

    def test_ends_the_run_when_the_upstream_has_no_such_tick(self, world: World, pair: Pair) -> None:
        a, b = pair
        registry.disable(a.pk, actor="user:test")
        world.decides(minutes=1)
        Successions().sweep()
        assert ended(newest(b)) == ("cancelled", "upstream_no_tick")

    def test_waits_while_the_upstream_is_not_decided_that_far(self, world: World, pair: Pair) -> None:
        a, b = pair
        world.decides(minutes=1)
        held = newest(b)
        # As if somebody had held the row of the upstream in the turn that decided the downstream.
        a.ticks.all().delete()
        Job.objects.filter(pk=a.pk).update(next_tick_at=held.scheduled_for)
        Successions().sweep()
        assert ended(held) == ("queued", "")

    def test_loses_patience(self, world: World, pair: Pair) -> None:
        _, b = pair
        world.decides(minutes=1)
        held = newest(b)
        world.goes_on(seconds=599)
        Successions().sweep()
        assert ended(held) == ("queued", "")
        world.goes_on(seconds=2)
        Successions().sweep()
        assert ended(held) == ("cancelled", "upstream_too_late")

    def test_passes_the_end_on_to_those_behind(
        self, world: World, pair: Pair, make_minutely: MakeJob, make_manual: MakeJob, connect: Connect
    ) -> None:
        a, b = pair
        c, d = make_minutely("c"), make_manual("d")
        connect(b, c, kind="gate")
        connect(b, d)
        world.decides(minutes=1)
        end(newest(a).pk, "failed")
        assert ended(newest(c)) == ("cancelled", "upstream_cancelled")
        assert outcomes(newest(b).pk) == [
            ("c", "not_started", "upstream_cancelled"),
            ("d", "not_started", "upstream_cancelled"),
        ]

    def test_waits_for_each_of_several(
        self, world: World, pair: Pair, make_minutely: MakeJob, connect: Connect
    ) -> None:
        a, b = pair
        other = make_minutely("other")
        connect(other, b, kind="gate")
        world.decides(minutes=1)
        assert end(newest(a).pk) == []
        assert outcomes(newest(a).pk) == [("b", "waiting", "")]
        assert end(newest(other).pk) == [newest(b).pk]
        assert outcomes(newest(a).pk) == outcomes(newest(other).pk) == [("b", "started", "")]

    def test_tells_those_that_waited_when_another_gate_shuts(
        self, world: World, pair: Pair, make_minutely: MakeJob, connect: Connect
    ) -> None:
        a, b = pair
        other = make_minutely("other")
        connect(other, b, kind="gate")
        world.decides(minutes=1)
        end(newest(a).pk)
        end(newest(other).pk, "failed")
        assert outcomes(newest(a).pk) == [("b", "not_started", "another_gate")]
        assert ended(newest(b)) == ("cancelled", "upstream_failed")

    def test_lets_go_what_is_held_when_its_gates_are_removed(self, world: World, pair: Pair) -> None:
        _, b = pair
        world.decides(minutes=1)
        (edge,) = dependencies.edges_of(b.pk)[0]
        dependencies.remove(edge.pk, actor="user:test")
        assert Successions().sweep() == 1
        assert newest(b).held_for == ""
        world.decides(minutes=1)
        assert newest(b).held_for == "", "no gate is left to hold its ticks"

    def test_waits_for_approval_after_the_upstream(
        self, world: World, make_minutely: MakeJob, connect: Connect
    ) -> None:
        a, b = make_minutely("a"), make_minutely("b", policies={"requires_approval": True})
        connect(a, b, kind="gate")
        world.decides(minutes=1)
        assert end(newest(a).pk) == []
        assert newest(b).held_for == "approval"

    def test_gives_way_to_the_start_deadline(
        self,
        world: World,
        make_minutely: MakeJob,
        make_manual: MakeJob,
        connect: Connect,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        a, other = make_minutely("a"), make_minutely("other")
        b = make_minutely("b", policies={"start_deadline_seconds": 30})
        connect(a, b, kind="gate")
        connect(other, b, kind="gate")
        world.decides(minutes=1)
        end(newest(a).pk)
        executions.expire_overdue(now=world.now + timedelta(seconds=31))
        Successions().sweep()
        assert ended(newest(b)) == ("cancelled", "start_deadline")
        assert outcomes(newest(a).pk) == [("b", "not_started", "start_deadline")]

    def test_holds_no_run_that_somebody_starts(self, world: World, pair: Pair) -> None:
        _, b = pair
        assert Execution.objects.get(pk=run(b)).held_for == ""

    def test_decides_what_was_due_before_it_was_added_without_it(
        self, world: World, make_minutely: MakeJob, connect: Connect
    ) -> None:
        a, b = make_minutely("a"), make_minutely("b")
        world.goes_on(minutes=1)
        connect(a, b, kind="gate")
        assert newest(b).held_for == ""
        world.decides(minutes=1)
        assert newest(b).held_for == "upstream"
