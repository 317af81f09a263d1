"""Decide and record ticks: for the scheduler's turn over all jobs, and for a change of one job before it is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import DataError, transaction

from jobs import executions, planner
from jobs.facts import TEMPLATE_IS_GONE, Surroundings
from jobs.models import Job
from jobs.planner import JobPlan, TickDecision
from jobs.rules.policy import JobPolicy
from jobs.rules.states import HeldFor
from scheduler_project.lib import sql, telemetry

Planned = tuple[Job, JobPlan]

MAX_JOBS = 500
MAX_TICKS = 5_000
MAX_TICKS_OF_A_CHANGE = 20_000


class StillCatchingUp(Exception):
    """So many ticks of the job are undecided that a change cannot decide them first."""


@dataclass(frozen=True)
class Decided:
    """What one turn did."""

    jobs: int = 0
    ticks: int = 0
    fired: int = 0
    is_complete: bool = True
    plans: Sequence[Planned] = ()


def decide_due(*, now: datetime, epoch: int) -> Decided:
    """Decide what is due, bounded in jobs and ticks. Runs inside the caller's transaction, which holds the fence."""
    due = _lock_due(now)
    if not due:
        return Decided()
    surroundings = _surroundings(due, now)
    plans: list[Planned] = []
    left = MAX_TICKS
    is_complete = len(due) < MAX_JOBS
    for position, job in enumerate(due):
        # Those least behind come first, and leave the rest of their share: one that is far behind stops no other.
        share = max(left // (len(due) - position), 1)
        plan = _plan(job, surroundings, now=now, limit=share)
        if plan is not None:
            _note_template(job, surroundings.template_problem(job))
            plans.append((job, plan))
            surroundings.count_in(job, plan.decisions)
            left -= len(plan.decisions)
            is_complete = is_complete and plan.is_complete
    recorded, fired = _record_each(plans, now=now, epoch=epoch)
    ticks = sum(len(plan.decisions) for _, plan in recorded)
    return Decided(len(recorded), ticks, fired, is_complete, recorded)


def _lock_due(now: datetime) -> list[Job]:
    """Jobs that are due, the newest first. When there are too many for a turn, half of it belongs to those least
    behind: however many come out of a long outage, the others stay on time."""
    waiting = Job.objects.select_for_update(skip_locked=True, no_key=True).filter(next_tick_at__lte=now).only(*READ)
    newest = list(waiting.order_by("-next_tick_at")[: MAX_JOBS // 2])
    if len(newest) < MAX_JOBS // 2:
        return newest
    others = waiting.exclude(pk__in=[job.pk for job in newest])
    oldest = list(others.order_by("next_tick_at")[: MAX_JOBS - len(newest)])
    return [*newest, *reversed(oldest)]


# All that is looked at here: a job has many more columns, and reading them costs as much as deciding.
READ = (
    "tenant_id", "template_id", "name", "spec", "policy", "calendars", "mode", "paused_at", "paused_by", "pause_note",
    "paused_until", "next_tick_at", "fired_count", "problem", "undecided_since", "has_gates",
    "priority",
)  # fmt: skip


def decide_job(job: Job, *, now: datetime, closing: str = "") -> None:
    """Decide all that is due of one locked job under the definition it still has, before a change is written.

    What a quarantine left undecided is missed, as far as the schedule can be evaluated again. Raises StillCatchingUp.
    """
    if job.undecided_since is not None:
        job.next_tick_at, job.undecided_since, closing = job.undecided_since, None, "schedule_error"
    left = MAX_TICKS_OF_A_CHANGE
    while job.next_tick_at is not None and job.next_tick_at <= now:
        if left <= 0:
            raise StillCatchingUp(
                f"{job.name} has more than {MAX_TICKS_OF_A_CHANGE:,} undecided ticks: the scheduler is still catching "
                "up after an outage. Change the job when it has."
            )
        plan = _plan(job, _surroundings([job], now), now=now, limit=MAX_TICKS, closing=closing)
        if plan is None:
            return
        left -= len(plan.decisions)
        _record([(job, plan)], now=now, epoch=0)
        job.refresh_from_db(fields=["next_tick_at", "fired_count"])


def lock_totals() -> None:
    """For a change that decides several jobs, one statement each; to be called when it has locked the jobs."""
    sql.rows(LOCK_TOTALS)


def _surroundings(jobs: Sequence[Job], now: datetime) -> Surroundings:
    return Surroundings(jobs, since=min(job.next_tick_at for job in jobs if job.next_tick_at is not None), now=now)


def _plan(job: Job, surroundings: Surroundings, *, now: datetime, limit: int, closing: str = "") -> JobPlan | None:
    """The job's plan, or None after quarantining a job whose schedule no longer loads: one bad job stops no other."""
    assert job.next_tick_at is not None
    try:
        facts = surroundings.facts(job, next_tick_at=job.next_tick_at, closing=closing)
        return planner.plan(facts, now=now, limit=limit)
    except Exception as error:  # noqa: BLE001  whatever a stored schedule raises, the other jobs must go on
        _quarantine(job, error)
        return None


def _quarantine(job: Job, error: Exception) -> None:
    job.problem = sql.text(f"The schedule cannot be evaluated: {type(error).__name__}: {error}".strip())
    job.undecided_since, job.next_tick_at = job.next_tick_at, None
    job.save(update_fields=["problem", "undecided_since", "next_tick_at"])
    telemetry.emit("job.quarantined", job_id=job.pk, job=job.name, problem=job.problem)


def _note_template(job: Job, problem: str) -> None:
    """Show at the job that its template is gone, or that it is back."""
    if problem == job.problem or (not problem and job.problem != TEMPLATE_IS_GONE):
        return
    Job.objects.filter(pk=job.pk).update(problem=problem)
    telemetry.emit("job.quarantined" if problem else "job.released", job_id=job.pk, job=job.name, problem=problem)


# Upper bounds in seconds of the histogram of how late ticks are decided; one more bucket holds what is later.
LAG_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600, 86_400)

RECORD = """
WITH planned AS (
    SELECT * FROM unnest(%(job)s::bigint[], %(due)s::timestamptz[], %(outcome)s::text[], %(reason)s::text[],
                         %(blocking)s::bigint[], %(execution)s::bigint[], %(slots)s::integer[],
                         %(attempts)s::integer[], %(deadline)s::timestamptz[], %(held_for)s::text[],
                         %(priority)s::smallint[])
        AS p(job_id, due_at, outcome, reason, blocking_id, execution_id, slots, attempts, deadline, held_for, priority)
), recorded AS (
    INSERT INTO ticks (tenant_id, job_id, due_at, outcome, reason, blocking_id, execution_id, revision, epoch,
                       decided_at)
    SELECT j.tenant_id, p.job_id, p.due_at, p.outcome, p.reason, p.blocking_id, p.execution_id, j.revision,
           %(epoch)s, %(now)s
    FROM planned p JOIN dynamic_jobs j ON j.id = p.job_id
    ON CONFLICT (job_id, due_at) DO NOTHING
    RETURNING job_id, due_at, execution_id, outcome, reason
), counted AS (
    INSERT INTO tick_totals AS t (by_change, outcome, reason, count, lag_seconds, buckets)
    SELECT %(epoch)s = 0, outcome, reason, count(*), sum(lag), ARRAY[{buckets}]
    FROM (SELECT outcome, reason, extract(epoch FROM %(now)s - due_at)::float AS lag FROM recorded) AS late
    GROUP BY outcome, reason ORDER BY outcome, reason
    ON CONFLICT (by_change, outcome, reason) DO UPDATE
    SET count = t.count + excluded.count, lag_seconds = t.lag_seconds + excluded.lag_seconds,
        buckets = ARRAY(SELECT coalesce(a, 0) + coalesce(b, 0)
                        FROM unnest(t.buckets, excluded.buckets) WITH ORDINALITY AS u(a, b, n) ORDER BY n)
), fired AS (
    INSERT INTO job_executions (id, tenant_id, job_id, template_id, trigger, scheduled_for, revision, parameters,
        policy, run_key, requested_by, queue, priority, pool_id, max_instances, max_attempts, held_for, created_at,
        available_at, start_deadline_at, event_sequence)
    SELECT r.execution_id, j.tenant_id, j.id, j.template_id, 'schedule', r.due_at, j.revision, j.parameters, j.policy,
           md5(j.id || '/' || extract(epoch FROM r.due_at) || '/schedule')::uuid, 'system:schedule', j.queue,
           coalesce(p.priority, j.priority), j.pool_id, p.slots, p.attempts,
           CASE WHEN p.held_for = '' AND t.requires_approval THEN 'approval' ELSE p.held_for END, %(now)s, %(now)s,
           p.deadline, 1
    FROM recorded r JOIN planned p USING (job_id, due_at) JOIN dynamic_jobs j ON j.id = r.job_id
    JOIN job_templates t ON t.id = j.template_id
    WHERE r.execution_id IS NOT NULL
    RETURNING id, tenant_id, job_id
), told AS (
    INSERT INTO execution_events (execution_id, sequence, kind, at, tenant_id, job_id)
    SELECT id, 1, 'queued', %(now)s, tenant_id, job_id FROM fired
)
SELECT (SELECT count(*) FROM recorded) AS recorded, ARRAY(SELECT id FROM fired) AS fired
""".replace(
    "{buckets}",
    ", ".join(
        f"count(*) FILTER (WHERE width_bucket(lag, ARRAY{[float(bound) for bound in LAG_BUCKETS]}) = {bucket})"
        for bucket in range(len(LAG_BUCKETS) + 1)
    ),
)

# In the order in which one statement takes them, so that two that decide at the same time never wait for each other.
LOCK_TOTALS = "SELECT 1 FROM tick_totals WHERE by_change ORDER BY by_change, outcome, reason FOR UPDATE"

ADVANCE = """
UPDATE dynamic_jobs j SET next_tick_at = v.next_tick_at, fired_count = j.fired_count + v.fired
FROM unnest(%(job)s::bigint[], %(next)s::timestamptz[], %(fired)s::integer[]) AS v(id, next_tick_at, fired)
WHERE j.id = v.id
"""


def _record_each(plans: Sequence[Planned], *, now: datetime, epoch: int) -> tuple[Sequence[Planned], int]:
    """Together, or one by one when a stored value cannot be written, which tells the job that is to blame. Returns
    those that were recorded, and how many executions were made. Any other error is no job's fault, and is raised."""
    try:
        with transaction.atomic():
            return plans, _record(plans, now=now, epoch=epoch)
    except (DataError, ArithmeticError, TypeError, ValueError) as error:
        if len(plans) == 1:
            _quarantine(plans[0][0], error)
            return [], 0
        alone = [_record_each([plan], now=now, epoch=epoch) for plan in plans]
        return [plan for recorded, _ in alone for plan in recorded], sum(fired for _, fired in alone)


def _record(plans: Sequence[Planned], *, now: datetime, epoch: int) -> int:
    """Write ticks, their executions and where each job goes on. Returns how many executions were made."""
    if not plans:
        return 0
    planned = [(job, decision) for job, plan in plans for decision in plan.decisions]
    execution_ids = _execution_ids(planned)
    fired: set[int] = set()  # without ticks that were in the ledger already
    if planned:
        counts = sql.row(RECORD, {"now": now, "epoch": epoch, **_columns(planned, execution_ids)})
        assert counts is not None
        fired = set(counts["fired"])
        if counts["recorded"] < len(planned):
            telemetry.emit("tick.duplicated", ticks=len(planned) - counts["recorded"])
    sql.rows(
        ADVANCE,
        {
            "job": [job.pk for job, _ in plans],
            "next": [plan.next_tick_at for _, plan in plans],
            "fired": [
                sum(execution_ids.get((job.pk, decision.due_at)) in fired for decision in plan.decisions)
                for job, plan in plans
            ],
        },
    )
    for job, plan in plans:
        replacing = [execution_ids[job.pk, d.due_at] for d in plan.decisions if d.replaces and d.fires]
        if fired.intersection(replacing):
            executions.replace(job_id=job.pk, by=max(fired.intersection(replacing)), now=now)
    return len(fired)


def _execution_ids(planned: Iterable[tuple[Job, TickDecision]]) -> dict[tuple[int, datetime], int]:
    """An id for each execution to come, so that ticks of the same plan can name it."""
    firing = [(job.pk, decision.due_at) for job, decision in planned if decision.fires]
    if not firing:
        return {}
    ids = sql.rows(
        "SELECT nextval('job_executions_id_seq') AS id FROM generate_series(1, %(count)s::integer)",
        {"count": len(firing)},
    )
    return {key: row["id"] for key, row in zip(firing, ids, strict=True)}


COLUMNS = (
    "job", "due", "outcome", "reason", "blocking", "execution", "slots", "attempts", "deadline", "held_for", "priority",
)  # fmt: skip


def _held_for(job: Job, policy: JobPolicy) -> str:
    """What a run must wait for before it may be announced; after the other jobs' ticks, somebody's approval."""
    if job.has_gates:
        return HeldFor.UPSTREAM
    return HeldFor.APPROVAL if policy.requires_approval else ""


def _columns(
    planned: Sequence[tuple[Job, TickDecision]], execution_ids: dict[tuple[int, datetime], int]
) -> dict[str, list[object]]:
    columns: dict[str, list[object]] = {name: [] for name in COLUMNS}
    policies = {job.pk: job.policies for job, _ in planned}
    for job, decision in planned:
        policy = policies[job.pk]
        blocking = decision.blocking_id
        if blocking is None and decision.blocking_due_at is not None:
            blocking = execution_ids.get((job.pk, decision.blocking_due_at))
        columns["job"].append(job.pk)
        columns["due"].append(decision.due_at)
        columns["outcome"].append(decision.outcome.value)
        columns["reason"].append(decision.reason)
        columns["blocking"].append(blocking)
        columns["execution"].append(execution_ids.get((job.pk, decision.due_at)))
        columns["slots"].append(policy.slots)
        columns["attempts"].append(policy.max_attempts)
        columns["deadline"].append(policy.start_deadline_at(decision.due_at))
        columns["held_for"].append(_held_for(job, policy))
        columns["priority"].append(decision.priority)
    return columns
