from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from notifications.rules.condition import Condition, judge
from notifications.rules.happening import Happening, JobFacts
from notifications.rules.kinds import Kind
from notifications.rules.matching import covers, in_order, told_as
from notifications.rules.rule import OF_THE_SYSTEM_RULE, RuleFacts, default_of_tenant

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
JOB = JobFacts(7, "Invoices", owner_id=1, tags=frozenset({"nightly"}))
ALL = frozenset(Kind)


def rule(**facts: object) -> RuleFacts:
    return replace(RuleFacts(tenant_id=1, name="A rule", kinds=ALL, rule_id=5), **facts)  # type: ignore[arg-type]


def of_run(*kinds: Kind, failures: int = 1) -> Happening:
    return Happening(kinds, 1, NOW, job=JOB, name="Invoices", execution_id=91, failures_in_row=failures)


class TestCovers:
    @pytest.mark.parametrize(
        ("facts", "holds"),
        [
            ({}, True),
            ({"job_id": 7}, True),
            ({"job_id": 8}, False),
            ({"tag": "nightly"}, True),
            ({"tag": "hourly"}, False),
            ({"tenant_id": 2}, False),
        ],
    )
    def test_goes_by_tenant_job_and_tag(self, facts: dict[str, object], holds: bool) -> None:
        assert covers(rule(**facts), tenant_id=1, job=JOB) is holds

    def test_takes_what_is_of_no_tenant_for_everybodys_but_not_for_a_jobs(self) -> None:
        assert covers(rule(), tenant_id=None, job=None)
        assert not covers(rule(job_id=7), tenant_id=None, job=None)
        assert not covers(rule(tag="nightly"), tenant_id=None, job=None)


class TestToldAs:
    FAILURE = (Kind.FAILED, Kind.DEAD_LETTER)

    @pytest.mark.parametrize(
        ("facts", "told"),
        [
            ({}, [1]),
            ({"in_row": 3}, [3]),
            ({"only_changes": False}, [1, 2, 3, 4, 5]),
            ({"only_changes": False, "in_row": 3}, [3, 4, 5]),
            ({"is_enabled": False}, []),
        ],
    )
    def test_tells_failures_by_their_number_in_a_row(self, facts: dict[str, object], told: list[int]) -> None:
        only_failures = rule(kinds=frozenset({Kind.FAILED}), **facts)
        assert [n for n in range(1, 6) if told_as(only_failures, of_run(*self.FAILURE, failures=n))] == told

    def test_tells_a_recovery_only_where_the_failure_was_told(self) -> None:
        success = (Kind.RECOVERED, Kind.SUCCEEDED)
        default = default_of_tenant(1)
        assert told_as(default, of_run(*success, failures=1)) is Kind.RECOVERED
        assert told_as(replace(default, in_row=3), of_run(*success, failures=2)) is None
        assert told_as(replace(default, in_row=3), of_run(*success, failures=3)) is Kind.RECOVERED

    def test_tells_one_run_once_and_as_the_most_telling(self) -> None:
        assert told_as(rule(), of_run(*self.FAILURE, failures=1)) is Kind.FAILED
        # The second failure is no change, but its dead letter waits all the same.
        assert told_as(rule(), of_run(*self.FAILURE, failures=2)) is Kind.DEAD_LETTER
        wants_success = rule(kinds=frozenset({Kind.SUCCEEDED}))
        assert told_as(wants_success, of_run(Kind.RECOVERED, Kind.SUCCEEDED, failures=4)) is Kind.SUCCEEDED

    def test_tells_by_the_built_in_rule_of_the_system_nothing_about_jobs(self) -> None:
        assert told_as(replace(OF_THE_SYSTEM_RULE, kinds=ALL), of_run(Kind.FAILED)) is None
        assert told_as(OF_THE_SYSTEM_RULE, Happening((Kind.WORKER,), 1, NOW, name="w1")) is Kind.WORKER

    def test_tells_every_end_of_a_job_by_state_changes(self) -> None:
        """The default rule over a history: first failure, silence, recovery, silence."""
        told, condition = [], Condition()
        for number, status in enumerate(["succeeded", "failed", "lost", "timed_out", "succeeded", "succeeded", "dead"]):
            ending = judge(status, condition, is_aside=False, execution_id=number, at=NOW)
            condition = ending.condition
            told.append(told_as(default_of_tenant(1), of_run(*ending.kinds, failures=ending.failures_in_row)))
        assert told == [None, Kind.FAILED, None, None, Kind.RECOVERED, None, Kind.FAILED]


class TestJudge:
    def test_lets_runs_aside_change_no_condition(self) -> None:
        before = Condition(failures_in_row=2, failing_since=NOW)
        failed = judge("failed", before, is_aside=True, execution_id=9, at=NOW)
        assert (failed.kinds, failed.condition) == ((Kind.DEAD_LETTER,), before)
        assert judge("succeeded", before, is_aside=True, execution_id=9, at=NOW).kinds == ()

    def test_remembers_since_when_a_job_fails(self) -> None:
        first = judge("failed", Condition(), is_aside=False, execution_id=1, at=NOW).condition
        later = NOW.replace(hour=13)
        second = judge("lost", first, is_aside=False, execution_id=2, at=later).condition
        assert second == Condition(2, NOW, 2, later)


class TestInOrder:
    def test_puts_the_narrowest_first_and_the_default_after_all_others_of_the_tenant(self) -> None:
        of_tenant, of_tag, of_job = rule(rule_id=1), rule(rule_id=2, tag="nightly"), rule(rule_id=3, job_id=7)
        default = default_of_tenant(1)
        assert in_order([OF_THE_SYSTEM_RULE, default, of_tenant, of_tag, of_job]) == [
            of_job,
            of_tag,
            of_tenant,
            default,
            OF_THE_SYSTEM_RULE,
        ]
