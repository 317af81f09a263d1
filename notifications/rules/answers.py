"""What a try to send came to, when the next one is, and when a channel is left alone for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from jobs.rules.webhooks import GIVE_UP_AFTER as GIVE_UP_AFTER
from jobs.rules.webhooks import GONE, SAYS_WHEN, backoff
from notifications.rules.kinds import SendingStatus

LONGEST_REST = timedelta(minutes=10)


class Came(StrEnum):
    TAKEN = "taken"
    LATER = "later"
    REFUSED = "refused"  # no later try would be taken


@dataclass(frozen=True)
class Answer:
    """One try's. `status` is the receiver's own: of HTTP, or of SMTP."""

    came: Came
    status: int | None = None
    text: str = ""
    error: str = ""
    retry_after: timedelta | None = None
    blames_channel: bool = True  # false when it was never asked, or said no to one address
    taken_by: tuple[str, ...] = ()  # those of several addresses that have it now

    @property
    def in_words(self) -> str:
        return self.error or f"The receiver answered with the status {self.status}."


@dataclass(frozen=True)
class Decision:
    """What becomes of a delivery after a try; `wait` is set when it waits for another."""

    status: SendingStatus
    reason: str = ""
    wait: timedelta | None = None


def of_status(
    status: int, text: str, *, retry_after: timedelta | None = None, refusals: frozenset[int] = frozenset({GONE})
) -> Answer:
    """An answer by HTTP; `refusals` are those that mean no for good."""
    if 200 <= status < 300:
        return Answer(Came.TAKEN, status, text)
    came = Came.REFUSED if status in refusals else Came.LATER
    return Answer(came, status, text, retry_after=retry_after if status in SAYS_WHEN else None)


def decide(answer: Answer, *, tries: int, left: timedelta, spread: float) -> Decision:
    """`tries` counts this one; `left` is the time until it is given up; `spread` in [0, 1) draws the jitter."""
    if answer.came is Came.TAKEN:
        return Decision(SendingStatus.DELIVERED, answer.error)
    if answer.came is Came.REFUSED:
        return Decision(SendingStatus.DEAD, answer.in_words)
    wait = backoff(tries, spread=spread)
    if answer.retry_after is not None:
        wait = max(wait, answer.retry_after)
    if wait >= left:
        return Decision(SendingStatus.DEAD, f"Given up after {tries} tries. {answer.in_words}")
    return Decision(SendingStatus.WAITING, answer.in_words, wait)


def rest(failures: int, *, most: int, first: timedelta) -> timedelta | None:
    """For how long a channel that failed so often in a row gets nothing; None while that are fewer than `most`. Then
    one try is made, and each that fails too doubles the time."""
    if failures < most:
        return None
    return min(first * 2.0 ** min(failures - most, 20), max(LONGEST_REST, first))
