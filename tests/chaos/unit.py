"""One process that is started again whenever it ends, until it is stopped for good."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from scheduler_project.embedded.account import Account
from scheduler_project.embedded.processes import identity, spawn


class Unit:
    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        *,
        folder: Path,
        account: Account | None = None,
        first_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self.own_ends = 0  # without a signal of ours
        self.first_signal = first_signal
        self._command, self._environment, self._account, self._folder = command, environment, account, folder
        self._wanted_at: float | None = 0.0
        self._is_meant_to_end = False

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    def tend(self) -> None:
        """Start it if it should run and does not. Main thread only: its death would be that of the process."""
        if self.process is not None and self.process.poll() is not None:
            self.own_ends += not self._is_meant_to_end
            self.process = None
        if self.process is None and self._wanted_at is not None and time.monotonic() >= self._wanted_at:
            self._is_meant_to_end = False
            self.starts += 1
            with self.log.open("ab") as log:
                self.process = spawn(
                    self._command,
                    output=log,
                    account=self._account,
                    environment=self._environment,
                    folder=self._folder,
                )

    def end(self, number: signal.Signals, *, down: float = 0) -> bool:
        """Send what ends it; it comes back after `down` seconds. False when it does not run."""
        if self.pid is None:
            return False
        self._is_meant_to_end = True
        self._wanted_at = time.monotonic() + down
        send(self.pid, number)
        return True

    def stop(self) -> None:
        """For good."""
        self._wanted_at = None
        self._is_meant_to_end = True
        if self.pid is not None:
            send(self.pid, signal.SIGCONT)
            send(self.pid, self.first_signal)

    def wait(self, seconds: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Frozen:
    """A process that stands still until it is continued; another one of the same number meanwhile is left alone."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._identity = identity(pid)
        send(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        if self._identity is not None and identity(self.pid) == self._identity:
            send(self.pid, signal.SIGCONT)


def send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found
