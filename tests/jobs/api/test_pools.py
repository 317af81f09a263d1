"""`/api/v1/pools`: what the list tells of each pool, and what that costs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from jobs import executions, pools, registry
from tests.cast import ApiClient, Cast
from tests.jobs.api.conftest import JOB

pytestmark = pytest.mark.django_db


class TestList:
    def test_counts_what_runs_and_what_waits(self, by_key: ApiClient, cast: Cast) -> None:
        pools.create({"name": "Vendor API", "size": 1}, tenant=cast.acme, actor="user:ana")
        data = {**JOB, "pool": "vendor-api", "policies": {"overlap": "allow"}}
        job = registry.create(data, tenant=cast.acme, actor="user:ana")
        first = registry.run_now(job, actor="user:test")
        registry.run_now(job, actor="user:test")
        assert executions.claim(first, worker="w", lease=timedelta(seconds=60))
        (shown,) = by_key.get("/api/v1/pools").json()["results"]
        assert (shown["slug"], shown["running"], shown["waiting"]) == ("vendor-api", 1, 1)

    def test_asks_no_more_for_many_than_for_one(
        self, by_key: ApiClient, cast: Cast, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(12):
            pools.create({"name": f"Pool {number}", "size": 1}, tenant=cast.acme, actor="user:ana")
        with django_assert_max_num_queries(8):
            assert len(by_key.get("/api/v1/pools").json()["results"]) == 12
