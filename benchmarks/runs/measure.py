"""What is measured of a system: how fast it drains what is queued, and how soon it picks up what comes."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.processes import Process, family, processor_seconds
from benchmarks.runs.journal import VARIABLE, Journal, Line
from benchmarks.runs.systems import System
from benchmarks.servers import Servers
from scheduler_project.embedded.processes import wait_until

WARM_UP = 0.1  # of the jobs: imports, connections, prepared statements
WARM_SECONDS = 2.0
PATIENCE = 60.0


@dataclass(frozen=True)
class Drained:
    """`gaps` are the milliseconds from one job's first line to the next one's in the same process, ascending."""

    jobs: int
    per_second: float
    gaps: Sequence[float]
    processor_ms: float
    database_ms: float


@dataclass(frozen=True)
class PickedUp:
    """Milliseconds from the call that submits a job to the job's first line, ascending."""

    rate: float
    latencies: Sequence[float]
    missing: int


def drain(system: System, servers: Servers, *, jobs: int, seconds: float) -> Drained:
    """Queue the jobs, start the workers, and look for so many seconds at most how they get done."""
    with _running(system, servers) as journal:
        _produce(system, servers, journal, "--fill", str(jobs))
        workers = [system.run(servers, command, **{VARIABLE: str(journal.path)}) for command in system.workers]
        warm = int(jobs * WARM_UP)
        _wait(lambda: journal.count() > warm, workers, servers, "none of its jobs are done")
        # Of all but the producer: whoever takes part in a run counts.
        before = _used(system), processor_seconds(family(servers.postgres_pid)), journal.count()
        ends_at = time.monotonic() + seconds
        while journal.count() < jobs and time.monotonic() < ends_at:
            _expect_alive(workers)
            time.sleep(0.02)
        used = _used(system) - before[0], processor_seconds(family(servers.postgres_pid)) - before[1]
        counted = max(journal.count() - before[2], 1)
        lines = journal.lines()[warm:]
        if len(lines) + warm >= jobs:
            _expect_rows(system, jobs)
    took = lines[-1].at - lines[0].at
    return Drained(
        jobs=len(lines),
        per_second=(len(lines) - 1) / took,
        gaps=_gaps(lines),
        processor_ms=used[0] / counted * 1000,
        database_ms=used[1] / counted * 1000,
    )


def pick_up(system: System, servers: Servers, *, rates: Sequence[float], seconds: float) -> list[PickedUp]:
    """One rate after the other with the same workers, after a while to get warm."""
    found = []
    with _running(system, servers) as journal:
        workers = [system.run(servers, command, **{VARIABLE: str(journal.path)}) for command in system.workers]
        _produce(system, servers, journal, "--fill", "200")
        _wait(lambda: journal.count() >= 200, workers, servers, "it does not start")
        for rate in rates:
            sent = Journal(servers.folder / "sent")
            paced = ["--rate", str(rate), "--seconds", str(WARM_SECONDS + seconds), "--sent", str(sent.path)]
            before = journal.count()
            _produce(system, servers, journal, *paced)
            # A system that cannot keep up is measured by what it did manage within this time.
            wait_until(lambda: journal.count() >= before + sent.count(), seconds=20)  # noqa: B023
            _expect_alive(workers)
            found.append(_compare(rate, sent.lines(), journal.lines()[before:]))
    return found


def _compare(rate: float, sent: Sequence[Line], noted: Sequence[Line]) -> PickedUp:
    began = {line.number: line.at for line in reversed(noted)}
    warm = sent[0].at + WARM_SECONDS
    counted = [line for line in sent if line.at >= warm]
    latencies = sorted((began[line.number] - line.at) * 1000 for line in counted if line.number in began)
    real_rate = (len(counted) - 1) / (counted[-1].at - counted[0].at)
    return PickedUp(real_rate, latencies, len(counted) - len(latencies))


def _gaps(lines: Sequence[Line]) -> list[float]:
    by_process: dict[int, list[float]] = defaultdict(list)
    for line in lines:
        by_process[line.pid].append(line.at)
    return sorted((later - earlier) * 1000 for instants in by_process.values() for earlier, later in pairwise(instants))


@contextmanager
def _running(system: System, servers: Servers) -> Iterator[Journal]:
    """The system without its workers, and the end of all that was started."""
    journal = Journal(servers.folder / "journal")
    journal.path.unlink(missing_ok=True)
    with ExitStack() as stack:
        stack.callback(system.stop)
        if system.setting_up:
            system.run(servers, system.setting_up).wait()
        for command in system.also:
            system.run(servers, command, DAYBOOK_ROLE="scheduler")
        yield journal


def _produce(system: System, servers: Servers, journal: Journal, *options: str) -> None:
    command = ["-m", "benchmarks.runs.produce", system.module, *options]
    # The web's way with connections: requests submit.
    system.run(servers, command, DAYBOOK_ROLE="web", **{VARIABLE: str(journal.path)}).wait()


def _used(system: System) -> float:
    return processor_seconds([pid for process in system.started if process.is_alive for pid in family(process.pid)])


def _wait(is_done: Callable[[], bool], workers: Sequence[Process], servers: Servers, trouble: str) -> None:
    if not wait_until(is_done, seconds=PATIENCE):
        _expect_alive(workers)
        raise SystemExit(f"After {PATIENCE:.0f} s {trouble}; logs in {servers.folder}.")


def _expect_alive(workers: Sequence[Process]) -> None:
    for worker in workers:
        worker.expect_alive()


def _expect_rows(system: System, jobs: int) -> None:
    """What was measured must be what was promised: a row for each job that says that it is done."""
    if not wait_until(lambda: system.count() in (None, jobs), seconds=10):
        raise SystemExit(f"{system.name}: {system.count()} rows are done, where {jobs} jobs were run.")


def median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else float("nan")
