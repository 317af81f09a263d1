"""What the end of an upstream means for its successors: whether it counts, and whether a gate opens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from jobs.rules.states import ACTIVE, FIRING, EndCondition, ExecutionStatus, TickOutcome

DEFAULT_PATIENCE = 3600  # seconds
LONGEST_PATIENCE = 7 * 86_400


def fits(condition: EndCondition, status: ExecutionStatus) -> bool:
    """Whether an execution at rest ended as the condition says. A cancelled one neither succeeded nor failed."""
    if condition is EndCondition.ALWAYS:
        return True
    if condition is EndCondition.SUCCESS:
        return status is ExecutionStatus.SUCCEEDED
    return status not in (ExecutionStatus.SUCCEEDED, ExecutionStatus.CANCELLED)


def misfit(status: ExecutionStatus) -> str:
    """The reason that a successor carries when the end of its upstream did not fit."""
    if status in (ExecutionStatus.SUCCEEDED, ExecutionStatus.CANCELLED):
        return f"upstream_{status}"
    return "upstream_failed"


class GateState(StrEnum):
    OPEN = "open"
    SHUT = "shut"
    PENDING = "pending"


@dataclass(frozen=True)
class UpstreamTick:
    """What is known of the upstream's tick of the same instant."""

    outcome: TickOutcome | None  # None: there is none in the ledger
    status: ExecutionStatus | None  # of the execution that it fired
    may_come: bool = False  # the upstream is not decided that far yet


@dataclass(frozen=True)
class GateVerdict:
    state: GateState
    reason: str = ""


def judge_gate(condition: EndCondition, tick: UpstreamTick, *, gives_up_at: datetime, now: datetime) -> GateVerdict:
    """Open when the upstream's execution of the same instant ended as the condition says; shut when it did not, when
    there is none to wait for, or when it took longer than the gate's patience."""
    if tick.outcome in FIRING and tick.status is not None and tick.status not in ACTIVE:
        if fits(condition, tick.status):
            return GateVerdict(GateState.OPEN)
        return GateVerdict(GateState.SHUT, misfit(tick.status))
    if tick.outcome is TickOutcome.MISSED:
        return GateVerdict(GateState.SHUT, "upstream_missed")
    if tick.outcome is not None and tick.outcome not in FIRING:
        return GateVerdict(GateState.SHUT, "upstream_skipped")
    if tick.outcome is None and not tick.may_come:
        return GateVerdict(GateState.SHUT, "upstream_no_tick")
    if now >= gives_up_at:
        return GateVerdict(GateState.SHUT, "upstream_too_late")
    return GateVerdict(GateState.PENDING)


def gives_up_at(fired_at: datetime, patience_seconds: int | None) -> datetime:
    return fired_at + timedelta(seconds=patience_seconds or DEFAULT_PATIENCE)
