"""Templates that do just what a test needs."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import connection

import tests.sample.rough  # noqa: F401 - importing them registers them
from templates_registry.base import JSON, Cancelled, EffectReport, JobTemplate, PermanentFailure
from templates_registry.context import RunContext
from templates_registry.registry import register
from tests.append import append
from tests.sample import context_templates, leaky  # noqa: F401 - importing them registers them


@register
class Echo(JobTemplate):
    """Returns what it was given."""

    name, title = "echo", "Echo"
    supports_dry_run = True
    min_interval = timedelta(seconds=1)
    parameters = {
        "type": "object",
        "properties": {
            "text": {"type": "string", "maxLength": 100, "default": "hello"},
            "token": {"type": "string", "maxLength": 100, "writeOnly": True},
        },
        "additionalProperties": False,
    }

    def run(self, context: RunContext, parameters: dict[str, Any]) -> JSON:
        context.log(f"Echoing {parameters['text']}")
        context.progress(1, 1, "done")
        return {"text": parameters["text"], "attempt": context.attempt}

    def dry_run(self, context: RunContext, parameters: dict[str, Any]) -> EffectReport:
        return EffectReport(f"Would echo {parameters['text']}", count=1)


@register
class Delicate(JobTemplate):
    """Does nothing, once somebody has approved of it."""

    name, title = "delicate", "Delicate"
    requires_approval = True

    def run(self, context: RunContext, parameters: dict[str, Any]) -> JSON:
        return "done"


@register
class Failing(JobTemplate):
    """Fails, for good or so that it may be tried again."""

    name, title = "failing", "Failing"
    parameters = {
        "type": "object",
        "properties": {
            "permanent": {"type": "boolean", "default": False},
            "until_attempt": {"type": "integer", "minimum": 1, "maximum": 100, "default": 100},
        },
        "additionalProperties": False,
    }

    def run(self, context: RunContext, parameters: dict[str, Any]) -> JSON:
        if context.attempt >= parameters["until_attempt"]:
            return "recovered"
        if parameters["permanent"]:
            raise PermanentFailure("This will never work.")
        raise ValueError("This did not work.")


@register
class Journal(JobTemplate):
    """Writes a line when it starts and one when it ends, to a file that survives everything; works in between."""

    name, title = "journal", "Journal"
    is_idempotent = True
    min_interval = timedelta(seconds=1)
    parameters = {
        "type": "object",
        "properties": {
            "path": {"type": "string", "maxLength": 500},
            "seconds": {"type": "number", "minimum": 0, "maximum": 600, "default": 0},
            "how": {"enum": ["sleep", "spin", "cooperate", "hold", "gate"], "default": "sleep"},
        },
        "required": ["path"],
        "additionalProperties": False,
    }

    def run(self, context: RunContext, parameters: dict[str, Any]) -> JSON:
        path = Path(parameters["path"])
        write_line(path, "S", context)
        ends_at = time.monotonic() + parameters["seconds"]
        gate = Path(f"{path}.open")
        while time.monotonic() < ends_at and not (parameters["how"] == "gate" and gate.exists()):
            if parameters["how"] == "cooperate" and context.is_cancelled():
                raise Cancelled(result={"stopped": True})
            if parameters["how"] == "hold":
                # In C code that keeps the interpreter, where no Python thread gets a turn.
                ctypes.PyDLL(None).usleep(int(parameters["seconds"] * 1e6))
            elif parameters["how"] != "spin":
                time.sleep(0.02)
        write_line(path, "E", context)
        return {"pid": os.getpid()}


def write_line(path: Path, mark: str, context: RunContext) -> None:
    due = context.scheduled_for.isoformat() if context.scheduled_for else "-"
    line = f"{mark} {context.run_key} {context.execution_id} {context.fence} {os.getpid()} {time.time():.3f} {due}\n"
    append(path, line)


@register
class Deaf(JobTemplate):
    """Holds the interpreter in C code, where no Python thread and no Python signal handler gets a turn."""

    name, title = "deaf", "Deaf"

    def run(self, context: RunContext, parameters: dict[str, Any]) -> JSON:
        return sum(range(10_000_000_000))


@register
class Stuck(JobTemplate):
    """Does not come back for a minute, in one way or another; a program that it started has its number in `path`."""

    name, title = "stuck", "Stuck"
    parameters = {
        "type": "object",
        "properties": {
            "how": {"enum": ["spin", "sleep", "socket", "program", "hold"]},
            "path": {"type": "string", "maxLength": 500, "default": ""},
        },
        "required": ["how"],
        "additionalProperties": False,
    }

    def run(self, context: RunContext, parameters: dict[str, Any]) -> JSON:
        match parameters["how"]:
            case "spin":
                ends_at = time.monotonic() + 60
                while time.monotonic() < ends_at:
                    pass
            case "sleep":
                time.sleep(60)
            case "socket":
                here, _there = socket.socketpair()
                here.settimeout(60)
                here.recv(1)
            case "program":
                program = subprocess.Popen(["/bin/sleep", "60"])
                Path(parameters["path"]).write_text(str(program.pid))
                program.wait()
            case "hold":
                # In C code that keeps the interpreter, where no Python thread gets a turn.
                ctypes.PyDLL(None).usleep(60_000_000)
        return None


@register
class Program(JobTemplate):
    """Starts a program that would outlive it, and waits for it."""

    name, title = "program", "Program"
    parameters = {
        "type": "object",
        "properties": {"path": {"type": "string", "maxLength": 500}},
        "required": ["path"],
        "additionalProperties": False,
    }

    def run(self, context: RunContext, parameters: dict[str, Any]) -> JSON:
        program = subprocess.Popen(["/bin/sleep", "60"])
        Path(parameters["path"]).write_text(str(program.pid))
        return program.wait()


@register
class BackendOfDatabase(JobTemplate):
    """Says which server process its connection has."""

    name, title = "backend_of_database", "Backend of the database"

    def run(self, context: RunContext, parameters: dict[str, Any]) -> JSON:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return {"backend": cursor.fetchone()[0]}
