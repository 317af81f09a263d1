"""Whether PostgreSQL answers, and what a connection does that waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection, connections

from scheduler_project.lib import pulse
from scheduler_project.lib.patient_postgres import connection as patient
from scheduler_project.lib.patient_postgres.connection import DatabaseIsAway, PatientConnection
from scheduler_project.lib.pulse import Pulse
from tests.live import wait_for
from tests.relays import Relay, relay


class Server:
    """What a probe asks: it answers, refuses or hangs."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.hangs = threading.Event()
        self.hangs.set()  # it does not
        self.asked = 0

    def __call__(self) -> None:
        self.asked += 1
        assert self.hangs.wait(5)
        if self.error:
            raise self.error


class TestPulse:
    def test_is_felt_once_for_all_who_ask_within_a_moment(self) -> None:
        server = Server()
        felt = Pulse(server, patience=0.5)
        assert [felt.is_there() for _ in range(20)] == [True] * 20
        assert server.asked == 1

    def test_of_a_server_that_hangs_is_lost_within_its_patience_and_for_the_others_at_once(self) -> None:
        server = Server()
        server.hangs.clear()
        felt = Pulse(server, patience=0.1, retry=0.02)
        began = time.monotonic()
        assert not felt.is_there()
        assert 0.1 <= time.monotonic() - began < 0.4
        began = time.monotonic()
        assert not any(felt.is_there() for _ in range(100))
        assert time.monotonic() - began < 0.1
        server.hangs.set()
        wait_for(felt.is_there, seconds=2, what="the pulse")

    def test_of_a_server_with_too_many_connections_is_there(self) -> None:
        server = Server()
        server.error = psycopg.errors.TooManyConnections("sorry")
        assert Pulse(server, patience=0.5).is_there()
        server.error = psycopg.errors.CannotConnectNow("starting up")
        felt = Pulse(server, patience=0.5, retry=0.02)
        assert not felt.is_there()
        server.error = None
        wait_for(felt.is_there, seconds=2, what="the pulse")

    def test_is_not_felt_while_others_hear_from_the_server(self) -> None:
        server = Server()
        felt = Pulse(server, patience=0.5)
        felt.heard()
        assert felt.is_there()
        assert server.asked == 0


@pytest.mark.django_db
class TestConnection:
    @pytest.fixture
    def through(self) -> Iterator[Relay]:
        where = connection.settings_dict
        with relay(where["HOST"], int(where["PORT"])) as found:
            yield found

    def _open(self, through: Relay) -> PatientConnection:
        parameters = connections["default"].get_connection_params()
        for name in ("cursor_factory", "context"):
            parameters.pop(name, None)
        return PatientConnection.connect(**{**parameters, "port": through.port}, autocommit=True)

    def test_waits_for_a_server_that_is_alive(self, through: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(patient, "PATIENCE", 0.1)
        with self._open(through) as found:
            assert found.execute("SELECT pg_sleep(0.4)").fetchone() is not None

    def test_gives_up_on_one_that_is_not_and_can_be_used_no_more(
        self, through: Relay, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = Server()
        server.hangs.clear()
        felt = Pulse(server, patience=0.1, retry=0.02)
        monkeypatch.setattr(patient, "PATIENCE", 0.1)
        monkeypatch.setattr(patient, "PULSE", felt)
        found = self._open(through)
        through.fall_silent()
        began = time.monotonic()
        with pytest.raises(DatabaseIsAway):
            found.execute("SELECT 1")
        assert time.monotonic() - began < 1.2  # the answers heard while it connected count for half a second
        assert found.closed
        server.hangs.set()
        wait_for(felt.is_there, seconds=2, what="the pulse")


@pytest.mark.django_db
def test_the_probe_asks_the_database() -> None:
    pulse.ask_database()
