"""How the targets of some rules stand: what they are called, what they have had, and when more would go out to them.

Asked by the same code that tells; nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.contrib.auth import get_user_model

from jobs.models import Job
from notifications.fanout import circle, memory
from notifications.models import Channel
from notifications.rules import timing
from notifications.rules.audience import Circle, Target, Telling, Withheld, hear
from notifications.rules.grouping import Flow, Folding, Gathering, Group, flow_key, groups_of
from notifications.rules.happening import Happening
from notifications.rules.kinds import Kind, Severity
from notifications.rules.rule import RuleFacts

INBOX, EVERYONE = "Inbox", "Everyone in the tenant"


@dataclass(frozen=True)
class Sides:
    """The rules that would tell it now, and those that ask for it but would not, with the reason."""

    due: list[RuleFacts]
    not_due: list[tuple[RuleFacts, str]]


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


class Standing:
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

    def lines(self, kind: Kind, happening: Happening, sides: Sides) -> list[TargetLine]:
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
