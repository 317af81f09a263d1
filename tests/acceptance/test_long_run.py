"""A long run is done once, though the broker delivers its message again and again."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from jobs import registry
from jobs.models import Attempt, Execution, ExecutionLease
from tests import live
from tests.acceptance.test_whole_path import make_job
from tests.chaos import journal
from tests.live import wait_for

pytestmark = [pytest.mark.acceptance, pytest.mark.long]

LEASE, LEASES = 2, 21  # seconds, and how many of them it takes
VISIBILITY = "3"  # seconds that a message may be under way


class TestLongRun:
    def test_of_twenty_leases_is_done_once(self, running: ExitStack, tmp_path: Path) -> None:
        path = tmp_path / "journal"
        job = make_job(
            name="Long",
            template="journal",
            parameters={"path": str(path), "seconds": LEASE * LEASES},
            schedule={"kind": "manual"},
            policies={"run_lease_seconds": LEASE},
        )
        make_job(name="Others", policies={"overlap": "allow"})
        soon: dict[str, Any] = {"TEST_VISIBILITY_TIMEOUT": VISIBILITY}
        running.enter_context(live.scheduler(tmp_path, **soon))
        for name in ("worker-1", "worker-2"):
            running.enter_context(live.worker(tmp_path, name=name, **soon))
        execution_id = registry.run_now(job, actor="user:test")
        wait_for(lambda: ExecutionLease.objects.filter(execution_id=execution_id).exists(), what="the long run")
        wait_for(
            lambda: Execution.objects.get(pk=execution_id).status != "running",
            seconds=LEASE * LEASES + 20,
            what="its end",
        )
        attempt = Attempt.objects.get(execution_id=execution_id)
        assert attempt.outcome == "succeeded"
        assert attempt.finished_at is not None
        assert (attempt.finished_at - attempt.started_at).total_seconds() >= 20 * LEASE
        assert [line.mark for line in journal.read(path)] == [journal.START, journal.END]
        assert Execution.objects.filter(job__name="Others", status="succeeded").count() > 10
