"""The course of one run: start, strike, settle, judge."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import psycopg
from django.db import Error, connection

from accounts import keys
from accounts.models import Tenant
from accounts.scopes import Scope
from jobs import registry
from jobs.executions import JobIsArchived
from jobs.models import Job, Pool
from scheduler_project.lib import sql
from tests.chaos import checker, figures, journal, workload
from tests.chaos.checker import Evidence
from tests.chaos.deck import EIGHT_MINUTES, Deck
from tests.chaos.operators import Operators
from tests.chaos.topology import CONCURRENCY, WORKERS, Topology
from tests.chaos.world import World

START_WITHIN = 180.0
PROGRESS_EVERY = 10.0
BACKLOG = 5_500  # runs queued at once in a run of eight minutes, so that 5,000 still wait when Redis is emptied
AFTERMATH = 5.0  # seconds in which everybody is well and ticks still fire
PATIENCE = 120.0  # seconds without any progress until what still waits counts as stuck

WELL = """
SELECT (SELECT count(*) FROM scheduler_leases WHERE expires_at > clock_timestamp()),
       (SELECT count(*) FROM workers WHERE stopped_at IS NULL AND heartbeat_at > clock_timestamp() - interval '3 s')
"""
NATIVE = "SELECT id FROM dynamic_jobs WHERE archived_at IS NULL AND origin = 'native'"
STATE = """
SELECT (SELECT count(*) FROM ticks), (SELECT count(*) FROM job_executions WHERE status = 'queued'),
       (SELECT count(*) FROM job_executions WHERE status = 'running'),
       (SELECT count(*) FROM job_executions WHERE finished_at IS NOT NULL),
       (SELECT coalesce(max(epoch), 0) FROM scheduler_lease_history)
"""


class Course:
    def __init__(self, topology: Topology, *, seed: int, seconds: float) -> None:
        self.topology = topology
        self.seed = seed
        self.world = World(
            topology, random.Random(f"faults {seed}"), backlog=int(BACKLOG * min(seconds / EIGHT_MINUTES, 1))
        )
        self.deck: Deck | None = None
        self._source = random.Random(f"jobs {seed}")
        self._began = time.monotonic()
        self._said_at = 0.0
        self._operators: Operators | None = None

    def start(self) -> None:
        pooler = "half of the processes behind PgBouncer" if self.topology.servers.pooler else "left out: PgBouncer"
        self.since = sql.now()
        tenant = Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})[0]
        _, key = keys.create(tenant=tenant, name="chaos", scopes=Scope.values)
        jobs = [
            registry.create(definition, tenant=tenant, actor="system:chaos").pk
            for definition in workload.definitions(self._source, self.topology.journal)
        ]
        self._share_a_pool(tenant)
        registry.create(workload.moments(self.topology.journal), tenant=tenant, actor="system:chaos")
        self.topology.start_project()
        self._wait(self._is_well, seconds=START_WITHIN)
        if not self._is_well():
            raise RuntimeError(f"The processes did not start; their logs are in {self.topology.folder}.")
        self._operators = Operators(
            port=self.topology.port, key=key, jobs=jobs, journal=self.topology.journal, seed=self.seed
        )
        self._operators.start()
        self._say(f"{len(jobs)} jobs, {WORKERS} workers of {CONCURRENCY}, {pooler}.")

    def _share_a_pool(self, tenant: Tenant) -> None:
        pool = Pool.objects.create(tenant=tenant, slug="shared", name="Shared", size=workload.POOL_SIZE)
        Job.objects.filter(tenant=tenant, policy__overlap=workload.POOLED).update(pool=pool)

    def strike(self, seconds: float) -> None:
        deck = self.deck = Deck(self.world.random, seconds=seconds)
        begun = time.monotonic()
        next_at = begun
        while not deck.is_empty and time.monotonic() < begun + seconds * 1.25:
            if time.monotonic() >= next_at:
                kind = deck.draw()
                if kind.strike(self.world):
                    deck.count(kind)
                    self._note(kind.name)
                    next_at = max(next_at + deck.pace, time.monotonic() - 5 * deck.pace)
                else:
                    deck.give_back(kind)
            self._turn(pause=min(max(next_at - time.monotonic(), 0.01), 0.1))

    def settle(self) -> None:
        """Nobody is hurt any more: everything comes up, ticks go on for a while, then every job is disabled."""
        self.world.finish()
        self._wait(self._is_well, seconds=START_WITHIN)
        self._wait(lambda: False, seconds=AFTERMATH)
        if self._operators is not None:
            self._operators.stop()
        self._disable_all()
        best, moved_at = 10**9, time.monotonic()
        while time.monotonic() < moved_at + PATIENCE:
            if state := self._state():
                left = state[1] + state[2]
                if not left:
                    break
                if left < best:
                    best, moved_at = left, time.monotonic()
            self._turn(pause=0.2)
        self._say("Settled.")

    def end(self) -> None:
        self.world.finish()
        if self._operators is not None:
            self._operators.stop()

    def judge(self) -> tuple[dict[str, Any], int]:
        assert self.deck is not None
        assert self._operators is not None
        acknowledged = [*self._operators.acknowledged, *(("execution", pk, 0) for pk in self.world.queued)]
        evidence = Evidence(journal.read(self.topology.journal), ("chaos_run", "chaos_moment"), acknowledged)
        with psycopg.connect(self.topology.servers.database_url) as database:
            checker.snapshot(database)
            until = _only(database, "SELECT clock_timestamp()")
            report = checker.check(database, evidence, since=self.since, until=until)
            table = figures.table(database, slots=WORKERS * CONCURRENCY)
            pools = figures.pools(database)
            calm, every = figures.failovers(database, self.world.leader_kills, self.world.disturbances)
            executions = _only(database, "SELECT count(*) FROM job_executions")
            epochs = _only(database, "SELECT count(*) FROM scheduler_lease_history")
        self._tell(report, table, pools)
        return {
            "ticks": table["ticks"],
            "expected_ticks": report.expected,
            "executions": executions,
            "faults": self.deck.struck.total(),
            "violations": report.count,
            "violated": report.names,
            "lost_runs": report.count_of(checker.LOST),
            "doubly_owned_runs": report.count_of(checker.DOUBLY_OWNED),
            "late_results": table["late_results"],
            "queued_when_redis_was_emptied": max(self.world.waited_when_emptied, default=0),
            "pools": pools,
            "epochs": epochs,
            "failover_max_s": round(max(calm), 2) if calm else None,
            "failovers": len(calm),
            "failover_disturbed_max_s": round(max(every), 2) if every else None,
            "failovers_disturbed": len(every) - len(calm),
            **{name: table[name] for name in ("tick_lag_p50_s", "tick_lag_p99_s", "tick_lag_max_s", "slots_used")},
            "operations": self._operators.deeds.total(),
            "faults_by_kind": dict(sorted(self.deck.struck.items())),
            "faults_missing": self.deck.missing,
        }, report.count

    def _tell(self, report: checker.Report, table: dict[str, Any], pools: dict[str, Any]) -> None:
        assert self.deck is not None
        assert self._operators is not None
        for name in ("outcomes", "statuses", "attempts"):
            print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in table[name].items()))
        print(f"operations: {dict(self._operators.deeds)}, refused: {dict(self._operators.refusals)}, "
              f"without an answer: {self._operators.failures}")  # fmt: skip
        for name, aim in self.deck.aims.items():
            print(f"  {name:34} {self.deck.struck[name]:4} of {aim}")
        print(f"pools: {pools}, attempts that ended after another owner had taken over: {table['late_results']}")
        for unit in self.topology.units:
            print(f"  {unit.name:34} started {unit.starts} times, ended {unit.own_ends} times by itself")
        print(f"{len(report.checked)} invariants over {report.expected} expected ticks: {report.count} violations")
        for violation in report.violations:
            print(violation.text())

    # --- the loop -----------------------------------------------------------------------------------------------------

    def _turn(self, *, pause: float) -> None:
        self.topology.tend()
        self.world.turn()
        if time.monotonic() - self._said_at > PROGRESS_EVERY:
            self._say()
        time.sleep(pause)

    def _wait(self, condition: Callable[[], bool], *, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not condition():
            self._turn(pause=0.1)

    def _is_well(self) -> bool:
        rows = self.world.query(WELL)
        return bool(rows) and rows[0][0] == 1 and rows[0][1] >= WORKERS

    def _state(self) -> tuple[int, ...]:
        rows = self.world.query(STATE)
        return rows[0] if rows else ()

    def _say(self, words: str = "") -> None:
        self._said_at = time.monotonic()
        state = self._state()
        struck = self.deck.struck.total() if self.deck else 0
        told = "{} ticks, {} queued, {} running, {} ended, epoch {}".format(*state) if state else "the database is away"
        print(f"{time.monotonic() - self._began:6.1f} s  {struck} faults, {told}. {words}".rstrip(), flush=True)

    def _note(self, fault: str) -> None:
        """For whoever reads the logs of the processes afterwards."""
        with (self.topology.folder / "faults.log").open("a") as log:
            log.write(f"{datetime.now(UTC).isoformat()} {fault}\n")

    def _disable_all(self) -> None:
        """The last change of each job ends its schedule at an instant that its revision names."""
        left = self.world.query(NATIVE)
        deadline = time.monotonic() + PATIENCE
        while left and time.monotonic() < deadline:
            (job_id,) = left[-1]
            try:
                with suppress(JobIsArchived, Job.DoesNotExist):
                    registry.disable(job_id, actor="system:chaos")
                left.pop()
            except Error:
                connection.close()
            self._turn(pause=0.0)


def _only(database: psycopg.Connection[Any], statement: str) -> Any:
    row = database.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]
