"""The leader's reading of what happened: each batch in one transaction with its cursor, so each is told once.

Nothing is sent here. Without a rule that wants them, ends of runs that went well are passed over unread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from accounts.models import Tenant
from jobs.recovery import outbox
from notifications.fanout import memory, scheduling, store
from notifications.fanout.choice import Choice
from notifications.fanout.containment import read_contained
from notifications.fanout.runs import Ends
from notifications.fanout.store import Surroundings
from notifications.models import Rule
from notifications.rulebook import book
from notifications.rules.audience import Telling, hear
from notifications.rules.grouping import Gathering, Group, flow_key, groups_of
from notifications.rules.happening import Happening
from notifications.rules.kinds import OF_THE_SYSTEM, Kind
from notifications.rules.matching import wants
from notifications.rules.rule import RuleFacts
from scheduler_project.lib import sql

OF_RUNS, OF_THE_SCHEDULING = "notifications", "notifications of the scheduling"
BATCH = 500  # a second or so of work at most, so that a restart repeats little
EVERY = timedelta(seconds=0.5)
FORGETS_EVERY = timedelta(hours=1)

# Two processes that both believe to lead read the two streams one after the other, since both write the same flows.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('daybook notification fan-out', 0))"


class FanOut:
    """One process's. What lies before its first sweep ever is told to nobody."""

    def __init__(self) -> None:
        self._has_begun = False
        self._forgets_at = 0.0

    def sweep(self) -> int:
        """Tell of everything new. Returns how many events were read."""
        if not self._has_begun:
            begin_now()
            self._has_begun = True
        read = 0
        if outbox.has_news(OF_RUNS):
            read += outbox.read(OF_RUNS, read_runs, batch=BATCH)
        if outbox.has_news(OF_THE_SCHEDULING, stream=outbox.OF_THE_SCHEDULING):
            read += outbox.read(OF_THE_SCHEDULING, read_scheduling, batch=BATCH, stream=outbox.OF_THE_SCHEDULING)
        if time.monotonic() >= self._forgets_at:
            memory.forget_old(now=sql.now())
            self._forgets_at = time.monotonic() + FORGETS_EVERY.total_seconds()
        return read


def make_sweep() -> Callable[[], object]:
    return FanOut().sweep


def begin_now() -> None:
    outbox.begin_now(OF_RUNS)
    outbox.begin_now(OF_THE_SCHEDULING, stream=outbox.OF_THE_SCHEDULING)


def read_runs(events: list[sql.Row]) -> None:
    read_contained(_read_runs, events, batch=BATCH)


def read_scheduling(events: list[sql.Row]) -> None:
    read_contained(_read_scheduling, events, batch=BATCH)


def _read_runs(events: list[sql.Row]) -> int:
    sql.rows(LOCK)
    rules = book.rules_of({event["tenant_id"] for event in events})
    ends = Ends(events, wants_successes=lambda tenant: wants(rules[tenant], Kind.SUCCEEDED))
    ends.store()
    tell(ends.happenings, rules)
    return len(ends.happenings)


def _read_scheduling(events: list[sql.Row]) -> int:
    sql.rows(LOCK)
    happenings = scheduling.happenings(events)
    tell(happenings, rules_for(happenings))
    return len(happenings)


def rules_for(happenings: Iterable[Happening]) -> dict[int, list[RuleFacts]]:
    """By tenant; for trouble of the system also those of tenants where a superuser has made a rule for it."""
    happenings = list(happenings)
    tenants = {happening.tenant_id for happening in happenings if happening.tenant_id is not None}
    if any(happening.is_of_the_system for happening in happenings):
        asking = Rule.objects.filter(is_enabled=True, tenant__is_active=True, kinds__overlap=sorted(OF_THE_SYSTEM))
        tenants |= set(asking.values_list("tenant_id", flat=True))
    return book.rules_of(tenants)


def tell(happenings: Sequence[Happening], rules: dict[int, list[RuleFacts]]) -> None:
    """In the caller's transaction."""
    if not happenings:
        return
    choice = Choice(rules)
    everybody = choice.circle(happenings)
    heard = [
        (telling, happening)
        for happening in happenings
        for telling in hear(happening, choice.for_(happening), everybody).tellings
    ]
    if not heard:
        return
    now = sql.now()
    waiting, sent_at = memory.in_channels(groups := _groups(heard, now))
    gathering = Gathering(
        memory.flows({flow_key(telling) for telling, _ in heard}), waiting | memory.open_in_inboxes(groups), now
    )
    for telling, happening in heard:
        gathering.add(telling, happening)
    memory.store(gathering.flows, now=now)
    store.write(gathering.messages, Surroundings(everybody, _slugs(gathering.messages), sent_at, now))


def _groups(heard: Iterable[tuple[Telling, Happening]], now: datetime) -> set[Group]:
    alike = {(one.rule.key, one.kind, one.target, what.subject): (one, what) for one, what in heard}
    return {group for telling, happening in alike.values() for group in groups_of(telling, happening, now)}


def _slugs(groups: Iterable[Group]) -> dict[int, str]:
    ids = {group.target.tenant_id for group in groups if group.target.tenant_id is not None}
    return dict(Tenant.objects.filter(pk__in=ids).values_list("pk", "slug"))
