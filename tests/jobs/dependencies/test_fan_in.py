"""A downstream with several upstreams: all of a flow, or the first of them; and what cannot come any more."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from jobs import dependencies, registry, sealed
from jobs.models import Job, Succession
from jobs.recovery.successions import Successions
from jobs.rules.states import Trigger
from tests.jobs.dependencies.conftest import Connect, MakeJob, end, outcomes, run, runs_of, settle

Diamond = Callable[..., tuple[Job, Job, Job, Job]]


@pytest.fixture
def diamond(make_manual: MakeJob, connect: Connect) -> Diamond:
    """root starts left and right, and both of them end."""

    def make(*, fan_in: str = "all", condition: str = "success") -> tuple[Job, Job, Job, Job]:
        root, left, right = make_manual("root"), make_manual("left"), make_manual("right")
        last = make_manual("end", policies={"fan_in": fan_in})
        connect(root, left)
        connect(root, right)
        connect(left, last, condition=condition)
        connect(right, last, condition=condition)
        return root, left, right, last

    return make


@pytest.mark.django_db
class TestAll:
    def test_starts_when_the_last_has_ended(self, diamond: Diamond) -> None:
        root, _, _, last = diamond()
        left_run, right_run = end(run(root))
        assert end(left_run) == []
        assert outcomes(left_run) == [("end", "waiting", "")]
        assert Succession.objects.get(upstream_execution_id=left_run).message == "Waits for right."
        (started,) = end(right_run)
        assert outcomes(left_run) == outcomes(right_run) == [("end", "started", "")]
        assert [execution.pk for execution in runs_of(last)] == [started]
        assert runs_of(last)[0].parent_id == right_run

    def test_starts_once_in_each_flow(self, diamond: Diamond) -> None:
        root, _, _, last = diamond()
        first, second = end(run(root)), end(run(root))
        assert end(first[0]) == []
        assert end(second[1]) == [], "an end of another flow does not count"
        assert len(end(first[1]) + end(second[0])) == 2
        assert len(runs_of(last)) == 2

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_does_not_wait_for_what_has_failed(self, diamond: Diamond, order: tuple[int, int]) -> None:
        root, _, _, last = diamond()
        runs = end(run(root))
        endings = ("succeeded", "failed")
        for number in order:
            end(runs[number], endings[number])
        assert outcomes(runs[0]) == [("end", "not_started", "upstream_failed")]
        assert outcomes(runs[1]) == [("end", "not_started", "upstream_failed")]
        assert runs_of(last) == []

    def test_goes_on_when_what_had_failed_is_replayed(self, diamond: Diamond) -> None:
        root, left, _, last = diamond()
        flow = run(root)
        left_run, right_run = end(flow)
        end(left_run, "failed")
        end(right_run)
        again = run(left, trigger=Trigger.REPLAY)
        left.executions.filter(pk=again).update(parent_id=left_run, flow_id=flow)
        assert len(end(again)) == 1
        assert len(runs_of(last)) == 1

    def test_does_not_wait_for_what_is_not_in_the_flow(self, diamond: Diamond) -> None:
        _, left, _, last = diamond()
        alone = run(left)
        assert end(alone) == []
        assert outcomes(alone) == [("end", "not_started", "upstream_not_in_flow")]
        assert runs_of(last) == []

    def test_does_not_wait_for_what_was_not_started(self, diamond: Diamond) -> None:
        root, _, right, _ = diamond()
        registry.pause(right.pk, actor="user:test")
        (left_run,) = end(run(root))
        end(left_run)
        assert outcomes(left_run) == [("end", "not_started", "upstream_not_started")]

    def test_waits_as_long_as_something_before_the_missing_one_runs(
        self, make_manual: MakeJob, connect: Connect
    ) -> None:
        root, left, before, right, last = (make_manual(name) for name in ("root", "left", "before", "right", "end"))
        for upstream, downstream in ((root, left), (root, before), (before, right), (left, last), (right, last)):
            connect(upstream, downstream)
        left_run, before_run = end(run(root))
        end(left_run)
        assert outcomes(left_run) == [("end", "waiting", "")]
        end(before_run, "failed")
        assert outcomes(left_run) == [("end", "not_started", "upstream_not_started")]

    def test_gathers_the_parameters_of_all(self, make_manual: MakeJob, connect: Connect) -> None:
        root, left, right, last = (make_manual(name) for name in ("root", "left", "right", "end"))
        connect(root, left)
        connect(root, right)
        connect(left, last, parameters={"text": "/word"})
        connect(right, last, parameters={"token": "/word"})
        left_run, right_run = end(run(root))
        end(left_run, result={"word": "a"})
        end(right_run, result={"word": "b"})
        assert sealed.parameters_of(runs_of(last)[0]) == {"text": "a", "token": "b"}

    def test_goes_on_without_an_upstream_that_is_removed(self, diamond: Diamond) -> None:
        root, _, right, last = diamond()
        left_run, _ = end(run(root))
        end(left_run)
        (edge,) = (edge for edge in dependencies.edges_of(last.pk)[0] if edge.upstream_id == right.pk)
        dependencies.remove(edge.pk, actor="user:test")
        assert Successions().sweep() == 1
        assert outcomes(left_run) == [("end", "started", "")]


@pytest.mark.django_db
class TestAny:
    def test_starts_by_the_first(self, diamond: Diamond) -> None:
        root, _, _, last = diamond(fan_in="any")
        left_run, right_run = end(run(root))
        assert len(end(right_run)) == 1
        assert end(left_run) == []
        assert outcomes(left_run) == [("end", "not_started", "already_started")]
        assert len(runs_of(last)) == 1

    def test_starts_by_the_first_that_fits(self, diamond: Diamond) -> None:
        root, *_ = diamond(fan_in="any")
        left_run, right_run = end(run(root))
        assert end(right_run, "failed") == []
        assert len(end(left_run)) == 1

    def test_starts_again_when_the_same_upstream_is_replayed(self, diamond: Diamond) -> None:
        root, left, _, last = diamond(fan_in="any")
        flow = run(root)
        left_run, _ = end(flow)
        end(left_run)
        again = run(left, trigger=Trigger.REPLAY)
        left.executions.filter(pk=again).update(flow_id=flow)
        assert len(end(again)) == 1
        assert len(runs_of(last)) == 2


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    @pytest.mark.parametrize("fan_in", ["all", "any"])
    @pytest.mark.parametrize("attempt", range(5))
    def test_starts_once_when_two_upstreams_end_together(self, diamond: Diamond, fan_in: str, attempt: int) -> None:
        root, _, _, last = diamond(fan_in=fan_in)
        left_run, right_run = end(run(root))
        barrier = threading.Barrier(4)
        started: list[int] = []
        errors: list[BaseException] = []

        def release(execution_id: int, *, settles: bool) -> None:
            try:
                if settles:
                    settle(execution_id)
                barrier.wait(timeout=10)
                started.extend(dependencies.release(execution_id))
            except BaseException as error:
                errors.append(error)
            finally:
                connection.close()

        # Each end is released twice: by whoever settled it, and by the sweep.
        threads = [
            threading.Thread(target=release, args=(execution_id,), kwargs={"settles": settles})
            for execution_id in (left_run, right_run)
            for settles in (True, False)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        assert errors == []
        Successions().sweep()
        assert [execution.pk for execution in runs_of(last)] == started
        assert len(started) == 1
        known = Succession.objects.filter(dependency__downstream=last).values_list("outcome", "reason")
        expected = {"all": [("started", "")] * 2, "any": [("not_started", "already_started"), ("started", "")]}
        assert sorted(known) == expected[fan_in]
