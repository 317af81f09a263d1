"""The kinds of faults: what each does, and how often in eight minutes. A fault that finds nothing to hit says so."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psycopg
import redis

from tests.chaos import backlog
from tests.chaos.unit import children, send
from tests.chaos.world import NOTICED, World

QUEUE = "daybook:default"
QUEUES = [QUEUE, *(f"{QUEUE}:{step}" for step in (3, 6, 9))]


@dataclass(frozen=True)
class Fault:
    """`per_eight_minutes` is how many of them a run of that length has at least."""

    name: str
    per_eight_minutes: int
    strike: Callable[[World], bool]


KINDS: dict[str, Fault] = {}


def fault(per_eight_minutes: int) -> Callable[[Callable[[World], bool]], Callable[[World], bool]]:
    def register(strike: Callable[[World], bool]) -> Callable[[World], bool]:
        KINDS[strike.__name__] = Fault(strike.__name__, per_eight_minutes, strike)
        return strike

    return register


# --- the database -----------------------------------------------------------------------------------------------------


@fault(250)
def database_connections_cut(world: World) -> bool:
    rows = world.query(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'daybook-%' ORDER BY backend_start"
    )
    if not rows:
        return False
    chosen = world.random.sample([row[0] for row in rows], min(len(rows), world.random.randint(1, 4)))
    return bool(world.query("SELECT pg_terminate_backend(pid) FROM unnest(%s::integer[]) AS pid", chosen))


@fault(60)
def database_black_hole(world: World) -> bool:
    """A worker's connection stays open, and nobody answers."""
    rows = world.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'daybook-worker' ORDER BY pid")
    seconds = world.random.uniform(3, 10)
    world.disturb(seconds)  # a pooler hands the connection on, perhaps to a scheduler
    return bool(rows) and world.freeze(world.random.choice(rows)[0], seconds)


@fault(10)
def database_crash(world: World) -> bool:
    return world.stop_database(signal.SIGQUIT, down=world.random.uniform(0, 5))


@fault(5)
def database_restart(world: World) -> bool:
    return world.stop_database(signal.SIGINT, down=world.random.uniform(0, 3))


@fault(4)
def database_connections_used_up(world: World) -> bool:
    held: list[psycopg.Connection[tuple[object, ...]]] = []
    with suppress(psycopg.Error):
        while len(held) < 200:
            held.append(world.connect())
    world.disturb(2 + NOTICED)
    world.later(2, lambda: _close(held))
    return bool(held)


def _close(held: list[psycopg.Connection[tuple[object, ...]]]) -> None:
    for connection in held:
        connection.close()


# --- runs and workers -------------------------------------------------------------------------------------------------


@fault(200)
def run_killed(world: World) -> bool:
    pid = _a_run(world)
    if pid is None or not world.topology.owns(pid):
        return False
    send(pid, signal.SIGKILL)
    return True


@fault(40)
def run_frozen(world: World) -> bool:
    pid = _a_run(world)
    return pid is not None and world.freeze(pid, world.random.uniform(2, 9))


@fault(130)
def worker_killed(world: World) -> bool:
    worker = world.pick(world.topology.workers)
    return worker is not None and worker.end(signal.SIGKILL)


@fault(50)
def worker_frozen(world: World) -> bool:
    worker = world.pick(world.topology.workers)
    return worker is not None and worker.pid is not None and world.freeze(worker.pid, world.random.uniform(0.5, 9))


@fault(15)
def host_frozen(world: World) -> bool:
    """A worker and all of its runs stand still until they are given up, and are continued."""
    worker = world.pick(world.topology.workers)
    if worker is None or worker.pid is None:
        return False
    seconds = world.random.uniform(6, 9)
    frozen = [pid for pid in (worker.pid, *children(worker.pid)) if world.freeze(pid, seconds)]
    return bool(frozen)


# --- messages and Redis -----------------------------------------------------------------------------------------------


@fault(150)
def messages_doubled_or_late(world: World) -> bool:
    """Ten announcements of executions in any state, again; half of them later, when they are even more stale."""
    rows = world.query("SELECT id, priority FROM job_executions ORDER BY id DESC LIMIT 200")
    if not rows:
        return False
    chosen = world.random.choices(rows, k=10)
    if world.random.random() < 0.5:
        world.later(world.random.uniform(3, 15), lambda: _announce(chosen))
        return True
    return _announce(chosen)


@fault(40)
def messages_dropped(world: World) -> bool:
    """Three announcements go to somebody who does nothing with them."""
    threading.Thread(target=_swallow, args=(world.redis(patience=6),), daemon=True).start()
    return True


@fault(90)
def redis_connections_cut(world: World) -> bool:
    return _command(world, "CLIENT", "KILL", "TYPE", "normal")


@fault(35)
def redis_flushed(world: World) -> bool:
    return _command(world, "FLUSHALL")


@fault(15)
def redis_killed(world: World) -> bool:
    """It comes back with nothing in it."""
    return world.topology.servers.redis.end(signal.SIGKILL, down=world.random.uniform(0, 2))


@fault(10)
def redis_hung(world: World) -> bool:
    pid = world.topology.servers.redis.pid
    return pid is not None and world.freeze(pid, world.random.uniform(1, 3))


@fault(1)
def redis_emptied_under_a_backlog(world: World) -> bool:
    """Thousands of runs wait, and Redis forgets all that was announced of them."""
    try:
        with world.connect() as database:
            queued = backlog.queue(database, world.backlog)
    except psycopg.Error:
        return False
    world.queued += queued

    def empty() -> None:
        waiting = world.query("SELECT count(*) FROM job_executions WHERE status = 'queued'")
        if waiting and _command(world, "FLUSHALL"):
            world.waited_when_emptied.append(waiting[0][0])
        else:
            world.later(0.2, empty)

    world.later(1.0, empty)
    return bool(queued)


# --- schedulers -------------------------------------------------------------------------------------------------------


@fault(20)
def leader_killed(world: World) -> bool:
    leader = world.leader()
    if leader is None:
        return False
    world.leader_kills.append(time.time())
    return leader.end(signal.SIGKILL)


@fault(10)
def leader_frozen(world: World) -> bool:
    """Past its lease, so that it wakes up deposed."""
    leader = world.leader()
    if leader is None or leader.pid is None:
        return False
    seconds = world.random.uniform(3.5, 7)
    world.disturb(seconds)
    return world.freeze(leader.pid, seconds)


@fault(5)
def leader_frozen_while_deciding(world: World) -> bool:
    """In the middle of its transaction, with the lease and its jobs locked."""
    leader = world.leader()
    if leader is None or leader.pid is None:
        return False
    world.disturb(8 + NOTICED)
    try:
        with world.connect() as blocker, blocker.transaction():
            blocker.execute("LOCK TABLE ticks IN SHARE ROW EXCLUSIVE MODE")
            if not _wait_until_it_writes(world):
                return False
            return world.freeze(leader.pid, 8)
    except psycopg.Error:
        return False


@fault(5)
def schedulers_killed(world: World) -> bool:
    world.disturb(8)
    ended = [unit.end(signal.SIGKILL) for unit in world.topology.schedulers]
    return any(ended)


@fault(2)
def deploy(world: World) -> bool:
    """Every process of the project is asked to end and started anew, one after the other."""
    world.disturb(15)
    units = [*world.topology.web, *world.topology.schedulers, *world.topology.workers]
    for place, unit in enumerate(units):
        world.later(place * 2.0, lambda unit=unit: unit.end(signal.SIGTERM))  # type: ignore[misc]
    return True


# --- how --------------------------------------------------------------------------------------------------------------


def _a_run(world: World) -> int | None:
    rows = world.query("SELECT pid FROM execution_leases ORDER BY execution_id")
    alive = [row[0] for row in rows if os.path.exists(f"/proc/{row[0]}")]
    return world.random.choice(alive) if alive else None


def _announce(chosen: list[tuple[int, int]]) -> bool:
    from jobs.backends.base import Announcement, BackendUnavailable
    from jobs.backends.celery import CeleryBackend

    try:
        CeleryBackend().announce([Announcement(row[0], "default", row[1]) for row in chosen])
    except BackendUnavailable:
        return False
    return True


def _swallow(client: redis.Redis) -> None:
    with suppress(redis.RedisError):
        for _ in range(3):
            client.brpop(QUEUES, timeout=5)


def _command(world: World, *words: str) -> bool:
    try:
        world.redis().execute_command(*words)  # type: ignore[no-untyped-call]
    except redis.RedisError:
        return False
    return True


def _wait_until_it_writes(world: World) -> bool:
    waiting = (
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'daybook-scheduler' AND wait_event_type = 'Lock' "
        "AND query LIKE '%INSERT INTO ticks%'"
    )
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        if world.query(waiting):
            return True
        time.sleep(0.02)
    return False
