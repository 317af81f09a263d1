"""A real PgBouncer in transaction mode in front of the test's PostgreSQL."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from scheduler_project.embedded.account import server_account
from scheduler_project.embedded.processes import free_port, spawn, wait_until

# Fewer connections to the server than there are sessions, so that each transaction may meet another one's connection.
CONFIGURATION = """
[databases]
* = host={HOST} port={PORT}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = 8
max_client_conn = 500
server_reset_query =
logfile =
pidfile =
"""


def program() -> str | None:
    """Debian has it where ordinary users do not look."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def pgbouncer(folder: Path) -> Iterator[str]:
    """Yields the address of the test's database through the pooler."""
    name, account, where, port = program(), server_account(), connection.settings_dict, free_port()
    assert name is not None
    home = Path(tempfile.mkdtemp(prefix="daybook-test-pooler-", dir="/tmp"))  # it refuses to run as root
    account.give(home)
    users, configuration, log = home / "users.txt", home / "pgbouncer.ini", folder / "pgbouncer.log"
    users.write_text(f'"{where["USER"]}" "{where["PASSWORD"]}"\n')
    configuration.write_text(CONFIGURATION.format(port=port, users=users, **where))
    for file in (users, configuration):
        file.chmod(0o600)
        account.give(file)
    with log.open("wb") as output:
        process = spawn([name, configuration], output=output, account=account)
    try:
        assert wait_until(lambda: process.poll() is not None or _listens(port), seconds=10)
        assert process.poll() is None, log.read_text()
        yield f"postgres://{where['USER']}:{where['PASSWORD']}@127.0.0.1:{port}/{where['NAME']}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(home, ignore_errors=True)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
