"""The page of what comes: ticks, load, full minutes, the last forecast's error."""

from __future__ import annotations

import pytest
from django.urls import reverse

from jobs import registry
from jobs.models import ExecutionTotal, ForecastHour
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser
from tests.jobs.api.conftest import MakeJob
from tests.jobs.backfills import HOURLY, hours_ago

pytestmark = pytest.mark.django_db

PAGE = "admin:jobs_forecasthour_changelist"


def test_is_reached_from_the_navigation_and_the_overview(as_vera: Browser) -> None:
    assert as_vera.text(reverse("admin:index")).count(reverse(PAGE)) == 2


def test_has_something_to_say_of_nothing(as_vera: Browser) -> None:
    text = as_vera.text(reverse(PAGE))
    assert "0 runs in the next 24 hours" in text
    assert "Nothing will run by schedule." in text
    assert "None is yet." in text


def test_shows_ticks_load_and_full_minutes(as_vera: Browser, job_of: MakeJob) -> None:
    for name in ("First", "Second"):
        job_of(name=name, schedule=HOURLY)
    paused = job_of(name="Resting", schedule=HOURLY)
    registry.pause(paused.pk, actor="user:ana", note="new disks")
    text = as_vera.text(reverse(PAGE))
    assert "48 runs in the next 24 hours" in text
    assert "24 more will be held back" in text
    assert "new disks" in text
    assert "2 runs start" in text
    assert "is free" in text
    assert "nobody knows how long" in text
    assert text.count('class="bar-load"') == 25
    assert "at most 2 runs in one hour" in text


def test_counts_work_where_durations_are_known(as_vera: Browser, job_of: MakeJob) -> None:
    job_of(schedule=HOURLY)
    ExecutionTotal.objects.create(template="echo", kind="succeeded", count=1, seconds=90)
    text = as_vera.text(reverse(PAGE))
    assert "of work" in text
    assert "At most 1 run at the same time" in text


def test_shows_the_error_with_counts_only_to_who_sees_all(as_root: Browser, as_vera: Browser, job_of: MakeJob) -> None:
    job_of()
    for queue in ("default", "secret"):
        ForecastHour.objects.create(hour=hours_ago(1), queue=queue, ticks=7, seconds=9, made_at=hours_ago(2))
    everything, own = as_root.text(reverse(PAGE)), as_vera.text(reverse(PAGE))
    assert "7 forecast, 0 ran" in everything
    assert "secret" in everything
    assert "7 forecast" not in own
    assert "secret" not in own
    assert "all too much" in own


def test_narrows_to_a_queue(as_vera: Browser, job_of: MakeJob) -> None:
    job_of(name="Mail job", schedule=HOURLY, queue="mail")
    job_of(name="Other job", schedule=HOURLY)
    text = as_vera.text(reverse(PAGE), queue="mail")
    assert "Mail job" in text
    assert "Other job" not in text
    assert "<option selected>mail</option>" in text
    assert "Nothing will run" in as_vera.text(reverse(PAGE), queue="<nothing>")


def test_shows_jobs_of_the_own_tenant(as_gita: Browser, cast: Cast, job_of: MakeJob) -> None:
    job_of(name="Ours", schedule=HOURLY)
    job_of(cast.globex, name="Theirs", schedule=HOURLY)
    text = as_gita.text(reverse(PAGE))
    assert "Theirs" in text
    assert "Ours" not in text
