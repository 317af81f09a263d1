"""What a parent can tell about its children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from jobs.execution.children import Children, died_before_its_time, lead_own_group, termination_kills
from tests.live import wait_for


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], preexec_fn=lead_own_group)
    yield process
    process.kill()
    process.wait()


class TestIsAlive:
    def test_knows_itself_and_its_child(self, child: subprocess.Popen[bytes]) -> None:
        assert Children.is_alive(os.getpid())
        assert Children.is_alive(child.pid)

    def test_takes_a_zombie_for_dead(self, child: subprocess.Popen[bytes]) -> None:
        child.kill()
        wait_for(lambda: not Children.is_alive(child.pid), seconds=5)

    def test_takes_another_s_child_for_gone(self) -> None:
        assert not Children.is_alive(1)

    def test_takes_an_unused_number_for_gone(self) -> None:
        assert not Children.is_alive(2**22 + 1)


class TestTakeGone:
    def test_tells_each_death_once(self, child: subprocess.Popen[bytes]) -> None:
        children = Children(lambda: [child.pid])
        assert children.take_gone() == set()
        child.kill()
        wait_for(lambda: not Children.is_alive(child.pid), seconds=5)
        assert children.take_gone() == {child.pid}
        assert children.take_gone() == set()

    def test_ends_what_the_dead_child_had_started(self) -> None:
        program = (
            "import os, subprocess; p = subprocess.Popen(['sleep', '60']);"
            "print(p.pid, flush=True); os.kill(os.getpid(), 9)"
        )
        child = subprocess.Popen([sys.executable, "-c", program], preexec_fn=lead_own_group, stdout=subprocess.PIPE)
        assert child.stdout is not None
        children = Children(lambda: [child.pid])
        children.take_gone()
        grandchild = int(child.stdout.readline())
        wait_for(lambda: not Children.is_alive(child.pid), seconds=5)
        assert children.take_gone() == {child.pid}
        child.wait()
        wait_for(lambda: not os.path.exists(f"/proc/{grandchild}"), seconds=5)


class TestKill:
    def test_ends_a_child(self, child: subprocess.Popen[bytes]) -> None:
        Children(lambda: [child.pid]).kill(child.pid)
        assert child.wait(5) == -signal.SIGKILL

    def test_leaves_strangers_and_itself_alone(self) -> None:
        children = Children(list)
        children.kill(1)
        children.kill(os.getpid())


class TestTerminationKills:
    def test_leaves_no_chance_to_mistake_it_for_a_failure(self) -> None:
        program = (
            "import os, signal\nfrom jobs.execution.children import termination_kills\n"
            "with termination_kills():\n    os.kill(os.getpid(), signal.SIGTERM)\n"
        )
        assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -signal.SIGKILL

    def test_puts_the_handlers_back(self) -> None:
        before = signal.getsignal(signal.SIGTERM)
        with termination_kills():
            assert signal.getsignal(signal.SIGTERM) is not before
        assert signal.getsignal(signal.SIGTERM) is before


class TestDiedBeforeItsTime:
    @pytest.mark.parametrize(
        ("exit_code", "with_run", "expected"),
        [
            (0, False, False),
            (155, False, False),  # replaced by the pool
            (-signal.SIGALRM, True, False),  # past its limit
            (-signal.SIGKILL, False, False),  # by its own heartbeat, after it had settled
            (-signal.SIGKILL, True, True),
            (-signal.SIGSEGV, True, True),
            (1, False, True),
        ],
    )
    def test_tells_a_crash_from_a_wish(self, exit_code: int, with_run: bool, expected: bool) -> None:
        assert died_before_its_time(exit_code, with_run=with_run) == expected
