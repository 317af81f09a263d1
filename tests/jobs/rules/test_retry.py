"""Whether and when an ended attempt is tried again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from jobs.rules.policy import JobPolicy
from jobs.rules.retry import backoff, decide
from jobs.rules.states import AttemptOutcome as Outcome
from jobs.rules.states import OnLost


def decided(outcome: Outcome, **changes: Any) -> tuple[str, str, bool]:
    values = {"tries": 1, "losses": 0, "may_retry": True, "spread": 0.5, **changes}
    policy = values.pop("policy", JobPolicy())
    decision = decide(outcome, policy=policy, **values)
    return decision.status.value, decision.reason, decision.wait is not None


@pytest.mark.parametrize(
    ("outcome", "changes", "expected"),
    [
        (Outcome.SUCCEEDED, {}, ("succeeded", "", False)),
        (Outcome.CANCELLED, {}, ("cancelled", "cancelled", False)),
        (Outcome.FAILED, {}, ("queued", "retry_after_failed", True)),
        (Outcome.FAILED, {"tries": 4}, ("dead", "retries_used_up", False)),
        (Outcome.FAILED, {"may_retry": False}, ("failed", "not_retryable", False)),
        (Outcome.FAILED, {"policy": JobPolicy(max_retries=0)}, ("failed", "retries_used_up", False)),
        (Outcome.TIMED_OUT, {}, ("queued", "retry_after_timed_out", True)),
        (Outcome.TIMED_OUT, {"may_retry": False}, ("timed_out", "not_retryable", False)),
        (Outcome.LOST, {"may_retry": False}, ("queued", "retry_after_lost", True)),
        (Outcome.LOST, {"losses": 3}, ("dead", "lost_too_often", False)),
        (Outcome.LOST, {"policy": JobPolicy(on_lost=OnLost.FAIL)}, ("lost", "on_lost_fail", False)),
        (Outcome.HANDED_BACK, {"tries": 9}, ("queued", "handed_back", True)),
    ],
)
def test_decides(outcome: Outcome, changes: dict[str, Any], expected: tuple[str, str, bool]) -> None:
    assert decided(outcome, **changes) == expected


def test_a_lost_run_is_available_at_once() -> None:
    decision = decide(Outcome.LOST, policy=JobPolicy(), tries=1, losses=1, may_retry=True, spread=0.5)
    assert decision.wait == timedelta()


class TestBackoff:
    @pytest.mark.parametrize(("retry", "seconds"), [(1, 1), (2, 2), (3, 4), (9, 256), (10, 300), (5000, 300)])
    def test_doubles_up_to_the_cap(self, retry: int, seconds: float) -> None:
        assert backoff(JobPolicy(), retry=retry, spread=0.5) == timedelta(seconds=seconds)

    def test_spreads_over_half_to_one_and_a_half(self) -> None:
        assert backoff(JobPolicy(), retry=3, spread=0) == timedelta(seconds=2)
        assert backoff(JobPolicy(), retry=3, spread=0.99).total_seconds() == pytest.approx(5.96)
