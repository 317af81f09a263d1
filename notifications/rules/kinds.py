"""The words for what people are told: kinds of happenings, how grave they are, and what became of a delivery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """In order of gravity; see `rank`."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class Kind(StrEnum):
    """What a rule can ask for. Those of the system are no tenant's, and only superusers ask for them."""

    FAILED = "failed"
    SUCCEEDED = "succeeded"
    RECOVERED = "recovered"
    DEAD_LETTER = "dead_letter"
    MISSED = "missed"
    LATE = "late"
    SLOW = "slow"
    CIRCUIT = "circuit"
    SCHEDULER = "scheduler"
    WORKER = "worker"


OF_THE_SYSTEM = frozenset({Kind.CIRCUIT, Kind.SCHEDULER, Kind.WORKER})
OF_NO_JOB = frozenset({Kind.CIRCUIT, Kind.SCHEDULER})
"""They concern no job. A worker's process may be lost in a run of one."""
RESOLVING = frozenset({Kind.RECOVERED, Kind.SUCCEEDED})  # what was told of the job before is over by them


@dataclass(frozen=True)
class About:
    """How a kind is put in words. `title` may name {job} and {count}."""

    label: str
    severity: Severity
    title: str
    title_many: str


ABOUT: Mapping[Kind, About] = {
    Kind.FAILED: About("A run failed", Severity.ERROR, "{job} failed", "{job} failed {count} times"),
    Kind.SUCCEEDED: About("A run succeeded", Severity.SUCCESS, "{job} succeeded", "{job} succeeded {count} times"),
    Kind.RECOVERED: About(
        "A run succeeded after failures", Severity.SUCCESS, "{job} works again", "{job} recovered {count} times"
    ),
    Kind.DEAD_LETTER: About(
        "A dead letter waits", Severity.ERROR, "{job} left a dead letter", "{job} left {count} dead letters"
    ),
    Kind.MISSED: About("Ticks were missed", Severity.WARNING, "{job} missed a tick", "{job} missed {count} ticks"),
    Kind.LATE: About("Ticks fired late", Severity.WARNING, "{job} started late", "{job} started late {count} times"),
    Kind.SLOW: About(
        "A run takes longer than usual",
        Severity.WARNING,
        "{job} takes longer than usual",
        "{count} runs of {job} took longer than usual",
    ),
    Kind.CIRCUIT: About("A circuit opened", Severity.WARNING, "A circuit opened", "Circuits opened {count} times"),
    Kind.SCHEDULER: About(
        "The scheduler is in trouble",
        Severity.CRITICAL,
        "The scheduler is in trouble",
        "The scheduler was in trouble {count} times",
    ),
    Kind.WORKER: About(
        "A worker is in trouble", Severity.ERROR, "A worker is in trouble", "Workers were in trouble {count} times"
    ),
}


class ChannelKind(StrEnum):
    """Ways out of the house; the inbox is always there and needs no row."""

    EMAIL = "email"
    SLACK = "slack"
    WEBHOOK = "webhook"
    PAGERDUTY = "pagerduty"
    APPRISE = "apprise"


class SendingStatus(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"
    DROPPED = "dropped"


class ChangeKind(StrEnum):
    """What happened in an inbox, for those who watch it."""

    CREATED = "created"
    READ = "read"
    CLEARED = "cleared"


RANKS: Mapping[str, int] = {severity.value: number for number, severity in enumerate(Severity)}


def rank(severity: str) -> int:
    return RANKS[severity]
