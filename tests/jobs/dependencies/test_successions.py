"""The sweep that releases what nobody released."""

from __future__ import annotations

import os

import psycopg
import pytest
from django.db import connection, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs import dependencies
from jobs.dependencies import triggers
from jobs.execution import executor
from jobs.models import Dependency, EventCursor, Execution, Job, Succession
from jobs.recovery.successions import READER, Successions
from jobs.rules.states import ACTIVE
from jobs.tick import successors
from tests.jobs.dependencies.conftest import Connect, MakeJob, end, outcomes, run, runs_of, settle


@pytest.mark.django_db(transaction=True)
class TestCrash:
    def test_starts_once_what_a_process_left_that_died_after_its_commit(
        self, make_manual: MakeJob, connect: Connect
    ) -> None:
        a, b = make_manual("a"), make_manual("b")
        connect(a, b)
        first = run(a)
        connections.close_all()
        child = os.fork()
        if child == 0:
            successors.release = lambda execution_id: os.kill(os.getpid(), 9)  # between settle and release
            try:
                executor.execute(first, worker="w1")
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
        assert Execution.objects.get(pk=first).status == "succeeded"
        assert outcomes(first) == []
        sweep = Successions()
        assert sweep.sweep() == 1
        assert outcomes(first) == [("b", "started", "")]
        assert sweep.sweep() == Successions().sweep() == 0
        EventCursor.objects.filter(name=READER).update(xid=0, event_id=0)
        assert Successions().sweep() == 0
        assert len(runs_of(b)) == 1

    def test_starts_once_what_a_process_left_in_the_middle_of_a_fan_out(
        self, make_manual: MakeJob, connect: Connect
    ) -> None:
        a, others = make_manual("a"), [make_manual(f"b{number}") for number in range(3)]
        for other in others:
            connect(a, other)
        first = run(a)
        settle(first)
        triggers.answer(Dependency.objects.order_by("pk")[1].pk, Execution.objects.get(pk=first))
        assert Successions().sweep() == 2
        assert [len(runs_of(other)) for other in others] == [1, 1, 1]

    def test_releases_those_behind_a_cancelled_run(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b = make_manual("a"), make_manual("b")
        connect(a, b, condition="always")
        first = run(a)
        settle(first, "cancelled")
        assert Successions().sweep() == 1

    def test_passes_over_the_events_while_there_is_no_dependency(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b = make_manual("a"), make_manual("b")
        end(run(a))
        Successions().sweep()
        before = EventCursor.objects.get(name=READER)
        connect(a, b)
        settle(run(a))
        assert Successions().sweep() == 1
        after = EventCursor.objects.get(name=READER)
        assert (before.xid, before.event_id) < (after.xid, after.event_id)

    def test_does_not_pass_by_an_end_whose_transaction_is_still_open(
        self, make_manual: MakeJob, connect: Connect
    ) -> None:
        a, b = make_manual("a"), make_manual("b")
        connect(a, b)
        sweep = Successions()
        with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
            other.execute("SELECT pg_current_xact_id()")
            first = run(a)
            settle(first)
            assert sweep.sweep() == 0
        assert sweep.sweep() == 1
        assert outcomes(first) == [("b", "started", "")]


ENDINGS = st.sampled_from(["succeeded", "succeeded", "succeeded", "failed", "cancelled"])


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int, str]], list[str]]:
    """Jobs in the order of their numbers, edges from smaller to larger ones, and each job's fan-in."""
    count = draw(st.integers(2, 6))
    pairs = [(upstream, downstream) for downstream in range(count) for upstream in range(downstream)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, min_size=1, max_size=9))
    edges = [(*pair, draw(st.sampled_from(["success", "failure", "always"]))) for pair in chosen]
    return count, edges, draw(st.lists(st.sampled_from(["all", "any"]), min_size=count, max_size=count))


@pytest.mark.django_db(transaction=True)
class TestRandomGraphs:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(graph=graphs(), data=st.data())
    def test_answers_each_edge_once_and_leaves_nothing_waiting(
        self,
        make_manual: MakeJob,
        connect: Connect,
        graph: tuple[int, list[tuple[int, int, str]], list[str]],
        data: st.DataObject,
    ) -> None:
        count, edges, fan_ins = graph
        prefix = Job.objects.count()
        jobs = [make_manual(f"{prefix}-{n}", policies={"fan_in": fan_ins[n]}) for n in range(count)]
        for upstream, downstream, condition in edges:
            connect(jobs[upstream], jobs[downstream], condition=condition)
        flow = run(jobs[0])
        sweep = Successions()
        for _ in range(count + 1):
            waiting = list(Execution.objects.filter(job__in=jobs, status__in=ACTIVE).order_by("pk"))
            if not waiting:
                break
            execution = data.draw(st.sampled_from(waiting))
            settle(execution.pk, data.draw(ENDINGS))
            if data.draw(st.booleans()):  # else the process died, and the sweep comes
                dependencies.release(execution.pk)
            else:
                sweep.sweep()
        sweep.sweep()
        runs = list(Execution.objects.filter(job__in=jobs))
        assert all(execution.status not in ACTIVE for execution in runs)
        assert len(runs) == len({execution.job_id for execution in runs}), "each job runs once in a flow"
        assert {execution.flow_id for execution in runs if execution.pk != flow} <= {flow}
        found = Succession.objects.filter(dependency__downstream__in=jobs)
        assert set(found.values_list("outcome", flat=True)) <= {"started", "not_started"}
        ends = {execution.job_id: execution.pk for execution in runs}
        expected = {
            (jobs[upstream].pk, jobs[downstream].pk, ends[jobs[upstream].pk])
            for upstream, downstream, _ in edges
            if jobs[upstream].pk in ends
        }
        answered = found.values_list("dependency__upstream", "dependency__downstream", "upstream_execution_id")
        assert sorted(answered) == sorted(expected)
        started = set(found.filter(outcome="started").values_list("successor_id", flat=True))
        assert started == {execution.pk for execution in runs if execution.pk != flow}
