"""Explains an execution: why it waits, who runs it, or how it ended; and the tick that fired it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from jobs import queries
from jobs.backends.base import get_backend
from jobs.explain import following
from jobs.explain.steps import Block, Condition, Explanation, Section, Step, first_block
from jobs.explain.tick import explain_tick
from jobs.explain.wording import instant, seconds
from jobs.models import Attempt, Execution, ExecutionEvent, ExecutionLease, Job, PausedQueue, Pool, Tick, Worker
from jobs.rules.states import ExecutionStatus, HeldFor, Trigger


@dataclass(frozen=True)
class Waiting:
    execution: Execution
    now: datetime
    zone: str

    def at(self, when: datetime) -> str:
        return instant(when, self.zone)


def explain_execution(execution: Execution, *, now: datetime) -> Explanation:
    """Reads only. Of what waits: the conditions of the claim, in its order; of the others: what happened."""
    job = Job.objects.filter(pk=execution.job_id).first() if execution.job_id else None
    asked = Waiting(execution, now, job.spec.get("timezone", "UTC") if job else "UTC")
    attempts = tuple(_attempt(asked, row) for row in Attempt.objects.filter(execution=execution).order_by("number"))
    if execution.status == ExecutionStatus.QUEUED:
        steps = (*attempts, *(condition.step(asked) for condition in CONDITIONS))
        block = first_block(steps)
        answer = block.text if block else "Nothing stands in the way: the next free worker takes it."
    else:
        last = _running(asked) if execution.status == ExecutionStatus.RUNNING else _ended(asked)
        steps, answer = (*attempts, last), last.text
        block = last if last.blocks else None
    title = f"Execution {execution.pk}" + (f" of {job.name}" if job else "")
    return Explanation(
        "execution",
        execution.pk,
        execution.job_id,
        title,
        answer,
        steps,
        blocked_by=block,
        further=(*_origin(asked), *following.came_of(execution)),
    )


def _origin(asked: Waiting) -> tuple[Section, ...]:
    execution = asked.execution
    if execution.trigger != Trigger.SCHEDULE or execution.scheduled_for is None or execution.job_id is None:
        who, at = execution.requested_by or "Somebody", asked.at(execution.created_at)
        text = f"{who} started it by {execution.trigger} at {at}."
        if execution.trigger == Trigger.REPLAY:
            text = f"{who} replayed execution {execution.parent_id} at {at}, which had ended without success."
        started = Step("trigger", "Started", "noted", text, by=execution.requested_by)
        return (Section("Where it comes from", (started, *following.came_from(execution))),)
    tick = Tick.objects.filter(job_id=execution.job_id, due_at=execution.scheduled_for).first()
    if tick is None:
        text = f"The tick of {asked.at(execution.scheduled_for)} fired it; it is not kept any more."
        return (Section("The tick that fired it", (Step("trigger", "Started", "noted", text),)),)
    waited = following.came_from(execution)
    fired = Section("The tick that fired it", explain_tick(tick).steps)
    return (fired, Section("What it waited for", waited)) if waited else (fired,)


# --- what happened ----------------------------------------------------------------------------------------------------


def _attempt(asked: Waiting, attempt: Attempt) -> Step:
    title = f"Attempt {attempt.number}"
    begun = f"{attempt.worker} took it at {asked.at(attempt.started_at)}"
    if attempt.finished_at is None:
        return Step("attempt", title, "noted", f"{begun} and has not ended it.", since=attempt.started_at)
    took = seconds((attempt.finished_at - attempt.started_at).total_seconds())
    error = f": {attempt.error_class}: {_first_line(attempt.error)}" if attempt.error_class or attempt.error else ""
    retry = f" The next try was set for {asked.at(attempt.retry_at)}." if attempt.retry_at else ""
    text = f"{begun}; {attempt.outcome.replace('_', ' ')} after {took}{error}.{retry}"
    return Step("attempt", title, "noted", text, reason=attempt.outcome, since=attempt.started_at)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:200].rstrip(".")


def _running(asked: Waiting) -> Step:
    execution = asked.execution
    lease = ExecutionLease.objects.filter(pk=execution.pk).first()
    if lease is None:
        return Step("lease", "Running", "noted", "It has just ended or is being handed over; ask again.")
    text = f"{lease.worker} (process {lease.pid}) runs it since {asked.at(lease.acquired_at)}."
    if lease.expires_at <= asked.now:
        text += " Its lease has run out: the reaper takes it over when it has seen that for a full lease."
    if execution.cancel_requested_at is not None:
        text += f" {execution.cancel_requested_by} asked to cancel it; its process learns of it by the next heartbeat."
    return Step("lease", "Running", "noted", text, since=lease.acquired_at)


ENDINGS = {
    "replaced": "a newer run took its place (overlap policy `replace`)",
    "start_deadline": "its start deadline passed before a worker took it",
    "archived": "the job was archived while it waited",
    "retries_used_up": "no retry is left",
    "not_retryable": "this kind of error is not retried",
    "on_lost_fail": "its worker vanished, and the policy `on_lost` is `fail`",
    "unguardable": "its template switched off the timer that ends a run in time",
    "lost_too_often": "workers vanished with it so often that it is suspected of killing them",
    "replay_ended": "the replay of dead letters that it belonged to stopped before it began",
    "backfill_cancelled": "its backfill was cancelled before it began",
}


def _ended(asked: Waiting) -> Step:
    execution = asked.execution
    at = asked.at(execution.finished_at) if execution.finished_at else "an unknown time"
    status = execution.status.replace("_", " ")
    if execution.status == ExecutionStatus.SUCCEEDED:
        return Step("ended", "Ended", "noted", f"It succeeded at {at}, in attempt {execution.attempt}.")
    by = execution.cancel_requested_by
    if execution.reason == "gave_up":
        by = _who_gave_up(execution)
        why = f"{by} gave it up while it waited for the next try"
    elif execution.reason == "refused":
        why = f"{by} refused it{f': {execution.error}' if execution.error else ''}"
    elif execution.reason == "cancelled":
        why = f"{by} asked for it"
    else:
        why = ENDINGS.get(execution.reason) or following.REASONS.get(execution.reason, execution.reason)
    error = f" The error was {execution.error_class}: {_first_line(execution.error)}." if execution.error_class else ""
    text = f"It ended {status} at {at}, after {execution.attempt} of {execution.max_attempts} attempts"
    text += f": {why}.{error}" if why else f".{error}"
    return Step("ended", "Ended", "blocked", text, outcome=execution.status, reason=execution.reason, by=by)


def _who_gave_up(execution: Execution) -> str:
    last = ExecutionEvent.objects.filter(execution=execution, kind="dead").order_by("-sequence").first()
    return last.data.get("by", "somebody") if last else "somebody"


# --- what a claim asks, in this order ---------------------------------------------------------------------------------


RETRIES = {
    "retry_after_failed": "it failed before, and waits for its next try",
    "retry_after_timed_out": "it timed out before, and waits for its next try",
    "retry_after_lost": "its worker vanished before, and it waits for its next try",
}


def _followed(asked: Waiting) -> Block | str:
    return following.upstreams_have_ended(asked.execution, now=asked.now, zone=asked.zone)


def _available(asked: Waiting) -> Block | str:
    execution = asked.execution
    if execution.held_for == HeldFor.APPROVAL:
        return Block("It waits until somebody approves it.", reason="approval")
    if execution.available_at <= asked.now:
        return f"It may start since {asked.at(execution.available_at)}."
    if execution.reason in ("circuit_open", "keys_unavailable"):
        text = f"{_first_line(execution.error)}. It waits until {asked.at(execution.available_at)}; that costs no try."
        return Block(text, reason=execution.reason, clears_at=execution.available_at)
    why = f" ({RETRIES.get(execution.reason, execution.reason.replace('_', ' '))})" if execution.reason else ""
    text = f"It may not start before {asked.at(execution.available_at)}{why}."
    return Block(text, reason=execution.reason, clears_at=execution.available_at)


def _wanted(asked: Waiting) -> Block | str:
    execution = asked.execution
    if execution.cancel_requested_at is None:
        return "Nobody asked to cancel it."
    by, at = execution.cancel_requested_by, execution.cancel_requested_at
    return Block(f"{by} asked to cancel it at {asked.at(at)}.", reason="cancelled", by=by, since=at)


def _in_time(asked: Waiting) -> Block | str:
    deadline = asked.execution.start_deadline_at
    if deadline is None:
        return "It has no start deadline."
    if deadline > asked.now:
        return f"Its start deadline is {asked.at(deadline)}."
    return Block(f"Its start deadline passed at {asked.at(deadline)}; it will be cancelled.", reason="start_deadline")


def _queue(asked: Waiting) -> Block | str:
    paused = PausedQueue.objects.filter(pk=asked.execution.queue).first()
    if paused is None:
        return f"The queue {asked.execution.queue} is open."
    text = f"{paused.paused_by} has paused the queue {paused.queue} at {asked.at(paused.paused_at)}: {paused.note}."
    return Block(text, reason="queue_paused", by=paused.paused_by, since=paused.paused_at)


def _slot(asked: Waiting) -> Block | str:
    execution = asked.execution
    if execution.max_instances is None:
        return "It needs no slot of its job."
    held = ExecutionLease.objects.filter(job_id=execution.job_id, job_slot__lte=execution.max_instances)
    holders = list(held.order_by("job_slot").values_list("execution_id", "worker", "acquired_at"))
    if len(holders) < execution.max_instances:
        return f"{execution.max_instances - len(holders)} of {execution.max_instances} slots of the job are free."
    first, worker, since = holders[0]
    others = f" and {len(holders) - 1} more" if len(holders) > 1 else ""
    text = (
        f"Every slot of the job ({execution.max_instances}) is taken: execution {first}{others}, "
        f"running on {worker} since {asked.at(since)}. It starts when one of them ends."
    )
    return Block(text, reason="overlap", since=since, execution_id=first)


def _pool(asked: Waiting) -> Block | str:
    pool = Pool.objects.filter(pk=asked.execution.pool_id).first() if asked.execution.pool_id else None
    if pool is None:
        return "It runs in no pool."
    held = ExecutionLease.objects.filter(pool_id=pool.pk, pool_slot__lte=pool.size).order_by("pool_slot")
    holders = list(held.values_list("execution_id", "worker", "acquired_at"))
    if len(holders) < pool.size:
        return f"{pool.size - len(holders)} of {pool.size} slots of the pool {pool.name} are free."
    first, worker, since = holders[0]
    others = f" and {len(holders) - 1} more" if len(holders) > 1 else ""
    text = (
        f"Every slot of the pool {pool.name} ({pool.size}) is taken: execution {first}{others}, "
        f"running on {worker} since {asked.at(since)}. It starts in its turn when one of them ends."
    )
    return Block(text, reason="pool", since=since, execution_id=first)


def _provisioned(asked: Waiting) -> Block | str:
    backend = get_backend()
    if backend.is_provisioned():
        return f"The backend {backend.name} has all that it needs."
    return Block("SCHEDULER_USE_CELERY is on, but there is no broker: set REDIS_URL and start a worker.")


def _announced(asked: Waiting) -> Block | str:
    execution = asked.execution
    if execution.published_at is not None or get_backend().name == "apscheduler":
        return f"It was announced to the workers at {asked.at(execution.published_at or execution.created_at)}."
    return Block("It is not announced to the workers yet; the leader does that, and the sweep does it again.")


def _worked(asked: Waiting) -> Block | str:
    queue = asked.execution.queue
    seen = Worker.objects.filter(heartbeat_at__gt=asked.now - queries.heartbeat_limit(), stopped_at=None)
    names = list(seen.filter(queues__contains=[queue]).values_list("name", flat=True)[:3])
    if names or get_backend().name == "apscheduler":
        return f"Workers on the queue {queue}: {', '.join(names) or 'the scheduler itself'}."
    last = Worker.objects.filter(queues__contains=[queue]).order_by("-heartbeat_at").first()
    told = f" The last one, {last.name}, was heard at {asked.at(last.heartbeat_at)}." if last else ""
    return Block(f"No worker listens to the queue {queue}; start one with `-Q {queue}`.{told}")


CONDITIONS: tuple[Condition[Waiting], ...] = (
    Condition("cancel", "Still wanted", _wanted),
    Condition("upstream", "Other jobs", _followed),
    Condition("available", "May start", _available),
    Condition("start_deadline", "In time", _in_time),
    Condition("queue", "Its queue", _queue),
    Condition("slot", "A free slot", _slot),
    Condition("pool", "A slot of its pool", _pool),
    Condition("provisioned", "A broker", _provisioned),
    Condition("announced", "Announced", _announced),
    Condition("worker", "A worker listens", _worked),
)
