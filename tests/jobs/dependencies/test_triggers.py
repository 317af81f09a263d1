"""The end of an upstream, and what it starts."""

from __future__ import annotations

import pytest

from jobs import dependencies, registry, sealed
from jobs.models import Execution, Succession
from jobs.rules.states import Trigger
from tests.jobs.dependencies.conftest import Connect, MakeJob, end, outcomes, run, runs_of, settle

pytestmark = pytest.mark.django_db


class TestRelease:
    @pytest.mark.parametrize(
        ("condition", "ending", "reason"),
        [
            ("success", "succeeded", ""),
            ("success", "failed", "upstream_failed"),
            ("success", "cancelled", "upstream_cancelled"),
            ("failure", "succeeded", "upstream_succeeded"),
            ("failure", "failed", ""),
            ("failure", "cancelled", "upstream_cancelled"),
            ("always", "succeeded", ""),
            ("always", "failed", ""),
            ("always", "cancelled", ""),
        ],
    )
    def test_starts_by_the_condition(
        self, make_manual: MakeJob, connect: Connect, condition: str, ending: str, reason: str
    ) -> None:
        a, b = make_manual("a"), make_manual("b")
        connect(a, b, condition=condition)
        first = run(a)
        started = end(first, ending)
        assert outcomes(first) == [("b", "not_started" if reason else "started", reason)]
        assert [execution.pk for execution in runs_of(b)] == started
        assert bool(started) is not bool(reason)

    def test_hands_the_flow_on(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b, c = make_manual("a"), make_manual("b"), make_manual("c")
        connect(a, b)
        connect(b, c)
        first = run(a, request_id="req-1")
        (second,) = end(first)
        (third,) = end(second)
        follower = Execution.objects.get(pk=third)
        assert (follower.parent_id, follower.flow_id, follower.trigger) == (second, first, "dependency")
        assert (follower.requested_by, follower.request_id) == ("system:dependency", "req-1")

    def test_answers_once_however_often_it_is_asked(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b = make_manual("a"), make_manual("b")
        connect(a, b)
        first = run(a)
        assert len(end(first)) == 1
        assert dependencies.release(first) == []
        assert len(runs_of(b)) == 1

    def test_starts_all_of_a_fan_out(self, make_manual: MakeJob, connect: Connect) -> None:
        a, others = make_manual("a"), [make_manual(f"b{number}") for number in range(3)]
        for other in others:
            connect(a, other)
        assert len(end(run(a))) == 3
        assert [len(runs_of(other)) for other in others] == [1, 1, 1]

    def test_says_nothing_of_a_run_that_is_tried_again(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b = make_manual("a", policies={"max_retries": 3}), make_manual("b")
        connect(a, b, condition="always")
        first = run(a)
        assert dependencies.release(first) == []
        assert outcomes(first) == []

    def test_starts_nothing_by_a_dry_run(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b = make_manual("a"), make_manual("b")
        connect(a, b)
        first = run(a, dry_run=True)
        assert end(first) == []
        assert outcomes(first) == []

    def test_starts_nothing_by_a_backfill(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b = make_manual("a"), make_manual("b")
        connect(a, b)
        first = run(a, trigger=Trigger.BACKFILL)
        assert end(first) == []
        assert outcomes(first) == []

    def test_starts_again_by_a_replay(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b = make_manual("a"), make_manual("b")
        connect(a, b)
        first = run(a)
        assert end(first, "failed") == []
        again = run(a, trigger=Trigger.REPLAY)
        assert len(end(again)) == 1

    def test_says_nothing_of_ends_before_the_dependency(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b = make_manual("a"), make_manual("b")
        first = run(a)
        settle(first)
        connect(a, b)
        assert dependencies.release(first) == []
        assert outcomes(first) == []

    @pytest.mark.parametrize("switch", ["pause", "disable", "archive"])
    def test_records_why_a_downstream_does_not_run(self, make_manual: MakeJob, connect: Connect, switch: str) -> None:
        a, b = make_manual("a"), make_manual("b")
        connect(a, b)
        getattr(registry, switch)(b.pk, actor="user:test")
        first = run(a)
        assert end(first) == []
        reason = {"pause": "paused", "disable": "disabled", "archive": "archived"}[switch]
        assert outcomes(first) == [("b", "not_started", reason)]

    def test_keeps_to_the_overlap_policy_of_the_downstream(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b = make_manual("a"), make_manual("b", policies={"overlap": "skip"})
        connect(a, b)
        standing = run(b)
        first = run(a)
        assert end(first) == []
        assert outcomes(first) == [("b", "not_started", "overlap")]
        assert str(standing) in Succession.objects.get(upstream_execution_id=first).message

    def test_replaces_the_earlier_run_where_the_policy_says_so(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b = make_manual("a"), make_manual("b", policies={"overlap": "replace"})
        connect(a, b)
        standing = run(b)
        assert len(end(run(a))) == 1
        assert Execution.objects.get(pk=standing).reason == "replaced"

    def test_waits_for_approval_where_the_downstream_needs_it(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b = make_manual("a"), make_manual("b", policies={"requires_approval": True})
        connect(a, b)
        (second,) = end(run(a))
        assert Execution.objects.get(pk=second).held_for == "approval"


class TestParameters:
    def test_takes_values_out_of_the_result(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b = make_manual("a"), make_manual("b", parameters={"text": "default"})
        connect(a, b, parameters={"text": "/files/1/na~1me"})
        (second,) = end(run(a), result={"files": [{}, {"na/me": "report.csv"}]})
        assert Execution.objects.get(pk=second).parameters == {"text": "report.csv"}

    @pytest.mark.parametrize(
        ("result", "word"), [({"rows": 3}, "text"), ({}, "nothing at /rows"), (None, "nothing at /rows")]
    )
    def test_starts_nothing_with_what_does_not_fit(
        self, make_manual: MakeJob, connect: Connect, result: object, word: str
    ) -> None:
        a, b = make_manual("a"), make_manual("b")
        connect(a, b, parameters={"text": "/rows"})
        first = run(a)
        assert end(first, result=result) == []
        assert outcomes(first) == [("b", "not_started", "parameters_do_not_fit")]
        assert word in Succession.objects.get(upstream_execution_id=first).message

    def test_keeps_the_secrets_of_the_downstream(self, make_manual: MakeJob, connect: Connect) -> None:
        a, b = make_manual("a"), make_manual("b", parameters={"token": "secret"})
        connect(a, b, parameters={"text": "/rows"})
        (second,) = end(run(a), result={"rows": "many"})
        assert sealed.parameters_of(Execution.objects.get(pk=second)) == {"text": "many", "token": "secret"}
