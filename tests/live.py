"""Real processes of the project, on the test database: start, wait until they answer, signal, stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from django.conf import settings
from django.db import connection

from scheduler_project.embedded.processes import free_port

PROJECT = Path(__file__).resolve().parent.parent


Found = TypeVar("Found")


def wait_for(condition: Callable[[], Found | None], *, seconds: float = 20, what: str = "the condition") -> Found:
    """What the condition returns, once that is true. Fails the test after a while."""
    started = time.monotonic()
    while not (found := condition()):
        waited = time.monotonic() - started
        assert waited < seconds, f"Waited {waited:.1f} s in vain for {what}."
        time.sleep(0.02)
    return found


def time_until(condition: Callable[[], object], *, seconds: float) -> float:
    """Wait until it holds and return how many seconds that took."""
    started = time.monotonic()
    wait_for(condition, seconds=seconds)
    return time.monotonic() - started


def environment(role: str, **more: str) -> dict[str, str]:
    """What a process needs to work on the database and the broker of this test."""
    where = connection.settings_dict
    database = f"postgres://{where['USER']}:{where['PASSWORD']}@{where['HOST']}:{where['PORT']}/{where['NAME']}"
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("COV_", "PYTEST_"))},
        "DJANGO_SETTINGS_MODULE": "scheduler_project.settings.test",
        "DATABASE_URL": database,
        "REDIS_URL": settings.CELERY_BROKER_URL,
        "DAYBOOK_ROLE": role,
        "PYTHONUNBUFFERED": "1",
        "C_FORCE_ROOT": "1",
        **more,
    }


class Process:
    """One child process and what it has written. As a context it is stopped at the end, whatever happened."""

    def __init__(self, command: list[str], environment: Mapping[str, str], output: Path) -> None:
        self.output = output
        with output.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=PROJECT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None) -> None:
        if kind is not None:
            print(self.text())
        self.stop()

    @property
    def pid(self) -> int:
        return self.process.pid

    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait_until(self, condition: Callable[[], bool], *, what: str) -> None:
        """Wait until it is up; fails at once when it has ended instead."""
        wait_for(lambda: self.process.poll() is not None or condition(), seconds=120, what=what)
        assert self.process.poll() is None, self.text()

    def wait(self, *, seconds: float) -> float:
        """Wait for the end; returns how long that took."""
        started = time.monotonic()
        self.process.wait(seconds)
        return time.monotonic() - started

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class LiveWorker(Process):
    """A Celery worker."""

    def children(self) -> list[int]:
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if int(parent) == self.pid and state != "Z":
                found.append(int(stat.parent.name))
        return sorted(found)


@contextmanager
def worker(
    folder: Path, *, name: str = "w1", concurrency: int = 2, queues: str = "default", **more: str
) -> Iterator[LiveWorker]:
    """A worker that takes messages."""
    command = [
        *(sys.executable, "-m", "celery", "-A", "scheduler_project", "worker", "--pool", "prefork"),
        *("-c", str(concurrency), "-Q", queues, "-n", f"{name}@test", "--without-gossip"),
        "--without-mingle",
    ]
    with LiveWorker(command, environment("worker", **more), folder / f"{name}.log") as live:
        live.wait_until(lambda: " ready." in live.text(), what="the worker")
        yield live


def scheduler(folder: Path, *, name: str = "s1", scheduler_class: str = "", **more: str) -> Process:
    """A scheduler: Celery beat with our class, or with another one."""
    command = [sys.executable, "-m", "celery", "-A", "scheduler_project", "beat", "--pidfile="]
    command += ["-S", scheduler_class] if scheduler_class else []
    return Process(command, environment("scheduler", **more), folder / f"{name}.log")


def manage(folder: Path, *arguments: str, **more: str) -> Process:
    """A management command that goes on until it is stopped."""
    command = [sys.executable, "manage.py", *arguments]
    return Process(command, environment("command", **more), folder / f"{arguments[0]}.log")


class LiveWeb(Process):
    """A web process."""

    def __init__(self, folder: Path, *, name: str, environment: Mapping[str, str]) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "uvicorn", "scheduler_project.asgi:application", "--port", str(self.port)]
        super().__init__(
            [*command, "--log-level", "warning", "--lifespan", "off", "--ws-max-size", "65536"],
            environment,
            folder / f"{name}.log",
        )

    def get(self, path: str, *, seconds: float = 10, **headers: str) -> Answer:
        """One request; an answer is an answer, whatever its status."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        started = time.monotonic()
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.read().decode(), time.monotonic() - started)
        finally:
            connection.close()

    def is_up(self) -> bool:
        try:
            return self.get("/health/live").status == 200
        except OSError:
            return False


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@contextmanager
def web(folder: Path, *, name: str = "web", **more: str) -> Iterator[LiveWeb]:
    """A web process that answers."""
    with LiveWeb(folder, name=name, environment=environment("web", **more)) as live:
        live.wait_until(live.is_up, what="the web process")
        yield live
