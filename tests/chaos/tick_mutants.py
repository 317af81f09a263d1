"""The barriers of the tick, each taken away by a small patch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from jobs import ledger, planner
from jobs.tick import leader, publisher
from scheduler_project.lib import sql, transactions
from tests.chaos.mutant import Mutant, Patch, commit, without

TICKS = "INSERT INTO ticks"
CURSOR = "UPDATE dynamic_jobs j SET next_tick_at"


def _no_fence() -> Sequence[Patch]:
    def fence(self: leader.Leader) -> datetime:
        return sql.now()

    return [(leader.Leader, "fence", fence)]


def _fence_without_lock() -> Sequence[Patch]:
    return [(leader, "FENCE", without(leader.FENCE, "FOR SHARE"))]


def _no_row_lock() -> Sequence[Patch]:
    def select_for_update(self: QuerySet[Any], *args: object, **options: object) -> QuerySet[Any]:
        return self.all()

    return [(QuerySet, "select_for_update", select_for_update)]


def _no_unique() -> Sequence[Patch]:
    return [(ledger, "RECORD", without(ledger.RECORD, "ON CONFLICT (job_id, due_at) DO NOTHING"))]


def _cursor_before_ticks() -> Sequence[Patch]:
    """As schedulers do that save when a job is next due before they make its runs."""
    inner = sql.rows

    def rows(statement: str, parameters: Mapping[str, Any] | None = None, *args: Any, **options: Any) -> list[sql.Row]:
        if TICKS in statement and parameters is not None:
            inner(
                "UPDATE dynamic_jobs j SET next_tick_at = d.due + interval '1 us' FROM (SELECT job, max(due) AS due "
                "FROM unnest(%(job)s::bigint[], %(due)s::timestamptz[]) AS t(job, due) GROUP BY job) d "
                "WHERE j.id = d.job",
                {"job": parameters["job"], "due": parameters["due"]},
            )
            commit()
        return inner(statement, parameters, *args, **options)

    return [(sql, "rows", rows)]


def _cursor_after_commit() -> Sequence[Patch]:
    inner = sql.rows

    def rows(statement: str, *args: Any, **options: Any) -> list[sql.Row]:
        if CURSOR in statement:
            commit()
        return inner(statement, *args, **options)

    return [(sql, "rows", rows)]


def _publish_before_commit() -> Sequence[Patch]:
    inner = ledger.decide_due

    def decide_due(*, now: datetime, epoch: int) -> ledger.Decided:
        decided = inner(now=now, epoch=epoch)
        if decided.fired:
            publisher.publish_waiting()
        return decided

    return [(ledger, "decide_due", decide_due)]


def _no_idle_timeout() -> Sequence[Patch]:
    limits = transactions.LIMITS
    start = limits.index("SET LOCAL idle_in_transaction_session_timeout")
    return [(transactions, "LIMITS", without(limits, limits[start : limits.index(";", start) + 1]))]


def _edit_without_deciding() -> Sequence[Patch]:
    def decide_job(*args: object, **options: object) -> None:
        return None

    return [(ledger, "decide_job", decide_job)]


def _unrecorded_skips() -> Sequence[Patch]:
    inner = planner.plan

    def plan(*args: Any, **options: Any) -> planner.JobPlan:
        made = inner(*args, **options)
        return replace(made, decisions=tuple(decision for decision in made.decisions if decision.fires))

    return [(planner, "plan", plan)]


TICK_MUTANTS: dict[str, Mutant] = {
    "no_fence": Mutant("A tick is decided without proving the lead.", _no_fence),
    "fence_without_lock": Mutant("The lead may be taken over while its holder decides.", _fence_without_lock),
    "no_row_lock": Mutant("Jobs are read without locking them, by the tick and by every change.", _no_row_lock),
    "no_unique": Mutant(
        "An occurrence may have several ticks.",
        _no_unique,
        "ALTER TABLE ticks DROP CONSTRAINT one_tick_per_job_and_instant",
    ),
    "cursor_before_ticks": Mutant("Where a job goes on is committed before its ticks.", _cursor_before_ticks),
    "cursor_after_commit": Mutant("Where a job goes on is saved after its ticks were committed.", _cursor_after_commit),
    "publish_before_commit": Mutant("Executions are announced before they are committed.", _publish_before_commit),
    "no_idle_timeout": Mutant("A suspended leader keeps its locks for ever.", _no_idle_timeout),
    "edit_without_deciding": Mutant("A change does not first decide what is due.", _edit_without_deciding),
    "unrecorded_skips": Mutant("A tick that does not fire leaves no row.", _unrecorded_skips),
}
