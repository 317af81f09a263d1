"""What the jobs of the fault test do: work for a drawn time, and write it into the journal."""

from __future__ import annotations

import os
import random
import signal
import time
from datetime import timedelta
from pathlib import Path

from templates_registry.base import JSON, Cancelled, JobTemplate, Parameters
from templates_registry.context import RunContext
from templates_registry.registry import register
from tests.append import append
from tests.chaos.journal import ALIVE, END, START

SIGN_EVERY = 0.1  # seconds between signs of life


@register
class ChaosRun(JobTemplate):
    """Works by its fate: mostly for a moment, sometimes beyond the lease; a few fail, hang or die."""

    name, title = "chaos_run", "Work under faults"
    is_idempotent = True
    min_interval = timedelta(seconds=1)
    parameters = {
        "type": "object",
        "properties": {
            "path": {"type": "string", "maxLength": 500},
            "long_percent": {"type": "integer", "minimum": 0, "maximum": 100, "default": 25},
        },
        "required": ["path"],
        "additionalProperties": False,
    }

    def run(self, context: RunContext, parameters: Parameters) -> JSON:
        # Drawn from the run, so that a repeated seed repeats what each run does.
        fate = random.Random(f"{context.run_key} {context.attempt}")
        journal = Path(parameters["path"])
        write(journal, START, context)
        is_long = fate.uniform(0, 100) < parameters["long_percent"]
        self._work(fate.uniform(5, 9) if is_long else fate.uniform(0.05, 1.5), context, journal)
        match fate.randrange(100):
            case 0 | 1:
                raise ValueError("This run was meant to fail.")
            case 2:
                self._work(3600, context, journal)  # until its time is over
            case 3:
                os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory runs out
        write(journal, END, context)
        return {"pid": os.getpid()}

    def _work(self, seconds: float, context: RunContext, journal: Path) -> None:
        ends_at = time.monotonic() + seconds
        while (left := ends_at - time.monotonic()) > 0:
            time.sleep(min(left, SIGN_EVERY))
            write(journal, ALIVE, context)
            if context.is_cancelled():
                raise Cancelled(result={"stopped": True})


@register
class ChaosMoment(JobTemplate):
    """Only says that it was there."""

    name, title = "chaos_moment", "Be there for a moment"
    is_idempotent = True
    parameters = {
        "type": "object",
        "properties": {"path": {"type": "string", "maxLength": 500}},
        "required": ["path"],
        "additionalProperties": False,
    }

    def run(self, context: RunContext, parameters: Parameters) -> JSON:
        for mark in (START, END):
            write(Path(parameters["path"]), mark, context)
        return {"pid": os.getpid()}


@register
class ChaosSteady(JobTemplate):
    """Works for a given time and gives a sign of life each second."""

    name, title = "chaos_steady", "Work steadily"
    parameters = {
        "type": "object",
        "properties": {
            "path": {"type": "string", "maxLength": 500},
            "seconds": {"type": "number", "minimum": 1, "maximum": 86_400},
        },
        "required": ["path", "seconds"],
        "additionalProperties": False,
    }

    def run(self, context: RunContext, parameters: Parameters) -> JSON:
        journal = Path(parameters["path"])
        write(journal, START, context)
        ends_at = time.monotonic() + parameters["seconds"]
        while (left := ends_at - time.monotonic()) > 0:
            time.sleep(min(left, 1))
            write(journal, ALIVE, context)
        write(journal, END, context)
        return {"pid": os.getpid()}


def write(journal: Path, mark: str, context: RunContext) -> None:
    line = f"{mark} {context.run_key} {context.execution_id} {context.fence} {os.getpid()} {time.time():.6f}\n"
    append(journal, line)
