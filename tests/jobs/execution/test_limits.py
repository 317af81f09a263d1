"""Real workers and templates that do not end: limits hold, nothing stays behind, and the worker goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs import registry
from jobs.models import Attempt, Execution, Job, LogLine, Worker
from jobs.tick import publisher
from tests import live
from tests.live import LiveWorker, time_until, wait_for

MakeJob = Callable[..., Job]

pytestmark = [pytest.mark.acceptance, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def worker(db: None, tmp_path: Path) -> Iterator[LiveWorker]:
    with live.worker(tmp_path, concurrency=1) as worker:
        yield worker


def start(make_job: MakeJob, template: str, parameters: dict[str, Any] | None = None, **policies: Any) -> int:
    policies = {"max_retries": 0, "timeout_seconds": 30, **policies}
    job = make_job(
        name=f"{template} {time.monotonic()}", template=template, parameters=parameters or {}, policies=policies
    )
    execution_id = registry.run_now(job, actor="user:test")
    publisher.publish_waiting()
    return execution_id


def is_at_rest(execution_id: int) -> bool:
    return Execution.objects.get(pk=execution_id).finished_at is not None


def ended(execution_id: int, *, seconds: float = 60) -> Execution:
    wait_for(lambda: is_at_rest(execution_id), seconds=seconds, what=f"the end of execution {execution_id}")
    return Execution.objects.get(pk=execution_id)


def seconds_of(execution_id: int) -> float:
    attempt = Attempt.objects.filter(execution_id=execution_id).latest("number")
    assert attempt.finished_at is not None
    return (attempt.finished_at - attempt.started_at).total_seconds()


def process_of(execution_id: int) -> int:
    result: Any = ended(execution_id).result
    return int(result["pid"])


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def started_by(path: Path) -> list[int]:
    return [int(pid) for pid in path.read_text().split()] if path.exists() else []


class TestLimits:
    """Each way in turn on one worker with one process, so that the next run shows whether it goes on."""

    def hold(self, make_job: MakeJob, tmp_path: Path, ways: list[str], *, within: float, **policies: Any) -> None:
        for how in ways:
            path = tmp_path / how
            execution_id = start(make_job, "stubborn", {"how": how, "path": str(path)}, **policies)
            execution = ended(execution_id)
            assert execution.status == "timed_out", (how, execution.error)
            took = seconds_of(execution_id)
            assert took < within, how
            following = start(make_job, "echo")
            went_on = time_until(lambda: is_at_rest(following), seconds=5)  # noqa: B023
            assert Execution.objects.get(pk=following).status == "succeeded"
            left = started_by(path)
            assert bool(left) == (how in ("child", "grandchild")), how
            wait_for(lambda: all(map(is_gone, left)), seconds=2, what=f"the end of what {how} started")  # noqa: B023
            print(f"{how:12} ended after {took:.2f} s; the next run had ended {went_on:.2f} s later")

    def test_a_soft_one_interrupts_what_python_can_interrupt(
        self, worker: LiveWorker, make_job: MakeJob, tmp_path: Path
    ) -> None:
        before = worker.children()
        ways = ["spin", "sleep", "socket", "child", "grandchild"]
        self.hold(make_job, tmp_path, ways, within=5, soft_timeout_seconds=1, timeout_seconds=20)
        assert worker.children() == before

    def test_a_hard_one_ends_everything(self, worker: LiveWorker, make_job: MakeJob, tmp_path: Path) -> None:
        ways = ["spin", "sleep", "defy", "socket", "interpreter", "child", "grandchild"]
        self.hold(make_job, tmp_path, ways, within=5, timeout_seconds=2)


class TestWhatIsLeftBehind:
    def test_ends_with_a_run_that_returns(self, worker: LiveWorker, make_job: MakeJob, tmp_path: Path) -> None:
        path = tmp_path / "detached"
        execution = ended(start(make_job, "stubborn", {"how": "detached", "path": str(path)}))
        assert execution.status == "succeeded"
        assert all(map(is_gone, started_by(path)))
        line = LogLine.objects.get(execution=execution)
        assert (line.level, line.message) == ("warning", "Ended what the template had left running: 1 process.")


class TestGuard:
    def test_a_run_without_it_fails_for_good(self, worker: LiveWorker, make_job: MakeJob) -> None:
        words = {
            "timer off": "switched off its own guard, the timer ITIMER_REAL",
            "timer later": "set its own guard, the timer ITIMER_REAL, to a later time",
            "handler": "changed what SIGALRM does, its own guard",
            "ignored": "changed what SIGALRM does, its own guard",
            "ignored in C": "changed what SIGALRM does, its own guard",
            "blocked": "blocked SIGALRM, its own guard",
        }
        for how, what in words.items():
            execution = ended(start(make_job, "unguarded", {"how": how}, max_retries=3))
            assert (execution.status, execution.reason) == ("failed", "unguardable"), how
            assert what in execution.error
            assert seconds_of(execution.pk) < 4
            assert ended(start(make_job, "echo")).status == "succeeded"


class TestLoss:
    def test_three_times_in_a_row_is_the_end(self, worker: LiveWorker, make_job: MakeJob) -> None:
        execution = ended(start(make_job, "suicidal", max_retries=10))
        assert (execution.status, execution.reason) == ("dead", "lost_too_often")
        attempts = Attempt.objects.filter(execution=execution).order_by("number")
        assert [attempt.outcome for attempt in attempts] == ["lost"] * 3
        wait_for(lambda: Worker.objects.get().health == "degraded", seconds=5, what="a worker that complains")
        assert Worker.objects.get().trouble == "3 of its processes died in the last 5 minutes."

    def test_is_final_where_the_policy_says_so(self, worker: LiveWorker, make_job: MakeJob) -> None:
        execution = ended(start(make_job, "suicidal", max_retries=10, on_lost="fail"))
        assert (execution.status, execution.reason) == ("lost", "on_lost_fail")
        assert Attempt.objects.filter(execution=execution).count() == 1


class TestLeaks:
    def test_a_process_that_has_grown_too_large_is_replaced(self, db: None, make_job: MakeJob, tmp_path: Path) -> None:
        with live.worker(tmp_path, concurrency=1, DAYBOOK_WORKER_MAX_MEMORY_MB="250"):
            pids = [process_of(start(make_job, "leaking", {"megabytes": size})) for size in (1, 1, 300, 1, 1)]
        assert pids[0] == pids[1] == pids[2] != pids[3] == pids[4]

    def test_a_process_that_has_run_enough_is_replaced(self, db: None, make_job: MakeJob, tmp_path: Path) -> None:
        with live.worker(tmp_path, concurrency=1, DAYBOOK_WORKER_MAX_TASKS="2"):
            pids = [process_of(start(make_job, "leaking", {"megabytes": 0})) for _ in range(4)]
            assert "died" not in Worker.objects.get().trouble  # on a busy machine it may find the database slow
        assert pids[0] == pids[1] != pids[2] == pids[3]


class TestRunProcess:
    def test_logs_each_line_and_returns_the_exit_code(self, worker: LiveWorker, make_job: MakeJob) -> None:
        script = "echo $GREETING; echo oops >&2; printf 'no end'; test -z \"$DATABASE_URL\" && exit 3"
        execution = ended(start(make_job, "command", {"script": script}))
        assert execution.result == 3
        lines = LogLine.objects.filter(execution=execution).order_by("sequence")
        assert [line.message for line in lines] == ["hello", "oops", "no end"]
