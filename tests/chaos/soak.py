"""`make soak`: tens of thousands of runs without any fault, and what memory every process takes before and after. The
last line is one JSON object."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from typing import Any

import psycopg

from tests.chaos import topology
from tests.chaos.topology import Topology

WARM_UP = 1_000  # runs, so that everything is loaded and every child has worked
BATCH = 5_000  # queued at once
WORKERS, CONCURRENCY = 2, 2
PATIENCE = 120.0  # seconds without any progress
SHOW_EVERY = 15.0

STATE = """
SELECT (SELECT count(*) FROM job_executions WHERE status IN ('queued', 'running')),
       (SELECT count(*) FROM job_executions WHERE status = 'succeeded')
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--runs", type=int, default=int(os.environ.get("SOAK_RUNS") or 50_000))
    options = parser.parse_args()
    # SIGTERM as Ctrl-C: what is running has to be ended in either case.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with topology.running() as running:
        topology.set_up_django(running)
        figures = _soak(running, options.runs)
    print(json.dumps(figures))
    return 0 if not figures["violations"] and figures["succeeded"] == figures["runs"] else 1


def _soak(running: Topology, runs: int) -> dict[str, Any]:
    from accounts.models import Tenant
    from jobs import registry
    from scheduler_project.lib import sql
    from tests.chaos import backlog, memory, workload

    since = sql.now()
    tenant = Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})[0]
    registry.create(workload.moments(running.journal), tenant=tenant, actor="system:soak")
    running.start_project(workers=WORKERS, concurrency=CONCURRENCY)
    with psycopg.connect(running.servers.database_url, autocommit=True) as database:
        queued = backlog.queue(database, WARM_UP)
        _wait_until_done(running, database)
        before, began = memory.by_process(running), time.monotonic()
        while len(queued) < runs + WARM_UP:
            queued += backlog.queue(database, min(BATCH, runs + WARM_UP - len(queued)))
            _wait_until_done(running, database)
        seconds = time.monotonic() - began
        after = memory.by_process(running)
        ends = _ends(running)
        succeeded = set(_succeeded(database)) & set(queued)
    print(f"\n{'process':24}{'before':>10}{'after':>10}  MB of memory, shared parts divided")
    for name in after:
        print(f"{name:24}{before.get(name, 0):>10}{after[name]:>10}")
    return {
        "runs": len(queued),
        "succeeded": len(succeeded),
        "done_once": sum(ends.get(execution_id) == 1 for execution_id in queued),
        "seconds": round(seconds, 1),
        "runs_per_s": round(runs / seconds, 1),
        "memory_before_mb": before,
        "memory_after_mb": after,
        "started": {unit.name: unit.starts for unit in running.units},
        **_judge(running, since),
    }


def _wait_until_done(running: Topology, database: psycopg.Connection[Any]) -> None:
    least, moved_at, said_at = 10**9, time.monotonic(), time.monotonic()
    while time.monotonic() < moved_at + PATIENCE:
        running.tend()
        row = database.execute(STATE.encode()).fetchone()
        assert row is not None
        left, done = row
        if not left:
            return
        if left < least:
            least, moved_at = left, time.monotonic()
        if time.monotonic() - said_at > SHOW_EVERY:
            said_at = time.monotonic()
            print(f"{done} done, {left} left", flush=True)
        time.sleep(0.25)
    raise SystemExit(f"Nothing has moved for {PATIENCE:.0f} s, with {least} runs left.")


def _succeeded(database: psycopg.Connection[Any]) -> list[int]:
    return [row[0] for row in database.execute("SELECT id FROM job_executions WHERE status = 'succeeded'")]


def _ends(running: Topology) -> dict[int, int]:
    """How often each run came to its end, by its own journal."""
    from tests.chaos import journal

    found: dict[int, int] = {}
    for line in journal.read(running.journal):
        if line.mark == journal.END:
            found[line.execution_id] = found.get(line.execution_id, 0) + 1
    return found


def _judge(running: Topology, since: Any) -> dict[str, Any]:
    from django.db import connection, transaction

    from scheduler_project.lib import sql
    from tests.chaos import checker, journal
    from tests.chaos.checker import Evidence

    with transaction.atomic():
        evidence = Evidence(journal.read(running.journal), ("chaos_moment",))
        report = checker.check(connection.connection, evidence, since=since, until=sql.now())
        transaction.set_rollback(True)
    for violation in report.violations:
        print(violation.text())
    return {
        "lost_runs": report.count_of(checker.LOST),
        "doubly_owned_runs": report.count_of(checker.DOUBLY_OWNED),
        "violations": report.count,
    }


if __name__ == "__main__":
    sys.exit(main())
