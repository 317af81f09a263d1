"""Both backends, one truth: what becomes of a run does not depend on who starts its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from jobs import executions, registry
from jobs.models import Attempt, Execution, ExecutionLease, Job, LogLine
from scheduler_project.lib import sql
from tests.acceptance.backends import APSCHEDULER, CELERY, Way, wait_until_gone
from tests.acceptance.test_whole_path import make_job
from tests.live import PROJECT, wait_for

pytestmark = pytest.mark.acceptance

SLOTS = 12
ONE_TRY = {"max_retries": 0}
SOFT = {**ONE_TRY, "soft_timeout_seconds": 2, "timeout_seconds": 50}
HARD = {**ONE_TRY, "timeout_seconds": 2}
AGAIN = {"max_retries": 2, "retry_base_seconds": 0.1}


@dataclass(frozen=True)
class Case:
    """A run, what is done to it, and what has to become of it."""

    template: str
    ends: str
    attempts: tuple[str, ...]
    reason: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    policies: dict[str, Any] = field(default_factory=dict)
    meanwhile: Callable[[int], None] | None = None


def kill(execution_id: int) -> None:
    lease = ExecutionLease.objects.get(execution_id=execution_id)
    os.kill(lease.pid, signal.SIGKILL)


def cancel(execution_id: int) -> None:
    executions.cancel(execution_id, by="user:test", now=sql.now())


CASES: dict[str, Case] = {
    "success": Case("echo", "succeeded", ("succeeded",), parameters={"text": "hello"}),
    "failure": Case("failing", "failed", ("failed",), "not_retryable", {"permanent": True}, AGAIN),
    "retry": Case("failing", "succeeded", ("failed", "succeeded"), parameters={"until_attempt": 2}, policies=AGAIN),
    "retries used up": Case("failing", "dead", ("failed",) * 3, "retries_used_up", policies=AGAIN),
    **{
        f"{limit} timeout in {how}": Case(
            "stuck", "timed_out", ("timed_out",), "retries_used_up", {"how": how}, SOFT if limit == "soft" else HARD
        )
        for limit, ways in (
            ("soft", ("spin", "sleep", "socket", "program")),
            ("hard", ("spin", "sleep", "socket", "program", "hold")),
        )
        for how in ways
    },
    "dead-man's timer": Case(
        "stuck", "lost", ("lost",), "retries_used_up", {"how": "hold"}, {**ONE_TRY, "run_lease_seconds": 2}
    ),
    "lost child": Case(
        "journal", "succeeded", ("lost", "succeeded"), parameters={"seconds": 2.5}, policies=AGAIN, meanwhile=kill
    ),
    "lost child of what must not be repeated": Case(
        "journal", "lost", ("lost",), "on_lost_fail", {"seconds": 20}, {"on_lost": "fail"}, meanwhile=kill
    ),
    "cancel while running": Case("stuck", "cancelled", ("cancelled",), "cancelled", {"how": "sleep"}, meanwhile=cancel),
}

# Without Celery each attempt takes a process of its own: here one run for either limit, all of them in `make prove`.
FEW = {
    name: case
    for name, case in CASES.items()
    if case.ends != "timed_out" or name in ("soft timeout in program", "hard timeout in hold")
}


@pytest.mark.parametrize(
    ("way", "cases"),
    [
        pytest.param(CELERY, CASES, id="celery"),
        pytest.param(APSCHEDULER, FEW, id="apscheduler-few", marks=pytest.mark.long),
        pytest.param(APSCHEDULER, CASES, id="apscheduler", marks=pytest.mark.long),
    ],
)
@pytest.mark.django_db(transaction=True)
class TestBothBackends:
    def test_give_every_run_the_same_end(self, way: Way, cases: dict[str, Case], tmp_path: Path, settings: Any) -> None:
        settings.SCHEDULER_USE_CELERY = way.uses_celery
        runs = {name: registry.run_now(_job(name, case, tmp_path), actor="user:test") for name, case in cases.items()}
        single = make_job(
            name="One at a time",
            template="journal",
            parameters={"path": str(tmp_path / "one at a time"), "seconds": 1},
            schedule={"kind": "manual"},
        )
        following = [registry.run_now(single, actor="user:test") for _ in range(3)]
        with way.start(tmp_path, SLOTS):
            _cancel_a_queued_one(following[2])
            for name, case in cases.items():
                _do_meanwhile(case, runs[name])
            wait_for(
                lambda: not Execution.objects.filter(status__in=["queued", "running"]).exists(),
                seconds=90,
                what="all runs to end",
            )
            wait_until_gone([int(path.read_text()) for path in tmp_path.glob("*.pid")])
        assert {name: _end(execution_id) for name, execution_id in runs.items()} == {
            name: (case.ends, case.reason, case.attempts) for name, case in cases.items()
        }
        assert [_end(execution_id)[0] for execution_id in following] == ["succeeded", "succeeded", "cancelled"]
        assert _end(following[2])[2] == ()
        assert _most_at_once(following) == 1
        echoed = Execution.objects.get(pk=runs["success"])
        assert echoed.result is not None
        assert echoed.result["text"] == "hello"
        assert LogLine.objects.filter(execution=echoed, message="Echoing hello").exists()
        assert not ExecutionLease.objects.exists()
        assert (tmp_path / "lost child.journal").read_text().count("E ") == 1


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
class TestWithoutRedis:
    def test_the_execution_suite_passes(self) -> None:
        """What takes no minutes of it; `make test-without-redis` runs the whole."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "PYTEST_"))}
        environment |= {"SCHEDULER_USE_CELERY": "false", "TEST_REDIS": "stopped"}
        suite = [
            "tests/jobs/execution/test_executor.py",
            "tests/jobs/test_executions.py",
            "tests/jobs/test_settle_race.py",
        ]
        options = ["-q", "-m", "not acceptance", "-p", "no:cacheprovider", "-p", "no:xdist"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *suite, *options],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-5_000:]


def _job(name: str, case: Case, folder: Path) -> Job:
    parameters = dict(case.parameters)
    if case.template == "journal":
        parameters["path"] = str(folder / f"{name}.journal")
    if parameters.get("how") == "program":
        parameters["path"] = str(folder / f"{name}.pid")
    return make_job(
        name=name,
        template=case.template,
        parameters=parameters,
        schedule={"kind": "manual"},
        policies=case.policies,
    )


def _cancel_a_queued_one(execution_id: int) -> None:
    """It waits for the slot of its job, whoever has it now."""
    assert executions.cancel(execution_id, by="user:test", now=sql.now()) == "cancelled"


def _do_meanwhile(case: Case, execution_id: int) -> None:
    if case.meanwhile is not None:
        wait_for(
            lambda: ExecutionLease.objects.filter(execution_id=execution_id).exists(), seconds=60, what=case.template
        )
        case.meanwhile(execution_id)


def _end(execution_id: int) -> tuple[str, str, tuple[str, ...]]:
    execution = Execution.objects.get(pk=execution_id)
    attempts = Attempt.objects.filter(execution_id=execution_id).order_by("number").values_list("outcome", flat=True)
    return execution.status, execution.reason, tuple(attempts)


def _most_at_once(execution_ids: list[int]) -> int:
    spans = Attempt.objects.filter(execution_id__in=execution_ids).values_list("started_at", "finished_at")
    return max(sum(since <= start < until for since, until in spans if until is not None) for start, _ in spans)
