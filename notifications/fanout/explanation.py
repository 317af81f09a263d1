"""Says for a job who would be told what by which way, by which rule and in which words, and what keeps it back now.

Asked by the same code that tells; nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.contrib.auth import get_user_model

from jobs.models import Job
from notifications import switch
from notifications.fanout import circle, memory
from notifications.models import Channel, JobCondition
from notifications.rulebook import book
from notifications.rules import timing, wording
from notifications.rules.audience import Circle, Target, Telling, Withheld, hear
from notifications.rules.grouping import Flow, Folding, Gathering, Group, flow_key, groups_of
from notifications.rules.happening import Happening, JobFacts
from notifications.rules.kinds import ABOUT, OF_THE_SYSTEM, Kind, Severity
from notifications.rules.matching import covers, in_order, is_due
from notifications.rules.rule import RuleFacts
from scheduler_project.lib import sql

OF_JOBS = tuple(kind for kind in Kind if kind not in OF_THE_SYSTEM)
INBOX, EVERYONE = "Inbox", "Everyone in the tenant"


@dataclass(frozen=True)
class TargetLine:
    """One target of one rule. With `why_not` it is not told; with `note` it is, later or in another message."""

    rule: RuleFacts
    target: Target
    way: str
    who: str
    """Empty for the receiver of a channel."""
    severity: Severity
    why_not: str = ""
    note: str = ""
    not_before: datetime | None = None
    """When it would go out by a channel, if it happened now."""

    @property
    def is_told(self) -> bool:
        return not self.why_not


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
    around = _Around(rules, job, [(happening, line) for _, happening, sides in found for line in sides.due], now)
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
                around.lines(kind, happening, sides),
            )
            for kind, happening, sides in found
        ],
    )


@dataclass(frozen=True)
class _Sides:
    """The rules that would tell it now, and those that ask for it but would not, with the reason."""

    due: list[RuleFacts]
    not_due: list[tuple[RuleFacts, str]]


def _next(kind: Kind, job: Job, failures: int, now: datetime) -> Happening:
    in_row = failures + 1 if kind is Kind.FAILED else failures
    facts = JobFacts(job.pk, job.name, job.slug, job.owner_id, frozenset(job.tags))
    return Happening((kind,), job.tenant_id, now, job=facts, name=job.name, failures_in_row=in_row)


def _sides(kind: Kind, happening: Happening, rules: Sequence[RuleFacts]) -> _Sides:
    sides = _Sides([], [])
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


class _Around:
    """What the people and channels of the rules are called, and how much they have had."""

    def __init__(
        self, rules: Sequence[RuleFacts], job: Job, due: Sequence[tuple[Happening, RuleFacts]], now: datetime
    ) -> None:
        self._now = now
        self._circle = circle.read(rules, [job.owner_id] if job.owner_id else [])
        users = {user for rule in rules for user in rule.user_ids} | {job.owner_id or 0, *self._circle.superuser_ids}
        self._names = dict(get_user_model()._default_manager.filter(pk__in=users).values_list("pk", "username"))
        self._closed = _open_circuits(self._circle, now)
        heard = [
            (telling, happening)
            for happening, rule in due
            for telling in hear(happening, [rule], self._circle).tellings
        ]
        groups = {group for telling, happening in heard for group in groups_of(telling, happening, now)}
        self._waiting, self._sent_at = memory.in_channels(groups)
        self._open = self._waiting | memory.open_in_inboxes(groups)
        self._flows: dict[str, Flow] = memory.flows({flow_key(telling) for telling, _ in heard})

    def lines(self, kind: Kind, happening: Happening, sides: _Sides) -> list[TargetLine]:
        heard = hear(happening, sides.due, self._circle)
        found = [self._told(telling, happening) for telling in heard.tellings]
        found += [self._withheld(one) for one in heard.withheld]
        for rule, why in sides.not_due:
            as_if = replace(rule, is_enabled=True, in_row=1, only_changes=False)
            happened = replace(happening, failures_in_row=max(1, happening.failures_in_row))
            kept = hear(happened, [as_if], self._circle)
            targets = [telling.target for telling in kept.tellings] + [one.target for one in kept.withheld]
            found += [self._withheld(Withheld(rule, kind, target, why)) for target in targets]
        return found

    def _withheld(self, one: Withheld) -> TargetLine:
        way, who = self._named(one.target)
        return TargetLine(one.rule, one.target, way, who, one.rule.severity_of(one.kind), why_not=one.why)

    def _told(self, telling: Telling, happening: Happening) -> TargetLine:
        target, severity = telling.target, telling.rule.severity_of(telling.kind)
        gathering = Gathering(dict(self._flows), self._open, self._now)
        gathering.add(telling, happening)
        (group, message) = next(iter(gathering.messages.items()))
        way, who = self._named(target)
        notes = [self._note(group, message.folding)]
        goes_out_at = None
        if target.channel_id is not None:
            goes_out_at = self._goes_out_at(telling, severity, group, message.folding)
            gathered_until = self._goes_out_at(telling, Severity.CRITICAL, group, message.folding)
            notes += [
                "What follows on the last message is gathered." if gathered_until > self._now and not notes[0] else "",
                "It waits for the end of quiet hours." if goes_out_at > gathered_until else "",
                self._closed.get(target.channel_id, ""),
            ]
        note = " ".join(note for note in notes if note)
        return TargetLine(telling.rule, target, way, who, severity, note=note, not_before=goes_out_at)

    def _goes_out_at(self, telling: Telling, severity: Severity, group: Group, folding: Folding) -> datetime:
        person = self._circle.people.get(group.target.user_id or 0)
        quiet = person.quiet if person else None
        sent_at = self._sent_at.get(group)
        return timing.not_before(telling.rule, severity, folding, now=self._now, sent_at=sent_at, person=quiet)

    def _note(self, group: Group, folding: Folding) -> str:
        if folding is Folding.STORM:
            return "Too much came within 5 minutes, so it is counted in one message with the rest."
        if folding is Folding.DAY:
            return "The rule's messages of the day are spent, so it is counted in one message with the rest."
        if group in self._waiting:
            return "It is counted in the message that waits to be sent."
        return "It is counted in the message about the same that is still unread." if group in self._open else ""

    def _named(self, target: Target) -> tuple[str, str]:
        person = self._names.get(target.user_id or 0, "")
        if target.channel_id is None:
            return INBOX, person or EVERYONE
        return self._circle.ways[target.channel_id].name, person


def _open_circuits(people: Circle, now: datetime) -> Mapping[int, str]:
    failing = Channel.objects.filter(pk__in=list(people.ways), open_until__gt=now).values_list("pk", "open_until")
    return {
        pk: f"The channel failed too often; it is tried again at {until:%H:%M:%S} UTC."
        for pk, until in failing
        if until
    }
