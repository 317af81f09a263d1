"""What can be done to many executions at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from accounts.scopes import Scope
from jobs import executions, reruns
from jobs.bulk.each import NotQueued, Result, Status, apply_each
from jobs.models import Execution
from jobs.rules.states import PRIORITIES, ExecutionStatus
from jobs.tick import publisher
from scheduler_project.lib import sql


@dataclass(frozen=True)
class ExecutionWish:
    actor: str
    priority: str = ""  # of priority
    request_id: str = ""  # of again


Act = Callable[[int, ExecutionWish], Status]


def apply_to_executions(action: str, ids: Sequence[int], wish: ExecutionWish, *, dry_run: bool = False) -> list[Result]:
    """`action` is one of EXECUTION_ACTIONS. Who may do it is the caller's to judge."""
    if action == "again":
        return apply_each(ids, lambda one: _again(one, wish), dry_run=dry_run)
    act = _ACTS[action]
    return apply_each(ids, lambda one: Result(one, act(one, wish)), dry_run=dry_run)


def _cancel(execution_id: int, wish: ExecutionWish) -> Status:
    executions.cancel(execution_id, by=wish.actor, now=sql.now())
    return Status.DONE


def _retry_now(execution_id: int, wish: ExecutionWish) -> Status:
    executions.retry_now(execution_id, by=wish.actor)
    publisher.announce_soon([execution_id])
    return Status.DONE


def _give_up(execution_id: int, wish: ExecutionWish) -> Status:
    executions.give_up(execution_id, by=wish.actor)
    return Status.DONE


def _priority(execution_id: int, wish: ExecutionWish) -> Status:
    changed = executions.change_priority(
        [execution_id], priority=PRIORITIES[wish.priority], by=wish.actor, now=sql.now()
    )
    if changed:
        publisher.announce_soon(changed)
        return Status.DONE
    status = Execution.objects.only("status").get(pk=execution_id).status
    if status != ExecutionStatus.QUEUED:
        raise NotQueued(f"Execution {execution_id} is {status}; only what is queued can change.")
    return Status.UNCHANGED


def _again(execution_id: int, wish: ExecutionWish) -> Result:
    row = Execution.objects.select_related("template").get(pk=execution_id)
    new_id = reruns.rerun(row, actor=wish.actor, request_id=wish.request_id)
    publisher.announce_soon([new_id])
    return Result(execution_id, Status.DONE, execution_id=new_id)


_ACTS: dict[str, Act] = {"cancel": _cancel, "retry_now": _retry_now, "give_up": _give_up, "priority": _priority}

EXECUTION_ACTIONS: dict[str, Scope] = dict.fromkeys((*_ACTS, "again"), Scope.SCHEDULER_RUN)
