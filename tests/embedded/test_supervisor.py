"""The supervisor with small children of our own."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from scheduler_project.embedded import supervisor as module
from scheduler_project.embedded.processes import identity, wait_until
from scheduler_project.embedded.record import Record
from scheduler_project.embedded.refusal import Refusal
from scheduler_project.embedded.supervisor import KILL, Child, Supervisor
from tests.embedded.conftest import Memory

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
PATIENT = "print('up', flush=True); import time; time.sleep(60)"


def python(name: str, code: str, **options: object) -> Child:
    return Child(name, [sys.executable, "-c", code], environment=dict(os.environ), **options)  # type: ignore[arg-type]


def supervise(console: Memory, folder: Path, *children: Child) -> None:
    with Supervisor(console, Record(folder)) as supervisor:
        for child in children:
            supervisor.start(child)
        supervisor.watch()


class TestLines:
    def test_carry_the_name_of_their_process(self, console: Memory, tmp_path: Path) -> None:
        with Supervisor(console, Record(tmp_path)) as supervisor:
            code = supervisor.run(python("web", "print('one'); print('two', end='')"))
        assert code == 0
        assert [line for line in console.lines if line.startswith("web")] == ["web        | one", "web        | two"]

    def test_are_not_waited_for_when_a_grandchild_keeps_the_pipe(self, console: Memory, tmp_path: Path) -> None:
        code = "import subprocess, sys; subprocess.Popen(['sleep', '30'], start_new_session=True); print('over')"
        with Supervisor(console, Record(tmp_path)) as supervisor:
            assert supervisor.run(python("web", code)) == 0
        assert "web        | over" in console.lines


class TestRestart:
    def test_waits_longer_each_time_and_says_why(self, console: Memory, tmp_path: Path) -> None:
        console.enough = lambda lines: sum("restarting" in line for line in lines) == 3
        supervise(console, tmp_path, python("worker", "raise SystemExit(1)"))
        assert [line.partition("| ")[2] for line in console.lines] == [
            "worker exited with code 1, restarting in 1 s",
            "worker exited with code 1, restarting in 2 s",
            "worker exited with code 1, restarting in 4 s",
        ]

    def test_begins_anew_after_a_steady_run(
        self, console: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "STEADY_AFTER", 0.0)
        console.enough = lambda lines: sum("restarting" in line for line in lines) == 2
        supervise(console, tmp_path, python("worker", "raise SystemExit(1)"))
        assert all(line.endswith("restarting in 1 s") for line in console.lines)

    def test_names_the_signal(self, console: Memory, tmp_path: Path) -> None:
        console.enough = lambda lines: any("restarting" in line for line in lines)
        supervise(console, tmp_path, python("worker", "import os; os.kill(os.getpid(), 9)"))
        assert "worker was ended by signal 9 (SIGKILL), restarting in 1 s" in console.lines[-1]

    def test_leaves_the_others_alone(self, console: Memory, tmp_path: Path) -> None:
        console.enough = lambda lines: sum("restarting" in line for line in lines) == 2
        supervise(console, tmp_path, python("web", PATIENT), python("worker", "raise SystemExit(1)"))
        assert sum(line == "web        | up" for line in console.lines) == 1


class TestStart:
    def test_refuses_when_the_child_dies_before_it_answers(self, console: Memory, tmp_path: Path) -> None:
        with Supervisor(console, Record(tmp_path)) as supervisor:
            supervisor.start(python("web", "raise SystemExit(3)"))
            with pytest.raises(Refusal, match="web exited with code 3 while starting"):
                supervisor.wait_for("web", lambda: False, seconds=30)

    def test_refuses_when_the_answer_does_not_come(self, console: Memory, tmp_path: Path) -> None:
        with Supervisor(console, Record(tmp_path)) as supervisor:
            supervisor.start(python("web", PATIENT))
            with pytest.raises(Refusal, match="did not answer within"):
                supervisor.wait_for("web", lambda: False, seconds=0.2)

    def test_refuses_a_program_that_is_not_there(self, console: Memory, tmp_path: Path) -> None:
        with Supervisor(console, Record(tmp_path)) as supervisor, pytest.raises(Refusal, match="Cannot start web"):
            supervisor.start(Child("web", ["/nonexistent"]))


class TestStop:
    def test_goes_from_the_last_started_to_the_first(self, console: Memory, tmp_path: Path) -> None:
        console.enough = lambda lines: sum(line.endswith("| up") for line in lines) == 3
        supervise(console, tmp_path, *(python(name, PATIENT) for name in ("postgres", "web", "worker")))
        stopping = [line.split()[3] for line in console.lines if "stopping" in line]
        assert stopping == ["worker", "web", "postgres"]
        assert not (tmp_path / "processes.json").exists()

    def test_keeps_the_order_after_a_restart(self, console: Memory, tmp_path: Path) -> None:
        mark = tmp_path / "once"
        once = f"import pathlib; p = pathlib.Path({str(mark)!r}); new = p.exists(); p.touch(); new or exit(1);"
        console.enough = lambda lines: sum(line.endswith("| up") for line in lines) == 2
        supervise(console, tmp_path, python("valkey", f"{once} {PATIENT}"), python("worker", PATIENT))
        assert [line.split()[3] for line in console.lines if "stopping" in line] == ["worker", "valkey"]

    def test_kills_what_does_not_listen(self, console: Memory, tmp_path: Path) -> None:
        console.enough = lambda lines: any(line.endswith("| up") for line in lines)
        supervise(console, tmp_path, python("worker", STUBBORN, stop=[(signal.SIGTERM, 0.3), KILL]))
        assert not any("does not end" in line for line in console.lines)

    def test_takes_the_rest_of_the_group_along(self, console: Memory, tmp_path: Path) -> None:
        code = f"import subprocess; print(subprocess.Popen(['sleep', '60']).pid, flush=True); {PATIENT}"
        console.enough = lambda lines: any(line.endswith("| up") for line in lines)
        supervise(console, tmp_path, python("worker", code))
        pool = int(console.lines[0].rpartition(" ")[2])
        assert wait_until(lambda: identity(pid=pool) is None, seconds=5)

    def test_is_cut_short_by_a_second_request(self, console: Memory, tmp_path: Path) -> None:
        code = (
            "import os, signal, sys, time\n"
            "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.6), os.kill(os.getppid(), signal.SIGINT)))\n"
            "print('up', flush=True)\n"
            "os.kill(os.getppid(), signal.SIGINT)\n"
            "while True: time.sleep(1)\n"
        )
        supervise(console, tmp_path, python("worker", code, stop=[(signal.SIGTERM, 60), KILL]))
        assert "Ctrl-C again" in " ".join(console.lines)
