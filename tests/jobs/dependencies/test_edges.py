"""Adding, changing and removing dependencies."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from accounts.models import Tenant
from jobs import dependencies, registry
from jobs.dependencies import DependencyIsGone, InvalidDependency
from jobs.executions import JobIsArchived
from jobs.models import Dependency, Job, JobRevision
from jobs.rules import graph
from tests.jobs.dependencies.conftest import Connect, MakeJob


@pytest.mark.django_db
class TestAdd:
    def test_is_a_change_of_the_downstream(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b = make_manual("a"), make_manual("b")
        connect(a, b, condition="failure", parameters={"text": "/x"})
        newest = JobRevision.objects.filter(job=b).order_by("-number")[0]
        assert (newest.change, newest.actor) == ("changed", "user:test")
        assert newest.note == "Added a dependency: started by failure of a, taking text from its result."
        a.refresh_from_db()
        b.refresh_from_db()
        assert (a.has_successors, a.revision, b.has_gates, b.revision) == (True, 1, False, 2)

    def test_refuses_a_loop_and_names_it(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b, c = make_manual("a"), make_manual("b"), make_manual("c")
        connect(a, b)
        connect(b, c)
        with pytest.raises(InvalidDependency, match=r"loop: (a → b → c → a|b → c → a → b|c → a → b → c)"):
            connect(c, a)

    def test_refuses_a_loop_over_edges_of_both_kinds(self, make_job: MakeJob, connect: Connect) -> None:
        a, b = make_job(name="a"), make_job(name="b")
        connect(a, b, kind="gate")
        with pytest.raises(InvalidDependency, match="loop"):
            connect(b, a)

    @pytest.mark.parametrize(
        ("data", "field"),
        [
            ({"kind": "other"}, "kind"),
            ({"kind": ["trigger"]}, "kind"),
            ({"condition": "sometimes"}, "condition"),
            ({"parameters": []}, "parameters"),
            ({"parameters": {"unknown": "/x"}}, "parameters"),
            ({"parameters": {"text": "x"}}, "parameters"),
            ({"parameters": {"text": 3}}, "parameters"),
            ({"gate_patience_seconds": 60}, "gate_patience_seconds"),
            ({"kind": "gate", "gate_patience_seconds": 0}, "gate_patience_seconds"),
            ({"kind": "gate", "gate_patience_seconds": True}, "gate_patience_seconds"),
            ({"kind": "gate", "parameters": {"text": "/x"}}, "parameters"),
            ({"weight": 3}, "weight"),
        ],
    )
    def test_refuses_what_makes_no_sense(
        self, make_job: MakeJob, connect: Connect, data: dict[str, object], field: str
    ) -> None:
        with pytest.raises(InvalidDependency) as refused:
            connect(make_job(name="a"), make_job(name="b"), **data)
        assert list(refused.value.fields) == [field]

    def test_refuses_a_gate_without_ticks(self, make_job: MakeJob, make_manual: MakeJob, connect: Connect) -> None:
        with pytest.raises(InvalidDependency, match="has no schedule"):
            connect(make_manual("a"), make_job(name="b"), kind="gate")

    def test_refuses_a_job_that_follows_itself(self, make_manual: MakeJob, connect: Connect) -> None:
        a = make_manual("a")
        with pytest.raises(InvalidDependency, match="cannot follow itself"):
            connect(a, a)

    def test_refuses_a_second_one_of_the_same_jobs(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b = make_manual("a"), make_manual("b")
        connect(a, b)
        with pytest.raises(InvalidDependency, match="already"):
            connect(a, b, condition="failure")

    def test_refuses_archived_jobs(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b = make_manual("a"), make_manual("b")
        registry.archive(a.pk, actor="user:test")
        with pytest.raises(InvalidDependency, match="archived"):
            connect(a, b)
        with pytest.raises(JobIsArchived):
            connect(b, a)

    def test_refuses_jobs_of_another_tenant(self, make_manual: MakeJob) -> None:
        other = Tenant.objects.create(slug="other", name="Other")
        data = {"name": "foreign", "template": "echo", "schedule": {"kind": "manual"}}
        foreign = registry.create(data, tenant=other, actor="user:test")
        with pytest.raises(InvalidDependency, match="no such job"):
            dependencies.add(foreign.pk, make_manual("a").pk, {}, actor="user:test")


@pytest.mark.django_db
class TestChange:
    def test_changes_what_is_named(self, make_manual: MakeJob, connect: Connect) -> None:
        edge = connect(make_manual("a"), make_manual("b"), parameters={"text": "/x"})
        changed = dependencies.change(edge.pk, {"condition": "always"}, actor="user:test")
        assert (changed.condition, changed.parameters) == ("always", {"text": "/x"})
        note = JobRevision.objects.filter(job=edge.downstream).order_by("-number")[0].note
        assert note.startswith("Changed a dependency: started by any end of a")
        assert "before: started by success of a" in note

    def test_leaves_no_revision_when_nothing_changes(self, make_manual: MakeJob, connect: Connect) -> None:
        edge = connect(make_manual("a"), make_manual("b"))
        dependencies.change(edge.pk, {"condition": "success"}, actor="user:test")
        assert JobRevision.objects.filter(job=edge.downstream).count() == 2

    def test_keeps_the_kind(self, make_job: MakeJob, connect: Connect) -> None:
        edge = connect(make_job(name="a"), make_job(name="b"))
        with pytest.raises(InvalidDependency, match="remove this dependency"):
            dependencies.change(edge.pk, {"kind": "gate"}, actor="user:test")


@pytest.mark.django_db
class TestRemove:
    def test_takes_the_marks_off(self, make_job: MakeJob, connect: Connect) -> None:
        a, b = make_job(name="a"), make_job(name="b")
        edge = connect(a, b, kind="gate")
        assert Job.objects.get(pk=b.pk).has_gates
        dependencies.remove(edge.pk, actor="user:test")
        assert not Job.objects.get(pk=b.pk).has_gates
        assert not Job.objects.get(pk=a.pk).has_successors
        with pytest.raises(DependencyIsGone):
            dependencies.remove(edge.pk, actor="user:test")
        connect(a, b)


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_closes_no_loop(self, make_manual: MakeJob) -> None:
        jobs = [make_manual(f"job {number}") for number in range(3)]
        barrier = threading.Barrier(3)
        refused: list[InvalidDependency] = []
        errors: list[BaseException] = []

        def add(upstream: Job, downstream: Job) -> None:
            try:
                barrier.wait(timeout=10)
                dependencies.add(upstream.pk, downstream.pk, {}, actor="user:test")
            except InvalidDependency as error:
                refused.append(error)
            except BaseException as error:
                errors.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=add, args=pair) for pair in zip(jobs, [*jobs[1:], jobs[0]], strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        assert errors == []
        assert len(refused) == 1
        assert "loop" in str(refused[0])
        assert graph.find_loop(Dependency.objects.values_list("upstream_id", "downstream_id")) == []
