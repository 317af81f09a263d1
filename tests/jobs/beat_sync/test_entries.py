"""The schedule in Celery's settings becomes rows, and the rows become jobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app, schedules
from celery.beat import Scheduler
from celery.utils.imports import symbol_by_name
from django_celery_beat.models import PeriodicTask, PeriodicTasks
from django_celery_beat.schedulers import DatabaseScheduler

from accounts.models import Tenant
from jobs.beat_sync import install
from jobs.recovery.resync import Resync
from tests.jobs.beat_sync.conftest import Clock, Events, job_of

pytestmark = pytest.mark.django_db

ENTRIES: dict[str, dict[str, Any]] = {
    "nightly": {
        "task": "reports.build",
        "schedule": schedules.crontab(minute="30", hour="2"),
        "args": (1, 2),
        "options": {"queue": "reports", "expire_seconds": 60},
    },
    "often": {"task": "pulse.check", "schedule": 30.0},
    "weekly": {"task": "mail.send", "schedule": timedelta(days=7), "kwargs": {"to": "all"}},
}


@pytest.fixture(autouse=True)
def entries() -> Iterator[dict[str, Any]]:
    found = dict(ENTRIES)
    current_app.conf.beat_schedule = found
    yield found
    current_app.conf.beat_schedule = {}


def columns() -> dict[str, dict[str, Any]]:
    rows = PeriodicTask.objects.values(
        "name", "task", "args", "kwargs", "queue", "headers", "expire_seconds", "enabled"
    )
    return {row["name"]: row for row in rows}


@pytest.mark.django_db(transaction=True)  # stock beat closes connections
class TestStockBeat:
    def test_would_make_the_same_rows(self) -> None:
        install()
        ours = columns()
        PeriodicTask.objects.all().delete()
        DatabaseScheduler(app=current_app, lazy=False)
        assert ours == columns()
        assert set(ours) == {"nightly", "often", "weekly", "celery.backend_cleanup"}


class TestInstall:
    def test_follows_the_settings_and_keeps_what_is_switched_off(self, entries: dict[str, Any]) -> None:
        install()
        PeriodicTask.objects.filter(name="often").update(enabled=False)
        entries["often"] = {"task": "pulse.check", "schedule": 60.0}
        install()
        row = PeriodicTask.objects.get(name="often")
        assert (row.interval.every, row.enabled) == (60, False)

    def test_writes_nothing_when_nothing_has_changed(self) -> None:
        install()
        before = list(PeriodicTask.objects.values())
        install()
        assert list(PeriodicTask.objects.values()) == before

    def test_leaves_out_an_entry_that_cannot_be_stored(self, entries: dict[str, Any], events: Events) -> None:
        entries["bad"] = {"task": "a.b", "schedule": object()}
        install()
        assert set(columns()) == {"nightly", "often", "weekly", "celery.backend_cleanup"}
        assert [fields["entry"] for event, fields in events if event == "beat.entry_refused"] == ["bad"]

    def test_tells_everyone_of_new_rows(self) -> None:
        install()
        assert PeriodicTasks.last_change() is not None


class TestAdoption:
    def test_takes_them_like_other_rows(self, tenant: Tenant, clock: Clock) -> None:
        Resync(clock=clock).sweep()
        nightly = job_of(PeriodicTask.objects.get(name="nightly"))
        assert nightly.schedule.cron == "30 2 * * *"
        assert (nightly.parameters["args"], nightly.parameters["queue"]) == ([1, 2], "reports")
        assert nightly.policies.start_deadline_seconds == 60
        assert job_of(PeriodicTask.objects.get(name="often")).schedule.every_seconds == 30
        cleanup = job_of(PeriodicTask.objects.get(name="celery.backend_cleanup"))
        assert (cleanup.slug, cleanup.problem) == ("celery-backend-cleanup", "")


class TestOurScheduler:
    def test_has_nothing_of_the_database_scheduler(self) -> None:
        ours = symbol_by_name(current_app.conf.beat_scheduler)
        assert issubclass(ours, Scheduler)
        assert not issubclass(ours, DatabaseScheduler)
