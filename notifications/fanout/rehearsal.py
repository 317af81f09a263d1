"""What a rule would have told lately, from what is stored. Writes nothing; each rule is asked alone.

How a job did before the time that is looked at is not known here: its first failure in it counts as the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jobs.rules.states import ExecutionStatus
from notifications.fanout import circle, runs, scheduling
from notifications.fanout.runs import FACTS, LONGEST_ERROR
from notifications.rules.audience import Circle, Target, Telling, hear
from notifications.rules.condition import FAILED, SUCCEEDED
from notifications.rules.grouping import Flow, Gathering, Group, groups_of
from notifications.rules.happening import Happening
from notifications.rules.kinds import Kind
from notifications.rules.rule import RuleFacts
from scheduler_project.lib import sql, transactions

WINDOW = timedelta(days=7)
MOST_RUNS, MOST_EVENTS = 5_000, 5_000  # a second of work at most
SHOWN = 10
OF_RUNS = frozenset({Kind.FAILED, Kind.SUCCEEDED, Kind.RECOVERED, Kind.DEAD_LETTER})

RUNS = f"""
WITH newest AS (
    SELECT id, tenant_id, job_id, template_id, status, finished_at, dry_run, trigger, error FROM job_executions
    WHERE tenant_id = %(tenant)s AND finished_at >= %(since)s AND finished_at <= %(until)s
      AND (%(job)s::bigint IS NULL OR job_id = %(job)s)
    ORDER BY finished_at DESC, id DESC LIMIT %(most)s
)
SELECT reached.*, runs.* FROM (SELECT min(finished_at) AS since, count(*) AS looked_at FROM newest) AS reached
LEFT JOIN (
    SELECT {FACTS}, e.status, e.finished_at AS at
    FROM newest e JOIN job_templates t ON t.id = e.template_id LEFT JOIN dynamic_jobs j ON j.id = e.job_id
    WHERE NOT e.dry_run AND e.status = ANY(%(statuses)s) AND (%(tag)s = '' OR %(tag)s = ANY(j.tags))
) AS runs ON true
ORDER BY runs.at, runs.execution_id
"""  # noqa: S608  the facts are a constant
EVENTS = """
SELECT id, type, at, count, tenant_id, job_id, execution_id, source, message, data FROM scheduler_events
WHERE type = ANY(%(types)s) AND at >= %(since)s AND at <= %(until)s
  AND (tenant_id = %(tenant)s OR tenant_id IS NULL) AND (%(job)s::bigint IS NULL OR job_id = %(job)s)
ORDER BY id DESC LIMIT %(most)s
"""


@dataclass
class Hearer:
    """What one target would have had."""

    target: Target
    count: int = 0
    messages: int = 0
    """What would have come by itself; the others would have been counted in one of these."""
    kinds: Counter[Kind] = field(default_factory=Counter)


@dataclass(frozen=True)
class Kept:
    """What a target would not have heard, and why."""

    target: Target
    why: str
    count: int


@dataclass(frozen=True)
class Example:
    kind: Kind
    happening: Happening


@dataclass(frozen=True)
class Rehearsal:
    since: datetime
    until: datetime
    is_cut: bool
    """So much has happened that it begins later than was asked for."""
    kinds: dict[Kind, int]
    """How often it would have told of each, however many hear it."""
    told: list[Hearer]
    kept: list[Kept]
    newest: list[Example]
    circle: Circle


def rehearse(rule: RuleFacts, *, now: datetime, window: timedelta = WINDOW) -> Rehearsal:
    """As if the rule, enabled, had been there all the time."""
    with transactions.engine():
        read = _read(rule, now - window, now)
        owners = {one.job.owner_id for one in read.happenings if one.job and one.job.owner_id}
        everybody = circle.read([rule], owners)
    return _Tally(rule, everybody).of(read, until=now)


@dataclass(frozen=True)
class _Read:
    happenings: list[Happening]
    since: datetime
    is_cut: bool


def _read(rule: RuleFacts, since: datetime, until: datetime) -> _Read:
    is_cut = False
    found: list[Happening] = []
    if not OF_RUNS.isdisjoint(rule.kinds):
        rows = _runs(rule, since, until)
        if rows[0]["looked_at"] == MOST_RUNS:
            since, is_cut = rows[0]["since"], True
        ends = runs.happenings((row for row in rows if row["execution_id"] is not None), conditions={})
        found += [one for one in ends if not rule.kinds.isdisjoint(one.kinds)]
    if types := [name for name, kind in scheduling.KINDS.items() if kind in rule.kinds]:
        events = sql.rows(EVENTS, {**_asked(rule, since, until), "types": types, "most": MOST_EVENTS}, prepare=False)
        if len(events) == MOST_EVENTS:
            since, is_cut = events[-1]["at"], True
        found += scheduling.happenings(events)
    in_order = sorted((one for one in found if one.at >= since), key=lambda one: one.at)
    return _Read(in_order, since, is_cut)


class _Tally:
    def __init__(self, rule: RuleFacts, everybody: Circle) -> None:
        self._rule = rule
        self._circle = everybody
        self._flows: dict[str, Flow] = {}
        self._open: dict[Group, datetime] = {}
        self._told: dict[Target, Hearer] = {}
        self._kept: Counter[tuple[Target, str]] = Counter()
        self._kinds: Counter[Kind] = Counter()
        self._newest: list[Example] = []

    def of(self, read: _Read, *, until: datetime) -> Rehearsal:
        for happening in read.happenings:
            heard = hear(happening, [self._rule], self._circle)
            for withheld in heard.withheld:
                self._kept[withheld.target, withheld.why] += happening.count
            if heard.tellings:
                kind = heard.tellings[0].kind
                self._kinds[kind] += happening.count
                self._newest.append(Example(kind, happening))
                self._gather(heard.tellings, happening)
        return Rehearsal(
            read.since,
            until,
            read.is_cut,
            {kind: self._kinds[kind] for kind in Kind if kind in self._kinds},
            sorted(self._told.values(), key=lambda told: (-told.count, told.target.key)),
            [Kept(target, why, count) for (target, why), count in self._kept.most_common()],
            self._newest[: -SHOWN - 1 : -1],
            self._circle,
        )

    def _gather(self, tellings: Sequence[Telling], happening: Happening) -> None:
        """A message takes what follows about the same for as long as the rule gathers."""
        now, opened_after = happening.at, happening.at - timedelta(minutes=self._rule.group_minutes)
        known = {group for telling in tellings for group in groups_of(telling, happening, now)} & self._open.keys()
        still_open = {group for group in known if self._open[group] > opened_after}
        gathering = Gathering(self._flows, still_open, now)
        for telling in tellings:
            told = self._told.setdefault(telling.target, Hearer(telling.target))
            told.count += happening.count
            told.kinds[telling.kind] += happening.count
            gathering.add(telling, happening)
        for group in gathering.messages:
            if group not in still_open:
                self._open[group] = now
                self._told[group.target].messages += 1


def _asked(rule: RuleFacts, since: datetime, until: datetime) -> dict[str, object]:
    return {"tenant": rule.tenant_id, "job": rule.job_id, "since": since, "until": until}


def _runs(rule: RuleFacts, since: datetime, until: datetime) -> list[sql.Row]:
    """At least one row, which without an id says only how far was looked."""
    statuses = [status.value for status in ExecutionStatus if status == SUCCEEDED or status in FAILED]
    values = {**_asked(rule, since, until), "tag": rule.tag, "statuses": statuses}
    return sql.rows(RUNS, {**values, "most": MOST_RUNS, "longest": LONGEST_ERROR}, prepare=False)
