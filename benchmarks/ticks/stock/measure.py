"""What is measured of the peer: the same burst, on the same servers, in a database of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from benchmarks.processes import Process, environment
from benchmarks.servers import Servers
from benchmarks.ticks.arrivals import Arrivals, Queue, watch
from benchmarks.ticks.instants import wait_until_due


@dataclass(frozen=True)
class Measured:
    jobs: int
    megabytes: float
    arrivals: Arrivals


def measure(servers: Servers, count: int, *, due_at: datetime, seconds: float, say: Callable[[str], None]) -> Measured:
    name = f"stock_{count}"
    peer = environment(
        DJANGO_SETTINGS_MODULE="benchmarks.ticks.stock.settings",
        STOCK_DATABASE_URL=servers.database(name),
        STOCK_BROKER_URL=servers.broker(1),
    )
    queue = Queue(servers.broker(1), ["celery"])
    queue.clear()
    fill = ["-m", "benchmarks.ticks.stock.fill", str(count), due_at.isoformat()]
    with Process(fill, peer, servers.folder / f"stock-fill-{count}.log") as filling:
        filling.wait()
    beat = ["-m", "celery", "-A", "benchmarks.ticks.stock.app", "beat", "--pidfile=", "--loglevel", "INFO"]
    with Process(beat, peer, servers.folder / f"stock-{count}.log") as scheduler:
        wait_until_due(due_at, say)
        arrivals = watch(
            queue,
            due_at=due_at.timestamp(),
            expected=count,
            seconds=seconds,
            scheduler=scheduler,
            postgres_pid=servers.postgres_pid,
        )
        measured = Measured(count, scheduler.megabytes(), arrivals)
    servers.drop(name)
    return measured
