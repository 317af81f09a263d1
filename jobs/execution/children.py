"""The pool children of a worker, as its parent sees them: which live, and the end of those that must not go on."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from jobs.execution import processes

EX_RECYCLE = 155  # how a child of the pool ends when it has run enough, or has grown too large
TERMINATIONS = (signal.SIGTERM, signal.SIGQUIT)


class Children:
    """Knows the children by asking the pool, and their state by asking the kernel."""

    def __init__(
        self, find_pids: Callable[[], list[int]], find_exit: Callable[[int], int | None] = lambda pid: None
    ) -> None:
        self._find_pids = find_pids
        self.find_exit = find_exit
        """The exit code of one that is gone, negative for a signal; None as long as nobody knows."""
        self._known: set[int] = set()
        self.has_grown = False
        """Whether some were new at the last look: they replace others, which may have come and gone unseen."""

    @property
    def known(self) -> frozenset[int]:
        """Those that were alive at the last look."""
        return frozenset(self._known)

    def take_gone(self) -> set[int]:
        """The children that were there at the last call and are not any more. Whatever they started is ended too."""
        alive = {pid for pid in self._known.union(self._find_pids()) if self.is_alive(pid)}
        self.has_grown = not alive <= self._known
        gone, self._known = self._known - alive, alive
        for pid in gone:
            _kill_group(pid)
        return gone

    @staticmethod
    def is_alive(pid: int) -> bool:
        """Whether `pid` is this process or a child of it that still runs; a zombie does not."""
        if pid == os.getpid():
            return True
        if sys.platform != "linux":
            with contextlib.suppress(OSError):
                os.kill(pid, 0)
                return True
            return False
        try:
            state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            return False
        return state not in "ZX" and int(parent) == os.getpid()

    def kill(self, pid: int) -> None:
        """End a child and what it started, at once. Refuses what is not a child."""
        if pid != os.getpid() and self.is_alive(pid):
            _kill_group(pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def died_before_its_time(exit_code: int, *, with_run: bool) -> bool:
    """Whether a child's end was neither its own wish, nor the pool's, nor that of the run's limits: those settle the
    run first and then kill, or leave it to the kernel's timer."""
    if exit_code in (os.EX_OK, EX_RECYCLE, -signal.SIGALRM):
        return False
    return exit_code != -signal.SIGKILL or with_run


def lead_own_group() -> None:
    """In a child: so that the programs which a template starts end with it."""
    os.setpgid(0, 0)
    processes.claim_this_process()


@contextmanager
def termination_kills() -> Iterator[None]:
    """In a child: while a run is in progress, a request to terminate ends the process there and then. An exception in
    the middle of the template would be taken for the template's own failure; like this the parent settles the run."""
    before = {number: signal.getsignal(number) for number in TERMINATIONS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _die)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _die(number: int, frame: FrameType | None) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
