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


class Folding(StrEnum):
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
class Gathered:
    """What one group of one target gets out of a batch; it speaks of the last of the gravest."""

    telling: Telling
    folding: Folding
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
    messages: dict[Group, Gathered] = field(default_factory=dict)

    def add(self, telling: Telling, happening: Happening) -> None:
        name = flow_key(telling)
        before = self.flows.get(name, Flow())
        own = group_of(telling, happening, Folding.OWN, self.now)
        folding, flow = self._folded(before, telling, happening, own)
        group = own if folding is Folding.OWN else group_of(telling, happening, folding, self.now)
        message = self.messages.get(group)
        severity = telling.rule.severity_of(telling.kind)
        if message is None:
            message = self.messages[group] = Gathered(telling, folding, group.key, severity, happening, at=happening.at)
        if rank(severity) >= rank(message.severity):
            message.telling, message.severity, message.last = telling, severity, happening
        message.at = max(message.at, happening.at)
        message.count += happening.count
        if folding is not Folding.OWN:
            jobs = flow.storm_jobs
            if happening.subject not in jobs and len(jobs) <= MOST_JOBS:
                flow = replace(flow, storm_jobs=jobs | {happening.subject})
            message.jobs = len(flow.storm_jobs)
        self.flows[name] = _with_names(flow, telling.kind, happening, folding)

    def _folded(self, flow: Flow, telling: Telling, happening: Happening, own: Group) -> tuple[Folding, Flow]:
        rule, now = telling.rule, self.now
        flow = _today(flow, rule, now)
        if own in self.messages or own in self.open_groups:
            return Folding.OWN, flow
        if telling.kind is Kind.RECOVERED and happening.subject in flow.named:
            return Folding.OWN, _counted(flow, now)  # at most one for each failure that was told by name
        if flow.told >= rule.daily_cap:
            return Folding.DAY, self._without_old_jobs(flow, telling, happening, Folding.DAY)
        recent = sum(at > now - WINDOW for at in flow.recent)
        if recent < MOST_SEPARATE and not (flow.storm_until and now < flow.storm_until):
            return Folding.OWN, _counted(flow, now)
        told = flow.told + (not self._is_open(telling, happening, Folding.STORM))
        flow = self._without_old_jobs(flow, telling, happening, Folding.STORM)
        if flow.told == told and flow.storm_until == now + WINDOW:
            return Folding.STORM, flow
        return Folding.STORM, replace(flow, told=told, storm_until=now + WINDOW)

    def _without_old_jobs(self, flow: Flow, telling: Telling, happening: Happening, folding: Folding) -> Flow:
        return flow if self._is_open(telling, happening, folding) else replace(flow, storm_jobs=frozenset())

    def _is_open(self, telling: Telling, happening: Happening, folding: Folding) -> bool:
        group = group_of(telling, happening, folding, self.now)
        return group in self.messages or group in self.open_groups


def flow_key(telling: Telling) -> str:
    return f"{telling.target.tenant_id or 0}:{telling.rule.key}:{telling.target.key}"


def group_of(telling: Telling, happening: Happening, folding: Folding, now: datetime) -> Group:
    """Repeats of it have the same."""
    rule, target = telling.rule, telling.target
    person = f":user:{target.user_id}" if target.channel_id is not None and target.user_id is not None else ""
    if folding is Folding.OWN:
        about = f"{telling.kind}:{happening.subject}"
    else:
        about = folding.value if folding is Folding.STORM else f"{folding}:{quiet.day_of(now, rule.zone)}"
    return Group(target, f"rule:{rule.key}:{about}{person}")


def groups_of(telling: Telling, happening: Happening, now: datetime) -> list[Group]:
    """All that it may fold into."""
    return [group_of(telling, happening, folding, now) for folding in Folding]


def _today(flow: Flow, rule: RuleFacts, now: datetime) -> Flow:
    today = quiet.day_of(now, rule.zone)
    return flow if flow.day == today else replace(flow, day=today, told=0)


def _counted(flow: Flow, now: datetime) -> Flow:
    return replace(flow, recent=(*flow.recent, now)[-MOST_SEPARATE:], told=flow.told + 1)


def _with_names(flow: Flow, kind: Kind, happening: Happening, folding: Folding) -> Flow:
    if kind is Kind.FAILED and folding is Folding.OWN and happening.subject not in flow.named:
        return replace(flow, named=(*flow.named, happening.subject)[-MOST_NAMED:])
    if kind is Kind.RECOVERED and happening.subject in flow.named:
        return replace(flow, named=tuple(name for name in flow.named if name != happening.subject))
    return flow
