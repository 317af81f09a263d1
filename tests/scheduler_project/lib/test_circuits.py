"""Circuits open, let a trial through and close, in Redis and without it."""

from __future__ import annotations

import signal
import smtplib
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail import send_mail
from pytest_django import Settings

from scheduler_project.embedded.processes import wait_until
from scheduler_project.lib import circuits, telemetry
from scheduler_project.lib.addresses import Allowed
from scheduler_project.lib.circuits import CircuitOpen, State
from scheduler_project.lib.circuits.fields import SharedFields
from scheduler_project.lib.guarded_http import GuardedHttpClient, circuit_of
from scheduler_project.lib.http import OutboundFailed, OutboundRefused
from tests.mail_servers import MailServer, mail_server
from tests.own_servers import OwnServer
from tests.receivers import Receiver, receiver, status


@pytest.fixture
def name(settings: Settings) -> str:
    settings.DAYBOOK_CIRCUIT_FAILURES = 3
    settings.DAYBOOK_CIRCUIT_RESET = timedelta(seconds=0.5)
    return f"test-{uuid.uuid4()}"


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []

    def listen(event: str, fields: dict[str, Any]) -> None:
        if event == "circuit.changed":
            seen.append(fields)

    monkeypatch.setattr(telemetry, "_listeners", [*telemetry._listeners, listen])
    return seen


class Broken(Exception):
    pass


def fail() -> None:
    raise Broken("connection refused")


def _fail(name: str, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(Broken):
            circuits.call(name, fail, counts=lambda _: True)


def _works(name: str) -> str:
    return circuits.call(name, lambda: "done", counts=lambda _: True)


class TestCall:
    def test_opens_after_failures_in_a_row_and_raises_their_cause(
        self, name: str, changes: list[dict[str, Any]]
    ) -> None:
        _fail(name, 3)
        with pytest.raises(CircuitOpen, match=f"circuit {name} is open") as refused:
            circuits.call(name, lambda: pytest.fail("was called"), counts=lambda _: True)
        found = circuits.find(name)
        assert (found.state, found.failures, found.retry_at) == (State.OPEN, 3, refused.value.until)
        assert [(c["before"], c["after"], c["why"]) for c in changes] == [
            ("closed", "open", "Broken: connection refused")
        ]

    def test_stays_closed_when_a_success_lies_between(self, name: str) -> None:
        _fail(name, 2)
        _works(name)
        _fail(name, 2)
        assert circuits.find(name).state is State.CLOSED

    def test_counts_only_what_it_is_told_to(self, name: str) -> None:
        for _ in range(5):
            with pytest.raises(Broken):
                circuits.call(name, fail, counts=lambda _: False)
        assert circuits.find(name).state is State.CLOSED

    def test_lets_a_trial_through_after_a_while_and_closes_when_it_works(
        self, name: str, changes: list[dict[str, Any]]
    ) -> None:
        _fail(name, 3)
        assert wait_until(lambda: _is_let_through(name), seconds=5)
        assert circuits.find(name).state is State.CLOSED
        assert [c["after"] for c in changes] == ["open", "half-open", "closed"]

    def test_is_open_still_when_the_trial_fails(self, name: str, settings: Settings) -> None:
        settings.DAYBOOK_CIRCUIT_RESET = timedelta(seconds=0)
        _fail(name, 3)
        with pytest.raises(CircuitOpen) as still:
            circuits.call(name, fail, counts=lambda _: True)
        assert isinstance(still.value.__cause__, Broken)
        assert circuits.find(name).state is State.OPEN

    def test_is_known_to_every_process(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        _fail(name, 3)
        monkeypatch.setattr("scheduler_project.lib.circuits.fields._InMemory._all", {})
        with pytest.raises(CircuitOpen):
            _works(name)

    def test_lets_threads_call_side_by_side(self, name: str) -> None:
        meeting = threading.Barrier(3)
        with ThreadPoolExecutor(3) as pool:
            calls = [pool.submit(circuits.call, name, lambda: meeting.wait(5), counts=lambda _: True) for _ in range(3)]
            assert sorted(call.result() for call in calls) == [0, 1, 2]

    def test_is_closed_by_hand(self, name: str, changes: list[dict[str, Any]]) -> None:
        _fail(name, 3)
        circuits.reset(name, by="user:ana")
        assert _works(name) == "done"
        assert changes[-1]["why"] == "closed by user:ana"


def _is_let_through(name: str) -> bool:
    try:
        return _works(name) == "done"
    except CircuitOpen:
        return False


class TestWithoutRedis:
    @pytest.fixture(autouse=True)
    def _asks_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(SharedFields, "_away_until", 0.0)

    def test_counts_in_the_process_from_the_moment_it_stops(
        self, name: str, own_redis: OwnServer, settings: Settings
    ) -> None:
        settings.CELERY_BROKER_URL = own_redis.url
        _fail(name, 2)
        own_redis.stop(signal.SIGKILL)
        _fail(name, 3)
        with pytest.raises(CircuitOpen):
            _works(name)
        assert wait_until(lambda: _is_let_through(name), seconds=5)

    def test_waits_for_a_redis_that_hangs_once_and_not_at_every_call(
        self, name: str, own_redis: OwnServer, settings: Settings
    ) -> None:
        settings.CELERY_BROKER_URL = own_redis.url
        _works(name)
        own_redis.suspend()
        started = time.monotonic()
        for _ in range(20):
            _works(name)
        assert time.monotonic() - started < 3

    def test_needs_none_at_all(self, name: str, settings: Settings) -> None:
        settings.CELERY_BROKER_URL = None
        _fail(name, 3)
        with pytest.raises(CircuitOpen):
            _works(name)


class TestHttp:
    @pytest.fixture
    def server(self, name: str) -> Iterator[Receiver]:
        with receiver() as running:
            yield running

    def test_opens_for_one_host_after_server_errors(self, server: Receiver) -> None:
        client = GuardedHttpClient(allowed=Allowed(["127.0.0.1"]))
        server.answers["/"] = status(503)
        assert [client.get(server.url()).status for _ in range(3)] == [503] * 3
        with pytest.raises(CircuitOpen, match=f"http:127.0.0.1:{server.port}"):
            client.get(server.url())
        assert len(server.calls) == 3
        with receiver() as other:
            assert client.get(other.url()).status == 200

    def test_takes_errors_of_the_caller_for_no_failure_of_the_host(self, server: Receiver) -> None:
        client = GuardedHttpClient(allowed=Allowed(["127.0.0.1"]))
        server.answers["/"] = status(404)
        for _ in range(4):
            assert client.get(server.url()).status == 404
            with pytest.raises(OutboundRefused):
                GuardedHttpClient(allowed=Allowed()).get(server.url())
        assert circuits.find(circuit_of(server.url())).state is State.CLOSED

    def test_opens_when_nobody_answers(self, server: Receiver) -> None:
        client = GuardedHttpClient(allowed=Allowed(["127.0.0.1"]), time_limit=timedelta(seconds=0.1))
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
            for _ in range(3):
                with pytest.raises(OutboundFailed):
                    client.get(url)
            with pytest.raises(CircuitOpen):
                client.get(url)


class TestMail:
    @pytest.fixture
    def server(self, name: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
        monkeypatch.setattr("scheduler_project.lib.mail.CIRCUIT", name)
        with mail_server() as running:
            settings.EMAIL_BACKEND = "scheduler_project.lib.mail.GuardedBackend"
            settings.DAYBOOK_MAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
            settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", running.port, 0.3
            yield running

    @staticmethod
    def _send(*to: str, fail_silently: bool = False) -> int:
        return send_mail("Hello", "World", "daybook@localhost", list(to or ["ana@example.com"]), fail_silently)

    def test_sends(self, server: MailServer) -> None:
        assert self._send() == 1
        assert "Subject: Hello" in server.taken[0]
        assert not hasattr(mail, "outbox") or not mail.outbox

    def test_is_not_tried_again_at_a_server_that_hangs(self, server: MailServer) -> None:
        server.is_hanging = True
        for _ in range(3):
            with pytest.raises(OSError, match="timed out"):
                self._send()
        with pytest.raises(CircuitOpen):
            self._send()
        assert self._send(fail_silently=True) == 0
        assert server.connections == 3

    def test_goes_on_when_only_recipients_are_unknown(self, server: MailServer) -> None:
        server.refuses = ["nobody"]
        for _ in range(4):
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                self._send("nobody@example.com")
        assert self._send() == 1
