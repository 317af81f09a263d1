"""Pytest plugin: the run's own PostgreSQL and Redis-protocol server, started before Django reads its settings.

Whatever DATABASE_URL and REDIS_URL say, the suite never touches them: they are replaced.
"""

from __future__ import annotations

import atexit
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

# Importing the project would otherwise name the development settings.
os.environ["DJANGO_SETTINGS_MODULE"] = "scheduler_project.settings.test"

from scheduler_project.embedded.account import Account, server_account
from scheduler_project.embedded.binaries import postgres_programs, valkey_program
from scheduler_project.embedded.postgres import Cluster
from scheduler_project.embedded.processes import free_port, spawn, wait_until
from scheduler_project.embedded.valkey import Valkey

NAMES = ("DATABASE_URL", "REDIS_URL")
NO_REDIS = "redis://127.0.0.1:9/0"  # nobody listens there
READ_ONLY = {"--collect-only", "--co", "--help", "-h", "--version", "-V", "--markers", "--fixtures"}
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class Servers:
    """The two servers of a run, and the folder that goes with them."""

    def __init__(self) -> None:
        self.account = server_account()
        self.folder = _folder(self.account)
        self.children: list[tuple[subprocess.Popen[bytes], signal.Signals]] = []
        self.descriptions: list[str] = []

    def start(self) -> None:
        os.environ["DATABASE_URL"] = self._start_postgres()
        os.environ["REDIS_URL"] = NO_REDIS if os.environ.get("TEST_REDIS") == "stopped" else self._start_redis()

    def _start_postgres(self) -> str:
        programs = _system_postgres() or postgres_programs(self.account, self.folder)
        cluster = Cluster(programs, self.folder / "postgres", self.account)
        cluster.folder.mkdir()
        cluster.folder.chmod(0o711)
        password, port = secrets.token_hex(16), free_port()
        cluster.create(password)
        child = self._spawn(cluster.command(port, FAST), "postgres", self.account, signal.SIGINT)
        self._wait("PostgreSQL", child, lambda: cluster.is_ready(child.pid))
        cluster.create_database(port, password)
        self.descriptions.append(f"PostgreSQL {cluster.major()} ({programs})")
        return cluster.url(port, password)

    def _start_redis(self) -> str:
        system = shutil.which("redis-server")
        program = Path(system) if system else valkey_program()
        server = Valkey(program, self.folder, free_port(), secrets.token_hex(16))
        child = self._spawn(server.configure(), "redis", Account(), signal.SIGTERM)
        self._wait(program.name, child, server.is_ready)
        self.descriptions.append(f"{program.name} ({program})")
        return server.url

    def _spawn(self, command: list[str], name: str, account: Account, stop: signal.Signals) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            child = spawn(command, output=log, account=account, death_signal=stop)
        self.children.append((child, stop))
        return child

    def _wait(self, name: str, child: subprocess.Popen[bytes], is_ready: Callable[[], bool]) -> None:
        if not wait_until(lambda: child.poll() is not None or is_ready(), seconds=60) or child.poll() is not None:
            logs = "\n".join(log.read_text(errors="replace") for log in self.folder.glob("*.log"))
            self.stop()
            raise pytest.UsageError(f"{name} did not start.\n{logs}")

    def stop(self) -> None:
        while self.children:
            child, stop = self.children.pop()
            child.send_signal(stop)
            try:
                child.wait(timeout=20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _folder(account: Account) -> Path:
    """A temporary folder that the server's account can reach; ours may be closed to it."""
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        if account.can_enter(Path(parent)):
            _sweep(Path(parent))
            folder = Path(tempfile.mkdtemp(prefix="daybook-test-", dir=parent))
            folder.chmod(0o711)
            return folder
    raise pytest.UsageError("No temporary folder that the PostgreSQL account can read.")


def _sweep(parent: Path) -> None:
    """Remove what runs that were killed left behind more than a day ago."""
    for folder in parent.glob("daybook-test-*"):
        if folder.owner() == pwd.getpwuid(os.getuid()).pw_name and folder.stat().st_mtime < time.time() - 86_400:
            shutil.rmtree(folder, ignore_errors=True)


def _system_postgres() -> Path | None:
    """The distribution's newest PostgreSQL, when `make test PG=system` asks for it."""
    if os.environ.get("TEST_POSTGRES") != "system":
        return None
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise pytest.UsageError("PG=system needs the distribution's PostgreSQL (Debian: the package postgresql).")
    return found[-1].parent


_servers: Servers | None = None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> Generator[None, object, object]:
    """A wrapper comes before pytest-django, which loads the settings in this hook.

    With xdist each worker has servers of its own: transactions of one would hold back what the other reads in the
    order of commits, and a test may crash its server.
    """
    global _servers
    for name in NAMES:
        os.environ.pop(name, None)
    if not READ_ONLY.intersection(args) and not _has_workers(early_config):
        _servers = Servers()
        atexit.register(_servers.stop)  # for a run that ends before it is configured
        _servers.start()
    return (yield)


def _has_workers(config: pytest.Config) -> bool:
    return bool(getattr(config.known_args_namespace, "numprocesses", None)) and "PYTEST_XDIST_WORKER" not in os.environ


def pytest_report_header() -> list[str]:
    return [f"servers: {', '.join(_servers.descriptions) if _servers else 'each worker starts its own'}"]


def pytest_unconfigure() -> None:
    if _servers:
        _servers.stop()
