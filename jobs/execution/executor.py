"""One run, from claim to settle, in the process that owns it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from django.conf import settings
from django.db import connection
from django.db.utils import DatabaseError, InterfaceError, OperationalError

from jobs import executions
from jobs.execution import attempt, known_templates, session, shared
from jobs.execution.heartbeat import Heartbeat, settle
from jobs.execution.interrupts import Interrupts
from jobs.execution.processes import end_what_is_left
from jobs.execution.run_context import ExecutionContext
from jobs.execution.watchdog import Watchdog
from jobs.executions import Claim, Ending, Settled
from jobs.rules.states import FINISHED, AttemptOutcome, ExecutionStatus
from jobs.tick import publisher, successors
from scheduler_project.lib import correlation, telemetry, text_masking

SHIFT = 1.0  # seconds that a process goes on by itself before it looks for the next message
RETRY = 0.5  # seconds between tries to settle while the database is away


def work(hint: int, *, queues: Sequence[str], worker: str) -> int:
    """Run what comes next in these queues, and go on for a while; `hint` when nothing else is to be had. Returns how
    many were run."""
    ends_at, done = time.monotonic() + SHIFT, 0
    while not shared.is_draining() and (status := _run_one(lambda: _next_or(hint, queues, worker), worker)) is not None:
        done += 1
        if status is ExecutionStatus.RUNNING or time.monotonic() >= ends_at:
            break
    return done


def execute(execution_id: int, *, worker: str) -> ExecutionStatus | None:
    """Run an execution if it is to be had. Returns what became of it, or None when it was not ours to run."""
    return _run_one(lambda: _claim_one(execution_id, worker), worker)


def _run_one(claim_one: Callable[[], Claim | None], worker: str) -> ExecutionStatus | None:
    claimed_at = time.monotonic()
    claim = _claim(claim_one)
    if claim is None:
        return None
    marks = {"execution_id": claim.execution_id, "attempt": claim.attempt, "tenant": claim.tenant, "worker": worker}
    if claim.request_id:
        marks["request_id"] = claim.request_id
    with correlation.bound(**marks):
        return _carry_out(claim, claimed_at)


def _carry_out(claim: Claim, claimed_at: float) -> ExecutionStatus | None:
    context = ExecutionContext(claim)
    interrupts = Interrupts()
    heartbeat = Heartbeat(claim, context, interrupts, claimed_at=claimed_at)
    owner = os.getpid()
    Watchdog.take_over_signal()
    with interrupts.handled(), text_masking.also(context.redactor.text):
        try:
            heartbeat.start(proven_at=claimed_at)
            parameters = attempt.open_parameters(claim, context)
            loan = session.Loan()
            ending = attempt.run(claim, context, interrupts, parameters)
            if os.getpid() != owner:
                os._exit(0)  # a fork of the template's came back: it owns nothing
            end_what_is_left(context.log)
            heartbeat.stop_watching_the_template()
            loan.end()
            settled = _settle(claim, context, ending)
        finally:
            heartbeat.stop()
    _tell(claim, ending, settled)
    if settled is not None:
        publisher.publish_freed(settled)
        if claim.has_successors and settled.status in FINISHED:
            successors.release(claim.execution_id)
    return settled.status if settled else ExecutionStatus.RUNNING  # by whoever has overtaken us


def _next_or(hint: int, queues: Sequence[str], worker: str) -> Claim | None:
    lease, templates = settings.DAYBOOK_RUN_LEASE, known_templates.ids()
    return executions.claim_next(queues, worker=worker, lease=lease, templates=templates) or _claim_one(hint, worker)


def _claim_one(execution_id: int, worker: str) -> Claim | None:
    return executions.claim(
        execution_id, worker=worker, lease=settings.DAYBOOK_RUN_LEASE, templates=known_templates.ids()
    )


def _claim(claim_one: Callable[[], Claim | None]) -> Claim | None:
    """Claim; on a connection that died while nobody used it, once more on a new one. Should the first try have
    committed after all, its lease stands, this one gets nothing, and the reaper settles what nobody runs."""
    try:
        session.make_ready()
        return claim_one()
    except (OperationalError, InterfaceError):
        connection.close()
        session.make_ready()
        return claim_one()


def _settle(claim: Claim, context: ExecutionContext, ending: Ending) -> Settled | None:
    """Settle, however long the database is away: the watchdog ends this process when it has waited too long."""
    is_refused = False
    while True:
        try:
            context.flush_log()
            return settle(claim, ending)
        except (OperationalError, InterfaceError):
            session.drop()
            time.sleep(RETRY)
        except DatabaseError as error:  # the database is there, but does not take what the template made
            if is_refused:
                raise
            is_refused = True
            ending = attempt.failure(AttemptOutcome.FAILED, error, words=f"The result could not be stored: {error}")


def _tell(claim: Claim, ending: Ending, settled: Settled | None) -> None:
    event = ending.reason if ending.outcome is AttemptOutcome.HANDED_BACK and ending.reason else ending.outcome.value
    telemetry.emit(
        "execution.overtaken" if settled is None else f"execution.{event}",
        execution_id=claim.execution_id,
        job=claim.job_name or claim.template,
        attempt=claim.attempt,
        status=settled.status.value if settled else "",
        seconds=settled.seconds if settled else 0.0,
        error=ending.error,
    )
