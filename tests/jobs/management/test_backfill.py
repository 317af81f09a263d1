"""`manage.py backfill`: the plan, the start, waiting for the end."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from jobs import backfill as backfills
from jobs.management.commands import backfill as command
from jobs.models import Backfill, Execution, Job
from jobs.recovery import backfills as sweep
from scheduler_project.lib.origin import operator
from tests.jobs.backfills import HOURLY, hours_ago, record

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    return make_job(name="Nightly", schedule=HOURLY)


def call(job: Job | str, *flags: str, **options: Any) -> str:
    out = StringIO()
    window = {"since": hours_ago(3).isoformat(), "until": f"{hours_ago(1):%Y-%m-%dT%H:%M}"}
    call_command("backfill", job if isinstance(job, str) else job.slug, *flags, stdout=out, **{**window, **options})
    return out.getvalue()


def test_shows_the_plan_and_starts_nothing(job: Job) -> None:
    record(job, hours_ago(2), "missed", "misfire_none")
    shown = call(job, "--plan")
    assert f"{hours_ago(2):%Y-%m-%d %H:%M:%S}  missed misfire_none\n" in shown
    assert "3 runs of Nightly: 2 unrecorded, 1 missed. Nothing was started." in shown
    assert not Backfill.objects.exists()


def test_starts_what_is_asked_for(job: Job) -> None:
    record(job, hours_ago(2), "missed", "misfire_none")
    assert "1 runs, 2 at a time" in call(str(job.pk), "--dry-run", only="missed, skipped", at_once=2, note="the disk")
    started = Backfill.objects.get()
    assert (started.at_once, started.dry_run, started.note) == (2, True, "the disk")
    assert started.requested_by == operator()


def test_waits_for_the_end(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def others_work(seconds: float) -> None:
        sweep.sweep()
        Execution.objects.filter(status="queued").update(status="succeeded", finished_at=hours_ago(0))

    monkeypatch.setattr(command.time, "sleep", others_work)
    shown = call(job, "--wait")
    assert "0 succeeded, 0 failed, 0 cancelled, 0 running, 0 queued, 3 left" in shown
    assert "3 succeeded, 0 failed" in shown
    assert "is done." in shown


def test_fails_when_it_is_cancelled_meanwhile(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command.time, "sleep", lambda _: backfills.cancel(Backfill.objects.get().pk, actor="user:test"))
    with pytest.raises(CommandError, match="is cancelled"):
        call(job, "--wait")


@pytest.mark.parametrize(
    ("job_name", "options", "message"),
    [
        ("nowhere", {}, "There is no job nowhere"),
        ("nightly", {"tenant": "globex"}, "There is no job nightly of globex"),
        ("nightly", {"since": "yesterday"}, "--since: write an instant"),
        ("nightly", {"until": "2999-01-01"}, "--until: Lies in the future"),
        ("nightly", {"only": "lost"}, "--only: 'lost': unknown"),
        ("nightly", {"at_once": 0}, "--at-once: Write a whole number"),
    ],
)
def test_says_what_is_wrong(job: Job, job_name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call(job_name, **options)


def test_refuses_a_second_one(job: Job) -> None:
    call(job)
    with pytest.raises(CommandError, match="still running"):
        call(job)
