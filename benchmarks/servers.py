"""The benchmark's own PostgreSQL and Redis-protocol server, durable as in production, gone when it ends."""

from __future__ import annotations

import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from scheduler_project.embedded.account import Account, server_account
from scheduler_project.embedded.binaries import postgres_programs, valkey_program
from scheduler_project.embedded.postgres import Cluster
from scheduler_project.embedded.processes import free_port, spawn, wait_until
from scheduler_project.embedded.valkey import Valkey

# The same for every system that is measured. Whatever a commit promises is kept: fsync and synchronous_commit stay on.
TUNING = {"shared_buffers": "512MB", "max_wal_size": "4GB", "checkpoint_timeout": "15min", "max_connections": "100"}


@dataclass(frozen=True)
class Servers:
    postgres_url: str
    redis_url: str
    postgres_pid: int
    folder: Path

    def database(self, name: str, *, template: str = "template1") -> str:
        """Make a database, as a copy of another one, and return its address."""
        with psycopg.connect(self.postgres_url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        return urlsplit(self.postgres_url)._replace(path=f"/{name}").geturl()

    def drop(self, name: str) -> None:
        with psycopg.connect(self.postgres_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def broker(self, number: int) -> str:
        """One of the server's numbered databases."""
        return urlsplit(self.redis_url)._replace(path=f"/{number}").geturl()


@contextmanager
def running() -> Iterator[Servers]:
    account = server_account()
    with ExitStack() as stack:
        folder = _folder(account)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres_url, pid = _postgres(stack, folder, account)
        yield Servers(postgres_url, _redis(stack, folder), pid, folder)


def _folder(account: Account) -> Path:
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108
        if account.can_enter(Path(parent)):
            folder = Path(tempfile.mkdtemp(prefix="daybook-bench-", dir=parent))
            folder.chmod(0o711)
            return folder
    raise SystemExit("No temporary folder that the PostgreSQL account can read.")


def _postgres(stack: ExitStack, folder: Path, account: Account) -> tuple[str, int]:
    cluster = Cluster(postgres_programs(account, folder), folder / "postgres", account)
    cluster.folder.mkdir()
    cluster.folder.chmod(0o711)
    password, port = secrets.token_hex(16), free_port()
    cluster.create(password)
    # SIGQUIT: nothing of it is needed any more, so nothing is written out first.
    child = _spawn(stack, cluster.command(port, TUNING), folder / "postgres.log", account, signal.SIGQUIT)
    _wait("PostgreSQL", child, lambda: cluster.is_ready(child.pid), folder / "postgres.log")
    cluster.create_database(port, password)
    return cluster.url(port, password), child.pid


def _redis(stack: ExitStack, folder: Path) -> str:
    system = shutil.which("redis-server")
    server = Valkey(Path(system) if system else valkey_program(), folder, free_port(), secrets.token_hex(16))
    child = _spawn(stack, server.configure(), folder / "redis.log", Account(), signal.SIGTERM)
    _wait("The Redis-protocol server", child, server.is_ready, folder / "redis.log")
    return server.url


def _spawn(
    stack: ExitStack, command: list[str], log: Path, account: Account, stop: signal.Signals
) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        child = spawn(command, output=output, account=account, death_signal=stop)
    stack.callback(_end, child, stop)
    return child


def _wait(name: str, child: subprocess.Popen[bytes], is_ready: Callable[[], bool], log: Path) -> None:
    if not wait_until(lambda: child.poll() is not None or is_ready(), seconds=60) or child.poll() is not None:
        raise SystemExit(f"{name} did not start.\n{log.read_text(errors='replace')}")


def _end(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    child.send_signal(number)
    try:
        child.wait(timeout=60)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
