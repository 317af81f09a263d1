"""The words for webhooks in both directions, and when a delivery that was not taken is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

GIVE_UP_AFTER = timedelta(days=1)
FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(hours=1)
GONE = 410
SAYS_WHEN = (429, 503)


class RunEvent(StrEnum):
    """Ends of executions that a webhook can ask for."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"
    DEAD = "dead"


class DeliveryStatus(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


class CallOutcome(StrEnum):
    ACCEPTED = "accepted"
    REPEATED = "repeated"
    REFUSED = "refused"


@dataclass(frozen=True)
class Answer:
    """What one try came to: the receiver's status, or why there is none."""

    status: int | None = None
    text: str = ""
    retry_after: timedelta | None = None
    error: str = ""
    is_refused: bool = False  # by our own rules: no later try would be let through

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def in_words(self) -> str:
        return self.error or f"The receiver answered with the status {self.status}."


@dataclass(frozen=True)
class Verdict:
    """What becomes of a delivery after a try; `wait` is set when it waits for another."""

    status: DeliveryStatus
    reason: str = ""
    wait: timedelta | None = None


def judge(answer: Answer, *, tries: int, left: timedelta, spread: float) -> Verdict:
    """`tries` counts this one; `left` is the time until it is given up; `spread` in [0, 1) draws the jitter."""
    if answer.is_taken:
        return Verdict(DeliveryStatus.DELIVERED)
    if answer.is_refused:
        return Verdict(DeliveryStatus.DEAD, answer.in_words)
    if answer.status == GONE:
        return Verdict(DeliveryStatus.DEAD, "The receiver answered with 410: it wants no more of these.")
    wait = backoff(tries, spread=spread)
    if answer.status in SAYS_WHEN and answer.retry_after is not None:
        wait = max(wait, answer.retry_after)
    if wait >= left:
        return Verdict(DeliveryStatus.DEAD, f"Given up after {tries} tries. {answer.in_words}")
    return Verdict(DeliveryStatus.WAITING, answer.in_words, wait)


def backoff(tries: int, *, spread: float) -> timedelta:
    """After try 1, 2, …: twice as long each time up to an hour, then spread over half to one and a half of it."""
    return min(FIRST_WAIT * 2.0 ** min(tries - 1, 20), LONGEST_WAIT) * (0.5 + spread)


def retry_after(text: str, *, now: datetime) -> timedelta | None:
    """What the header says: seconds, or an instant. None when it says nothing that can be read."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), 10**8))
    try:
        at = parsedate_to_datetime(text)
        return max(at - now, timedelta()) if at.tzinfo else None
    except (ValueError, TypeError, OverflowError):
        return None
