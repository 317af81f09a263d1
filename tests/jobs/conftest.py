"""Fixtures of the engine's tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from accounts.models import Tenant
from jobs import registry
from jobs.models import Job
from scheduler_project.lib import sql
from tests.jobs.world import world

__all__ = ["world"]


@pytest.fixture
def tenant(db: None) -> Tenant:
    return Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})[0]


@pytest.fixture
def make_job(tenant: Tenant) -> Callable[..., Job]:
    """A job that runs each minute, changed by keyword."""
    numbers = iter(range(1, 1_000_000))

    def make(*, enabled: bool = True, **changes: Any) -> Job:
        data: dict[str, Any] = {
            "name": f"Job {next(numbers)}",
            "template": "echo",
            "schedule": {"kind": "cron", "cron": "* * * * *"},
        }
        data.update(changes)
        return registry.create(data, tenant=tenant, actor="user:test", enabled=enabled, may_run_sub_minute=True)

    return make


def database_now() -> datetime:
    row = sql.row("SELECT clock_timestamp() AS now")
    assert row is not None
    now: datetime = row["now"]
    return now
