"""One PostgreSQL data folder: make it, the command that serves it, its readiness. Starts no server itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scheduler_project.embedded.account import Account
from scheduler_project.embedded.refusal import Refusal

USER = DATABASE = "daybook"


@dataclass(frozen=True)
class Cluster:
    programs: Path
    folder: Path
    """Holds the data folder, which alone belongs to the server's account."""
    account: Account = field(default_factory=Account)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def create(self, password: str) -> None:
        """Make the data folder; under another name until it is complete, so that an interrupted one is never served."""
        draft, secret = self.folder / "data.new", self.folder / "password.new"
        shutil.rmtree(draft, ignore_errors=True)
        self.account.make_folder(draft)
        secret.unlink(missing_ok=True)
        secret.touch(mode=0o600)
        secret.write_text(password)
        self.account.give(secret)
        try:
            self._run(
                "initdb", "-D", draft, "-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8",
                *self._locale(), "--no-instructions", "--no-sync",
            )  # fmt: skip
        finally:
            secret.unlink()
        draft.rename(self.data)

    def major(self) -> int:
        """The release of the programs."""
        return int(self._run("postgres", "--version").split()[2].partition(".")[0])

    def _locale(self) -> tuple[str, ...]:
        # Sorts alike on every machine. macOS has no C.UTF-8 of its own, and releases before 17 have no built-in one.
        if self.major() >= 17:
            return "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"
        return ("--locale=C.UTF-8",)

    def command(self, port: int, options: Mapping[str, str] | None = None) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **(options or {}),
        }
        arguments = [f"--{name}={value}" for name, value in settings.items()]
        return [str(self.programs / "postgres"), "-D", str(self.data), *arguments]

    def is_ready(self, pid: int) -> bool:
        """Whether this very process accepts connections; the port alone could be anyone's."""
        lines = self._pid_file()
        return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"

    def served_by(self) -> int | None:
        """The process that the data folder names as its server. It may be gone, or another by now."""
        lines = self._pid_file()
        return int(lines[0]) if lines and lines[0].strip().isdigit() else None

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def create_database(self, port: int, password: str) -> None:
        """Make our database unless it is there."""
        where = ["-h", "127.0.0.1", "-p", str(port), "-U", USER]
        query = f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"  # noqa: S608
        if self._run("psql", *where, "-d", "postgres", "-Atc", query, password=password).strip() != "1":
            self._run("createdb", *where, DATABASE, password=password)

    def url(self, port: int, password: str) -> str:
        return f"postgres://{USER}:{password}@127.0.0.1:{port}/{DATABASE}"

    def _run(self, program: str, *arguments: str | Path, password: str | None = None) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
        environment["LC_ALL"] = "C"
        if password is not None:
            environment["PGPASSWORD"] = password
        result = subprocess.run(
            [str(self.programs / program), *(str(argument) for argument in arguments)],
            env=environment,
            cwd="/",
            user=self.account.uid,
            group=self.account.gid,
            extra_groups=self.account.groups,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            lines = (result.stderr or result.stdout).strip().splitlines() or [f"exit code {result.returncode}"]
            raise Refusal(f"PostgreSQL's {program} failed: {lines[-1]}")
        return result.stdout
