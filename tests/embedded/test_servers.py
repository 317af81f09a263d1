"""Real PostgreSQL and Valkey: first start, second start, and every way in which a start may find the folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from scheduler_project.embedded import location
from scheduler_project.embedded.account import server_account
from scheduler_project.embedded.processes import identity, wait_until
from scheduler_project.embedded.programs import PROJECT
from scheduler_project.embedded.state import read_services
from tests.embedded.conftest import Start

pytestmark = pytest.mark.acceptance
Begin = Callable[..., Start]
SERVERS = {"DATABASE_URL": "", "REDIS_URL": ""}


@pytest.fixture(autouse=True)
def _no_servers_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SERVERS:
        monkeypatch.delenv(name)


def query(state: Path, sql: str) -> str:
    services = read_services(state)
    assert services is not None
    with psycopg.connect(services.database_url, autocommit=True) as connection:
        cursor = connection.execute(sql)
        return str(cursor.fetchone()) if cursor.description else ""


def postmaster(state: Path) -> int:
    folder = location.outside_folder(state) if location.pointer(state).exists() else state / "postgres"
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


class TestStart:
    def test_serves_both_with_passwords_on_loopback(self, state: Path, start: Begin) -> None:
        start(state).wait_for("ready")
        services = read_services(state)
        assert services is not None
        assert "C.UTF-8" in query(state, "SELECT datlocale FROM pg_database WHERE datname = current_database()")
        assert "127.0.0.1" in query(state, "SHOW listen_addresses")
        assert "''" in query(state, "SHOW unix_socket_directories")
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(services.database_url.replace("daybook:", "daybook:wrong", 1))
        assert redis.Redis.from_url(services.redis_url).ping()
        with pytest.raises(redis.AuthenticationError):
            redis.Redis.from_url(f"redis://{services.redis_url.rpartition('@')[2]}").ping()
        commands = subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout
        secret = services.database_url.split(":")[2].partition("@")[0]
        assert secret not in commands

    def test_keeps_secrets_from_other_users(self, state: Path, start: Begin) -> None:
        start(state).wait_for("ready")
        for file in ("services.json", "database-password", "secret-key", "valkey/valkey.conf"):
            assert (state / file).stat().st_mode & 0o077 == 0

    def test_finds_its_data_again(self, state: Path, start: Begin) -> None:
        first = start(state)
        first.wait_for("ready")
        secret = (state / "secret-key").read_text()
        query(state, "CREATE TABLE kept AS SELECT 7 AS number")
        assert first.end() == 0
        start(state).wait_for("ready")
        assert query(state, "SELECT number FROM kept") == "(7,)"
        assert (state / "secret-key").read_text() == secret

    def test_uses_a_server_that_the_environment_names(self, state: Path, start: Begin) -> None:
        begun = start(state, environment={"DATABASE_URL": "postgres://somebody@127.0.0.1:9/other"})
        begun.wait_for("ready")
        assert "using the server that DATABASE_URL names" in begun.text
        assert not (state / "postgres").exists()
        services = read_services(state)
        assert services is not None
        assert services.database_url == ""
        assert services.redis_url

    def test_restarts_a_server_that_dies(self, state: Path, start: Begin) -> None:
        begun = start(state)
        begun.wait_for("ready")
        os.kill(postmaster(state), signal.SIGKILL)
        begun.wait_for("postgres was ended by signal 9 (SIGKILL), restarting in 1 s")

        def answers() -> bool:
            try:
                return query(state, "SELECT 1") == "(1,)"
            except psycopg.OperationalError:
                return False

        assert wait_until(answers, seconds=30)

    def test_refuses_a_second_one_at_the_same_time(self, state: Path, start: Begin) -> None:
        first = start(state)
        first.wait_for("ready")
        second = start(state)
        assert second.process.wait(timeout=30) == 1
        assert second.text == f"Daybook already runs from {state} (process {first.process.pid}): stop that one first.\n"


class TestStop:
    @pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_ends_everything_in_order(self, state: Path, start: Begin, sign: signal.Signals) -> None:
        begun = start(state)
        begun.wait_for("ready")
        server = postmaster(state)
        assert begun.end(sign) == 0
        assert begun.text.index("stopping valkey") < begun.text.index("stopping postgres")
        assert identity(server) is None
        assert not (state / "postgres" / "data" / "postmaster.pid").exists()
        assert not (state / "processes.json").exists()


class TestKilled:
    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
    def test_takes_its_children_along(self, state: Path, start: Begin) -> None:
        begun = start(state)
        begun.wait_for("ready")
        server = postmaster(state)
        begun.end(signal.SIGKILL)
        assert wait_until(lambda: identity(server) is None, seconds=20)

    def test_is_followed_by_a_start_that_works(self, state: Path, start: Begin) -> None:
        first = start(state)
        first.wait_for("ready")
        query(state, "CREATE TABLE kept AS SELECT 7 AS number")
        first.end(signal.SIGKILL)
        start(state).wait_for("ready")
        assert query(state, "SELECT number FROM kept") == "(7,)"

    def test_leaves_a_server_that_the_next_start_ends(self, state: Path, start: Begin) -> None:
        """A postmaster without a parent that it dies with, and without an entry in the list of processes."""
        first = start(state)
        first.wait_for("ready")
        command = Path(f"/proc/{postmaster(state)}/cmdline").read_bytes().decode().split("\0")[:-1]
        assert first.end() == 0
        account = server_account()
        orphan = subprocess.Popen(
            command,
            cwd="/",
            user=account.uid,
            group=account.gid,
            extra_groups=account.groups,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        mark = state / "postgres" / "data" / "postmaster.pid"
        assert wait_until(lambda: mark.exists() and "ready" in mark.read_text(), seconds=30)
        start(state).wait_for("ready")
        assert orphan.wait(timeout=10) == 0

    def test_leaves_a_mark_whose_number_is_anothers(self, state: Path, start: Begin) -> None:
        first = start(state)
        first.wait_for("ready")
        mark = state / "postgres" / "data" / "postmaster.pid"
        lines = mark.read_text().splitlines()
        assert first.end() == 0
        with subprocess.Popen(["sleep", "60"]) as other:
            mark.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
            server_account().give(mark)
            start(state).wait_for("ready")
            assert other.poll() is None
            other.kill()


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A state folder in which a start has been, and ended."""
    with tempfile.TemporaryDirectory(prefix="daybook-state-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        begun = Start(Path(folder), Path(folder) / "output", environment=SERVERS)
        begun.wait_for("ready")
        assert begun.end() == 0
        yield Path(folder)


class TestFolder:
    def test_that_is_half_made_is_remade(self, state: Path, start: Begin) -> None:
        draft = state / "postgres" / "data.new"
        draft.mkdir(parents=True)
        draft.parent.chmod(0o711)
        (draft / "PG_VERSION").write_text("18\n")
        start(state).wait_for("ready")
        assert not draft.exists()

    def test_with_unknown_files_is_left_alone(self, state: Path, start: Begin) -> None:
        data = state / "postgres" / "data"
        data.mkdir(parents=True)
        (data / "precious").write_text("x")
        self._refuses(start(state), "is not a whole PostgreSQL data folder")
        assert (data / "precious").exists()

    @pytest.mark.parametrize("name", ["database-password", "secret-key"])
    def test_without_its_secrets_is_left_alone(self, made: Path, start: Begin, name: str) -> None:
        (made / name).rename(made / "elsewhere")
        self._refuses(start(made), f"{name}, is missing")
        assert (made / "postgres" / "data" / "PG_VERSION").exists()
        (made / "elsewhere").rename(made / name)

    def test_of_another_release_is_left_alone(self, made: Path, start: Begin) -> None:
        version = made / "postgres" / "data" / "PG_VERSION"
        version.write_text("16\n")
        self._refuses(start(made), "was made by PostgreSQL 16")
        version.write_text("18\n")

    def test_heals_a_corrupt_list_of_services(self, made: Path, start: Begin) -> None:
        (made / "services.json").write_text('{"database_url": "post')
        start(made).wait_for("ready")
        assert query(made, "SELECT 1") == "(1,)"

    def _refuses(self, begun: Start, words: str) -> None:
        assert begun.process.wait(timeout=60) == 1
        assert words in begun.text
        assert begun.text.splitlines()[-1].endswith(".")
        assert "Traceback" not in begun.text


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
class TestRoot:
    @pytest.fixture
    def closed(self, state: Path) -> Iterator[Path]:
        """The state folder of a project in a home that is closed to the server's account."""
        (state / "home").mkdir(mode=0o700)
        folder = state / "home" / "project" / ".daybook"
        yield folder
        if folder.exists():
            self._clean(folder)
        shutil.rmtree(state / "home")

    def test_keeps_the_data_outside_a_closed_home(self, closed: Path, start: Begin) -> None:
        outside = location.outside_folder(closed)
        first = start(closed)
        first.wait_for("ready")
        assert (closed / "location").read_text().strip() == str(outside)
        assert (outside / "data").stat().st_uid == server_account().uid
        assert closed.parent.parent.stat().st_mode & 0o777 == 0o700
        query(closed, "CREATE TABLE kept AS SELECT 7 AS number")
        assert first.end() == 0
        second = start(closed)
        second.wait_for("ready")
        assert query(closed, "SELECT number FROM kept") == "(7,)"
        assert second.end() == 0

    def test_cleans_both_places_but_not_while_it_runs(self, closed: Path, start: Begin) -> None:
        outside = location.outside_folder(closed)
        begun = start(closed)
        begun.wait_for("ready")
        refused = self._clean(closed)
        assert refused.returncode == 1
        assert "already runs" in refused.stderr
        assert begun.end() == 0
        assert self._clean(closed).returncode == 0
        assert not outside.exists()
        assert not closed.exists()

    def _clean(self, closed: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "scheduler_project.embedded.clean"],
            cwd=PROJECT,
            env={**os.environ, "DAYBOOK_STATE_DIR": str(closed)},
            capture_output=True,
            text=True,
            check=False,
        )

    def test_is_not_needed(self, state: Path, start: Begin) -> None:
        account = server_account()
        python = next((path for path in (sys.executable, "/usr/bin/python3") if account.can_read(Path(path))), None)
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        if python is None or version not in subprocess.getoutput(f"{python} --version"):
            pytest.skip("no interpreter of this version that an ordinary user can reach")
        account.make_folder(state / "own")
        begun = start(
            state / "own",
            python=python,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            environment={"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        begun.wait_for("ready")
        assert (state / "own" / "postgres" / "data").stat().st_uid == account.uid
        assert begun.end() == 0
        shutil.rmtree(state / "own")
