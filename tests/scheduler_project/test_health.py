"""What the three answers say, and how fast, whatever hangs."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Tenant
from jobs import registry
from jobs.execution import registration
from jobs.models import SchedulerLease
from jobs.tick.canaries import Canaries
from jobs.tick.leader import Leader
from scheduler_project import health
from scheduler_project.lib import sql
from tests import live
from tests.own_servers import OwnServer

on_a_database = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer of an earlier test is kept."""
    monkeypatch.setattr(health, "WATCH", health.Watch())


@pytest.fixture
def all_well(db: None) -> None:
    registration.beat("w1@test:abc", queues=["default"], concurrency=2)
    assert Leader("s1", ttl=timedelta(seconds=60)).keep()
    sql.rows("UPDATE scheduler_leases SET ticked_at = clock_timestamp()")


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port where connections are accepted by the kernel, and nobody ever says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()[1]


def ask(path: str) -> tuple[int, Any, float]:
    started = time.monotonic()
    response = Client().get(path)
    return response.status_code, response.json(), time.monotonic() - started


def part(name: str) -> Any:
    return ask("/health/system")[1]["parts"][name]


class TestLive:
    def test_answers_without_touching_anything(self) -> None:
        assert ask("/health/live")[:2] == (200, {"status": "healthy"})

    def test_refuses_to_be_written_to(self) -> None:
        assert Client().post("/health/live").status_code == 405

    def test_answers_under_any_host_name(self, settings: Any) -> None:
        settings.ALLOWED_HOSTS = ["daybook.example"]
        assert Client().get("/health/live", headers={"host": "10.1.2.3:8000"}).status_code == 200
        assert Client().get("/admin/", headers={"host": "10.1.2.3:8000"}).status_code == 400

    def test_leaves_other_paths_to_others(self) -> None:
        assert Client().get("/health/unheard-of").status_code == 404


@on_a_database
class TestReady:
    def test_answers_when_the_database_does(self) -> None:
        assert ask("/health/ready")[:2] == (200, {"status": "healthy"})

    def test_does_not_need_redis(self, settings: Any) -> None:
        settings.CELERY_BROKER_URL = "redis://127.0.0.1:9/0"
        assert ask("/health/ready")[0] == 200

    def test_says_which_migrations_are_missing(self) -> None:
        sql.rows("DELETE FROM django_migrations WHERE app = 'jobs' AND name = '0003_triggers'")
        try:
            status, body, _ = ask("/health/ready")
        finally:
            sql.rows("INSERT INTO django_migrations (app, name, applied) VALUES ('jobs', '0003_triggers', now())")
        assert (status, body["message"]) == (503, "1 migrations of this release are not applied.")
        assert body["action"] == "Run `manage.py migrate`."

    def test_says_so_within_two_seconds_when_the_database_hangs(
        self, black_hole: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pointed_at(black_hole):
            status, body, took = ask("/health/ready")
        assert (status, body["status"]) == (503, "unhealthy")
        assert took < 2

    def test_keeps_the_reason_to_itself(self) -> None:
        with pointed_at(9):
            status, body, _ = ask("/health/ready")
        assert status == 503
        assert not {"127.0.0.1", "daybook", "password", "Traceback"} & set(str(body).split())


@on_a_database
@pytest.mark.usefixtures("all_well")
class TestSystem:
    def test_is_healthy_when_every_part_is(self) -> None:
        status, body, _ = ask("/health/system")
        assert (status, body["status"]) == (200, "healthy"), body
        assert list(body["parts"]) == ["database", "redis", "workers", "leader", "tick"]
        assert body["parts"]["workers"]["processes"] == 2
        assert all({"status", "since"} <= set(part) for part in body["parts"].values())

    def test_looks_as_it_is_documented(self) -> None:
        page = (Path(__file__).resolve().parents[2] / "docs" / "observability.md").read_text()
        documented = json.loads(page.split("```json")[1].split("```")[0])
        actual = ask("/health/system")[1]
        assert list(actual) == list(documented)
        for name, shown in documented["parts"].items():
            assert shown.keys() - {"message", "action"} == actual["parts"][name].keys(), name

    def test_has_a_name_in_the_spring_world(self) -> None:
        assert ask("/actuator/health")[0] == 200

    def test_is_degraded_without_a_worker(self) -> None:
        registration.stop("w1@test:abc")
        status, body, _ = ask("/health/system")
        assert (status, body["status"]) == (503, "degraded")
        assert body["parts"]["workers"]["message"] == "No worker has a recent heartbeat; runs wait."

    def test_takes_a_silent_worker_for_gone(self) -> None:
        sql.rows("UPDATE workers SET heartbeat_at = heartbeat_at - interval '4 seconds'")
        workers = part("workers")
        assert (workers["status"], workers["count"], workers["vanished"]) == ("unhealthy", 0, 1)

    def test_is_degraded_when_nobody_serves_a_queue(self) -> None:
        tenant = Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})[0]
        schedule = {"kind": "cron", "cron": "0 0 1 1 *"}
        data = {"name": "Report", "template": "echo", "schedule": schedule, "queue": "reports"}
        registry.create(data, tenant=tenant, actor="user:test")
        workers = part("workers")
        assert workers["status"] == "degraded"
        assert workers["action"] == "Start a worker with `-Q reports`, or move the jobs to another queue."

    def test_is_degraded_when_nobody_hears_a_queue(self) -> None:
        Canaries(lambda queue: None).sweep()
        sql.rows("UPDATE queue_canaries SET asked_at = asked_at - interval '31 seconds'")
        Canaries(lambda queue: None).sweep()
        workers = part("workers")
        assert workers["status"] == "degraded"
        assert workers["message"] == "No worker answers on the queues default, though processes are free."

    def test_is_degraded_without_a_leader(self) -> None:
        SchedulerLease.objects.update(expires_at=sql.now() - timedelta(seconds=1))
        assert part("leader")["status"] == "unhealthy"

    def test_is_degraded_when_the_loop_stands_still(self) -> None:
        SchedulerLease.objects.update(ticked_at=sql.now() - timedelta(seconds=7))
        tick = part("tick")
        assert (tick["status"], tick["limit_seconds"]) == ("unhealthy", 6.0)
        assert tick["age_seconds"] >= 7

    def test_is_degraded_while_redis_hangs_and_says_so_in_time(self, own_redis: OwnServer, settings: Any) -> None:
        settings.CELERY_BROKER_URL = own_redis.url
        own_redis.suspend()
        try:
            status, body, took = ask("/health/system")
        finally:
            own_redis.resume()
        assert (status, body["status"], body["parts"]["redis"]["status"]) == (503, "degraded", "unhealthy")
        assert body["parts"]["database"]["status"] == "healthy"
        assert took < 2

    def test_does_not_ask_for_redis_when_celery_is_off(self, settings: Any) -> None:
        settings.SCHEDULER_USE_CELERY = False
        assert "redis" not in ask("/health/system")[1]["parts"]

    def test_is_unhealthy_without_the_database_and_says_so_in_time(self, black_hole: int, settings: Any) -> None:
        settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{black_hole}/0"
        with pointed_at(black_hole):
            status, body, took = ask("/health/system")
        assert (status, body["status"]) == (503, "unhealthy")
        assert {part["status"] for part in body["parts"].values()} == {"unhealthy"}
        assert took < 2

    def test_remembers_since_when(self) -> None:
        first = part("workers")["since"]
        health.WATCH._database._keep = 0
        assert part("workers")["since"] == first
        registration.stop("w1@test:abc")
        assert part("workers")["since"] > first


@pytest.mark.acceptance
class TestInAProcess:
    def test_follows_the_database_down_and_up(self, own_postgres: OwnServer, tmp_path: Path) -> None:
        connection.close()
        with live.web(tmp_path) as web:
            assert web.get("/health/ready", Host="10.0.0.1:8000").status == 200
            own_postgres.suspend()
            time.sleep(1.1)  # until the last answer is no longer kept
            suspended, alive = web.get("/health/ready"), web.get("/health/live")
            own_postgres.resume()
            assert (suspended.status, alive.status) == (503, 200)
            assert suspended.seconds < 2
            assert alive.seconds < 0.5
            live.wait_for(lambda: web.get("/health/ready").status == 200, seconds=5, what="readiness")


class pointed_at:
    """The default database at another port, for connections that are made meanwhile."""

    def __init__(self, port: int) -> None:
        self._port = port

    def __enter__(self) -> None:
        self._before = connection.settings_dict["PORT"]
        connection.settings_dict["PORT"] = self._port

    def __exit__(self, *_: object) -> None:
        connection.settings_dict["PORT"] = self._before
