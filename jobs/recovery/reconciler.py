"""Verifies the newest part of the ledger all the time, and writes down what nobody has: a repair, and an accusation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby, islice

from django.conf import settings
from django.db import transaction

from jobs import ledger
from jobs.models import Job
from jobs.tick.leader import FENCE, NAME, Leader
from jobs.verification import reading
from jobs.verification.compare import compare
from jobs.verification.findings import Comparison, History, Kind, Violation
from jobs.verification.reading import Kept
from scheduler_project.lib import sql, telemetry, transactions

EVERY = timedelta(seconds=5)
BUDGET = 0.2  # seconds per sweep: what is not reached waits for the next
FIRST_BATCH, MOST_JOBS = 20, 200
FIRST_PAGE = 100
MOST_AT_ONCE = 1_000  # violations of one job

STORE = """
INSERT INTO ledger_violations (job_id, due_at, kind, detail, found_at)
SELECT %(job)s, due_at, kind, detail, %(now)s
FROM unnest(%(due)s::timestamptz[], %(kind)s::text[], %(detail)s::text[]) AS v(due_at, kind, detail)
ON CONFLICT (job_id, due_at, kind) DO NOTHING
RETURNING due_at, kind
"""


class Reconciler:
    """Goes round all enabled jobs. It looks without locks; only where something seems wrong it locks the job, holds the
    fence, and looks again before it believes its eyes."""

    def __init__(self, leader: Leader, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._leader = leader
        self._clock = clock
        self._after = 0
        self._batch = FIRST_BATCH

    def sweep(self) -> int:
        """One batch of jobs. Returns how many violations were found that nobody had found before."""
        started = self._clock()
        kept = reading.kept()
        with reading.snapshot():
            rows = reading.job_rows(after=self._after, limit=self._batch, in_force=True)
            is_last = len(rows) < self._batch
            checks = _Checks(rows, kept, now=sql.now())
        found = 0
        for history in checks.histories:
            if checks.find(history):
                found += self._settle(history.job_id, kept)
            self._after = history.job_id
            if self._clock() - started > BUDGET:
                is_last = is_last and history is checks.histories[-1]
                break
        self._adapt(self._clock() - started)
        if is_last:
            self._after = 0
        return found

    def _adapt(self, seconds: float) -> None:
        """Jobs of each second take a hundred times as long as hourly ones."""
        if seconds > BUDGET:
            self._batch = max(1, self._batch // 2)
        elif seconds < BUDGET / 4:
            self._batch = min(MOST_JOBS, self._batch * 2)

    def _settle(self, job_id: int, kept: Kept) -> int:
        epoch = self._leader.epoch
        with transactions.engine():
            fence = sql.row(FENCE, {"name": NAME, "holder": self._leader.holder, "epoch": epoch})
            if fence is None:
                return 0
            now: datetime = fence["now"]
            if not Job.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=job_id).exists():
                return 0  # somebody is at it; the next round sees to it
            checks = _Checks(reading.job_rows(only=job_id, in_force=True), kept, now=now)
            violations = [violation for history in checks.histories for violation in checks.find(history)]
            _repair(job_id, violations, now=now, epoch=epoch)
            return _store(job_id, violations, now=now)


def find_suspects(*, after: int, limit: int) -> tuple[list[int], int | None]:
    """Of the next jobs in force, those whose ledger seems wrong, looked at without locks; and where to go on."""
    kept = reading.kept()
    with reading.snapshot():
        rows = reading.job_rows(after=after, limit=limit, in_force=True)
        checks = _Checks(rows, kept, now=sql.now())
        suspects = [history.job_id for history in checks.histories if checks.find(history)]
    return suspects, int(rows[-1]["id"]) if len(rows) == limit else None


def reconcile(job_id: int) -> list[Violation]:
    """One job, whoever leads: its lock is enough, as for any change of it. Repairs and stores what it finds, and
    returns it; what was told before is no find. Raises `Job.DoesNotExist`."""
    kept = reading.kept()
    with transactions.engine():
        Job.objects.select_for_update(no_key=True).only("pk").get(pk=job_id)
        now = sql.now()
        checks = _Checks(reading.job_rows(only=job_id, in_force=True), kept, now=now)
        violations = [violation for history in checks.histories for violation in checks.find(history)]
        _repair(job_id, violations, now=now, epoch=0)
        _store(job_id, violations, now=now)
    return violations


class _Checks:
    """Some jobs, the last stretch of each that is decided, and what is recorded in it."""

    def __init__(self, rows: Sequence[sql.Row], kept: Kept, *, now: datetime) -> None:
        window: timedelta = settings.DAYBOOK_RECONCILE_WINDOW
        since = {
            row["id"]: max(kept.since, min(row["undecided_since"] or row["next_tick_at"] or now, now) - window)
            for row in rows
        }
        self._kept = kept
        self.histories: list[History] = []
        if rows:
            self.histories = reading.histories(rows, since, now=now)
            self._pages = reading.ticks_of(since, until=now, limit=FIRST_PAGE, first_execution=kept.first_execution)
            stray = reading.executions_without_tick(since, since=min(since.values()), until=now, newest=True)
            self._stray = {
                job_id: [violation for violation in group if violation.due_at >= since[job_id]]
                for job_id, group in groupby(stray, key=lambda violation: violation.job_id)
            }

    def find(self, history: History) -> list[Violation]:
        """Without what was repaired before: that has been told."""
        ticks = reading.further_ticks(
            history.job_id,
            self._pages[history.job_id],
            limit=FIRST_PAGE,
            until=history.now,
            first_execution=self._kept.first_execution,
        )
        found = (
            violation
            for violation in compare(history, ticks)
            if not isinstance(violation, Comparison) and violation.kind is not Kind.UNACCOUNTED
        )
        return [*islice(found, MOST_AT_ONCE), *self._stray.get(history.job_id, ())]


def _repair(job_id: int, violations: Iterable[Violation], *, now: datetime, epoch: int) -> None:
    due = [violation.due_at for violation in violations if violation.kind is Kind.UNRECORDED]
    if not due:
        return
    nothing = [None] * len(due)
    columns: dict[str, object] = {
        "job": [job_id] * len(due),
        "due": due,
        "outcome": ["missed"] * len(due),
        "reason": ["unaccounted"] * len(due),
        **dict.fromkeys(ledger.COLUMNS[4:], nothing),
    }
    sql.rows(ledger.RECORD, {**columns, "now": now, "epoch": epoch})


def _store(job_id: int, violations: Sequence[Violation], *, now: datetime) -> int:
    """Keep those that are new, and tell of them. Returns how many."""
    if not violations:
        return 0
    new = sql.rows(
        STORE,
        {
            "job": job_id,
            "now": now,
            "due": [violation.due_at for violation in violations],
            "kind": [violation.kind.value for violation in violations],
            "detail": [violation.detail[:500] for violation in violations],
        },
    )
    new.sort(key=lambda row: (row["kind"], row["due_at"]))
    for kind, group in groupby(new, key=lambda row: row["kind"]):
        instants = [row["due_at"] for row in group]
        facts = {"kind": kind, "job_id": job_id, "ticks": len(instants), "first_due_at": instants[0].isoformat()}
        transaction.on_commit(lambda facts=facts: telemetry.emit("ledger.violation", **facts))  # type: ignore[misc]
    return len(new)
