"""What the guard notices. Without ever arming it for long: it would end the test's process."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator

import pytest

from jobs.execution.watchdog import Watchdog
from tests.sample.rough import TAMPERINGS

FAULTS = {
    "timer off": "switched off its own guard, the timer ITIMER_REAL",
    "timer later": "set its own guard, the timer ITIMER_REAL, to a later time",
    "handler": "changed what SIGALRM does, its own guard",
    "ignored": "changed what SIGALRM does, its own guard",
    "ignored in C": "changed what SIGALRM does, its own guard",
    "blocked": "blocked SIGALRM, its own guard",
}


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    watchdog = Watchdog(lease_seconds=60, limit_at=time.monotonic() + 60)
    Watchdog.take_over_signal()
    watchdog.arm(proven_at=time.monotonic())
    yield watchdog
    watchdog.disarm()
    Watchdog.take_over_signal()


class TestFindFault:
    def test_finds_none_in_a_guard_that_stands(self, watchdog: Watchdog) -> None:
        assert watchdog.find_fault() == ""

    @pytest.mark.parametrize("how", TAMPERINGS)
    def test_names_what_was_done(self, watchdog: Watchdog, how: str) -> None:
        tamper: Callable[[], object] = TAMPERINGS[how]
        tamper()
        if how == "blocked":
            assert watchdog.find_fault() == ""
        assert watchdog.find_fault() == FAULTS[how]

    def test_takes_a_program_that_is_being_started_for_none(self, watchdog: Watchdog) -> None:
        for _ in range(2):
            TAMPERINGS["blocked"]()
            assert watchdog.find_fault() == ""
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
            assert watchdog.find_fault() == ""


class TestTakeOverSignal:
    @pytest.mark.parametrize("how", ["handler", "ignored", "ignored in C", "blocked"])
    def test_undoes_what_an_earlier_run_did(self, watchdog: Watchdog, how: str) -> None:
        TAMPERINGS[how]()
        Watchdog.take_over_signal()
        assert watchdog.find_fault() == ""
        assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
