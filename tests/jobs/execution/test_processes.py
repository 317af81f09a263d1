"""Programs that templates start."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.execution import processes
from templates_registry.context import Level
from tests.live import wait_for


class Interrupted(BaseException):
    pass


@pytest.fixture
def lines() -> list[tuple[str, Level]]:
    return []


@pytest.fixture
def run(lines: list[tuple[str, Level]]) -> Any:
    def run(script: str, **options: Any) -> int:
        return processes.run(["/bin/sh", "-c", script], log=lambda *line: lines.append(line), **options)

    return run


@pytest.fixture
def interrupted_soon() -> Iterator[None]:
    """As the heartbeat does it: a signal to the main thread, whose handler raises."""

    def interrupt(*_: Any) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, interrupt)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.5, lambda: signal.pthread_kill(main, signal.SIGUSR1))
    timer.start()
    yield
    timer.cancel()
    signal.signal(signal.SIGUSR1, before)


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


class TestRun:
    def test_returns_the_exit_code(self, run: Any) -> None:
        assert [run("exit 0"), run("exit 7"), run("kill -9 $$")] == [0, 7, -9]

    def test_logs_both_outputs_line_by_line(self, run: Any, lines: Any) -> None:
        run("echo one; echo two >&2; printf 'three\\r\\n\\n'; printf four", level="debug")
        assert lines == [("one", "debug"), ("two", "debug"), ("three", "debug"), ("", "debug"), ("four", "debug")]

    def test_cuts_a_line_without_end_into_pieces(self, run: Any, lines: Any) -> None:
        run("head -c 25000 /dev/zero | tr '\\0' x")
        assert [len(line) for line, _ in lines] == [10_000, 10_000, 5_000]

    def test_takes_bytes_that_are_no_text(self, run: Any, lines: Any) -> None:
        run("printf '\\377\\n'")
        assert lines == [("\N{REPLACEMENT CHARACTER}", "info")]

    def test_does_not_wait_for_whoever_keeps_the_output_open(self, run: Any, lines: Any) -> None:
        started = time.monotonic()
        assert run("sleep 30 & echo $!") == 0
        assert time.monotonic() - started < 5
        os.kill(int(lines[0][0]), signal.SIGKILL)

    def test_passes_on_the_environment_without_our_own_and_secrets(
        self, run: Any, lines: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", "postgres://x")
        monkeypatch.setenv("REPORTS_PASSWORD", "x")
        monkeypatch.setenv("HARMLESS", "kept")
        settings.DAYBOOK_SECRETS = {"reports": "env:REPORTS_PASSWORD"}
        run('echo "$DATABASE_URL,$REPORTS_PASSWORD,$HARMLESS,$MORE"', environment={"MORE": "added"})
        assert lines == [(",,kept,added", "info")]

    def test_runs_in_a_folder(self, run: Any, lines: Any, tmp_path: Path) -> None:
        run("pwd -P", folder=tmp_path)
        assert lines == [(str(tmp_path.resolve()), "info")]

    @pytest.mark.parametrize("argv", ["ls -l", b"ls", [], ["ls", 3], [None]])
    def test_refuses_what_a_shell_would_have_to_read(self, argv: Any) -> None:
        with pytest.raises(TypeError, match="no shell reads them"):
            processes.run(argv, log=lambda *_: None)

    def test_names_a_program_that_there_is_not(self) -> None:
        with pytest.raises(FileNotFoundError, match="no-such-program"):
            processes.run(["no-such-program"], log=lambda *_: None)

    @pytest.mark.usefixtures("interrupted_soon")
    @pytest.mark.parametrize("deaf", ["", "trap '' TERM; "])
    def test_ends_the_program_and_its_children_when_interrupted(self, run: Any, tmp_path: Path, deaf: str) -> None:
        started = time.monotonic()
        with pytest.raises(Interrupted):
            run(f"{deaf}sleep 30 & echo $$ $! > {tmp_path}/pids; wait")
        assert time.monotonic() - started < 6
        for pid in (tmp_path / "pids").read_text().split():
            wait_for(lambda: is_gone(int(pid)), seconds=3, what="the end of the program")  # noqa: B023


class TestEndWhatIsLeft:
    def test_leaves_children_of_other_processes_than_a_worker_s_alone(self) -> None:
        program = subprocess.Popen(["/bin/sleep", "30"])
        processes.end_what_is_left(lambda *_: None)
        assert program.poll() is None
        program.kill()
        program.wait()
