"""Whether an ended attempt is tried again, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from jobs.rules.policy import JobPolicy
from jobs.rules.states import AttemptOutcome, ExecutionStatus, OnLost

MAX_LOSSES = 3  # a run whose worker vanished so often is suspected of killing its workers

AT_REST = {
    AttemptOutcome.SUCCEEDED: ExecutionStatus.SUCCEEDED,
    AttemptOutcome.FAILED: ExecutionStatus.FAILED,
    AttemptOutcome.TIMED_OUT: ExecutionStatus.TIMED_OUT,
    AttemptOutcome.CANCELLED: ExecutionStatus.CANCELLED,
    AttemptOutcome.LOST: ExecutionStatus.LOST,
}


@dataclass(frozen=True)
class RetryDecision:
    """What becomes of the execution. `wait` is set when it is queued again."""

    status: ExecutionStatus
    reason: str
    wait: timedelta | None = None

    @property
    def is_retry(self) -> bool:
        """Queued again for another try of ours, rather than handed back or at rest."""
        return self.status is ExecutionStatus.QUEUED and self.reason != "handed_back"


def decide(
    outcome: AttemptOutcome, *, policy: JobPolicy, tries: int, losses: int, may_retry: bool, spread: float
) -> RetryDecision:
    """`tries` counts this one, without those handed back; `losses` likewise; `spread` in [0, 1) draws the jitter."""
    if outcome in (AttemptOutcome.SUCCEEDED, AttemptOutcome.CANCELLED):
        return RetryDecision(AT_REST[outcome], "" if outcome is AttemptOutcome.SUCCEEDED else "cancelled")
    if outcome is AttemptOutcome.HANDED_BACK:
        return RetryDecision(ExecutionStatus.QUEUED, "handed_back", timedelta())
    if outcome is AttemptOutcome.LOST:
        if policy.on_lost is OnLost.FAIL:
            return RetryDecision(ExecutionStatus.LOST, "on_lost_fail")
        if losses >= MAX_LOSSES:
            return RetryDecision(ExecutionStatus.DEAD, "lost_too_often")
    elif not may_retry:
        return RetryDecision(AT_REST[outcome], "not_retryable")
    if tries >= policy.max_attempts:
        return RetryDecision(ExecutionStatus.DEAD if policy.max_retries else AT_REST[outcome], "retries_used_up")
    wait = timedelta() if outcome is AttemptOutcome.LOST else backoff(policy, retry=tries, spread=spread)
    return RetryDecision(ExecutionStatus.QUEUED, f"retry_after_{outcome.value}", wait)


def backoff(policy: JobPolicy, *, retry: int, spread: float) -> timedelta:
    """The wait before retry 1, 2, …: exponential up to a cap, then spread over half to one and a half of it."""
    try:
        exact = policy.retry_base_seconds * policy.retry_multiplier ** (retry - 1)
    except OverflowError:
        exact = policy.retry_cap_seconds
    return timedelta(seconds=min(exact, policy.retry_cap_seconds) * (0.5 + spread))
