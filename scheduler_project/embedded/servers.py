"""Brings the embedded servers up under the supervisor, and says where they listen."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from scheduler_project.embedded import programs
from scheduler_project.embedded.account import server_account
from scheduler_project.embedded.binaries import postgres_programs, valkey_program
from scheduler_project.embedded.console import Console
from scheduler_project.embedded.location import server_folder
from scheduler_project.embedded.postgres import Cluster
from scheduler_project.embedded.processes import free_port
from scheduler_project.embedded.record import free_data_folder
from scheduler_project.embedded.refusal import Refusal
from scheduler_project.embedded.state import keep_secret, new_secret, read_secret
from scheduler_project.embedded.supervisor import Child, Supervisor
from scheduler_project.embedded.valkey import Valkey


def start_postgres(state: Path, supervisor: Supervisor, console: Console) -> str:
    """Start PostgreSQL, on a new data folder at the first call; returns its address."""
    account = server_account()
    folder = server_folder(state, account)
    cluster = Cluster(postgres_programs(account, folder), folder, account)
    secrets_of_data = (state / "database-password", state / "secret-key")
    if not _holds_data(cluster):
        console.say(f"making the database in {cluster.data}")
        for secret in secrets_of_data:
            keep_secret(secret)
        cluster.create(read_secret(secrets_of_data[0]))
    _check(cluster, secrets_of_data)
    password = read_secret(secrets_of_data[0])
    free_data_folder(cluster)
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    child = programs.postgres(cluster.command(port), environment, log_file(state, "postgres"))
    child = Child(**{**vars(child), "account": account})
    console.say(f"starting PostgreSQL on port {port}")
    pid = supervisor.start(child)
    supervisor.wait_for("postgres", lambda: cluster.is_ready(pid), seconds=120)
    cluster.create_database(port, password)
    return cluster.url(port, password)


def _holds_data(cluster: Cluster) -> bool:
    """The folder gets its name only when it is complete, so an empty one is not ours and holds nothing."""
    if cluster.data.is_dir() and not any(cluster.data.iterdir()):
        cluster.data.rmdir()
    return cluster.data.exists()


def _check(cluster: Cluster, secrets_of_data: tuple[Path, ...]) -> None:
    version = cluster.data / "PG_VERSION"
    made_by = version.read_text().strip() if version.is_file() else ""
    if not made_by or not (cluster.data / "global" / "pg_control").is_file():
        raise Refusal(
            f"{cluster.data} is not a whole PostgreSQL data folder, but is not empty: "
            "move it away if it holds anything of value, or remove it with `make clean-state`."
        )
    if made_by != str(cluster.major()):
        raise Refusal(
            f"The database in {cluster.data} was made by PostgreSQL {made_by}, and {cluster.major()} is installed: "
            "install the earlier requirements again, or start empty after `make clean-state`."
        )
    for secret in secrets_of_data:
        if not read_secret(secret):
            raise Refusal(
                f"The database in {cluster.data} is there, but the secret that opens it, {secret}, is missing: "
                "put the file back, or give up the data with `make clean-state`."
            )


def start_valkey(state: Path, supervisor: Supervisor, console: Console) -> str:
    """Start an empty Valkey; returns its address."""
    folder = state / "valkey"
    folder.mkdir(mode=0o700, exist_ok=True)
    server = Valkey(valkey_program(), folder, free_port(), new_secret())
    console.say(f"starting Valkey on port {server.port}")
    supervisor.start(programs.valkey(server.configure(), log_file(state, "valkey")))
    supervisor.wait_for("valkey", server.is_ready, seconds=30)
    return server.url


def log_file(state: Path, name: str) -> Path:
    """An empty file for what a server says; that of the start before is kept as `.1`."""
    folder = state / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / f"{name}.log"
    if file.exists():
        shutil.move(file, file.with_suffix(".log.1"))
    return file
