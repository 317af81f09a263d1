"""Explains a tick: what the ledger recorded, told along the rule list that decided it."""

from __future__ import annotations

from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from jobs import facts as facts_module
from jobs import planner
from jobs.explain import following, rules, wording
from jobs.explain.authors import setter_of
from jobs.explain.steps import Explanation, Step, first_block
from jobs.explain.wording import instant, seconds
from jobs.models import Execution, Job, JobRevision, LeaseHistory, SchedulerEvent, Tick
from jobs.planner import JobFacts, Moment, Pause, Rule, Verdict
from jobs.rules.calendar import CalendarRules, first_closed
from jobs.rules.policy import JobPolicy
from jobs.rules.schedule import ScheduleSpec, describe
from jobs.rules.states import FIRING, Mode, TickOutcome

# A change decides and writes its revision with one clock; nothing else has the same instant.
SAME_CHANGE = timedelta(milliseconds=1)


def explain_tick(tick: Tick) -> Explanation:
    """The recorded outcome is the truth; what stood around it then is told from the rows that still exist."""
    job = Job.objects.select_related("template").get(pk=tick.job_id)
    revision = JobRevision.objects.filter(job=job, number=tick.revision).first()
    moment = _moment(tick, job, revision)
    decided = _along_the_rules(tick, job, moment)
    steps = (_due(tick, moment, revision), _decided(tick, revision), *decided, _outcome(tick, moment))
    block = first_block(steps)
    title = f"{job.name}, due {instant(tick.due_at, moment.facts.spec.timezone)}"
    answer = f"{tick.outcome.capitalize()}. {block.text if block else steps[-1].text}"
    return Explanation(
        "tick", tick.pk, tick.job_id, title, answer, steps, blocked_by=block, further=following.of_tick(tick)
    )


def _moment(tick: Tick, job: Job, revision: JobRevision | None) -> Moment:
    """The tick as the planner saw it, as far as that can be known again."""
    definition: dict[str, Any] = revision.definition if revision else {}
    try:
        spec, policy = ScheduleSpec.from_json(definition["schedule"]), JobPolicy.from_json(definition["policies"])
        describe(spec)
    except Exception:  # noqa: BLE001  whatever was stored: what the ledger recorded can be told all the same
        spec, policy = ScheduleSpec(kind="manual"), job.policies
    known = facts_module.calendars_of([job])
    facts = JobFacts(
        job_id=job.pk,
        spec=spec,
        policy=policy,
        next_tick_at=tick.due_at,
        pause=_pause(tick, job) if definition.get("paused") else None,
        mode=Mode(definition.get("mode", Mode.LIVE)),
        calendars=tuple(
            rules for slug in job.calendars if isinstance(rules := known.get((job.tenant_id, slug)), CalendarRules)
        ),
        maintenance=facts_module.maintenance_windows(tick.due_at, max(tick.due_at, tick.decided_at)),
    )
    newest = _due_of(tick.blocking_id) if tick.outcome == TickOutcome.COALESCED else None
    return Moment(facts, tick.due_at, tick.decided_at, newest=newest)


def _pause(tick: Tick, job: Job) -> Pause:
    setter = setter_of(job, "paused", upto=tick.revision)
    latest = JobRevision.objects.filter(job=job, change="paused", number__lte=tick.revision).order_by("-number").first()
    told = latest or setter
    until = told.definition.get("paused_until") if told else None
    return Pause(
        by=told.actor if told else "",
        note=told.note if told else "",
        until=datetime.fromisoformat(until) if until else None,
        since=setter.valid_from if setter else None,
    )


def _due_of(execution_id: int | None) -> datetime | None:
    if execution_id is None:
        return None
    return Execution.objects.filter(pk=execution_id).values_list("scheduled_for", flat=True).first()


# --- the steps --------------------------------------------------------------------------------------------------------


def _due(tick: Tick, moment: Moment, revision: JobRevision | None) -> Step:
    by, since = (revision.actor, revision.valid_from) if revision else ("", None)
    known = moment.facts.spec.kind != "manual"
    words = describe(moment.facts.spec) if known else "its schedule cannot be read any more"
    text = f"Revision {tick.revision} made it due: {words}."
    return Step("due", "Due", "noted", text, by=by, since=since)


def _decided(tick: Tick, revision: JobRevision | None) -> Step:
    late = seconds((tick.decided_at - tick.due_at).total_seconds())
    if tick.epoch:
        led = LeaseHistory.objects.filter(epoch=tick.epoch).first()
        who = f"the scheduler {led.holder}" if led else "a scheduler"
        return Step("decided", "Decided", "noted", f"Decided {late} after it was due by {who}, epoch {tick.epoch}.")
    change = _change_that_decided(tick)
    if change is None:
        return Step("decided", "Decided", "noted", f"Decided {late} after it was due, by a change of the job.")
    text = (
        f"Decided {late} after it was due, by a change of the job before it took effect: "
        f"revision {change.number} ({change.change})."
    )
    return Step("decided", "Decided", "noted", text, by=change.actor, since=change.valid_from)


def _change_that_decided(tick: Tick) -> JobRevision | None:
    around = (tick.decided_at - SAME_CHANGE, tick.decided_at + SAME_CHANGE)
    return JobRevision.objects.filter(job_id=tick.job_id, valid_from__range=around).order_by("number").first()


def _along_the_rules(tick: Tick, job: Job, moment: Moment) -> tuple[Step, ...]:
    place = next((n for n, rule in enumerate(planner.RULES) if _gives(rule, tick.reason)), None)
    if tick.outcome in FIRING:
        return tuple(rules.passed_step(rule, moment) for rule in planner.RULES)
    if place is None:  # recorded by something else than the planner
        told = REPAIRS.get(tick.reason, f"Recorded as {tick.reason or tick.outcome} by something else than the rules.")
        blocked = Step("recorded", "Recorded", "blocked", told, outcome=tick.outcome, reason=tick.reason)
        return (blocked, *rules.not_reached(why="Not asked: the planner never saw it."))
    rule = planner.RULES[place]
    blocked = rules.blocked_step(job, rule, _verdict(tick, rule, moment), moment, revision=tick.revision)
    if rule.name == "closing" and (change := _change_that_decided(tick)):
        blocked = _signed(blocked, change)
    return (
        *(rules.passed_step(passed, moment) for passed in planner.RULES[:place]),
        blocked,
        *rules.not_reached(planner.RULES[place + 1 :], f"Not asked: {wording.title(rule.name).lower()} came first."),
    )


REPAIRS = {
    "unaccounted": "Nobody had decided it; the reconciler found it missing in the ledger and recorded it.",
}


def _signed(step: Step, change: JobRevision) -> Step:
    text = f"{change.actor} {change.change} the job before this tick had been decided."
    return Step(
        step.rule,
        step.title,
        "blocked",
        text if step.reason.endswith("_at_tick") else step.text,
        outcome=step.outcome,
        reason=step.reason,
        by=change.actor,
        since=change.valid_from,
    )


def _gives(rule: Rule, reason: str) -> bool:
    return any(fnmatchcase(reason, pattern) for pattern in rule.reasons)


def _verdict(tick: Tick, rule: Rule, moment: Moment) -> Verdict:
    """The rule's own words of it where the same rows still say the same; else what the ledger alone knows."""
    again = rule.judge(moment) if rule.name in ("maintenance", "paused") else None
    if again is not None and again.reason == tick.reason:
        return again
    outcome, blocking = TickOutcome(tick.outcome), tick.blocking_id
    if rule.name == "scheduler_disabled" and (told := _switch_before(tick)):
        return Verdict(outcome, tick.reason, by=told.data.get("by", ""), since=told.at, text=told.data.get("note", ""))
    closed = first_closed(moment.facts.calendars, tick.due_at) if rule.name == "calendar" else None
    if closed is not None and closed.reason == tick.reason:
        return Verdict(outcome, tick.reason, by=closed.by, text=closed.text, clears_at=closed.until)
    return Verdict(outcome, tick.reason, blocking_id=blocking, blocking_due_at=moment.newest)


def _switch_before(tick: Tick) -> SchedulerEvent | None:
    switched = SchedulerEvent.objects.filter(type="scheduler_switched", at__lte=tick.decided_at)
    return switched.filter(data__value=False).order_by("-id").first()


def _outcome(tick: Tick, moment: Moment) -> Step:
    if tick.outcome not in FIRING:
        reason = f" ({tick.reason})" if tick.reason else ""
        return Step("outcome", "Recorded as", "noted", f"{tick.outcome.capitalize()}{reason}; it ran nothing.")
    status = Execution.objects.filter(pk=tick.execution_id or 0).values_list("status", flat=True).first()
    now_is = f", which is {status} now" if status else ", which is not kept any more"
    late = f" It counts as late: more than {seconds(moment.facts.policy.late_after_seconds)} after it was due."
    text = f"It fired execution {tick.execution_id}{now_is}.{late if tick.outcome == TickOutcome.LATE else ''}"
    return Step("outcome", "Recorded as", "noted", text, outcome=tick.outcome, execution_id=tick.execution_id)
