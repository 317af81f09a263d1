"""What is measured of Daybook: the burst, and with many jobs the start, an edit, memory and what it costs when idle."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks import daybook
from benchmarks.processes import Process, family, processor_seconds
from benchmarks.servers import Servers
from benchmarks.ticks.arrivals import Announced, Arrivals, Queue, watch
from benchmarks.ticks.instants import wait_until_due
from benchmarks.ticks.schedules import patterns
from scheduler_project.embedded.processes import wait_until

EDITS = 30


@dataclass(frozen=True)
class Measured:
    jobs: int
    start_seconds: float
    edit_milliseconds: Sequence[float]
    idle_percent: float
    database_idle_percent: float
    megabytes_before: float
    megabytes: float
    arrivals: Arrivals


def measure(
    servers: Servers, count: int, *, due_at: datetime, idle_seconds: float, seconds: float, say: Callable[[str], None]
) -> Measured:
    url = daybook.use(servers, f"daybook_{count}")
    Queue(servers.broker(0), ()).clear()
    began = time.monotonic()
    daybook.make_jobs([pattern.schedule for pattern in patterns(due_at)], count)
    say(f"made {count:,} jobs in {time.monotonic() - began:.1f} s")
    with daybook.scheduler(url, servers.broker(0), servers.folder, **daybook.WITHOUT_WORKERS) as scheduler:
        start = _time_to_first_turn(scheduler)
        say(f"leads after {start:.2f} s")
        idle, database_idle = _idle(servers, scheduler, idle_seconds) if idle_seconds else (0.0, 0.0)
        edits = _edits(count, due_at)
        before = scheduler.megabytes()
        say(f"idle {idle:.1f} % of a core, an edit {edits[len(edits) // 2]:.1f} ms, {before:.0f} MB")
        wait_until_due(due_at, say)
        with closing(Announced(url)) as announced:
            arrivals = watch(
                announced,
                due_at=due_at.timestamp(),
                expected=count,
                seconds=seconds,
                scheduler=scheduler,
                postgres_pid=servers.postgres_pid,
            )
        _check_ledger(count, arrivals, due_at)
        measured = Measured(count, start, edits, idle, database_idle, before, scheduler.megabytes(), arrivals)
        _keep_log(scheduler.log, count)
    return measured


def _time_to_first_turn(scheduler: Process) -> float:
    """Until it leads and has taken its first turn: then a standby would see `ticked_at` move on."""
    from jobs.models import SchedulerLease

    def turns() -> bool:
        scheduler.expect_alive()
        return SchedulerLease.objects.filter(ticked_at__gt=SchedulerLease.objects.values("acquired_at")[:1]).exists()

    if not wait_until(turns, seconds=120):
        raise SystemExit("The scheduler does not lead after two minutes.")
    return time.monotonic() - scheduler.started_at


def _idle(servers: Servers, scheduler: Process, seconds: float) -> tuple[float, float]:
    """Per cent of a core, of the scheduler's process and of PostgreSQL."""
    time.sleep(5)  # its first comparison with the rows of django-celery-beat
    before = processor_seconds([scheduler.pid]), processor_seconds(family(servers.postgres_pid))
    time.sleep(seconds)
    after = processor_seconds([scheduler.pid]), processor_seconds(family(servers.postgres_pid))
    return (after[0] - before[0]) / seconds * 100, (after[1] - before[1]) / seconds * 100


def _edits(count: int, due_at: datetime) -> list[float]:
    """Milliseconds of each change of a job's definition by the registry, as the form and the API make it."""
    from jobs import registry
    from jobs.models import Job

    ids = list(Job.objects.order_by("id").values_list("id", flat=True))[:: max(count // EDITS, 1)][:EDITS]
    took = []
    for number, job_id in enumerate(ids):
        began = time.perf_counter()
        registry.change(job_id, {"description": f"Edit {number}"}, actor="user:bench")
        took.append((time.perf_counter() - began) * 1000)
    return sorted(took)


def _check_ledger(count: int, arrivals: Arrivals, due_at: datetime) -> None:
    """What was measured must be what was promised: a tick per job, fired, with its own execution, published."""
    from jobs.models import Execution, Tick

    fired = Tick.objects.filter(due_at=due_at, outcome="fired").count()
    executions = Execution.objects.filter(scheduled_for=due_at, trigger="schedule").count()
    if arrivals.is_complete and (fired, executions) != (count, count):
        raise SystemExit(f"{fired} ticks fired and {executions} executions were made, where {count} jobs were due.")


def _keep_log(log: Path, count: int) -> None:
    log.rename(log.with_name(f"scheduler-{count}.log"))
