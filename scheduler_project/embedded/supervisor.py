"""Keeps processes running: passes their lines on, restarts what exits, and ends everything in order."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Self

from scheduler_project.embedded.account import Account
from scheduler_project.embedded.console import Console
from scheduler_project.embedded.processes import spawn
from scheduler_project.embedded.record import Record
from scheduler_project.embedded.refusal import Refusal

STEADY_AFTER = 60.0
LONGEST_PAUSE = 30.0
KILL = (signal.SIGKILL, 10.0)


class Stopped(Exception):
    """Somebody asked for the end: Ctrl-C, SIGTERM, a closed terminal."""


@dataclass(frozen=True)
class Child:
    """How to start one process, and how to end it."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] | None = None
    folder: Path | None = None
    account: Account | None = None
    log: Path | None = None
    """Where its output goes instead of our own."""
    stop: Sequence[tuple[signal.Signals, float]] = ((signal.SIGTERM, 10.0), KILL)
    """Signals, each with the seconds it is given before the next."""
    leads_group: bool = True
    """Whether what remains of its process group is killed once it is gone."""
    death_signal: signal.Signals = signal.SIGKILL


@dataclass
class Running:
    child: Child
    process: subprocess.Popen[bytes]
    started_at: float
    failures: int = 0
    restart_at: float | None = None
    """Set while it is down."""
    rest: bytes = field(default=b"")


class Supervisor:
    """Single-threaded on purpose: children die with the thread that forked them."""

    def __init__(self, console: Console, record: Record) -> None:
        self._console, self._record = console, record
        self._selector = selectors.DefaultSelector()
        self._running: dict[str, Running] = {}
        self._handlers: dict[signal.Signals, Any] = {}
        self._requests, self._requested_at = 0, -1.0

    def __enter__(self) -> Self:
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._handlers[sign] = signal.signal(sign, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for sign, handler in self._handlers.items():
            signal.signal(sign, handler)

    def _on_signal(self, _signal: int, _frame: FrameType | None) -> None:
        # make passes on a SIGTERM that its process group already got: one wish, two signals.
        if time.monotonic() - self._requested_at > 0.5:
            self._requests += 1
        self._requested_at = time.monotonic()

    @property
    def is_stopping(self) -> bool:
        return self._requests > 0 or self._console.is_closed

    # --- Starting -----------------------------------------------------------------------------------------------------

    def start(self, child: Child, *, failures: int = 0) -> int:
        """Start a child that is kept running until the end; returns its process id."""
        if self.is_stopping:
            raise Stopped
        read_end, write_end = os.pipe()
        try:
            with child.log.open("ab") if child.log else open(os.devnull, "wb") as log:
                process = spawn(
                    child.command,
                    output=log if child.log else write_end,
                    account=child.account,
                    environment=child.environment,
                    folder=child.folder,
                    death_signal=child.death_signal,
                )
        except OSError as error:
            os.close(read_end)
            raise Refusal(f"Cannot start {child.name} ({error}).") from None
        finally:
            os.close(write_end)
        running = Running(child, process, time.monotonic(), failures)
        os.set_blocking(read_end, False)
        self._selector.register(read_end, selectors.EVENT_READ, running)
        self._running[child.name] = running
        self._record.add(child.name, process.pid)
        return process.pid

    def run(self, child: Child) -> int:
        """Run a child to its end and return its exit code."""
        self.start(child)
        running = self._running[child.name]
        while running.process.poll() is None:
            self._turn()
        del self._running[child.name]
        self._bury(running)
        return running.process.returncode

    def wait_for(self, name: str, is_ready: Callable[[], bool], *, seconds: float) -> None:
        """Wait for a child's answer; refuses when it exits or does not answer in time."""
        deadline = time.monotonic() + seconds
        running = self._running[name]
        where = f"see {running.child.log}" if running.child.log else "its lines are above"
        while not is_ready():
            if running.process.poll() is not None:
                raise Refusal(f"{name} {_ending(running.process.returncode)} while starting: {where}.")
            if time.monotonic() > deadline:
                raise Refusal(f"{name} did not answer within {seconds:g} s: {where}.")
            self._turn(0.03)

    def watch(self) -> None:
        """Keep everything running until somebody asks for the end."""
        with contextlib.suppress(Stopped):
            while True:
                self._turn()
                for running in list(self._running.values()):
                    self._mend(running)

    # --- One turn -----------------------------------------------------------------------------------------------------

    def _turn(self, seconds: float = 0.2, *, unless_stopping: bool = True) -> None:
        if unless_stopping and self.is_stopping:
            raise Stopped
        for key, _ in self._selector.select(seconds):
            self._pass_on(key)

    def _pass_on(self, key: selectors.SelectorKey) -> bool:
        """Show what a child wrote; False when there is nothing more for now."""
        running: Running = key.data
        try:
            data = os.read(key.fd, 65536)
        except BlockingIOError:
            return False
        *lines, running.rest = (running.rest + data).split(b"\n")
        if not data:
            lines = [running.rest] if running.rest else []
            running.rest = b""
        for line in lines:
            self._console.pass_on(running.child.name, line.decode(errors="replace").rstrip("\r"))
        if not data:
            self._selector.unregister(key.fd)
            os.close(key.fd)
        return bool(data)

    def _mend(self, running: Running) -> None:
        now = time.monotonic()
        if running.restart_at is None and running.process.poll() is not None:
            self._bury(running)
            if now - running.started_at >= STEADY_AFTER:
                running.failures = 0
            pause = min(LONGEST_PAUSE, 2.0**running.failures)
            running.restart_at = now + pause
            ending = _ending(running.process.returncode)
            self._console.say(f"{running.child.name} {ending}, restarting in {pause:g} s")
        elif running.restart_at is not None and now >= running.restart_at:
            self.start(running.child, failures=running.failures + 1)

    def _bury(self, running: Running) -> None:
        """After the end of a process: its last lines, and whatever it left of its group."""
        if running.child.leads_group:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(running.process.pid, signal.SIGKILL)
        for key in [key for key in self._selector.get_map().values() if key.data is running]:
            while self._pass_on(key):
                pass
            if key.fd in self._selector.get_map():  # a grandchild holds the other end
                self._selector.unregister(key.fd)
                os.close(key.fd)
        self._record.remove(running.child.name)

    # --- Ending -------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """End the children, the last started first; one at a time, since each may need those before it."""
        while self._running:
            _, running = self._running.popitem()
            if running.restart_at is None:
                self._end(running)
                self._bury(running)

    def _end(self, running: Running) -> None:
        child, process = running.child, running.process
        for step, (sign, seconds) in enumerate(child.stop):
            if process.poll() is not None:
                return
            if step == 0:
                hint = "; Ctrl-C again to cut it short" if seconds > 10 and child.leads_group else ""
                self._console.say(f"stopping {child.name} (up to {seconds:g} s{hint})")
            process.send_signal(sign)
            requests, deadline = self._requests, time.monotonic() + seconds
            while process.poll() is None and time.monotonic() < deadline:
                if child.leads_group and self._requests > max(requests, 1):
                    break
                self._turn(0.05, unless_stopping=False)
        if process.poll() is None:
            self._console.say(f"{child.name} (process {process.pid}) does not end")


def _ending(code: int) -> str:
    if code >= 0:
        return f"exited with code {code}"
    return f"was ended by signal {-code} ({signal.Signals(-code).name})"
