"""`manage.py execute`, as a process of its own: it takes its whole process for the run's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from jobs import registry
from jobs.models import Execution, Job
from tests.live import PROJECT, environment

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.acceptance]


class TestExecute:
    def test_says_by_its_exit_code_whether_there_was_anything_to_run(self, make_job: Callable[..., Job]) -> None:
        execution_id = registry.run_now(make_job(), actor="user:test")
        first, second = _execute(execution_id), _execute(execution_id)
        assert Execution.objects.get(pk=execution_id).status == "succeeded"
        assert (first.returncode, second.returncode) == (0, os.EX_TEMPFAIL)
        assert "not queued" in second.stdout


def _execute(execution_id: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "execute", str(execution_id)],
        cwd=PROJECT,
        env=environment("worker"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,
    )
