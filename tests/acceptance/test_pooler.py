"""Everything runs through PgBouncer in transaction mode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from jobs import registry
from jobs.models import Attempt, Execution
from tests import live, pgbouncer
from tests.acceptance.test_whole_path import (
    assert_executions_agree_with_ticks,
    assert_ledger_is_whole,
    make_job,
    succeeded,
)
from tests.cast import Cast, MakeKey
from tests.live import wait_for

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(pgbouncer.program() is None, reason="PgBouncer is not installed (Debian: pgbouncer)."),
]

# What a statement that does not pass leaves in a log, and what a loop says that met it.
SIGNS = ("next try in", "Traceback", "prepared statement", "cursor", "does not exist", "unsupported startup parameter")


@pytest.fixture
def pooled(transactional_db: None, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The environment of processes that reach the database through the pooler."""
    with pgbouncer.pgbouncer(tmp_path) as url:
        yield {"DATABASE_URL": url, "DATABASE_POOLER": "transaction"}


class TestTransactionMode:
    def test_lets_everything_pass(
        self, running: ExitStack, pooled: dict[str, Any], tmp_path: Path, cast: Cast, make_key: MakeKey
    ) -> None:
        quick = make_job(name="Quick", policies={"overlap": "allow"})
        failing = make_job(
            name="Failing",
            template="failing",
            schedule={"kind": "manual"},
            policies={"max_retries": 1, "retry_base_seconds": 0},
        )
        journal = make_job(
            name="Longer than its lease",
            template="journal",
            parameters={"path": str(tmp_path / "journal"), "seconds": 6},
            schedule={"kind": "manual"},
        )
        processes = [
            *(running.enter_context(live.scheduler(tmp_path, name=name, **pooled)) for name in ("beat-1", "beat-2")),
            *(running.enter_context(live.worker(tmp_path, name=name, **pooled)) for name in ("work-1", "work-2")),
            running.enter_context(live.web(tmp_path, **pooled)),
        ]
        web = processes[-1]
        assert isinstance(web, live.LiveWeb)
        long = registry.run_now(journal, actor="user:test")
        dying = registry.run_now(failing, actor="user:test")
        wait_for(lambda: succeeded(job=quick) >= 5, seconds=60, what="runs")
        wait_for(lambda: Execution.objects.get(pk=long).status == "succeeded", seconds=40, what="the long run")
        wait_for(lambda: Execution.objects.get(pk=dying).status == "dead", seconds=40, what="the failing run")
        assert Attempt.objects.filter(execution_id=long).count() == 1  # its heartbeats passed

        key: dict[str, Any] = {"X-API-Key": make_key()[1]}
        for path in ("scheduler/status", "jobs", "executions", "templates"):
            assert web.get(f"/api/v1/{path}", **key).status == 200, path
        system = wait_for(
            lambda: (found := web.get("/health/system").json["parts"])["tick"]["status"] == "healthy" and found,
            what="health",
        )
        assert {part["status"] for part in system.values()} == {"healthy"}, system
        assert "scheduler_ticks_total" in web.get("/metrics").text

        assert_ledger_is_whole(quick)
        assert_executions_agree_with_ticks()
        for process in processes:
            assert not [line for line in process.text().splitlines() if any(sign in line for sign in SIGNS)]
