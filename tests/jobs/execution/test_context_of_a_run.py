"""What a run is given: effects, checkpoints, secrets, outbound calls, and templates that are coroutines."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import Group
from django.db import connection, connections, transaction
from pytest_django import Settings

from jobs import executions, registry
from jobs.execution import executor
from jobs.models import Attempt, Execution, ExecutionLease, Job, LogLine, RunCheckpoint, RunEffect
from jobs.recovery import loss
from jobs.recovery.loss import Orphan
from jobs.rules.states import ExecutionStatus
from scheduler_project.embedded.processes import wait_until
from scheduler_project.lib import sql
from templates_registry.base import EffectReport, PermanentFailure
from templates_registry.context import CircuitOpen, Overtaken, RunContext
from tests.jobs.conftest import database_now
from tests.receivers import Receiver, receiver, status
from tests.sample.context_templates import Scripted

MakeJob = Callable[..., Job]
Script = Callable[[RunContext, dict[str, Any]], Any]

pytestmark = pytest.mark.django_db(transaction=True)


def run(execution_id: int) -> ExecutionStatus | None:
    return executor.execute(execution_id, worker="w1")


@pytest.fixture
def do(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Execution]:
    """Run a function as a template, and return the execution. With `times`, as often, without waiting in between."""

    def do(script: Script, *, times: int = 1, dry_run: bool = False, **changes: Any) -> Execution:
        monkeypatch.setattr(Scripted, "script", staticmethod(script))
        policies = {"retry_base_seconds": 0, **changes.pop("policies", {})}
        execution_id = registry.run_now(
            make_job(template="scripted", policies=policies, **changes), actor="user:test", dry_run=dry_run
        )
        for _ in range(times):
            run(execution_id)
        return Execution.objects.get(pk=execution_id)

    return do


Do = Callable[..., Execution]


def _raise(error: Exception) -> None:
    raise error


class TestOnce:
    def test_is_true_once_for_each_key_of_a_run(self, do: Do) -> None:
        done = do(lambda context, _: [bool(context.once(key)) for key in ("a", "b", "a")])
        assert done.result == [True, True, False]

    def test_is_another_ledger_for_another_run(self, do: Do) -> None:
        assert [do(lambda context, _: bool(context.once("a"))).result for _ in range(2)] == [True, True]

    def test_gives_a_retry_what_the_first_attempt_kept(self, do: Do) -> None:
        def script(context: RunContext, _: Any) -> Any:
            effect = context.once("charge")
            if effect:
                effect.keep({"receipt": 7})
                raise ValueError("after the effect")
            return [effect.is_kept, effect.result]

        assert do(script, times=2).result == [True, {"receipt": 7}]

    def test_tells_a_retry_that_nobody_knows_how_it_ended(self, do: Do) -> None:
        def script(context: RunContext, _: Any) -> Any:
            effect = context.once("charge")
            if effect:
                raise ValueError("in the middle")
            return [effect.is_kept, effect.result]

        assert do(script, times=2).result == [False, None]

    def test_may_be_done_again_after_it_was_forgotten(self, do: Do) -> None:
        def script(context: RunContext, _: Any) -> Any:
            effect = context.once("charge")
            if context.attempt == 1:
                effect.forget()
                raise ValueError("refused before anything happened")
            return bool(effect)

        assert do(script, times=2).result is True

    def test_is_committed_although_the_transaction_around_it_is_not(self, do: Do) -> None:
        def script(context: RunContext, _: Any) -> Any:
            with transaction.atomic():
                Group.objects.create(name="kept by the second attempt")
                if context.once("charge"):
                    context.checkpoint("begun")
                    raise ValueError("in the middle")
            return context.last_checkpoint

        assert do(script, times=2).result == "begun"
        assert Group.objects.count() == 1

    def test_needs_a_short_key(self, do: Do) -> None:
        assert "1 to 200 characters; this one has 201" in do(lambda context, _: context.once("x" * 201)).error

    def test_refuses_an_attempt_that_was_overtaken(self, do: Do) -> None:
        def script(context: RunContext, _: Any) -> Any:
            before = context.once("before")
            ExecutionLease.objects.update(fence=context.fence + 1)
            found = []
            for try_it in (lambda: context.once("a"), before.keep, before.forget, lambda: context.checkpoint(1)):
                try:
                    try_it()
                except Overtaken:
                    found.append("refused")
            ExecutionLease.objects.update(fence=context.fence)
            return found

        assert do(script).result == ["refused"] * 4
        assert not RunCheckpoint.objects.exists()

    @pytest.mark.parametrize(("dies", "lines"), [("before", 0), ("after", 1)])
    def test_happens_at_most_once_though_the_process_is_killed(
        self, make_job: MakeJob, tmp_path: Path, dies: str, lines: int
    ) -> None:
        path = tmp_path / "effects"
        job = make_job(template="dies_at_its_effect", parameters={"path": str(path), "dies": dies})
        execution_id = registry.run_now(job, actor="user:test")
        assert _run_in_another_process(execution_id) == signal.SIGKILL
        _settle_as_lost(execution_id)
        assert run(execution_id) == "succeeded"
        assert (path.read_text().count("\n") if path.exists() else 0) == lines
        result = Execution.objects.get(pk=execution_id).result
        assert result == {
            "did": False,
            "is_kept": False,
            "last": {"attempt": 2, "before": {"attempt": 1, "before": None}},
        }


def _run_in_another_process(execution_id: int) -> int:
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        run(execution_id)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) * -1


def _settle_as_lost(execution_id: int) -> None:
    [row] = sql.rows(f"SELECT {loss.COLUMNS} WHERE l.execution_id = %(id)s", {"id": execution_id})
    orphan = Orphan.of(row)
    assert loss.settle(orphan, died_at=orphan.seen_at, how="Killed by the test.") is not None


class TestCheckpoint:
    def test_is_where_a_retry_goes_on(self, do: Do) -> None:
        def script(context: RunContext, _: Any) -> Any:
            done = context.last_checkpoint or 0
            for number in range(done, 10):
                context.checkpoint(number + 1)
                if number == 4 and context.attempt == 1:
                    raise ValueError("in the middle")
            return {"began_at": done, "last": context.last_checkpoint}

        assert do(script, times=2).result == {"began_at": 5, "last": 10}

    def test_is_limited_in_size(self, do: Do) -> None:
        assert "65536 bytes" in do(lambda context, _: context.checkpoint("x" * 65_536)).error

    @pytest.mark.parametrize("data", [float("nan"), {1, 2}, "\0"])
    def test_is_json(self, do: Do, data: Any) -> None:
        assert do(lambda context, _: context.checkpoint(data)).error_class in (
            "builtins.ValueError",
            "builtins.TypeError",
        )

    def test_is_not_overwritten_by_an_older_fence(self, do: Do) -> None:
        def script(context: RunContext, _: Any) -> Any:
            context.checkpoint("old")
            RunCheckpoint.objects.update(fence=context.fence + 1, data="new")
            with pytest.raises(Overtaken):
                context.checkpoint("old again")

        do(script)
        assert RunCheckpoint.objects.get().data == "new"


class TestCosts:
    def test_nothing_for_a_run_that_uses_none_of_it(self, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
        statements: list[str] = []
        rows = sql.rows
        monkeypatch.setattr(sql, "rows", lambda text, *a, **k: statements.append(text) or rows(text, *a, **k))
        run(registry.run_now(make_job(), actor="user:test"))
        assert not [text for text in statements if "run_effects" in text or "run_checkpoints" in text]
        assert not RunEffect.objects.exists()


class TestSecret:
    @pytest.fixture(autouse=True)
    def secrets(self, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.DAYBOOK_SECRETS_ROOT = str(tmp_path)
        (tmp_path / "file").write_text("from-a-file\n")
        (tmp_path / "link").symlink_to("/etc/hostname")
        monkeypatch.setenv("VENDOR_TOKEN", "from-the-environment")
        monkeypatch.setenv("OWN_TOKEN", "of-the-tenant")
        settings.DAYBOOK_SECRETS = {
            "vendor": "env:VENDOR_TOKEN",
            "file": f"file:{tmp_path}/file",
            "outside": "file:/etc/hostname",
            "link": f"file:{tmp_path}/link",
            "gone": "env:NO_SUCH_VARIABLE",
            "own": "env:VENDOR_TOKEN",
            "default/own": "env:OWN_TOKEN",
            "other/theirs": "env:VENDOR_TOKEN",
        }

    def test_is_read_in_the_worker_and_masked_in_all_that_stays(self, do: Do) -> None:
        def script(context: RunContext, parameters: dict[str, Any]) -> Any:
            values = [context.secret(name) for name in ("vendor", "file", "own")]
            assert values == ["from-the-environment", "from-a-file", "of-the-tenant"]
            context.log(f"have {values} and {parameters['password']}")
            context.progress(1, 2, f"with {values[0]}")
            if context.attempt == 1:
                raise ValueError(f"bad {values[1]} {parameters['password']}")
            return {"text": values[2], "password": parameters["password"], "of": parameters["text"]}

        done = do(script, times=2, parameters={"text": "open", "password": "in-a-parameter"})
        assert done.result == {"text": "***", "password": "***", "of": "open"}
        stored = [line.message for line in LogLine.objects.all()]
        attempt = Attempt.objects.get(number=1)
        stored += [attempt.error, attempt.traceback]
        assert stored[0] == "have ['***', '***', '***'] and ***"
        assert attempt.error == "bad *** ***"
        for secret in ("from-the-environment", "from-a-file", "of-the-tenant", "in-a-parameter"):
            assert secret not in " ".join(stored)

    def test_is_nowhere_in_the_database_however_the_run_ends(self, do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
        canary = "canary/" + uuid.uuid4().hex
        monkeypatch.setenv("VENDOR_TOKEN", canary)
        forms = (canary, quote(canary, safe=""), base64.b64encode(f"user:{canary}".encode()).decode(), canary[7:])

        def say(context: RunContext) -> str:
            return " ".join(form.replace(canary, context.secret("vendor")) for form in forms[:3])

        def script(context: RunContext, _: Any) -> Any:
            text = say(context)
            for level in ("debug", "error"):
                context.log(text, level)  # type: ignore[arg-type]
            context.progress(1, 2, text)
            context.once("key").keep("not of the secret")
            match context.attempt:
                case 1:
                    raise ValueError(text)
                case 2:
                    raise RuntimeError(text) from KeyError({text: text})
                case 3:
                    raise CircuitOpen(text, datetime.now(UTC))
                case 4:
                    raise ExceptionGroup(text, [OSError(text), ValueError(text)])
            return {"a": [text], text: {"b": text}}

        done = do(script, times=3, policies={"max_retries": 9})
        Execution.objects.filter(pk=done.pk).update(available_at=database_now())
        assert [run(done.pk), run(done.pk)] == ["queued", "succeeded"]
        assert LogLine.objects.filter(message__contains="***").count() == 10
        for form in forms:
            assert _tables_with(form) == []

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("unknown", "There is no secret unknown"),
            ("theirs", "There is no secret theirs"),
            ("other/theirs", "names a tenant. Leave it out"),
            ("outside", "is not under DAYBOOK_SECRETS_ROOT"),
            ("link", "is not under DAYBOOK_SECRETS_ROOT"),
            ("gone", "finds nothing at env:NO_SUCH_VARIABLE"),
        ],
    )
    def test_says_why_it_cannot_be_had(self, do: Do, name: str, words: str) -> None:
        assert words in do(lambda context, _: context.secret(name)).error


def _tables_with(text: str) -> list[str]:
    tables = sql.rows("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    found = (
        (table, sql.row(f'SELECT count(*) AS n FROM "{table}" t WHERE strpos(t::text, %(text)s) > 0', {"text": text}))
        for table in (row["relname"] for row in tables)
    )
    return [table for table, row in found if row and row["n"]]


class TestHttp:
    @pytest.fixture
    def server(self, settings: Settings) -> Iterator[Receiver]:
        settings.DAYBOOK_OUTBOUND_ALLOW = ["127.0.0.1"]
        settings.DAYBOOK_CIRCUIT_FAILURES = 2
        settings.DAYBOOK_CIRCUIT_RESET = timedelta(seconds=30)
        with receiver() as running:
            yield running

    def test_puts_a_run_off_while_its_circuit_is_open_and_costs_no_try(self, do: Do, server: Receiver) -> None:
        server.answers["/"] = status(503)

        def script(context: RunContext, _: Any) -> Any:
            return context.http.get(server.url()).raise_for_status().json()

        done = do(script, times=3, policies={"max_retries": 5})
        assert [attempt.outcome for attempt in Attempt.objects.order_by("number")] == [
            "failed",
            "failed",
            "handed_back",
        ]
        assert (done.status, done.reason) == ("queued", "circuit_open")
        assert f"The circuit http:127.0.0.1:{server.port} is open" in done.error
        assert 25 < (done.available_at - database_now()).total_seconds() < 33
        claim = _claim_later(done.pk)
        assert claim.tries == 3

    def test_puts_a_run_off_whose_tasks_met_an_open_circuit(self, do: Do, server: Receiver) -> None:
        server.answers["/"] = status(503)

        async def script(context: RunContext, _: Any) -> Any:
            for _ in range(2):
                context.http.get(server.url())
            async with asyncio.TaskGroup() as tasks:
                for _ in range(2):
                    tasks.create_task(asyncio.to_thread(context.http.get, server.url()))

        assert do(script).reason == "circuit_open"

    def test_refuses_what_lies_inside(self, do: Do, server: Receiver, settings: Settings) -> None:
        settings.DAYBOOK_OUTBOUND_ALLOW = []
        done = do(lambda context, _: context.http.get(server.url()))
        assert done.error_class == "scheduler_project.lib.http.OutboundRefused"
        assert not server.calls


def _claim_later(execution_id: int) -> executions.Claim:
    Execution.objects.filter(pk=execution_id).update(available_at=database_now())
    claim = executions.claim(execution_id, worker="w2", lease=timedelta(seconds=5))
    assert claim is not None
    return claim


class TestCoroutine:
    def test_gives_its_result(self, do: Do) -> None:
        async def script(context: RunContext, _: Any) -> Any:
            context.log("begun")
            await asyncio.sleep(0.01)
            is_first = bool(context.once("a"))
            context.checkpoint({"a": 1})
            names = [group.name async for group in Group.objects.all()]
            return [is_first, context.last_checkpoint, names, threading.current_thread() is threading.main_thread()]

        Group.objects.create(name="there")
        assert do(script).result == [True, {"a": 1}, ["there"], True]

    def test_fails_like_any_other(self, do: Do) -> None:
        async def script(*_: Any) -> Any:
            raise PermanentFailure("not like this")

        done = do(script)
        assert (done.status, done.error) == ("failed", "not like this")

    def test_leaves_no_connection_behind(self, do: Do) -> None:
        async def script(*_: Any) -> Any:
            await Group.objects.acount()

        do(script)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            before = cursor.fetchone()[0]
        do(script)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            assert cursor.fetchone()[0] <= before

    @pytest.mark.parametrize("busy", [False, True])
    def test_ends_at_its_soft_limit_and_may_tidy_up(self, do: Do, tmp_path: Path, busy: bool) -> None:
        async def script(*_: Any) -> Any:
            try:
                while busy:
                    pass
                await asyncio.sleep(30)
            finally:
                (tmp_path / "tidied").touch()

        done = do(script, policies={"soft_timeout_seconds": 1, "timeout_seconds": 20, "max_retries": 0})
        assert done.status == "timed_out"
        assert (tmp_path / "tidied").exists()

    def test_ends_when_it_is_cancelled(self, do: Do, tmp_path: Path) -> None:
        async def script(context: RunContext, _: Any) -> Any:
            asyncio.get_running_loop().run_in_executor(None, _cancel, context.execution_id)
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                (tmp_path / "told").touch()
                raise

        started = time.monotonic()
        assert do(script).status == "cancelled"
        assert (tmp_path / "told").exists()
        assert time.monotonic() - started < 10

    def test_is_killed_at_its_hard_limit(self, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
        async def script(*_: Any) -> Any:
            while True:
                try:
                    await asyncio.sleep(30)
                except asyncio.CancelledError:
                    continue

        monkeypatch.setattr(Scripted, "script", staticmethod(script))
        policies = {"soft_timeout_seconds": 1, "timeout_seconds": 3, "max_retries": 0}
        execution_id = registry.run_now(make_job(template="scripted", policies=policies), actor="user:test")
        assert _run_in_another_process(execution_id) == signal.SIGKILL
        assert wait_until(lambda: Execution.objects.get(pk=execution_id).status == "timed_out", seconds=5)


def _cancel(execution_id: int) -> None:
    try:
        executions.cancel(execution_id, by="user:test", now=database_now())
    finally:
        connection.close()


class TestDryRun:
    def test_may_be_a_coroutine(self, do: Do) -> None:
        async def script(*_: Any) -> Any:
            return EffectReport("Would do it", count=2)

        result: Any = do(script, dry_run=True).result
        assert result["count"] == 2
