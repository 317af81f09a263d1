"""Runs the planner's rule list over one occurrence and puts each answer into words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from jobs import planner
from jobs.explain import wording
from jobs.explain.authors import setter_of
from jobs.explain.steps import Step
from jobs.models import Job
from jobs.planner import Moment, Rule, Verdict

# The field of the definition that a rule looks at, where the verdict itself does not know who set it.
FIELDS = {"observed": "mode", "misfire": "policies__misfire", "overlap": "policies__overlap"}


def judged(job: Job, moment: Moment) -> tuple[Step, ...]:
    """Every rule on this moment; each is asked, also those after the first that blocks."""
    return tuple(_step(job, rule, moment) for rule in planner.RULES)


def not_reached(rules: Iterable[Rule] = planner.RULES, why: str = "Not asked.") -> tuple[Step, ...]:
    return tuple(Step(rule.name, wording.title(rule.name), "not_reached", why) for rule in rules)


def blocked_step(job: Job, rule: Rule, verdict: Verdict, moment: Moment, *, revision: int | None = None) -> Step:
    by, since = verdict.by, verdict.since
    if not by and rule.name in FIELDS and (setter := setter_of(job, FIELDS[rule.name], upto=revision)):
        by, since = setter.actor, setter.valid_from
    return Step(
        rule.name,
        wording.title(rule.name),
        "blocked",
        wording.blocked(verdict, moment),
        outcome=verdict.outcome.value,
        reason=verdict.reason,
        by=by,
        since=since,
        clears_at=verdict.clears_at,
        execution_id=verdict.blocking_id,
    )


def passed_step(rule: Rule, moment: Moment) -> Step:
    return Step(rule.name, wording.title(rule.name), "passed", wording.passed(rule.name, moment))


def due_now(moment: Moment) -> Moment:
    return replace(moment, due_at=moment.now)


def _step(job: Job, rule: Rule, moment: Moment) -> Step:
    verdict = rule.judge(moment)
    return passed_step(rule, moment) if verdict is None else blocked_step(job, rule, verdict, moment)
