"""Real schedulers, workers and webs on the test's own database and broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.db import connection

PROJECT = Path(__file__).resolve().parent.parent

Found = TypeVar("Found")


def wait_until(condition: Callable[[], Found], *, seconds: float, what: str) -> Found:
    """What the condition returns, once that is true. Fails the test after a while."""
    ends_at = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > ends_at:
            raise AssertionError(f"Waited {seconds:g} s in vain for: {what}")
        time.sleep(0.05)


class Processes:
    """Starts our processes and ends those that are left."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._environment = {**os.environ, **addresses(), **(environment or {})}
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def scheduler(self, name: str) -> subprocess.Popen[bytes]:
        return self._start(name, "scheduler", "-m", "celery", "-q", "-A", "scheduler_project", "beat", "--pidfile=")

    def worker(self, name: str, *, concurrency: int = 2) -> subprocess.Popen[bytes]:
        arguments = ["-c", str(concurrency), "-Q", "default", "-n", f"{name}@%h"]
        return self._start(name, "worker", "-m", "celery", "-q", "-A", "scheduler_project", "worker", *arguments)

    def command(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        return self._start(name, "command", "manage.py", *arguments)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        self.running[name].send_signal(number)

    def end(self) -> None:
        for process in self.running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def output(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def _start(self, name: str, role: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=PROJECT,
                env={**self._environment, "DAYBOOK_ROLE": role, "C_FORCE_ROOT": "1", "REMAP_SIGTERM": "SIGQUIT"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.running[name] = process
        return process


def addresses() -> dict[str, str]:
    """The environment that points a process at the database and the broker of this test."""
    server = connection.settings_dict
    user, password = server["USER"], server["PASSWORD"]
    return {
        "DATABASE_URL": f"postgres://{user}:{password}@{server['HOST']}:{server['PORT']}/{server['NAME']}",
        "REDIS_URL": settings.CELERY_BROKER_URL,
        "DJANGO_SETTINGS_MODULE": "scheduler_project.settings.test",
    }
