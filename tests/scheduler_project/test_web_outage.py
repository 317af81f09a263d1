"""What a real web process answers while PostgreSQL hangs, is gone, and is back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Tenant
from accounts.scopes import Scope
from jobs import registry
from jobs.models import Job
from scheduler_project.lib import quick_redis
from tests import live
from tests.jobs.api.conftest import JOB
from tests.relays import Relay, relay

LIMIT = 2.0  # seconds in which everything is answered, whatever has happened


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: HTTPMessage


class Caller:
    def __init__(self, web: live.LiveWeb, *scopes: str, tenant: Tenant, user: User | None = None) -> None:
        """With a key, or with the session of a user."""
        self.port = web.port
        self.key, text = keys.create(tenant=tenant, name="test", scopes=scopes or [Scope.TASK_READ])
        self.headers = {"Authorization": f"Bearer {text}", "Content-Type": "application/json"}
        if user is not None:
            client = Client()
            client.force_login(user)
            self.headers = {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}

    def send(self, method: str, path: str, body: Any = None) -> Answer:
        began = time.monotonic()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, self.headers)
            response = connection.getresponse()
            text = response.read().decode()
            found = json.loads(text) if "json" in response.headers["Content-Type"] else text
        finally:
            connection.close()
        assert time.monotonic() - began < LIMIT, (method, path)
        return Answer(response.status, found, response.headers)

    def get(self, path: str) -> Answer:
        return self.send("GET", path)


def is_stale(answer: Answer) -> bool:
    return answer.status == 200 and answer.body.get("stale") is True


def check_outage(
    reader: Caller, other: Caller, writer: Caller, visitor: Caller, job: Job, fresh: dict[str, Any]
) -> None:
    """What holds while the database is away, whatever is the matter with it."""
    with ThreadPoolExecutor(30) as threads:  # more than the pool has connections
        answers = list(threads.map(reader.get, [path for path in fresh for _ in range(5)]))
    assert {answer.status for answer in answers} == {200}
    for path, body in fresh.items():
        answer = reader.get(path)
        assert is_stale(answer), path
        since = answer.body.pop("stale_since")
        assert since.endswith("Z")
        assert {**body, "stale": True}.keys() == answer.body.keys()
        assert answer.headers["Warning"] == '110 daybook "Response is Stale"'
        assert 0 <= int(answer.headers["Age"]) < 60
    began = time.monotonic()
    unseen = reader.get("/api/v1/jobs?limit=3")
    refused = [other.get("/api/v1/jobs"), writer.send("POST", "/api/v1/jobs", {**JOB, "name": "Lost"}), unseen]
    refused.append(writer.send("POST", f"/api/v1/jobs/{job.pk}/pause", {}))
    assert [(answer.status, answer.body["error"]["code"]) for answer in refused] == [(503, "unavailable")] * 4
    assert {answer.headers["Retry-After"] for answer in refused} == {"2"}
    console = visitor.get("/admin/jobs/job/")
    assert (console.status, console.headers["Retry-After"]) == (503, "2")
    assert "The database does not answer" in console.body
    assert time.monotonic() - began < 0.5  # all know by now


def seen_by_now() -> bool:
    return bool(quick_redis.ask(lambda redis: list(redis.scan_iter("daybook:seen:*"))))


@pytest.mark.django_db(transaction=True)
class TestOutage:
    def test_shows_what_was_seen_last_and_changes_nothing(self, tmp_path: Path) -> None:
        tenant = Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})[0]
        job = registry.create(JOB, tenant=tenant, actor="user:ana")
        quick_redis.ask(lambda redis: [redis.delete(key) for key in redis.scan_iter("daybook:seen:*")])
        where = connection.settings_dict
        with relay(where["HOST"], int(where["PORT"])) as through:
            url = f"postgres://{where['USER']}:{where['PASSWORD']}@127.0.0.1:{through.port}/{where['NAME']}"
            with live.web(tmp_path, DATABASE_URL=url) as web:
                self._outages(web, through, tenant, job)

    def _outages(self, web: live.LiveWeb, through: Relay, tenant: Tenant, job: Job) -> None:
        reader = Caller(web, Scope.SCHEDULER_READ, Scope.TASK_READ, tenant=tenant)
        other = Caller(web, Scope.SCHEDULER_READ, tenant=tenant)
        doomed = Caller(web, Scope.SCHEDULER_READ, tenant=tenant)
        writer = Caller(web, Scope.SCHEDULER_WRITE, tenant=tenant)
        visitor = Caller(web, tenant=tenant, user=User.objects.create_superuser("root"))
        assert visitor.get("/admin/jobs/job/").status == 200
        paths = ["/api/v1/jobs", f"/api/v1/jobs/{job.pk}", "/api/v1/executions?limit=5", "/api/v1/tasks"]
        paths += ["/api/v1/scheduler/status", "/api/v1/workers", "/api/v1/queues", "/api/v1/upcoming"]
        paths += ["/api/v1/scheduler/stats"]
        fresh = {path: reader.get(path).body for path in paths}
        assert doomed.get("/api/v1/jobs").status == 200
        assert other.get("/api/v1/queues").status == 200  # known, but it has seen no jobs
        assert writer.send("POST", f"/api/v1/jobs/{job.pk}/resume", {}).status == 200
        live.wait_for(seen_by_now, what="the first answers in Redis")
        outages: list[Callable[[], None]] = [through.fall_silent, through.close]
        for begin in outages:
            begin()
            check_outage(reader, other, writer, visitor, job, fresh)
            through.open()
            live.wait_for(lambda: not is_stale(reader.get("/api/v1/jobs")), seconds=5, what="fresh answers")
            assert "stale" not in reader.get(f"/api/v1/jobs/{job.pk}").body
        assert list(Job.objects.values_list("name", "paused_at")) == [(JOB["name"], None)]

        ApiKey.objects.filter(pk=doomed.key.pk).update(revoked_at=timezone.now())
        live.wait_for(lambda: doomed.get("/api/v1/jobs").status == 401, seconds=8, what="the end of the key")
        through.fall_silent()
        assert is_stale(reader.get("/api/v1/jobs"))
        assert doomed.get("/api/v1/jobs").status in (401, 503)
