"""Switching between the backends with runs under way: nothing is lost, and nothing is done twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from jobs import registry
from jobs.models import Execution, ExecutionLease, Job
from scheduler_project.lib import sql
from tests.acceptance.backends import APSCHEDULER, CELERY, Way
from tests.acceptance.test_whole_path import make_job
from tests.chaos import checker, journal
from tests.chaos.checker import Evidence
from tests.live import wait_for

pytestmark = [pytest.mark.acceptance, pytest.mark.long]

QUEUED, RUNNING, SLOTS = 200, 20, 22


@pytest.mark.django_db(transaction=True)
class TestToggling:
    def test_twice_loses_and_doubles_nothing(self, tmp_path: Path, settings: Any, running: ExitStack) -> None:
        """From Celery to the runner without it and back, each time with 20 runs in progress and most of 200 waiting.
        Celery hands its runs back; the runner waits for them."""
        began_at = sql.now()
        path = tmp_path / "journal"
        waiting = self._job(path, how="gate", seconds=300, priority="high")
        short = self._job(path, how="sleep", seconds=0.05, priority="low")
        runs = {registry.run_now(job, actor="user:test") for job in [waiting] * RUNNING + [short] * QUEUED}

        with self._at_work(CELERY, waiting, tmp_path, settings):
            left = [_count("queued", "running")]
        with self._at_work(APSCHEDULER, waiting, tmp_path, settings):
            left.append(_count("queued", "running"))
            Path(f"{path}.open").touch()
        settings.SCHEDULER_USE_CELERY = True
        with CELERY.start(tmp_path, SLOTS):
            wait_for(lambda: not _count("queued", "running"), seconds=120, what="all runs to end")
        assert RUNNING + QUEUED > left[0] > left[1] > RUNNING, left  # each of them has done its part, and left some

        lines = list(journal.read(path))
        assert set(Execution.objects.filter(status="succeeded").values_list("id", flat=True)) == runs
        ends = Counter(line.execution_id for line in lines if line.mark == journal.END)
        assert ends == Counter(runs)
        assert not ExecutionLease.objects.exists()
        with transaction.atomic():
            evidence = Evidence(lines, ("journal",), [("execution", execution_id, 0) for execution_id in runs])
            report = checker.check(connection.connection, evidence, since=began_at, until=sql.now())
            transaction.set_rollback(True)
        assert [violation.text() for violation in report.violations] == []
        print(f"left by Celery {left[0]}, by the runner {left[1]}; {sum(line.mark == 'S' for line in lines)} starts")

    def _job(self, path: Path, **changes: Any) -> Job:
        return make_job(
            name=f"By {changes['how']}",
            template="journal",
            parameters={"path": str(path), "how": changes["how"], "seconds": changes["seconds"]},
            schedule={"kind": "manual"},
            priority=changes["priority"],
            policies={"overlap": "allow"},
        )

    @contextmanager
    def _at_work(self, way: Way, waiting: Job, folder: Path, settings: Any) -> Iterator[None]:
        """Started, and so far that it has 20 runs in progress and has done some others."""
        settings.SCHEDULER_USE_CELERY = way.uses_celery
        done = _count("succeeded")
        with way.start(folder, SLOTS):
            wait_for(
                lambda: _count("running", job=waiting) == RUNNING and _count("succeeded") >= done + 5,
                seconds=120,
                what=f"{RUNNING} runs at once by {way.name}",
            )
            yield


def _count(*statuses: str, **which: Any) -> int:
    return Execution.objects.filter(status__in=statuses, **which).count()
