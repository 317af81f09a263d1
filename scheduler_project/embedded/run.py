"""`make run`: everything that Daybook needs on one machine, with one command. Ctrl-C ends it in order."""

from __future__ import annotations

import argparse
import errno
import http.client
import os
import socket
import sys
import time
from pathlib import Path

from scheduler_project.embedded import lock, prepare, programs
from scheduler_project.embedded.console import Console
from scheduler_project.embedded.record import Record
from scheduler_project.embedded.refusal import Refusal
from scheduler_project.embedded.servers import start_postgres, start_valkey
from scheduler_project.embedded.state import (
    Services,
    keep_encryption_keys,
    keep_secret,
    make_state_folder,
    read_secret,
    write_services,
)
from scheduler_project.embedded.supervisor import Stopped, Supervisor


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scheduler_project.embedded.run", description=__doc__)
    parser.add_argument("--port", default="8000", help="port of the web server")
    arguments = parser.parse_args()
    console = Console()
    try:
        state = state_folder()
        make_state_folder(state)
        lock.hold(state)
        run(state, free_web_port(arguments.port), console)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def state_folder() -> Path:
    return Path(os.environ.get("DAYBOOK_STATE_DIR") or programs.PROJECT / ".daybook").absolute()


def free_web_port(text: str) -> int:
    """The port as a number, if this machine lets us have it."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise Refusal(f"PORT={text} is not a port: write a number from 1 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(text)))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Refusal(f"Port {text} is taken: choose another, as in `make run PORT=8123`.") from None
            raise Refusal(f"Cannot listen on port {text} ({error.strerror}): try `make run PORT=8123`.") from None
    return int(text)


def run(state: Path, port: int, console: Console) -> None:
    """Start everything, stay until asked to end, and leave nothing behind."""
    began = time.monotonic()
    record = Record(state)
    for name in record.end_leftovers():
        console.say(f"ended {name}, left by an earlier start")
    supervisor = Supervisor(console, record)
    try:
        with supervisor:
            environment = {"DAYBOOK_PUBLIC_URL": f"http://127.0.0.1:{port}", **serve(state, supervisor, console)}
            password = prepare_database(state, environment, supervisor, console)
            start_web(port, environment, supervisor, console)
            for child in programs.engine(environment, celery=uses_celery()):
                console.say(f"starting {child.name}")
                supervisor.start(child)
            taken = time.monotonic() - began
            console.say(f"ready after {taken:.1f} s; Ctrl-C ends it, the data stay in {state}")
            user = prepare.ADMINISTRATOR
            console.say(f"Open http://127.0.0.1:{port}/ and log in as {user} with the password {password}")
            supervisor.watch()
    except Stopped:
        pass
    except Refusal:
        if not supervisor.is_stopping:  # a Ctrl-C also ends what we were waiting for
            raise
    console.say("stopped")


def serve(state: Path, supervisor: Supervisor, console: Console) -> dict[str, str]:
    """Start the servers that the environment does not name; returns the environment for our processes."""
    database, redis = os.environ.get("DATABASE_URL", ""), os.environ.get("REDIS_URL", "")
    for name, given in (("DATABASE_URL", database), ("REDIS_URL", redis)):
        if given:
            console.say(f"using the server that {name} names")
    own_database = "" if database else start_postgres(state, supervisor, console)
    own_redis = "" if redis else start_valkey(state, supervisor, console)
    keep_encryption_keys(state)
    write_services(state, Services(own_database, own_redis, keep_secret(state / "secret-key")))
    environment = {
        **os.environ,
        "DATABASE_URL": database or own_database,
        "REDIS_URL": redis or own_redis,
        "DAYBOOK_STATE_DIR": str(state),
    }
    if own_database:  # libpq's own variables, meant for some other server
        environment = {name: value for name, value in environment.items() if not name.startswith("PG")}
    return environment


def prepare_database(state: Path, environment: dict[str, str], supervisor: Supervisor, console: Console) -> str:
    """Migrate and make the administrator; returns the password, or words in its place."""
    console.say("preparing the database")
    file = state / "admin-password"
    own = [] if os.environ.get("DATABASE_URL") else ["--own-database"]
    code = supervisor.run(programs.prepare(environment, "--password-file", str(file), *own))
    if code not in (0, prepare.PASSWORD_UNKNOWN):
        raise Refusal("The database could not be prepared: the lines above say why.")
    return read_secret(file) if code == 0 else "that was set there"


def start_web(port: int, environment: dict[str, str], supervisor: Supervisor, console: Console) -> None:
    console.say(f"starting web on port {port}")
    supervisor.start(programs.web(environment, port))
    supervisor.wait_for("web", lambda: answers(port), seconds=120)


def answers(port: int) -> bool:
    """Whether anything at all comes back over HTTP."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/live")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def uses_celery() -> bool:
    return os.environ.get("SCHEDULER_USE_CELERY", "true").strip().lower() not in {"false", "0", "no", "off"}


if __name__ == "__main__":
    sys.exit(main())
