"""When the end of an upstream counts, and when a gate opens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jobs.rules.dependency import GateState, UpstreamTick, fits, judge_gate, misfit
from jobs.rules.states import FINISHED, EndCondition, ExecutionStatus, TickOutcome

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
S, T = ExecutionStatus, TickOutcome


class TestFits:
    @pytest.mark.parametrize("status", FINISHED)
    def test_is_success_or_failure_or_neither(self, status: ExecutionStatus) -> None:
        assert fits(EndCondition.ALWAYS, status)
        assert fits(EndCondition.SUCCESS, status) is (status is S.SUCCEEDED)
        assert fits(EndCondition.FAILURE, status) is (status in (S.FAILED, S.TIMED_OUT, S.LOST, S.DEAD))

    @pytest.mark.parametrize(
        ("status", "reason"),
        [
            (S.SUCCEEDED, "upstream_succeeded"),
            (S.CANCELLED, "upstream_cancelled"),
            *((status, "upstream_failed") for status in (S.FAILED, S.TIMED_OUT, S.LOST, S.DEAD)),
        ],
    )
    def test_has_a_reason_for_each_end_that_does_not_fit(self, status: ExecutionStatus, reason: str) -> None:
        assert misfit(status) == reason


class TestJudgeGate:
    @pytest.mark.parametrize(
        ("tick", "now", "state", "reason"),
        [
            (UpstreamTick(T.FIRED, S.SUCCEEDED), NOW, "open", ""),
            (UpstreamTick(T.LATE, S.SUCCEEDED), NOW, "open", ""),
            (UpstreamTick(T.FIRED, S.SUCCEEDED), LATER, "open", ""),
            (UpstreamTick(T.FIRED, S.DEAD), NOW, "shut", "upstream_failed"),
            (UpstreamTick(T.FIRED, S.CANCELLED), NOW, "shut", "upstream_cancelled"),
            (UpstreamTick(T.FIRED, S.RUNNING), NOW, "pending", ""),
            (UpstreamTick(T.FIRED, S.QUEUED), LATER, "shut", "upstream_too_late"),
            (UpstreamTick(T.FIRED, None), NOW, "pending", ""),
            (UpstreamTick(T.SKIPPED, None), NOW, "shut", "upstream_skipped"),
            (UpstreamTick(T.COALESCED, None), NOW, "shut", "upstream_skipped"),
            (UpstreamTick(T.SHADOW, None), NOW, "shut", "upstream_skipped"),
            (UpstreamTick(T.MISSED, None), NOW, "shut", "upstream_missed"),
            (UpstreamTick(None, None), NOW, "shut", "upstream_no_tick"),
            (UpstreamTick(None, None, may_come=True), NOW, "pending", ""),
            (UpstreamTick(None, None, may_come=True), LATER, "shut", "upstream_too_late"),
        ],
    )
    def test_says_what_the_tick_of_the_upstream_means(
        self, tick: UpstreamTick, now: datetime, state: str, reason: str
    ) -> None:
        verdict = judge_gate(EndCondition.SUCCESS, tick, gives_up_at=LATER, now=now)
        assert (verdict.state, verdict.reason) == (GateState(state), reason)
