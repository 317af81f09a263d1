"""What templates leave behind, log and raise: none of it may cost their run its end, or the next run its start."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from jobs import registry
from jobs.execution import executor
from jobs.models import Attempt, Execution, ExecutionLease, Job, LogLine
from templates_registry.base import Cancelled, PermanentFailure
from tests.sample.job_templates import Echo

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Execution]:
    """One run of a template that does just this; what became of it is read from another connection."""

    def carry_out(what: Callable[[Any], object], **policies: Any) -> Execution:
        job = make_job(policies={"max_retries": 0, "timeout_seconds": 8, **policies})
        execution_id = registry.run_now(job, actor="user:test")
        monkeypatch.setattr(Echo, "run", lambda self, context, parameters: what(context))
        executor.execute(execution_id, worker="w1")
        with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
            statuses = other.execute("SELECT status FROM job_executions WHERE id = %s", [execution_id]).fetchall()
            assert other.execute("SELECT count(*) FROM execution_leases").fetchone() == (0,)
        execution = Execution.objects.get(pk=execution_id)
        assert statuses == [(execution.status,)]
        return execution

    return carry_out


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


class TestConnection:
    def test_a_transaction_begun_by_hand_is_not_kept(self, run: Any) -> None:
        def begin(context: Any) -> None:
            execute("BEGIN")
            execute("UPDATE tenants SET name = 'changed' WHERE slug = 'default'")

        assert run(begin).status == "succeeded"
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM tenants WHERE name = 'changed'")
            assert cursor.fetchone() == (0,)

    def test_an_atomic_block_that_was_never_left_is_not_kept(self, run: Any) -> None:
        assert run(lambda context: transaction.atomic().__enter__()).status == "succeeded"
        assert not connection.in_atomic_block

    @pytest.mark.parametrize(
        "statement",
        [
            "SET search_path = pg_catalog",
            "SET default_transaction_read_only = on",
            "SET statement_timeout = 1",
            "SET SESSION AUTHORIZATION pg_monitor",
            "DISCARD ALL",
            "DEALLOCATE ALL",
        ],
    )
    def test_settings_of_the_session_reach_neither_its_end_nor_the_next_run(self, run: Any, statement: str) -> None:
        for _ in range(7):  # so that statements are prepared
            assert run(lambda context: None).status == "succeeded"
        assert run(lambda context: execute(statement)).status == "succeeded"
        assert run(lambda context: None).status == "succeeded"

    def test_may_be_closed(self, run: Any) -> None:
        assert run(lambda context: connection.close()).status == "succeeded"


class TestWords:
    def test_a_log_line_may_hold_half_a_character(self, run: Any) -> None:
        execution = run(lambda context: context.log(os.fsdecode(b"report-\xff.csv")))
        assert execution.status == "succeeded"
        assert LogLine.objects.get(execution=execution).message == "report-?.csv"

    @pytest.mark.parametrize("text", ["a\x00b", "\ud800"], ids=["a NUL", "half a surrogate pair"])
    def test_an_error_keeps_its_words(self, run: Any, text: str) -> None:
        def fail(context: Any) -> None:
            raise PermanentFailure(f"No such file: {text}")

        execution = run(fail)
        assert (execution.status, execution.reason) == ("failed", "not_retryable")
        assert execution.error.startswith("No such file: ")

    @pytest.mark.parametrize("result", ["\ud800", {"a": "\x00"}, float("nan"), object()])
    def test_a_result_that_cannot_be_stored_is_its_failure(self, run: Any, result: object) -> None:
        assert run(lambda context: result).status == "failed"

    @pytest.mark.parametrize("progress", [{"done": object()}, {"done": float("nan")}])
    def test_progress_that_is_no_number_is_its_failure(self, run: Any, progress: Any) -> None:
        assert run(lambda context: context.progress(**progress)).status == "failed"

    def test_progress_that_cannot_be_stored_costs_no_heartbeat(self, run: Any) -> None:
        def work(context: Any) -> None:
            context.progress(1, text="\ud800\x00")
            time.sleep(4.5)  # longer than the lease

        assert run(work).status == "succeeded"


class TestErrors:
    @pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit()])
    def test_whatever_is_raised_is_the_template_s_failure(self, run: Any, error: BaseException) -> None:
        def fail(context: Any) -> None:
            raise error

        execution = run(fail)
        assert (execution.status, execution.error_class.rpartition(".")[2]) == ("failed", type(error).__name__)

    def test_an_error_without_words_keeps_its_class(self, run: Any) -> None:
        class Mute(Exception):
            def __str__(self) -> str:
                raise RuntimeError("not even that")

        def fail(context: Any) -> None:
            raise Mute

        assert run(fail).error == "Mute"

    def test_a_cancelled_run_may_return_what_cannot_be_stored(self, run: Any) -> None:
        def stop(context: Any) -> None:
            context.cancel()
            raise Cancelled(result=object())  # type: ignore[arg-type]

        assert run(stop).status == "failed"

    def test_a_fork_that_comes_back_settles_nothing(self, run: Any) -> None:
        def fork(context: Any) -> str:
            child = os.fork()
            if child:
                os.waitpid(child, 0)
                return "parent"
            return "child"

        execution = run(fork)
        assert (execution.status, execution.result) == ("succeeded", "parent")
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
        assert not ExecutionLease.objects.exists()
        assert Attempt.objects.get(execution=execution).outcome == "succeeded"
