"""How many messages a target gets of one rule: repeats fold, too many at once become one, so does the rest of a day.

Nothing is lost by it: whatever folds is counted in the message that it folds into.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from notifications.rules import quiet
from notifications.rules.audience import Target, Telling
from notifications.rules.happening import Happening
from notifications.rules.kinds import Kind, Severity, rank
from notifications.rules.rule import RuleFacts

MOST_SEPARATE = 10
WINDOW = timedelta(minutes=5)
# Of a storm; whoever has more hears that it is more.
MOST_JOBS = 2_000
# Failures that were told by name, so that their recoveries are too.
MOST_NAMED = 100


class Place(StrEnum):
    """Where a happening is told: by a message about its own job, or in one that counts."""

    OWN = "own"
    STORM = "storm"
    DAY = "day"


@dataclass(frozen=True)
class Flow:
    """What one target has had of one rule lately."""

    recent: tuple[datetime, ...] = ()
    """When its newest separate messages began."""
    storm_until: datetime | None = None
    storm_jobs: frozenset[str] = frozenset()
    day: date | None = None
    told: int = 0
    """Messages of that day."""
    named: tuple[str, ...] = ()
    """Whose failures were told by name and have not recovered since."""


@dataclass
class Message:
    """What one group of one target gets out of a batch; it speaks of the last of the gravest."""

    telling: Telling
    place: Place
    group_key: str
    severity: Severity
    last: Happening
    at: datetime
    count: int = 0
    jobs: int = 0
    """How many jobs a message that counts is about so far."""


class Group(NamedTuple):
    target: Target
    key: str


@dataclass
class Gathering:
    """Takes the tellings of a batch one by one. `open_groups` have a message that still counts what comes."""

    flows: dict[str, Flow]
    open_groups: Collection[Group]
    now: datetime
    messages: dict[Group, Message] = field(default_factory=dict)

    def add(self, telling: Telling, happening: Happening) -> None:
        name = flow_key(telling)
        before = self.flows.get(name, Flow())
        own = group_of(telling, happening, Place.OWN, self.now)
        place, flow = self._placed(before, telling, happening, own)
        group = own if place is Place.OWN else group_of(telling, happening, place, self.now)
        message = self.messages.get(group)
        severity = telling.rule.severity_of(telling.kind)
        if message is None:
            message = self.messages[group] = Message(telling, place, group.key, severity, happening, at=happening.at)
        if rank(severity) >= rank(message.severity):
            message.telling, message.severity, message.last = telling, severity, happening
        message.at = max(message.at, happening.at)
        message.count += happening.count
        if place is not Place.OWN:
            jobs = flow.storm_jobs
            if happening.subject not in jobs and len(jobs) <= MOST_JOBS:
                flow = replace(flow, storm_jobs=jobs | {happening.subject})
            message.jobs = len(flow.storm_jobs)
        self.flows[name] = _with_names(flow, telling.kind, happening, place)

    def _placed(self, flow: Flow, telling: Telling, happening: Happening, own: Group) -> tuple[Place, Flow]:
        rule, now = telling.rule, self.now
        flow = _today(flow, rule, now)
        if own in self.messages or own in self.open_groups:
            return Place.OWN, flow
        if telling.kind is Kind.RECOVERED and happening.subject in flow.named:
            return Place.OWN, _counted(flow, now)  # at most one for each failure that was told by name
        if flow.told >= rule.daily_cap:
            return Place.DAY, self._without_old_jobs(flow, telling, happening, Place.DAY)
        recent = sum(at > now - WINDOW for at in flow.recent)
        if recent < MOST_SEPARATE and not (flow.storm_until and now < flow.storm_until):
            return Place.OWN, _counted(flow, now)
        told = flow.told + (not self._is_open(telling, happening, Place.STORM))
        flow = self._without_old_jobs(flow, telling, happening, Place.STORM)
        if flow.told == told and flow.storm_until == now + WINDOW:
            return Place.STORM, flow
        return Place.STORM, replace(flow, told=told, storm_until=now + WINDOW)

    def _without_old_jobs(self, flow: Flow, telling: Telling, happening: Happening, place: Place) -> Flow:
        return flow if self._is_open(telling, happening, place) else replace(flow, storm_jobs=frozenset())

    def _is_open(self, telling: Telling, happening: Happening, place: Place) -> bool:
        group = group_of(telling, happening, place, self.now)
        return group in self.messages or group in self.open_groups


def flow_key(telling: Telling) -> str:
    return f"{telling.target.tenant_id or 0}:{telling.rule.key}:{telling.target.key}"


def group_of(telling: Telling, happening: Happening, place: Place, now: datetime) -> Group:
    """Repeats of it have the same."""
    rule, target = telling.rule, telling.target
    person = f":user:{target.user_id}" if target.channel_id is not None and target.user_id is not None else ""
    if place is Place.OWN:
        about = f"{telling.kind}:{happening.subject}"
    else:
        about = place.value if place is Place.STORM else f"{place}:{quiet.day_of(now, rule.zone)}"
    return Group(target, f"rule:{rule.key}:{about}{person}")


def groups_of(telling: Telling, happening: Happening, now: datetime) -> list[Group]:
    """All that it may fold into."""
    return [group_of(telling, happening, place, now) for place in Place]


def _today(flow: Flow, rule: RuleFacts, now: datetime) -> Flow:
    today = quiet.day_of(now, rule.zone)
    return flow if flow.day == today else replace(flow, day=today, told=0)


def _counted(flow: Flow, now: datetime) -> Flow:
    return replace(flow, recent=(*flow.recent, now)[-MOST_SEPARATE:], told=flow.told + 1)


def _with_names(flow: Flow, kind: Kind, happening: Happening, place: Place) -> Flow:
    if kind is Kind.FAILED and place is Place.OWN and happening.subject not in flow.named:
        return replace(flow, named=(*flow.named, happening.subject)[-MOST_NAMED:])
    if kind is Kind.RECOVERED and happening.subject in flow.named:
        return replace(flow, named=tuple(name for name in flow.named if name != happening.subject))
    return flow
