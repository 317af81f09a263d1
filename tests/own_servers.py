"""Servers that belong to one test, which may stop, suspend and restart them."""

from __future__ import annotations

import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from scheduler_project.embedded.account import Account, server_account
from scheduler_project.embedded.binaries import postgres_programs, valkey_program
from scheduler_project.embedded.postgres import Cluster
from scheduler_project.embedded.processes import free_port, spawn, wait_until
from scheduler_project.embedded.valkey import Valkey
from scheduler_project.settings.base import database
from tests import services


class OwnServer:
    """A server process under one address, however often it is restarted."""

    def __init__(
        self, command: list[str], url: str, log: Path, *, account: Account, is_ready: Callable[[int], bool]
    ) -> None:
        self.url = url
        self._command, self._log, self._account, self._is_ready = command, log, account, is_ready
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            process = self._process = spawn(self._command, output=log, account=self._account)
        assert wait_until(lambda: self._is_ready(process.pid), seconds=30), self._log.read_text(errors="replace")

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends PostgreSQL's sessions and stops it cleanly; SIGQUIT is a crash."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None

    def suspend(self) -> None:
        """Connections stay open, and nobody answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def postgres() -> Iterator[OwnServer]:
    account = server_account()
    folder = services._folder(account)
    cluster = Cluster(postgres_programs(account, folder), folder / "postgres", account)
    cluster.folder.mkdir()
    cluster.folder.chmod(0o711)
    password, port = secrets.token_hex(16), free_port()
    cluster.create(password)
    server = OwnServer(
        cluster.command(port),  # as durable as in production: what was committed is there after a crash
        cluster.url(port, password),
        folder / "postgres.log",
        account=account,
        is_ready=cluster.is_ready,
    )
    try:
        server.start()
        cluster.create_database(port, password)
        yield server
    finally:
        server.stop(signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis(folder: Path) -> Iterator[OwnServer]:
    system = shutil.which("redis-server")
    valkey = Valkey(Path(system) if system else valkey_program(), folder, free_port(), secrets.token_hex(16))
    server = OwnServer(
        valkey.configure(), valkey.url, folder / "redis.log", account=Account(), is_ready=lambda _: valkey.is_ready()
    )
    try:
        server.start()
        yield server
    finally:
        server.stop(signal.SIGKILL)


@contextmanager
def migrated_postgres(blocker: DjangoDbBlocker) -> Iterator[OwnServer]:
    """A server of its own with the project's tables, on which this process's default connection works meanwhile."""
    default = connections["default"]
    before = dict(default.settings_dict)
    with postgres() as server, blocker.unblock():
        default.close()
        default.settings_dict.update(database(server.url))
        try:
            call_command("migrate", verbosity=0)
            yield server
        finally:
            default.close()
            default.settings_dict.update(before)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnServer]:
    with redis(tmp_path) as server:
        yield server


@pytest.fixture
def own_postgres(django_db_blocker: DjangoDbBlocker) -> Iterator[OwnServer]:
    with migrated_postgres(django_db_blocker) as server:
        yield server
