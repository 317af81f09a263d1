"""The processes of Daybook: their commands, roles and how long each may take to end."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from scheduler_project.embedded.supervisor import KILL, Child

PROJECT = Path(__file__).resolve().parent.parent.parent


def prepare(environment: Mapping[str, str], *arguments: str) -> Child:
    command = ["-m", "scheduler_project.embedded.prepare", *arguments]
    return _python("prepare", "command", command, environment)


def web(environment: Mapping[str, str], port: int) -> Child:
    # Live connections stay open for ever, so the graceful end needs a limit.
    command = ["-m", "uvicorn", "scheduler_project.asgi:application", "--host", "127.0.0.1", "--port", str(port)]
    limits = ["--ws-max-size", "65536", "--timeout-graceful-shutdown", "5"]
    return _python("web", "web", [*command, "--lifespan", "off", *limits], environment)


def engine(environment: Mapping[str, str], *, celery: bool) -> list[Child]:
    """What fires and executes: scheduler and worker, or one process that is both."""
    if not celery:
        return [_python("scheduler", "scheduler", ["manage.py", "run_scheduler"], environment, patience=75)]
    application = ["-m", "celery", "--quiet", "-A", "scheduler_project"]
    remapped = {**environment, "REMAP_SIGTERM": "SIGQUIT"}  # without it the soft shutdown is ignored
    if os.geteuid() == 0:
        remapped |= {"C_FORCE_ROOT": "1", "PYTHONWARNINGS": "ignore:You're running the worker with superuser"}
    worker = ["-Q", "default", "--without-gossip", "--without-mingle"]
    return [
        _python("scheduler", "scheduler", [*application, "beat", "--pidfile="], environment),
        _python("worker", "worker", [*application, "worker", *worker], remapped, patience=75),
    ]


def _python(
    name: str, role: str, arguments: list[str], environment: Mapping[str, str], *, patience: float = 15
) -> Child:
    hurried = [(signal.SIGQUIT, 10.0)] if patience > 60 else []
    return Child(
        name,
        [sys.executable, *arguments],
        environment={**environment, "DAYBOOK_ROLE": role, "PYTHONUNBUFFERED": "1"},
        folder=PROJECT,
        stop=[(signal.SIGTERM, patience), *hurried, KILL],
    )


def postgres(command: list[str], environment: Mapping[str, str], log: Path) -> Child:
    """SIGINT rolls back what is open and ends cleanly; SIGQUIT leaves the rest to the next start's recovery."""
    return Child(
        "postgres",
        command,
        environment=environment,
        log=log,
        stop=[(signal.SIGINT, 60), (signal.SIGQUIT, 10), KILL],
        leads_group=False,
        death_signal=signal.SIGINT,
    )


def valkey(command: list[str], log: Path) -> Child:
    return Child("valkey", command, log=log, leads_group=False)
