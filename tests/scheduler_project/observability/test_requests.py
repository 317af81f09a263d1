"""What a process counts of the requests that it has answered."""

from __future__ import annotations

import re

import pytest
from django.test import Client, override_settings

from accounts.limits import taking
from accounts.limits.table import TABLE
from scheduler_project.lib import quick_redis, telemetry
from tests.cast import ClientOf, MakeKey
from tests.services import NO_REDIS

pytestmark = pytest.mark.django_db

ROW = re.compile(r"^(api_\w+_total)(?:\{(.*)\})? ([\d.e+]+)$", re.MULTILINE)


def figures() -> dict[tuple[str, str], float]:
    text = Client().get("/metrics").content.decode()
    return {(name, labels or ""): float(value) for name, labels, value in ROW.findall(text)}


def test_admitted_and_limited_requests_are_counted_by_class_and_bucket(make_key: MakeKey, client_of: ClientOf) -> None:
    quick_redis.ask(lambda redis: [redis.delete(key) for key in redis.scan_iter("daybook:limit:*")])
    client, before = client_of(make_key()[1]), figures()
    with override_settings(DAYBOOK_RATE_LIMIT=4):
        for _ in range(5):
            client.get("/api/v1/jobs")
        with override_settings(CELERY_BROKER_URL=NO_REDIS):
            for _ in range(2):
                client.get("/api/v1/jobs")
    telemetry.emit("policy.denied", principal="key:x", route="job-list", reason="no")
    telemetry.emit("policy.unanswered", principal="key:x", route="job-list", error="gone")
    telemetry.emit("database.lost")
    after = figures()
    gained = {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}
    assert gained == {
        ("api_requests_admitted_total", 'how="shared",kind="read"'): 4,
        ("api_requests_limited_total", 'how="shared",kind="read"'): 1,
        ("api_requests_admitted_total", 'how="local",kind="read"'): 1,
        ("api_requests_limited_total", 'how="local",kind="read"'): 1,
        ("api_policy_refusals_total", 'how="denied"'): 1,
        ("api_policy_refusals_total", 'how="unanswered"'): 1,
        ("api_database_outages_total", ""): 1,
    }
    TABLE.forget()
    taking.OWN.clear()
    quick_redis.ask(lambda redis: [redis.delete(key) for key in redis.scan_iter("daybook:limit:*")])
