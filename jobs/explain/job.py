"""Explains a job: whether its schedule is in force, and what the planner would say of its next tick."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from jobs import queries
from jobs.explain import following, rules
from jobs.explain.authors import setter_of
from jobs.explain.steps import Block, Condition, Explanation, Section, Step, first_block
from jobs.explain.wording import instant, seconds
from jobs.facts import Surroundings
from jobs.models import Job
from jobs.planner import Moment, first_tick_after
from jobs.rules.schedule import describe, latest

OVERDUE = timedelta(seconds=5)


@dataclass(frozen=True)
class Asked:
    job: Job
    now: datetime
    moment: Moment | None  # its next tick; None when the stored schedule cannot be evaluated or none is left
    problem: str = ""


def explain_job(job: Job, *, now: datetime) -> Explanation:
    """Reads only. The rules are judged as things stand now: runs in progress count, though they may have ended then."""
    asked = _look_ahead(job, now)
    conditions = tuple(condition.step(asked) for condition in CONDITIONS)
    further: tuple[Section, ...] = ()
    if asked.moment is None:
        steps = (*conditions, *rules.not_reached(why="Not asked: no tick is left to judge."))
    else:
        steps = (*conditions, *rules.judged(job, asked.moment))
        further = (Section("If it were due now", rules.judged(job, rules.due_now(replace(asked.moment, now=now)))),)
    block = first_block(steps)
    further = (*following.of_job(job), *further)
    return Explanation(
        "job", job.pk, job.pk, job.name, _answer(job, asked, block), steps, blocked_by=block, further=further
    )


def _look_ahead(job: Job, now: datetime) -> Asked:
    try:
        describe(job.schedule)
        due_at = job.next_tick_at or first_tick_after(
            job.schedule, job.policies, after=now, fired_count=job.fired_count
        )
        since = min(due_at or now, now)
        facts = Surroundings([job], since=since, now=max(due_at or now, now)).facts(job, next_tick_at=due_at or now)
    except Exception as error:  # noqa: BLE001  a stored schedule may raise anything, and that is what is explained
        return Asked(job, now, None, job.problem or f"{type(error).__name__}: {error}")
    if due_at is None:
        return Asked(job, now, None)
    newer = latest(facts.spec, due_at, now, facts.policy.misfire_cap) if due_at < now else []
    moment = Moment(facts, due_at, max(now, due_at), newer=len(newer), newest=newer[-1] if newer else None)
    return Asked(job, now, moment)


def _answer(job: Job, asked: Asked, block: Step | None) -> str:
    due = f"the tick due at {instant(asked.moment.due_at, job.spec.get('timezone', 'UTC'))}" if asked.moment else ""
    if block is None:
        return f"Nothing stands in the way: {due} will fire."
    if not block.outcome:
        return block.text
    return f"{due[0].upper()}{due[1:]} will be {block.outcome}. {block.text}"


# --- what must hold before a tick is due at all -----------------------------------------------------------------------


def _kept(asked: Asked) -> Block | str:
    job = asked.job
    if job.archived_at is None:
        return "The job is not archived."
    by = _setter(asked, "archived")
    at = instant(job.archived_at)
    return Block(
        f"{by.by or 'Somebody'} archived the job at {at}; it never runs again.", by=by.by, since=job.archived_at
    )


def _enabled(asked: Asked) -> Block | str:
    if asked.job.is_enabled:
        return "The schedule is in force."
    by = _setter(asked, "enabled")
    at = f" at {instant(by.since)}" if by.since else ""
    return replace(by, text=f"{by.by or 'Somebody'} disabled the schedule{at}: nothing is due until it is enabled.")


def _readable(asked: Asked) -> Block | str:
    job = asked.job
    if asked.problem or job.undecided_since is not None:
        problem = asked.problem or job.problem
        return Block(f"The job is quarantined: {problem} Save it with a schedule that can be read.", by="system:ledger")
    return f"{describe(job.schedule)}."


def _runs_left(asked: Asked) -> Block | str:
    if asked.problem:
        return "Not known."
    most = asked.job.policies.max_runs
    if most is None:
        return "The number of runs is not limited."
    if not _is_used_up(asked.job):
        return f"{asked.job.fired_count} of {most} runs are used."
    by = _setter(asked, "policies__max_runs")
    return replace(by, text=f"All {most} runs are used up; a higher `max_runs` lets it go on.")


def _ticks_left(asked: Asked) -> Block | str:
    job, spec = asked.job, asked.job.spec
    if spec.get("kind") == "manual":
        text = "It has no schedule: it runs only when somebody starts it."
        return replace(_setter(asked, "schedule__kind"), text=text)
    if asked.moment is None and not asked.problem and not _is_used_up(job):
        end = spec.get("end_at")
        when = f" It ended at {instant(datetime.fromisoformat(end))}." if end else ""
        return replace(_setter(asked, "schedule"), text=f"The schedule has no further occurrence.{when}")
    if asked.moment is None:
        return "Not asked."
    verb = "is" if job.next_tick_at is not None else "would be"
    return f"The next one {verb} due at {instant(asked.moment.due_at, spec['timezone'])}."


def _is_used_up(job: Job) -> bool:
    most = job.policies.max_runs
    return most is not None and job.fired_count >= most


def _started(asked: Asked) -> Block | str:
    start = None if asked.problem else asked.job.schedule.start_at
    if start is None or start <= asked.now:
        return "The schedule has begun."
    text = f"The schedule begins at {instant(start, asked.job.schedule.timezone)}; nothing is due before."
    return replace(_setter(asked, "schedule__start_at"), text=text, clears_at=start)


def _led(asked: Asked) -> Block | str:
    status = queries.scheduler_status()
    if status.leader is None:
        return Block("No scheduler leads, so nothing is decided; start one. What was due is decided when it comes.")
    due_at = asked.moment.due_at if asked.moment else None
    if due_at is not None and due_at < asked.now - OVERDUE and asked.job.is_enabled:
        late = seconds((asked.now - due_at).total_seconds())
        return f"{status.leader} leads and is catching up: the tick of {instant(due_at)} is undecided since {late}."
    return f"{status.leader} leads and decides what is due."


def _setter(asked: Asked, path: str) -> Block:
    revision = setter_of(asked.job, path)
    return Block("", by=revision.actor, since=revision.valid_from) if revision else Block("")


CONDITIONS: tuple[Condition[Asked], ...] = (
    Condition("archived", "Not archived", _kept),
    Condition("enabled", "Enabled", _enabled),
    Condition("quarantine", "Readable schedule", _readable),
    Condition("max_runs", "Runs left", _runs_left),
    Condition("schedule", "Ticks left", _ticks_left),
    Condition("start", "Begun", _started),
    Condition("scheduler", "A scheduler leads", _led),
)
