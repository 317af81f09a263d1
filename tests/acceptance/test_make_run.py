"""What `make run` starts, as its user has it: first page, log in, outages of its servers, Ctrl-C, kill -9 and again."""

from __future__ import annotations

import http.client
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from scheduler_project.embedded import clean
from scheduler_project.embedded.binaries import valkey_program
from scheduler_project.embedded.processes import free_port
from scheduler_project.embedded.state import read_services
from scheduler_project.embedded.valkey import Valkey
from tests.live import PROJECT, wait_for

pytestmark = pytest.mark.acceptance

SEED = """
from accounts.models import Tenant
from jobs import registry
registry.create(
    {"name": "Each two seconds", "template": "database_cleanup",
     "parameters": {"model": "sessions.Session", "older_than_days": 30},
     "schedule": {"kind": "interval", "every_seconds": 2}, "policies": {"overlap": "allow"}},
    tenant=Tenant.objects.get(slug="default"), actor="user:test", may_run_sub_minute=True)
"""


class Stack:
    """One `make run`, with a state folder and a Redis of its own."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.port = free_port()
        self.log = folder / "run.log"
        self.broker = Valkey(valkey_program(), folder, free_port(), secrets.token_hex(8))
        self._broker_command = self.broker.configure()
        self.broker_process: subprocess.Popen[bytes] | None = None
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "DJANGO_"))}
        self.environment = {
            **inherited,
            "DAYBOOK_STATE_DIR": str(self.state),
            "REDIS_URL": self.broker.url,
            "DAYBOOK_LEADER_LEASE": "3",
            "DAYBOOK_RUN_LEASE": "6",
            "DAYBOOK_HEARTBEAT": "1",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start_broker(self) -> None:
        self.broker_process = subprocess.Popen(self._broker_command, stdout=subprocess.DEVNULL)
        wait_for(self.broker.is_ready, seconds=10, what="the broker")

    def stop_broker(self) -> None:
        if self.broker_process is not None:
            self.broker_process.kill()
            self.broker_process.wait()

    def start(self) -> float:
        """Start and wait for the first page; returns how long that took."""
        began = time.monotonic()
        self.log.write_bytes(b"")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "scheduler_project.embedded.run", "--port", str(self.port)],
                cwd=PROJECT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = self.process
        wait_for(lambda: "Open http" in self.text() or process.poll() is not None, seconds=90, what="the address")
        assert process.poll() is None, self.text()
        return time.monotonic() - began

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def password(self) -> str:
        found = re.search(r"log in as admin with the password (\S+)", self.text())
        assert found, self.text()
        return found.group(1)

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def query(self, statement: str) -> Any:
        services = read_services(self.state)
        assert services is not None
        with psycopg.connect(services.database_url, connect_timeout=5) as connection:
            row = connection.execute(statement.encode()).fetchone()
        assert row is not None
        return row[0]

    def succeeded(self) -> int:
        return int(self.query("SELECT count(*) FROM job_executions WHERE status = 'succeeded'"))

    def database_pid(self) -> int:
        return int((self.state / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])

    def end(self, number: signal.Signals = signal.SIGINT, *, seconds: float = 90) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(seconds)


@pytest.fixture
def stack() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="daybook-run-", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        made = Stack(folder)
        made.start_broker()
        try:
            yield made
        except BaseException:
            print(made.text())
            raise
        finally:
            if made.process is not None:
                made.end(signal.SIGTERM)
            made.stop_broker()
            clean.clean(made.state)


class TestMakeRun:
    def test_serves_survives_and_stops(self, stack: Stack) -> None:
        stack.start()
        assert (stack.state / "admin-password").stat().st_mode & 0o777 == 0o600
        assert (stack.state / "admin-password").read_text().strip() == stack.password()
        assert stack.get("/admin/login/") == 200
        stack.manage("shell", "-c", SEED)
        wait_for(lambda: stack.succeeded() >= 2, seconds=40, what="the first runs")

        # Redis is gone for a while: the admin stays up and ticks are recorded.
        stack.stop_broker()
        ticks = int(stack.query("SELECT count(*) FROM ticks"))
        wait_for(lambda: int(stack.query("SELECT count(*) FROM ticks")) >= ticks + 4, seconds=30, what="more ticks")
        assert stack.get("/admin/login/") == 200
        assert stack.get("/health/ready") == 200
        stack.start_broker()
        wait_for(
            lambda: stack.query("SELECT count(*) FROM job_executions WHERE status = 'queued'") == 0,
            seconds=60,
            what="everything that was queued to run",
        )

        # PostgreSQL crashes; its supervisor starts it again, and everyone else reconnects.
        before = stack.succeeded()
        os.kill(stack.database_pid(), signal.SIGQUIT)
        wait_for(lambda: answers(stack) and stack.succeeded() > before + 2, seconds=90, what="runs after the crash")
        assert stack.get("/admin/login/") == 200
        gaps = stack.query(
            """
            SELECT count(*) FROM (SELECT due_at - lag(due_at) OVER (ORDER BY due_at) AS gap FROM ticks t
                JOIN dynamic_jobs j ON j.id = t.job_id WHERE j.slug = 'each-two-seconds') AS g
            WHERE gap <> interval '2 s'
            """
        )
        assert gaps == 0

        # Nothing can be told to a supervisor that is killed; the next start clears up.
        password = stack.password()
        stack.end(signal.SIGKILL)
        assert stack.start() < 60
        assert stack.password() == password
        before = stack.succeeded()
        wait_for(lambda: stack.succeeded() > before, seconds=40, what="runs after the second start")

        assert stack.end(signal.SIGINT) == 0
        assert "Traceback" not in stack.text().partition("Ctrl-C")[2].partition("stopping")[0]
        with pytest.raises(OSError, match="refused"):
            stack.get("/health/live")


def answers(stack: Stack) -> bool:
    try:
        stack.query("SELECT 1")
    except psycopg.Error:
        return False
    return True
