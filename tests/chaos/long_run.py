"""`make prove-long-run`: one run of over an hour with the leases of production, on a broker that would deliver its
message again every minute. The last line is one JSON object."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from itertools import pairwise
from typing import Any

from tests.chaos import topology
from tests.chaos.topology import Topology

VISIBILITY = 60.0  # seconds
SPARE = 300.0  # seconds until a run that should have ended counts as stuck
SHOW_EVERY = 60.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.long_run", description=__doc__)
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("LONG_RUN_MINUTES") or 65))
    options = parser.parse_args()
    # SIGTERM as Ctrl-C: what is running has to be ended in either case.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    seconds = options.minutes * 60
    visibility = min(VISIBILITY, seconds / 4)
    os.environ |= {"CHAOS_LEASES": "production", "TEST_VISIBILITY_TIMEOUT": str(visibility)}
    with topology.running() as running:
        topology.set_up_django(running)
        figures = _prove(running, seconds)
    print(json.dumps({"minutes": options.minutes, "visibility_timeout_s": visibility, **figures}))
    return 0 if figures["attempts"] == 1 and figures["status"] == "succeeded" and not figures["violations"] else 1


def _prove(running: Topology, seconds: float) -> dict[str, Any]:
    from django.conf import settings

    from accounts.models import Tenant
    from jobs import registry
    from jobs.models import Attempt, Execution
    from scheduler_project.lib import sql

    since = sql.now()
    tenant = Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})[0]
    make: Any = lambda **definition: registry.create(  # noqa: E731
        definition, tenant=tenant, actor="system:long-run", may_run_sub_minute=True
    )
    job = make(
        name="Long",
        template="chaos_steady",
        parameters={"path": str(running.journal), "seconds": seconds},
        schedule={"kind": "manual"},
        policies={"timeout_seconds": int(seconds + SPARE)},
    )
    others = make(name="Others", template="echo", schedule={"kind": "interval", "every_seconds": 10})
    running.start_project(workers=2, concurrency=2)
    execution_id = registry.run_now(job, actor="system:long-run")
    _wait(running, lambda: Execution.objects.get(pk=execution_id).finished_at is not None, seconds + SPARE)
    registry.disable(others.pk, actor="system:long-run")
    execution = Execution.objects.get(pk=execution_id)
    attempts = Attempt.objects.filter(execution=execution)
    return {
        "status": execution.status,
        "attempts": attempts.count(),
        "leases": round(seconds / settings.DAYBOOK_RUN_LEASE.total_seconds(), 1),
        "other_runs": Execution.objects.filter(job=others, status="succeeded").count(),
        **_judge(running, execution_id, since),
    }


def _wait(running: Topology, is_over: Any, seconds: float) -> None:
    began = said = time.monotonic()
    while time.monotonic() < began + seconds and not is_over():
        running.tend()
        if time.monotonic() - said > SHOW_EVERY:
            said = time.monotonic()
            print(f"{said - began:6.0f} s", flush=True)
        time.sleep(0.5)


def _judge(running: Topology, execution_id: int, since: Any) -> dict[str, Any]:
    from django.db import connection, transaction

    from scheduler_project.lib import sql
    from tests.chaos import checker, journal
    from tests.chaos.checker import Evidence

    lines = [line for line in journal.read(running.journal) if line.execution_id == execution_id]
    silences = [(after.at - before.at).total_seconds() for before, after in pairwise(lines)]
    with transaction.atomic():
        evidence = Evidence(lines, ("chaos_steady",))
        report = checker.check(connection.connection, evidence, since=since, until=sql.now(), is_settled=False)
        transaction.set_rollback(True)
    for violation in report.violations:
        print(violation.text())
    return {
        "processes": len({line.pid for line in lines}),
        "longest_silence_s": round(max(silences, default=0), 2),
        "violations": report.count,
    }


if __name__ == "__main__":
    sys.exit(main())
