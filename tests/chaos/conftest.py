"""Fixtures of the fault test's own tests: a small history that keeps the promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import Tenant
from jobs import executions, ledger, registry
from jobs.executions import Ending
from jobs.models import Attempt, Execution, Job
from jobs.rules.states import AttemptOutcome
from scheduler_project.lib import sql
from tests.chaos import checker
from tests.chaos.checker import Evidence, Report
from tests.chaos.journal import ALIVE, END, START, Line


@dataclass
class Clock:
    """The instant that the engine takes for now."""

    now: datetime

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class History:
    """Three jobs over ten minutes that have passed, with everything that their runs left behind."""

    skipping: Job
    daily: Job
    letting: Job
    since: datetime
    until: datetime
    journal: list[Line] = field(default_factory=list)
    acknowledged: list[tuple[str, int, int]] = field(default_factory=list)

    def check(self) -> Report:
        evidence = Evidence(self.journal, ("journal",), self.acknowledged)
        return checker.check(connection.connection, evidence, since=self.since, until=self.until)


@pytest.fixture
def clock(db: None, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Eleven minutes ago: what is decided must lie in the past, where the runs can be claimed."""
    clock = Clock(sql.now() - timedelta(minutes=11))
    monkeypatch.setattr(sql, "now", lambda: clock.now)
    return clock


def lead(epoch: int, *, since: datetime, until: datetime | None = None) -> None:
    sql.rows(
        "INSERT INTO scheduler_lease_history (name, epoch, holder, acquired_at, released_at, cause) "
        "VALUES ('scheduler', %(epoch)s, 'host:1', %(since)s, %(until)s, '')",
        {"epoch": epoch, "since": since, "until": until},
    )


@pytest.fixture
def history(clock: Clock) -> History:
    started_at = clock.now
    tenant = Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})[0]
    make: Callable[..., Job] = lambda name, **data: registry.create(  # noqa: E731
        {"name": name, **data}, tenant=tenant, actor="user:test", may_run_sub_minute=True
    )
    journal = {"template": "journal", "parameters": {"path": "/nowhere"}}
    skipping = make("Skipping", schedule={"kind": "interval", "every_seconds": 20}, **journal)
    daily = make("By the clock", template="echo", schedule={"kind": "cron", "cron": "* * * * *"})
    letting = make(
        "Letting", schedule={"kind": "interval", "every_seconds": 30}, policies={"overlap": "allow"}, **journal
    )
    middle = started_at + timedelta(seconds=200)
    lead(1, since=started_at - timedelta(seconds=5), until=middle)
    lead(2, since=middle)
    lines: list[Line] = []
    for step in range(1, 20):
        clock.advance(20)
        epoch = 1 if clock.now < middle else 2
        ledger.decide_due(now=clock.now, epoch=epoch)
        if step == 3:
            clock.advance(120)  # nobody decides, so that ticks coalesce
        if step == 6:
            registry.pause(letting.pk, actor="user:test")
        if step == 9:
            registry.resume(letting.pk, actor="user:test")
            registry.change(skipping.pk, {"schedule": {"kind": "interval", "every_seconds": 25}}, actor="user:test")
        if step == 18:
            clock.advance(41)
            registry.disable(letting.pk, actor="user:test")
    for job in (skipping, daily):
        registry.disable(job.pk, actor="user:test")
    for _ in range(3):
        for execution in Execution.objects.filter(status="queued").order_by("id"):
            run(execution, lines)
        registry.run_now(skipping, actor="user:test")
    executions.cancel_waiting(job_id=skipping.pk, by="user:test", now=clock.now, reason="cancelled")
    return History(skipping, daily, letting, started_at, clock.now, journal=lines)


def run(execution: Execution, lines: list[Line]) -> None:
    """As a worker would; every third is lost once before it succeeds."""
    outcomes = [AttemptOutcome.LOST, AttemptOutcome.SUCCEEDED] if execution.pk % 3 == 0 else [AttemptOutcome.SUCCEEDED]
    for outcome in outcomes:
        claim = executions.claim(execution.pk, worker="w1@host:1", lease=timedelta(seconds=60))
        if claim is None:
            return
        attempt = Attempt.objects.get(execution_id=execution.pk, number=claim.attempt)
        marks = [START, ALIVE, END] if outcome is AttemptOutcome.SUCCEEDED else [START]
        lines += [line(execution, claim.fence, mark, attempt.started_at) for mark in marks]
        executions.settle(
            Ending(outcome),
            execution_id=execution.pk,
            fence=claim.fence,
            policy=claim.policy,
            tries=claim.tries,
            losses=claim.losses,
        )


def line(execution: Execution, fence: int, mark: str, at: datetime, *, pid: int = 1) -> Line:
    return Line(mark, execution.run_key, execution.pk, fence, pid, at)


def change(statement: str, **values: Any) -> int:
    """Tamper with the database behind everyone's back; returns how many rows were hit."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)
