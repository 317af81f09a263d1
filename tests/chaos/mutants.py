"""The promise's barriers, each taken away by a small patch in a process of the fault test, never in the product."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from unittest import mock

from django.db import connection
from django.db.models import QuerySet

from jobs import ledger, planner
from jobs.tick import leader, publisher
from scheduler_project.lib import sql, transactions

Patch = tuple[object, str, object]
TICKS = "INSERT INTO ticks"
CURSOR = "UPDATE dynamic_jobs j SET next_tick_at"


@dataclass(frozen=True)
class Mutant:
    """What is taken away, and how. `schema` is done to the database."""

    breaks: str
    patches: Callable[[], Sequence[Patch]] = field(default=lambda: ())
    schema: str = ""

    def apply(self) -> None:
        """For good, in this process."""
        for target, name, value in self.patches():
            setattr(target, name, value)


def named() -> list[str]:
    """Those that the run is to be made with."""
    names = [name for name in os.environ.get("CHAOS_MUTANTS", "").split(",") if name]
    if unknown := set(names) - set(MUTANTS):
        raise LookupError(f"There is no mutant {', '.join(unknown)}; there are {', '.join(MUTANTS)}.")
    return names


def prepare_database(names: Sequence[str]) -> None:
    for name in names:
        if MUTANTS[name].schema:
            sql.script(MUTANTS[name].schema)


@contextmanager
def mutated(names: Sequence[str]) -> Iterator[None]:
    """Meanwhile these barriers are away, in this process and its database."""
    with ExitStack() as stack:
        for name in names:
            for target, attribute, value in MUTANTS[name].patches():
                stack.enter_context(mock.patch.object(target, attribute, value))
        prepare_database(names)
        yield


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


def without(text: str, part: str) -> str:
    """The text without that part, which must be there: a mutant that changes nothing would prove nothing."""
    if part not in text:
        raise LookupError(f"There is no {part!r} any more; adapt the mutant to the statement:\n{text}")
    return text.replace(part, "")


def commit() -> None:
    """In the middle of a transaction that its caller takes for whole, savepoints included."""
    connection.connection.commit()
    for name in filter(None, connection.savepoint_ids):
        sql.script(connection.ops.savepoint_create_sql(name))


MUTANTS: dict[str, Mutant] = {
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
