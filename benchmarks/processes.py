"""A process under measurement: its output, its memory, its share of a core."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from scheduler_project.embedded.processes import spawn

PROJECT = Path(__file__).resolve().parent.parent
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Process:
    """A Python program of ours or a peer's. As a context it is ended at the end."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        self.started_at = time.monotonic()
        with log.open("wb") as output:
            self._child = spawn([sys.executable, *arguments], output=output, environment=environment, folder=PROJECT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def is_alive(self) -> bool:
        return self._child.poll() is None

    def expect_alive(self) -> None:
        if not self.is_alive:
            raise SystemExit(f"{self.log.name} ended:\n{self.log.read_text(errors='replace')[-4000:]}")

    def wait(self) -> None:
        if self._child.wait() != 0:
            raise SystemExit(f"{self.log.name} failed:\n{self.log.read_text(errors='replace')[-4000:]}")

    def stop(self) -> None:
        if self.is_alive:
            self._child.terminate()
            try:
                self._child.wait(15)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()

    def megabytes(self) -> float:
        """Resident memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024


def environment(**more: str) -> dict[str, str]:
    """Ours without what belongs to another deployment."""
    foreign = ("DAYBOOK_", "DATABASE_", "REDIS_URL", "SCHEDULER_", "DJANGO_", "COV_", "PYTEST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "PYTHONUNBUFFERED": "1", **more}


def processor_seconds(pids: Iterable[int]) -> float:
    """What these processes have used so far; one that is gone counts nothing."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS_PER_SECOND


def family(pid: int) -> list[int]:
    """The process and its children."""
    found = [pid]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = stat.read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        if int(parent) == pid:
            found.append(int(stat.parent.name))
    return found
