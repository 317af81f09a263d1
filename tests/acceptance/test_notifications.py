"""Heard once, whatever happens meanwhile: a storm of failures, real schedulers and receivers, and real kills."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from jobs.models import Tick
from tests import live
from tests.acceptance.test_verify_ledger import verify
from tests.acceptance.test_whole_path import leader, pid_of
from tests.live import wait_for
from tests.notifications.live.conftest import Web
from tests.notifications.outages import witness, world
from tests.notifications.outages.listener import listening
from tests.notifications.outages.storm import Storm
from tests.own_servers import OwnServer
from tests.receivers import Receiver, receiver, status

pytestmark = pytest.mark.acceptance

LOOPBACK = {"DAYBOOK_OUTBOUND_ALLOW": "127.0.0.1"}
A_WHILE = 0.3  # seconds that a receiver takes, so that calls are under way at any time


@pytest.fixture
def server(settings: Settings) -> Iterator[Receiver]:
    settings.DAYBOOK_OUTBOUND_ALLOW = ["127.0.0.1"]
    with receiver() as running:
        running.answers = {world.HOOK: slowly, world.CHAT: slowly}
        yield running


def slowly(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(A_WHILE)
    status(200)(handler)


class Schedulers:
    """As many as are needed, of which one leads."""

    def __init__(self, running: ExitStack, folder: Path, **more: str) -> None:
        self._running, self._folder, self._more = running, folder, {**LOOPBACK, **more}
        self._all: list[live.Process] = []

    def start(self) -> None:
        name = f"beat-{len(self._all)}"
        self._all.append(self._running.enter_context(live.scheduler(self._folder, name=name, **self._more)))

    def send(self, number: signal.Signals) -> live.Process:
        """To the one that leads. Returns it once another does."""
        first = wait_for(leader, seconds=60, what="a leader")
        process = next(one for one in self._all if one.pid == pid_of(first))
        process.send(number)
        wait_for(lambda: leader() not in {"", first}, seconds=20, what="another leader")
        return process


def assert_no_tick_is_lost() -> None:
    code, figures = verify()
    assert (code, figures["violations"]) == (0, {})
    assert Tick.objects.count() > 5


def test_each_failure_is_told_once_though_the_leader_is_killed(
    running: ExitStack, tmp_path: Path, server: Receiver
) -> None:
    about = world.build(server, jobs=20)
    schedulers = Schedulers(running, tmp_path)
    schedulers.start()
    schedulers.start()
    web = Web(running.enter_context(live.web(tmp_path)))
    with listening(web, about.tenant) as listener:
        with Storm(about.jobs):
            witness.wait_until_told(200)
            wait_for(lambda: len(server.calls) > 5, what="messages to go out")
            schedulers.send(signal.SIGKILL)
            witness.claims_run_out()
            witness.wait_until_told(witness.told() + 200)
        witness.assert_each_is_told_once(about, server, listener)
    assert_no_tick_is_lost()


@pytest.mark.long
class TestOutages:
    def test_of_leaders_that_are_killed_again_and_again(
        self, running: ExitStack, tmp_path: Path, server: Receiver
    ) -> None:
        about = world.build(server, jobs=60)
        schedulers = Schedulers(running, tmp_path)
        schedulers.start()
        schedulers.start()
        web = Web(running.enter_context(live.web(tmp_path)))
        with listening(web, about.tenant) as listener:
            with Storm(about.jobs):
                for _ in range(4):
                    witness.wait_until_told(witness.told() + 400)
                    schedulers.start()
                    schedulers.send(signal.SIGKILL)
            witness.assert_each_is_told_once(about, server, listener, seconds=150)
        assert_no_tick_is_lost()

    def test_of_leaders_that_are_stopped_gently_repeat_nothing(
        self, running: ExitStack, tmp_path: Path, server: Receiver
    ) -> None:
        about = world.build(server, jobs=60)
        schedulers = Schedulers(running, tmp_path)
        schedulers.start()
        schedulers.start()
        with Storm(about.jobs):
            for number in (1, 2):
                wait_for(lambda: len(server.calls) > number * 100, seconds=60, what="messages")  # noqa: B023
                schedulers.start()
                schedulers.send(signal.SIGTERM)
        assert witness.assert_each_is_told_once(about, server, seconds=150) == 0
        assert_no_tick_is_lost()

    def test_of_leaders_that_are_suspended_for_longer_than_their_lease(
        self, running: ExitStack, tmp_path: Path, server: Receiver
    ) -> None:
        about = world.build(server, jobs=60)
        schedulers = Schedulers(running, tmp_path)
        schedulers.start()
        schedulers.start()
        web = Web(running.enter_context(live.web(tmp_path)))
        with listening(web, about.tenant) as listener:
            with Storm(about.jobs):
                for _ in range(3):
                    witness.wait_until_told(witness.told() + 400)
                    suspended = schedulers.send(signal.SIGSTOP)
                    suspended.send(signal.SIGCONT)  # two that send, for a moment
            witness.assert_each_is_told_once(about, server, listener, seconds=150)
        assert_no_tick_is_lost()

    def test_of_a_receiver_that_takes_messages_and_never_says_so(
        self, running: ExitStack, tmp_path: Path, server: Receiver
    ) -> None:
        silent = iter(range(1_000_000))

        def answer(handler: BaseHTTPRequestHandler) -> None:
            if next(silent) in (3, 10):
                time.sleep(25)  # longer than anybody waits
                handler.close_connection = True
            else:
                slowly(handler)

        server.answers[world.HOOK] = answer
        about = world.build(server, jobs=20)
        Schedulers(running, tmp_path).start()
        with Storm(about.jobs):
            witness.wait_until_told(500)
        assert witness.assert_each_is_told_once(about, server, seconds=150) == 2

    @pytest.mark.django_db(transaction=True)
    def test_of_postgresql_that_crashes(self, own_postgres: OwnServer, tmp_path: Path, server: Receiver) -> None:
        with ExitStack() as running:
            about = world.build(server, jobs=60)
            schedulers = Schedulers(running, tmp_path)
            schedulers.start()
            schedulers.start()
            web = Web(running.enter_context(live.web(tmp_path)))
            with listening(web, about.tenant) as listener:
                with Storm(about.jobs):
                    for _ in range(3):
                        witness.wait_until_told(witness.told() + 400)
                        connection.close()
                        own_postgres.stop(signal.SIGQUIT)
                        own_postgres.start()
                    witness.wait_until_told(witness.told() + 400)
                witness.assert_each_is_told_once(about, server, listener, seconds=150)
            assert_no_tick_is_lost()

    @pytest.mark.django_db(transaction=True)
    def test_of_redis(self, own_redis: OwnServer, tmp_path: Path, server: Receiver) -> None:
        with ExitStack() as running:
            about = world.build(server, jobs=60)
            schedulers = Schedulers(running, tmp_path, REDIS_URL=own_redis.url)
            schedulers.start()
            web = Web(running.enter_context(live.web(tmp_path, REDIS_URL=own_redis.url)))
            with listening(web, about.tenant) as listener:
                with Storm(about.jobs):
                    witness.wait_until_told(400)
                    own_redis.stop(signal.SIGKILL)
                    witness.wait_until_told(witness.told() + 800)
                    own_redis.start()
                witness.assert_each_is_told_once(about, server, listener, seconds=150)
            assert_no_tick_is_lost()
