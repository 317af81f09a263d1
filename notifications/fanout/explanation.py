"""Says for a job who would be told what by which way, by which rule and in which words, and what keeps it back now.

Asked by the same code that tells; nothing is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs.models import Job
from notifications import switch
from notifications.fanout.standing import Sides, Standing, TargetLine
from notifications.models import JobCondition
from notifications.rulebook import book
from notifications.rules import wording
from notifications.rules.happening import Happening, JobFacts
from notifications.rules.kinds import ABOUT, OF_THE_SYSTEM, Kind
from notifications.rules.matching import covers, in_order, is_due
from notifications.rules.rule import RuleFacts
from scheduler_project.lib import sql

OF_JOBS = tuple(kind for kind in Kind if kind not in OF_THE_SYSTEM)


@dataclass(frozen=True)
class KindAnswer:
    """About one kind. `now` says how the job does, where that decides."""

    kind: Kind
    label: str
    title: str
    now: str
    lines: Sequence[TargetLine]

    @property
    def told(self) -> list[TargetLine]:
        return [line for line in self.lines if line.is_told]


@dataclass(frozen=True)
class Explanation:
    """`refusal` says why nothing is sent at all at the moment."""

    at: datetime
    refusal: str
    failures_in_row: int
    failing_since: datetime | None
    answers: Sequence[KindAnswer]


def explain(job: Job, *, kinds: Sequence[Kind] = OF_JOBS) -> Explanation:
    """As if each of these kinds happened to the job now."""
    now, rules = sql.now(), in_order(book.rules_of([job.tenant_id])[job.tenant_id])
    condition = JobCondition.objects.filter(job=job).first()
    failures = condition.failures_in_row if condition else 0
    asked = [(kind, _next(kind, job, failures, now)) for kind in kinds]
    found = [(kind, happening, _sides(kind, happening, rules)) for kind, happening in asked]
    due = [(happening, rule) for _, happening, sides in found for rule in sides.due]
    standing = Standing(rules, job, due, now)
    return Explanation(
        at=now,
        refusal=switch.refusal(),
        failures_in_row=failures,
        failing_since=condition.failing_since if condition else None,
        answers=[
            KindAnswer(
                kind,
                ABOUT[kind].label,
                wording.title(kind, job.name),
                _how_it_does(kind, failures),
                standing.lines(kind, happening, sides),
            )
            for kind, happening, sides in found
        ],
    )


def _next(kind: Kind, job: Job, failures: int, now: datetime) -> Happening:
    in_row = failures + 1 if kind is Kind.FAILED else failures
    facts = JobFacts(job.pk, job.name, job.slug, job.owner_id, frozenset(job.tags))
    return Happening((kind,), job.tenant_id, now, job=facts, name=job.name, failures_in_row=in_row)


def _sides(kind: Kind, happening: Happening, rules: Sequence[RuleFacts]) -> Sides:
    sides = Sides([], [])
    for rule in rules:
        if kind not in rule.kinds or not covers(rule, tenant_id=happening.tenant_id, job=happening.job):
            continue
        if why := _why_not_due(rule, kind, happening.failures_in_row):
            sides.not_due.append((rule, why))
        else:
            sides.due.append(rule)
    return sides


def _why_not_due(rule: RuleFacts, kind: Kind, failures: int) -> str:
    if not rule.is_enabled:
        return "The rule is disabled."
    if is_due(rule, kind, failures):
        return ""
    if kind is Kind.RECOVERED:
        if not failures:
            return "The job is well, so there is nothing to recover from."
        return f"Its failure was not told: the rule asks for {rule.in_row} in a row."
    if failures < rule.in_row:
        return f"The rule asks for {rule.in_row} failures in a row."
    return "The rule has told it already, and tells only changes."


def _how_it_does(kind: Kind, failures: int) -> str:
    if kind is Kind.FAILED:
        return f"The next failure is the {wording.ordinal(failures + 1)} in a row."
    if kind is Kind.RECOVERED and failures:
        return f"It has failed {failures:,} time{'' if failures == 1 else 's'} in a row, so the next success is one."
    if kind is Kind.DEAD_LETTER:
        return "A rule that tells the failure itself does not tell its dead letter as well."
    return ""
