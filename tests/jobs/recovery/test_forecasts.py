"""What is kept of the coming hour, and how wrong it was when the hour is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from jobs.forecast import last_error
from jobs.models import Execution, ForecastHour, Job, Tick
from jobs.recovery import forecasts
from jobs.recovery.forecasts import Keeper
from tests.jobs.backfills import HOURLY, hours_ago, record
from tests.jobs.conftest import database_now

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db


def ran(job: Job, due_at: datetime, seconds: float, queue: str = "default") -> Tick:
    """A tick that fired, and its execution."""
    execution = Execution.objects.create(
        tenant_id=job.tenant_id,
        job=job,
        template_id=job.template_id,
        trigger="schedule",
        scheduled_for=due_at,
        run_key="00000000-0000-0000-0000-000000000001",
        queue=queue,
        priority=6,
        status="succeeded",
        max_attempts=1,
        available_at=due_at,
        started_at=due_at,
        finished_at=due_at + timedelta(seconds=seconds),
    )
    return record(job, due_at, "fired", execution_id=execution.pk)


def kept(hour: datetime, queue: str, ticks: int, seconds: float) -> None:
    ForecastHour.objects.create(hour=hour, queue=queue, ticks=ticks, seconds=seconds, made_at=hour)


class TestKeeper:
    def test_keeps_the_coming_hour_once(self, make_job: MakeJob) -> None:
        make_job(schedule={"kind": "cron", "cron": "*/10 * * * *"})
        make_job(schedule=HOURLY, queue="mail")
        make_job(schedule={"kind": "once", "at": "2190-01-01T00:00:00Z"}, queue="rare")
        keeper = Keeper()
        assert keeper.sweep() == 3
        assert (keeper.sweep(), Keeper().sweep()) == (0, 0)
        found = {row.queue: row.ticks for row in ForecastHour.objects.filter(hour=hours_ago(-1))}
        assert found == {"default": 6, "mail": 1, "rare": 0}

    def test_keeps_nothing_of_an_hour_that_is_too_full(
        self, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_job()
        whole = forecasts.forecast
        monkeypatch.setattr(forecasts, "forecast", lambda *args, **options: whole(*args, **options, most_ticks=5))
        assert Keeper().sweep() == 0
        assert not ForecastHour.objects.exists()

    def test_forgets_what_is_a_month_old(self) -> None:
        kept(database_now() - timedelta(days=31), "default", 1, 1)
        kept(database_now() - timedelta(days=29), "default", 1, 1)
        Keeper().sweep()
        assert ForecastHour.objects.count() == 1


class TestLastError:
    def test_is_none_while_no_hour_is_over(self) -> None:
        kept(hours_ago(0), "default", 1, 1)
        assert last_error(now=database_now()) is None

    def test_sets_what_happened_beside_what_was_expected(self, make_job: MakeJob) -> None:
        job = make_job(schedule=HOURLY)
        hour = hours_ago(1)
        kept(hours_ago(2), "default", 99, 99)
        kept(hour, "default", 3, 45)
        kept(hour, "idle", 0, 0)
        ran(job, hour, 20)
        ran(job, hour + timedelta(minutes=59, seconds=59), 10)
        ran(job, hour + timedelta(minutes=30), 5, queue="surprise")
        ran(job, hour + timedelta(hours=1), 100)
        record(job, hour + timedelta(minutes=5), "skipped")
        found = last_error(now=database_now())
        assert found is not None
        assert found.hour == hour
        assert [
            (one.queue, one.expected_ticks, one.ticks, one.expected_seconds, one.seconds) for one in found.queues
        ] == [
            ("default", 3, 2, 45, 30),
            ("idle", 0, 0, 0, 0),
            ("surprise", 0, 1, 0, 5),
        ]
        assert [one.ticks_percent for one in found.queues] == [50.0, 0.0, -100.0]
        assert (found.total.ticks_percent, found.total.seconds_percent) == (0.0, 28.6)

    def test_can_be_of_some_queues_only(self) -> None:
        for queue in ("default", "mail"):
            kept(hours_ago(1), queue, 1, 1)
        found = last_error(now=database_now(), queues=["mail"])
        assert found is not None
        assert [one.queue for one in found.queues] == ["mail"]
