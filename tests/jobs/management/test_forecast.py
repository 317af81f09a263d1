"""`manage.py forecast`: for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from jobs.models import ExecutionTotal, ForecastHour, Job
from tests.jobs.backfills import HOURLY, hours_ago

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db


def call(*flags: str, **options: Any) -> str:
    out = StringIO()
    call_command("forecast", *flags, stdout=out, **options)
    return out.getvalue()


def test_tells_people(make_job: MakeJob) -> None:
    for name in ("First", "Second"):
        make_job(name=name, schedule=HOURLY)
    ExecutionTotal.objects.create(template="echo", kind="succeeded", count=2, seconds=60)
    ForecastHour.objects.create(hour=hours_ago(1), queue="default", ticks=2, seconds=60, made_at=hours_ago(2))
    shown = call(hours=1)
    assert "2 ticks will fire" in shown
    assert "default" in shown
    assert "First, Second" in shown
    assert "is free" in shown
    assert "At most 2 runs at once" in shown
    assert "said 2 ticks" in shown
    assert "there were 0 (all of it too much)" in shown


def test_tells_programs(make_job: MakeJob) -> None:
    make_job(schedule=HOURLY, queue="mail")
    make_job(schedule=HOURLY)
    found = json.loads(call("--json", hours=2, queue="mail"))
    assert [entry["queue"] for entry in found["hours"]] == ["mail", "mail"]
    assert found["last_forecast"] is None


def test_has_something_to_say_of_nothing() -> None:
    assert "0 ticks will fire" in call()


@pytest.mark.parametrize("hours", [0, 745])
def test_refuses_a_reach_beyond_its_bounds(hours: int) -> None:
    with pytest.raises(CommandError, match="from 1 to 744"):
        call(hours=hours)
