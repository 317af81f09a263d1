"""The servers of a run: PostgreSQL as durable as in production, Redis without persistence, PgBouncer if installed."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
from pathlib import Path

from scheduler_project.embedded.account import Account, server_account
from scheduler_project.embedded.binaries import postgres_programs, valkey_program
from scheduler_project.embedded.postgres import DATABASE, USER, Cluster
from scheduler_project.embedded.processes import free_port
from scheduler_project.embedded.valkey import Valkey
from tests.chaos.unit import Unit

DATABASE_OPTIONS = {
    "max_connections": "100",
    # After a crash every file of the data folder is synchronised; one by one that takes this machine up to 8 s.
    "recovery_init_sync_method": "syncfs",
}


class Servers:
    """Their commands and addresses. Who starts and stops them is the topology."""

    def __init__(self, folder: Path, mark: dict[str, str]) -> None:
        self.account = server_account()
        self._folder = folder
        self._password = secrets.token_hex(16)
        self._environment = {**os.environ, **mark}
        self._port = free_port()
        self.cluster = Cluster(postgres_programs(self.account, folder), folder / "postgres", self.account)
        self.cluster.folder.mkdir()
        self.cluster.folder.chmod(0o711)
        self.cluster.create(self._password)
        self.database_url = self.cluster.url(self._port, self._password)
        self.postgres = self._unit("postgres", self.cluster.command(self._port, DATABASE_OPTIONS), self.account)
        system = shutil.which("redis-server")
        self.valkey = Valkey(Path(system) if system else valkey_program(), folder, free_port(), secrets.token_hex(16))
        self.redis = self._unit("redis", self.valkey.configure(), Account())
        self.pooled_url = ""
        self.pooler = self._pooler()

    def is_ready(self) -> bool:
        process = self.postgres.process
        return process is not None and self.cluster.is_ready(process.pid) and self.valkey.is_ready() and self._pooled()

    def create_database(self) -> None:
        self.cluster.create_database(self._port, self._password)

    def _pooler(self) -> Unit | None:
        program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            return None
        port = self._pooler_port = free_port()
        users, file = self._folder / "users.txt", self._folder / "pgbouncer.ini"
        for path in (users, file):
            path.touch(mode=0o600)
            self.account.give(path)
        users.write_text(f'"{USER}" "{self._password}"\n')
        file.write_text(
            f"[databases]\n{DATABASE} = host=127.0.0.1 port={self._port} dbname={DATABASE}\n[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\n"
            f"auth_file = {users}\npool_mode = transaction\ndefault_pool_size = 40\nmax_client_conn = 500\n"
            # Its default is to try again 15 s after a server did not answer, which would count as our delay.
            "server_login_retry = 0.5\nserver_connect_timeout = 3\nquery_wait_timeout = 10\n"
        )
        self.pooled_url = f"postgres://{USER}:{self._password}@127.0.0.1:{port}/{DATABASE}"
        return self._unit("pgbouncer", [program, str(file)], self.account)

    def _pooled(self) -> bool:
        if self.pooler is None:
            return True
        try:
            socket.create_connection(("127.0.0.1", self._pooler_port), timeout=1).close()
        except OSError:
            return False
        return True

    def _unit(self, name: str, command: list[str], account: Account) -> Unit:
        return Unit(
            name,
            command,
            self._environment,
            self._folder / f"{name}.log",
            folder=Path("/"),
            account=account,
            first_signal=signal.SIGINT if name == "postgres" else signal.SIGTERM,
        )
