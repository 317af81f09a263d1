"""Templates that do not want to end, harm their own process, or leave something behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from templates_registry.base import JSON, JobTemplate
from templates_registry.context import RunContext
from templates_registry.registry import register

LONG = 60
HELD: list[bytes] = []  # what the leaking template never gives back


def spin(context: RunContext, path: Path) -> None:
    ends_at = time.monotonic() + LONG
    while time.monotonic() < ends_at:
        pass


def defy(context: RunContext, path: Path) -> None:
    """Goes on whatever it is told."""
    ends_at = time.monotonic() + LONG
    while time.monotonic() < ends_at:
        with contextlib.suppress(BaseException):
            time.sleep(0.1)


def wait_for_socket(context: RunContext, path: Path) -> None:
    ours, _theirs = socket.socketpair()
    ours.recv(1)


def hold_interpreter(context: RunContext, path: Path) -> None:
    sum(range(10_000_000_000))


def start_child(context: RunContext, path: Path) -> None:
    program = subprocess.Popen(["/bin/sleep", str(LONG)])
    path.write_text(str(program.pid))
    program.wait()


def start_grandchild(context: RunContext, path: Path) -> None:
    """A program that starts another one in the background, deaf to requests to end."""
    script = f"trap '' TERM; sleep {LONG} & echo $$ $! > {path}; wait"
    context.run_process(["/bin/sh", "-c", script])


def leave_detached(context: RunContext, path: Path) -> None:
    """Returns, and leaves a program in a session of its own behind."""
    subprocess.run(["/bin/sh", "-c", f"setsid sleep {LONG} & echo $! > {path}"], check=True, stdout=subprocess.DEVNULL)


WAYS: dict[str, Callable[[RunContext, Path], None]] = {
    "spin": spin,
    "sleep": lambda context, path: time.sleep(LONG),
    "defy": defy,
    "socket": wait_for_socket,
    "interpreter": hold_interpreter,
    "child": start_child,
    "grandchild": start_grandchild,
    "detached": leave_detached,
}


@register
class Stubborn(JobTemplate):
    """Does not end by itself. Writes the ids of what it starts to a file."""

    name, title = "stubborn", "Stubborn"
    parameters = {
        "type": "object",
        "properties": {
            "how": {"enum": list(WAYS)},
            "path": {"type": "string", "maxLength": 500, "default": "/dev/null"},
        },
        "required": ["how"],
        "additionalProperties": False,
    }

    def run(self, context: RunContext, parameters: Mapping[str, Any]) -> JSON:
        WAYS[parameters["how"]](context, Path(parameters["path"]))
        return {"pid": os.getpid()}


def ignore_in_c() -> None:
    libc = ctypes.CDLL(None)
    libc.signal.argtypes, libc.signal.restype = [ctypes.c_int, ctypes.c_void_p], ctypes.c_void_p
    libc.signal(signal.SIGALRM, signal.SIG_IGN.value)


TAMPERINGS: dict[str, Callable[[], object]] = {
    "timer off": lambda: signal.setitimer(signal.ITIMER_REAL, 0),
    "timer later": lambda: signal.alarm(3600),
    "handler": lambda: signal.signal(signal.SIGALRM, lambda *_: None),
    "ignored": lambda: signal.signal(signal.SIGALRM, signal.SIG_IGN),
    "ignored in C": ignore_in_c,
    "blocked": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM]),
}


@register
class Unguarded(JobTemplate):
    """Rids itself of the timer that would end it."""

    name, title = "unguarded", "Unguarded"
    parameters = {
        "type": "object",
        "properties": {"how": {"enum": list(TAMPERINGS)}},
        "required": ["how"],
        "additionalProperties": False,
    }

    def run(self, context: RunContext, parameters: Mapping[str, Any]) -> JSON:
        TAMPERINGS[parameters["how"]]()
        time.sleep(LONG)
        return None


@register
class Leaking(JobTemplate):
    """Keeps some megabytes for good."""

    name, title = "leaking", "Leaking"
    parameters = {
        "type": "object",
        "properties": {"megabytes": {"type": "integer", "minimum": 0, "maximum": 500}},
        "required": ["megabytes"],
        "additionalProperties": False,
    }

    def run(self, context: RunContext, parameters: Mapping[str, Any]) -> JSON:
        HELD.append(os.urandom(1024) * 1024 * parameters["megabytes"])
        return {"pid": os.getpid()}


@register
class Suicidal(JobTemplate):
    """Kills its own process, as the kernel does with one that is too large."""

    name, title = "suicidal", "Suicidal"

    def run(self, context: RunContext, parameters: Mapping[str, Any]) -> JSON:
        os.kill(os.getpid(), signal.SIGKILL)
        return None


@register
class Command(JobTemplate):
    """Runs a program through the run context."""

    name, title = "command", "Command"
    parameters = {
        "type": "object",
        "properties": {"script": {"type": "string", "maxLength": 2000}},
        "required": ["script"],
        "additionalProperties": False,
    }

    def run(self, context: RunContext, parameters: Mapping[str, Any]) -> JSON:
        return context.run_process(["/bin/sh", "-c", parameters["script"]], environment={"GREETING": "hello"})
