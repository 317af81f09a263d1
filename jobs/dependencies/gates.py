"""Edges of the kind gate: a fired tick of the downstream is held until the upstream's same tick has ended."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from jobs import executions
from jobs.dependencies.recording import record
from jobs.models import Dependency, Execution
from jobs.rules.dependency import GateState, GateVerdict, UpstreamTick, gives_up_at, judge_gate
from jobs.rules.states import (
    DependencyKind,
    EndCondition,
    ExecutionStatus,
    HeldFor,
    SuccessionOutcome,
    TickOutcome,
)
from scheduler_project.lib import sql, transactions

ACTOR = "system:dependency"
OTHER_GATE = "another_gate"

# Each held run with each of its gates (none when they were removed), and the upstream's tick of the same instant.
GATES = """
SELECT h.id, h.created_at, d.id AS gate, d.condition, d.gate_patience_seconds, t.outcome, t.execution_id, u.status,
       a.name, coalesce(a.next_tick_at <= h.scheduled_for, false)
           OR coalesce(a.undecided_since <= h.scheduled_for, false) AS may_come
FROM ({held}) AS h
LEFT JOIN job_dependencies d ON d.downstream_id = h.job_id AND d.kind = 'gate' AND d.removed_at IS NULL
LEFT JOIN dynamic_jobs a ON a.id = d.upstream_id
LEFT JOIN ticks t ON t.job_id = d.upstream_id AND t.due_at = h.scheduled_for
LEFT JOIN job_executions u ON u.id = t.execution_id
ORDER BY h.id, d.id
"""
HELD = """SELECT id, job_id, scheduled_for, created_at FROM job_executions
    WHERE status = 'queued' AND held_for = 'upstream'"""
GATES_OF_ONE = GATES.format(held=f"{HELD} AND id = %(id)s")
GATES_OF_MANY = GATES.format(held=f"{HELD} AND id > %(after)s ORDER BY id LIMIT %(limit)s")


def find_held_by(ended: Execution) -> list[int]:
    """The runs that wait for this end: of the same instant, of jobs behind a gate."""
    if ended.scheduled_for is None or ended.job_id is None:
        return []
    jobs = Dependency.objects.filter(upstream=ended.job_id, kind=DependencyKind.GATE, removed_at=None)
    held = Execution.objects.filter(
        job_id__in=list(jobs.values_list("downstream_id", flat=True)),
        scheduled_for=ended.scheduled_for,
        status=ExecutionStatus.QUEUED,
        held_for=HeldFor.UPSTREAM,
    )
    return list(held.values_list("pk", flat=True))


def find_decided(*, after: int, limit: int, now: datetime) -> tuple[list[int], int | None]:
    """Of the next held runs those that need not wait any longer, and where to go on."""
    rows = sql.rows(GATES_OF_MANY, {"after": after, "limit": limit}, prepare=False)
    decided, last, count = [], None, 0
    for held, gates in groupby(rows, key=lambda row: row["id"]):
        last, count = held, count + 1
        states = {_judge(gate, now=now).state for gate in gates if gate["gate"] is not None}
        if GateState.SHUT in states or GateState.PENDING not in states:
            decided.append(held)
    return decided, last if count == limit else None


# Runs that ended otherwise while a gate held them, or went on since their other gates were removed.
CLOSE = """
UPDATE job_successions s
SET outcome = CASE WHEN h.status = 'cancelled' THEN 'not_started' ELSE 'started' END,
    reason = CASE WHEN h.status = 'cancelled' THEN h.reason ELSE '' END, message = ''
FROM job_executions h
WHERE s.outcome = 'waiting' AND h.id = s.successor_id AND (h.status <> 'queued' OR h.held_for <> 'upstream')
"""


def close_waiting() -> None:
    """What was recorded as waiting at a gate takes the outcome of the run that waited."""
    sql.rows(CLOSE)


@dataclass(frozen=True)
class Gate:
    """One gate of a held run, as it stands."""

    name: str
    state: GateState
    gives_up_at: datetime
    execution_id: int | None
    status: str | None


def look_at_gates(held_id: int, *, now: datetime) -> list[Gate]:
    """For people who look."""
    rows = [row for row in sql.rows(GATES_OF_ONE, {"id": held_id}, prepare=False) if row["gate"] is not None]
    return [
        Gate(
            row["name"],
            _judge(row, now=now).state,
            gives_up_at(row["created_at"], row["gate_patience_seconds"]),
            row["execution_id"],
            row["status"],
        )
        for row in rows
    ]


def settle_gate(held_id: int) -> tuple[list[int], bool]:
    """Let a held run go, or end it, when its gates are decided. Returns what may be announced, and whether the run was
    ended."""
    with transactions.engine():
        held = Execution.objects.select_for_update(no_key=True, of=("self",)).filter(
            pk=held_id, status=ExecutionStatus.QUEUED, held_for=HeldFor.UPSTREAM
        )
        if not held.exists():
            return [], False
        now = sql.now()
        rows = [row for row in sql.rows(GATES_OF_ONE, {"id": held_id}, prepare=False) if row["gate"] is not None]
        verdicts = [(row, _judge(row, now=now)) for row in rows]
        by_state: dict[GateState, list[tuple[sql.Row, GateVerdict]]] = defaultdict(list)
        for row, verdict in verdicts:
            by_state[verdict.state].append((row, verdict))
        if by_state[GateState.SHUT]:
            reason = by_state[GateState.SHUT][0][1].reason
            executions.cancel_unstarted([held_id], by=ACTOR, now=now, reason=reason)
            for row, verdict in verdicts:
                _record(row, held_id, SuccessionOutcome.NOT_STARTED, reason=verdict.reason or OTHER_GATE)
            return [], True
        if by_state[GateState.PENDING]:
            for row, _ in by_state[GateState.OPEN]:
                names = ", ".join(pending["name"] for pending, _ in by_state[GateState.PENDING])
                _record(row, held_id, SuccessionOutcome.WAITING, message=f"Waits for {names}.")
            return [], False
        for row, _ in verdicts:
            _record(row, held_id, SuccessionOutcome.STARTED)
        return executions.release_upstream([held_id], now=now), False


def _judge(row: sql.Row, *, now: datetime) -> GateVerdict:
    tick = UpstreamTick(
        outcome=TickOutcome(row["outcome"]) if row["outcome"] else None,
        status=ExecutionStatus(row["status"]) if row["status"] else None,
        may_come=row["may_come"],
    )
    until = gives_up_at(row["created_at"], row["gate_patience_seconds"])
    return judge_gate(EndCondition(row["condition"]), tick, gives_up_at=until, now=now)


def _record(row: sql.Row, held_id: int, outcome: SuccessionOutcome, *, reason: str = "", message: str = "") -> None:
    edge = Dependency.objects.get(pk=row["gate"])
    text = message or (MESSAGES.get(reason, "") and f"{row['name']}: {MESSAGES[reason]}.")
    record(
        edge,
        outcome,
        upstream_execution_id=row["execution_id"],
        successor_id=held_id,
        reason=reason,
        message=text,
    )


MESSAGES = {
    "upstream_failed": "its execution of the same tick failed",
    "upstream_succeeded": "its execution of the same tick succeeded",
    "upstream_cancelled": "its execution of the same tick was cancelled",
    "upstream_skipped": "its tick of the same instant ran nothing",
    "upstream_missed": "its tick of the same instant was missed",
    "upstream_no_tick": "it has no tick at that instant",
    "upstream_too_late": "its execution of the same tick had not ended when the gate's patience did",
    OTHER_GATE: "another gate of the same run had shut",
}
