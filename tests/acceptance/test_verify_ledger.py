"""`manage.py verify_ledger` and the reconciler beside real schedulers, one of which is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from jobs import registry
from jobs.models import Execution, LedgerViolation, Tick
from tests import live
from tests.acceptance.test_whole_path import leader, make_job, pid_of
from tests.live import wait_for

pytestmark = pytest.mark.acceptance


def verify() -> tuple[int, dict[str, Any]]:
    ended = subprocess.run(
        [sys.executable, "manage.py", "verify_ledger", "--json"],
        cwd=live.PROJECT,
        env=live.environment("command"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, json.loads(ended.stdout)


def test_holds_across_a_kill_and_fails_once_a_tick_is_gone(running: ExitStack, tmp_path: Path) -> None:
    jobs = [make_job(name=f"Job {number}", policies={"overlap": "allow"}) for number in range(5)]
    schedulers = [running.enter_context(live.scheduler(tmp_path, name=name)) for name in ("beat-1", "beat-2")]
    wait_for(lambda: Tick.objects.count() >= 10, seconds=40, what="10 ticks")
    registry.pause(jobs[0].pk, actor="user:test")
    registry.change(jobs[1].pk, {"schedule": {"kind": "interval", "every_seconds": 3}}, actor="user:test")
    registry.disable(jobs[2].pk, actor="user:test")
    first = leader()
    next(process for process in schedulers if process.pid == pid_of(first)).send(signal.SIGKILL)
    wait_for(lambda: leader() not in {"", first}, seconds=12, what="a new leader")
    registry.enable(jobs[2].pk, actor="user:test")
    decided = Tick.objects.count()
    wait_for(lambda: Tick.objects.count() >= decided + 20, seconds=40, what="20 more ticks")

    code, figures = verify()
    assert (code, figures["holds"], figures["violations"]) == (0, True, {})
    assert figures["due"] == figures["recorded"] >= 30

    lost = Tick.objects.filter(job=jobs[3]).order_by("due_at")[1]
    Execution.objects.filter(pk=lost.execution_id).delete()
    Tick.objects.filter(pk=lost.pk).delete()
    wait_for(LedgerViolation.objects.exists, seconds=20, what="the reconciler")
    code, figures = verify()
    assert (code, figures["holds"], figures["violations"]) == (1, False, {"unaccounted": 1})
    logs = "".join(process.text() for process in schedulers)
    assert f"The ledger is wrong: job {jobs[3].pk} has 1 unrecorded ticks" in logs
