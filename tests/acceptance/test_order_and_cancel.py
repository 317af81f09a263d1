"""With real processes: runs start in strict order of their priority, and no wish to cancel gets lost with a worker."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Tenant
from jobs import executions, submission
from jobs.models import Attempt, Execution
from jobs.rules.states import PRIORITIES
from jobs.tick import publisher
from tests import live
from tests.jobs.conftest import database_now
from tests.live import wait_for

pytestmark = pytest.mark.acceptance

PER_LEVEL = 40
CRITICAL = PRIORITIES["critical"]


def submit(**wishes: Any) -> int:
    tenant, _ = Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})
    return submission.submit(wishes, tenant=tenant, actor="user:test")


def journal(path: Path, seconds: float = 0.0, **wishes: Any) -> int:
    return submit(template="journal", payload={"path": str(path), "seconds": seconds}, **wishes)


def read(execution_id: int) -> Execution:
    return Execution.objects.get(pk=execution_id)


def started() -> list[Execution]:
    return list(Execution.objects.exclude(started_at=None).order_by("started_at"))


class TestOrder:
    def test_is_strict_under_load_and_follows_what_is_changed(self, running: ExitStack, tmp_path: Path) -> None:
        path = tmp_path / "journal"
        for _ in range(PER_LEVEL):
            for name in ("low", "normal", "high", "critical"):
                journal(path, 0.02, priority=name)
        running.enter_context(live.scheduler(tmp_path))
        wait_for(lambda: not Execution.objects.filter(published_at=None).exists(), what="the announcements")
        running.enter_context(live.worker(tmp_path, concurrency=1))

        wait_for(lambda: len(started()) >= PER_LEVEL + 10, seconds=60, what="runs of the second level")
        raised = Execution.objects.filter(status="queued", priority=PRIORITIES["low"]).order_by("-id")[:10]
        ids = sorted(raised.values_list("pk", flat=True))
        changed = executions.change_priority(ids, priority=CRITICAL, by="user:test", now=database_now())
        late = journal(path, 0.02, priority="critical")
        publisher.publish_waiting()
        changed_at = database_now()
        assert changed == ids

        wait_for(lambda: not Execution.objects.exclude(status="succeeded").exists(), seconds=90, what="all runs")
        runs = started()
        assert len(runs) == 4 * PER_LEVEL + 1
        before = [run for run in runs if run.started_at and run.started_at <= changed_at]
        after = runs[len(before) :]
        urgent = {*ids, late} - {run.pk for run in before}
        # One claim may have been under way.
        assert urgent <= {run.pk for run in after[: len(urgent) + 1]}
        rest = [run.priority for run in runs if run.pk not in {*ids, late}]
        assert rest == sorted(rest)


class TestCancel:
    def test_is_heard_by_the_worker_and_told_with_times(self, running: ExitStack, tmp_path: Path) -> None:
        path = tmp_path / "journal"
        running.enter_context(live.scheduler(tmp_path))
        running.enter_context(live.worker(tmp_path))
        run = journal(path, 60)
        wait_for(path.exists, what="the start")
        executions.cancel(run, by="user:ana", now=database_now())
        wait_for(lambda: read(run).status == "cancelled", seconds=20, what="the end")
        row = read(run)
        times = [at for at in (row.cancel_requested_at, row.cancel_seen_at, row.finished_at) if at is not None]
        assert (len(times), times) == (3, sorted(times))
        assert (row.cancel_requested_by, row.reason, row.attempt) == ("user:ana", "cancelled", 1)

    def test_outlives_the_worker_that_did_not_hear_of_it(self, running: ExitStack, tmp_path: Path) -> None:
        path = tmp_path / "journal"
        running.enter_context(live.scheduler(tmp_path))
        worker = running.enter_context(live.worker(tmp_path, name="w1", concurrency=1))
        run = journal(path, 60)
        wait_for(path.exists, what="the start")
        pids = [worker.pid, *worker.children()]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        waiting = journal(path)
        for execution_id in (run, waiting):
            executions.cancel(execution_id, by="user:ana", now=database_now())
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        assert (read(run).status, read(run).cancel_seen_at) == ("running", None)
        assert read(waiting).status == "cancelled"

        running.enter_context(live.worker(tmp_path, name="w2", concurrency=1))
        after = journal(path)
        wait_for(lambda: read(after).status == "succeeded", seconds=40, what="another run")
        wait_for(lambda: read(run).status == "cancelled", seconds=40, what="the end")
        row = read(run)
        assert (row.cancel_requested_by, row.reason, row.cancel_seen_at) == ("user:ana", "cancelled", None)
        assert [attempt.outcome for attempt in Attempt.objects.filter(execution_id=run)] == ["cancelled"]
        begun = [line.split()[2] for line in path.read_text().splitlines() if line.startswith("S ")]
        assert begun == [str(run), str(after)]
