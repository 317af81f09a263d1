"""How much longer a run takes, by its progress or by the runs before it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs import registry
from jobs.execution import executor
from jobs.forecast import durations
from jobs.forecast.durations import Usual
from jobs.forecast.remaining import Remaining, estimate, judge
from jobs.models import Execution, Job

MakeJob = Callable[..., Job]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
USUAL = Usual(p50=60, p95=100, runs=20)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def told(done: int, total: int | None, *, since: float, first: int = 0, ago: float = 0) -> dict[str, Any]:
    at = after(-ago).timestamp()
    return {"done": done, "total": total, "text": "", "at": at, "first_at": at - since, "first_done": first}


class TestJudge:
    @pytest.mark.parametrize(
        ("progress", "seconds"),
        [
            (told(25, 100, since=10), 30),
            (told(25, 100, since=10, ago=5), 25),
            (told(75, 100, since=10, first=50), 10),  # a retry that began in the middle
            (told(100, 100, since=10), 0),
            (told(120, 100, since=10), 0),
            (told(25, 100, since=10, ago=500), 0),
        ],
    )
    def test_goes_by_the_rate_of_the_progress(self, progress: dict[str, Any], seconds: float) -> None:
        found = judge(progress, None, started_at=after(-10), now=NOW)
        assert found == Remaining("progress", after(seconds), None, is_slower_than_usual=False)

    @pytest.mark.parametrize(
        "progress",
        [
            {},
            told(1, 100, since=0),
            told(5, None, since=9),
            told(5, 0, since=9),
            told(5, 9, since=9, first=5),
            {"done": 1},
        ],
    )
    def test_goes_by_history_when_the_progress_says_too_little(self, progress: dict[str, Any]) -> None:
        assert judge(progress, USUAL, started_at=after(-10), now=NOW) == Remaining("history", after(50), 60, False)
        assert judge(progress, None, started_at=after(-10), now=NOW) is None

    @pytest.mark.parametrize(("ran", "left", "is_slow"), [(70, 30, False), (101, None, True)])
    def test_says_when_it_takes_longer_than_most(self, ran: float, left: float | None, is_slow: bool) -> None:
        found = judge({}, USUAL, started_at=after(-ran), now=NOW)
        assert found == Remaining("history", None if left is None else after(left), 60, is_slow)

    def test_calls_slow_what_will_be_slow_at_this_rate(self) -> None:
        found = judge(told(1, 100, since=10), USUAL, started_at=after(-10), now=NOW)
        assert found is not None
        assert found.is_slower_than_usual


@pytest.mark.django_db(transaction=True)
class TestEstimate:
    def test_learns_from_the_runs_of_the_job(self, make_job: MakeJob) -> None:
        job = make_job()
        assert durations.usual(job.pk) is None
        for seconds in (10, 20, 30):
            execution_id = registry.run_now(job, actor="user:test")
            executor.execute(execution_id, worker="w1")
            row = Execution.objects.get(pk=execution_id)
            assert row.started_at is not None
            Execution.objects.filter(pk=execution_id).update(finished_at=row.started_at + timedelta(seconds=seconds))
        usual = durations.usual(job.pk)
        assert usual == Usual(p50=20, p95=pytest.approx(29), runs=3)
        running = Execution(job_id=job.pk, started_at=after(-5))
        assert estimate(running, None, now=NOW) == Remaining("history", after(15), 20, False)

    def test_says_nothing_of_what_does_not_run(self) -> None:
        assert estimate(Execution(), None, now=NOW) is None
