"""What a fault may touch: the processes, the servers, a seeded die, and things to be undone later."""

from __future__ import annotations

import heapq
import itertools
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
import redis

from tests.chaos.topology import Topology
from tests.chaos.unit import Frozen, Unit

OPTIONS = "-c statement_timeout=2000 -c lock_timeout=1000 -c idle_in_transaction_session_timeout=5000"

NOTICED = 3.0  # seconds that everybody takes to be back after the database is


class World:
    def __init__(self, topology: Topology, source: random.Random, *, backlog: int = 0) -> None:
        self.topology = topology
        self.random = source
        self.backlog = backlog  # runs that are queued at once
        self.queued: list[int] = []  # those of the backlog
        self.waited_when_emptied: list[int] = []
        self.leader_kills: list[float] = []  # by the clock of the machine, as the database's
        self.disturbances: list[tuple[float, float]] = []  # from when to when something else hinders a new leader
        self._database_whole_at = 0.0
        self._later: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._database: psycopg.Connection[Any] | None = None

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        heapq.heappush(self._later, (time.monotonic() + seconds, next(self._numbers), action))

    def disturb(self, seconds: float) -> None:
        self.disturbances.append((time.time(), time.time() + seconds))

    def stop_database(self, number: signal.Signals, *, down: float) -> bool:
        """It counts as a disturbance until it has answered again and everybody has noticed. Refused before that: an
        outage on top of another would be one."""
        if time.time() < self._database_whole_at:
            return False
        postgres, since = self.topology.servers.postgres, time.time()
        starts = postgres.starts

        def is_back() -> None:
            if postgres.starts > starts and self.query("SELECT 1"):
                self._database_whole_at = time.time() + 2 * NOTICED
                self.disturbances.append((since, time.time() + NOTICED))
            else:
                self.later(0.2, is_back)

        if not postgres.end(number, down=down):
            return False
        self._database_whole_at = float("inf")
        self.later(0.2, is_back)
        return True

    def turn(self) -> None:
        """Do what has become due."""
        while self._later and self._later[0][0] <= time.monotonic():
            heapq.heappop(self._later)[2]()

    def finish(self) -> None:
        """Do all that is left at once."""
        left, self._later = self._later, []
        for _, _, action in sorted(left, key=lambda entry: entry[:2]):
            with suppress(Exception):
                action()

    def query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Nothing also when the database cannot be asked."""
        try:
            if self._database is None or self._database.closed:
                self._database = self.connect()
            return self._database.execute(statement.encode(), values or None).fetchall()
        except psycopg.Error:
            if self._database is not None:
                self._database.close()
            self._database = None
            return []

    def connect(self) -> psycopg.Connection[Any]:
        url = self.topology.servers.database_url
        return psycopg.connect(url, autocommit=True, connect_timeout=2, options=OPTIONS, application_name="chaos")

    def redis(self, *, patience: float = 1) -> redis.Redis:
        url = self.topology.servers.valkey.url
        return redis.Redis.from_url(url, socket_timeout=patience, socket_connect_timeout=1)

    def freeze(self, pid: int, seconds: float) -> bool:
        """Only what this run has started."""
        if not self.topology.owns(pid):
            return False
        frozen = Frozen(pid)
        self.later(seconds, frozen.thaw)
        # This thread may itself wait for what a frozen backend of the database holds.
        watch = threading.Timer(seconds + 5, frozen.thaw)
        watch.daemon = True
        watch.start()
        return True

    def pick(self, units: list[Unit]) -> Unit | None:
        running = [unit for unit in units if unit.pid is not None]
        return self.random.choice(running) if running else None

    def leader(self) -> Unit | None:
        """The scheduler that leads now."""
        rows = self.query("SELECT holder FROM scheduler_leases WHERE expires_at > clock_timestamp()")
        pid = int(rows[0][0].split(":")[1]) if rows else None
        return next((unit for unit in self.topology.schedulers if pid is not None and unit.pid == pid), None)
