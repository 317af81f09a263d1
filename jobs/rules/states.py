"""The words for what can become of ticks, executions and attempts, and for the policies that decide it."""

from __future__ import annotations

from enum import StrEnum


class ExecutionStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"
    DEAD = "dead"


ACTIVE = (ExecutionStatus.QUEUED, ExecutionStatus.RUNNING)
FINISHED = tuple(status for status in ExecutionStatus if status not in ACTIVE)
BURIED = tuple(status for status in FINISHED if status.value not in ("succeeded", "cancelled"))


class HeldFor(StrEnum):
    """What keeps a queued execution from being announced, besides its time."""

    APPROVAL = "approval"
    UPSTREAM = "upstream"
    SLOT = "slot"


class AttemptOutcome(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"
    HANDED_BACK = "handed_back"


class Trigger(StrEnum):
    SCHEDULE = "schedule"
    MANUAL = "manual"
    API = "api"
    DEPENDENCY = "dependency"
    BACKFILL = "backfill"
    EVENT = "event"
    REPLAY = "replay"


# Runs of what is past: they stand in no tick's way, and say nothing about how the job does now.
ASIDE = (Trigger.BACKFILL.value, Trigger.REPLAY.value)


class TickOutcome(StrEnum):
    FIRED = "fired"
    LATE = "late"
    COALESCED = "coalesced"
    SKIPPED = "skipped"
    MISSED = "missed"
    SHADOW = "shadow"


FIRING = (TickOutcome.FIRED, TickOutcome.LATE)


class ListPage(StrEnum):
    """The lists that views are saved of."""

    JOBS = "jobs"
    EXECUTIONS = "executions"


class Origin(StrEnum):
    NATIVE = "native"
    ADOPTED = "adopted"


class Mode(StrEnum):
    LIVE = "live"
    OBSERVE = "observe"


class Misfire(StrEnum):
    NONE = "none"
    LAST = "last"
    ALL = "all"


class Overlap(StrEnum):
    ALLOW = "allow"
    SKIP = "skip"
    QUEUE_ONE = "queue_one"
    QUEUE_ALL = "queue_all"
    REPLACE = "replace"


class BackfillStatus(StrEnum):
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class DependencyKind(StrEnum):
    """`trigger`: the upstream's end starts the downstream. `gate`: a tick of it waits for the upstream's same tick."""

    TRIGGER = "trigger"
    GATE = "gate"


class EndCondition(StrEnum):
    """Which end of an upstream counts."""

    SUCCESS = "success"
    FAILURE = "failure"
    ALWAYS = "always"


class FanIn(StrEnum):
    """How many of its upstreams start a job: all of a flow together, or the first of them."""

    ALL = "all"
    ANY = "any"


class SuccessionOutcome(StrEnum):
    STARTED = "started"
    WAITING = "waiting"
    NOT_STARTED = "not_started"


class LetterState(StrEnum):
    """What became of a dead letter. `failed_again`: the replay ended without success and has a letter of its own."""

    OPEN = "open"
    REPLAYING = "replaying"
    RESOLVED = "resolved"
    FAILED_AGAIN = "failed_again"
    DISCARDED = "discarded"


class ReplayStatus(StrEnum):
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


class ReplayOutcome(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class OnQueueFull(StrEnum):
    SKIP = "skip"
    DEGRADE = "degrade"


class OnLost(StrEnum):
    RETRY = "retry"
    FAIL = "fail"


# The priority steps of the broker queue: a smaller number is served first.
PRIORITIES = {"critical": 0, "high": 3, "normal": 6, "low": 9}
PRIORITY_NAMES = {number: name for name, number in PRIORITIES.items()}
