"""Everything that runs: servers, schedulers, workers, a web process; tended by one loop, and ended whatever happens."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from scheduler_project.embedded.processes import free_port
from tests.chaos.servers import Servers
from tests.chaos.unit import Unit, send

PROJECT = Path(__file__).resolve().parents[2]
SETTINGS = "tests.chaos.settings"
MARK = "CHAOS_RUN"
SCHEDULERS, WORKERS, CONCURRENCY = 2, 4, 4
CELERY = (sys.executable, "-m", "celery", "-A", "scheduler_project")


class Topology:
    """Made in two steps, since Django reads the servers' addresses when it is set up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = secrets.token_hex(8)
        self.journal = folder / "journal"
        self.servers = Servers(folder, {MARK: self.mark})
        self.port = free_port()
        self.schedulers: list[Unit] = []
        self.workers: list[Unit] = []
        self.web: list[Unit] = []

    @property
    def units(self) -> list[Unit]:
        pooler = [self.servers.pooler] if self.servers.pooler else []
        return [*self.web, *self.schedulers, *self.workers, *pooler, self.servers.redis, self.servers.postgres]

    def tend(self) -> None:
        for unit in reversed(self.units):
            unit.tend()

    def start_servers(self) -> None:
        deadline = time.monotonic() + 60
        while not self.servers.is_ready():
            self.tend()
            if time.monotonic() > deadline:
                raise RuntimeError(f"The servers did not start; their logs are in {self.folder}.")
            time.sleep(0.05)
        self.servers.create_database()

    def start_project(self, *, workers: int = WORKERS, concurrency: int = CONCURRENCY) -> None:
        beat = [*CELERY, "beat", "--pidfile="]
        self.schedulers = [
            self._unit(f"scheduler-{number}", "scheduler", beat, pooled=number % 2 == 0)
            for number in range(1, SCHEDULERS + 1)
        ]
        self.workers = [
            self._unit(f"worker-{number}", "worker", self._worker(number, concurrency), pooled=number % 2 == 0)
            for number in range(1, workers + 1)
        ]
        serve = [sys.executable, "-m", "uvicorn", "scheduler_project.asgi:application", "--port", str(self.port)]
        self.web = [self._unit("web", "web", [*serve, "--log-level", "warning", "--lifespan", "off"], pooled=False)]
        self.tend()

    def owns(self, pid: int) -> bool:
        """Whether this run started the process, directly or through one that it started."""
        units = {unit.pid for unit in self.units}
        if pid in units:
            return True
        with contextlib.suppress(OSError):
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            # Some write their title over their environment; there the parent tells.
            return f"{MARK}={self.mark}".encode() in environment or parent in units
        return False

    def own_pids(self) -> list[int]:
        pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return [pid for pid in pids if pid != os.getpid() and self.owns(pid)]

    def stop(self) -> None:
        """The project first, then its servers, then whatever a killed parent left behind."""
        for pid in self.own_pids():
            send(pid, signal.SIGCONT)
        project = [*self.web, *self.schedulers, *self.workers]
        for unit in project:
            unit.stop()
        for unit in project:
            unit.wait(8)
        for unit in self.units:
            if unit not in project:
                unit.stop()
                unit.wait(10)
        for pid in self.own_pids():
            send(pid, signal.SIGKILL)

    def _worker(self, number: int, concurrency: int) -> list[str]:
        options = ["--pool", "prefork", "-c", str(concurrency), "-n", f"w{number}@chaos", "--without-gossip"]
        return [*CELERY, "worker", *options, "--without-mingle"]

    def _unit(self, name: str, role: str, command: list[str], *, pooled: bool) -> Unit:
        environment = self._environment(role, pooled=pooled and bool(self.servers.pooler))
        return Unit(name, command, environment, self.folder / f"{name}.log", folder=PROJECT)

    def _environment(self, role: str, *, pooled: bool) -> Mapping[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("COV_", "PYTEST_"))},
            MARK: self.mark,
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "DATABASE_URL": self.servers.pooled_url if pooled else self.servers.database_url,
            "DATABASE_POOLER": "transaction" if pooled else "none",
            "REDIS_URL": self.servers.valkey.url,
            "DAYBOOK_ROLE": role,
            "REMAP_SIGTERM": "SIGQUIT",
            "PYTHONUNBUFFERED": "1",
            "C_FORCE_ROOT": "1",
        }


@contextlib.contextmanager
def running() -> Iterator[Topology]:
    """A topology with its servers up; at the end everything is stopped and removed."""
    folder = Path(tempfile.mkdtemp(prefix="daybook-chaos-", dir="/tmp"))
    folder.chmod(0o711)
    topology = None
    try:
        topology = Topology(folder)
        topology.start_servers()
        yield topology
    finally:
        if topology is not None:
            topology.stop()
        if not os.environ.get("CHAOS_KEEP"):
            shutil.rmtree(folder, ignore_errors=True)


def set_up_django(running: Topology) -> None:
    """This process on the servers of the topology, with its tables made."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": SETTINGS,
        "DATABASE_URL": running.servers.database_url,
        "REDIS_URL": running.servers.valkey.url,
        "DAYBOOK_LOG_LEVEL": "WARNING",
    }
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    os.environ.pop("DAYBOOK_LOG_LEVEL")
