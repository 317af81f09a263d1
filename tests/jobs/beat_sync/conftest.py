"""Rows as others make them: by code, and in django-celery-beat's own admin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import pytest
from celery import current_app
from django.contrib.auth import get_user_model
from django.test import Client
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from jobs import beat_sync
from jobs.models import Job
from jobs.recovery.resync import Resync
from scheduler_project.lib import telemetry

Events = list[tuple[str, dict[str, Any]]]
MakeRow = Callable[..., PeriodicTask]
Commit = Callable[..., AbstractContextManager[list[Callable[..., object]]]]


class Clock:
    """A clock that tests move by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def pass_(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Events:
    found: Events = []
    monkeypatch.setattr(telemetry, "_listeners", [lambda event, fields: found.append((event, fields))])
    return found


@pytest.fixture
def broker() -> Iterator[Any]:
    """A channel of the broker, which holds nothing before and after."""
    with current_app.connection_for_write() as connection:
        channel: Any = connection.default_channel
        channel.client.flushdb()
        yield channel
        channel.client.flushdb()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def resync(tenant: object, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Resync:
    """A leader's view that has looked at everything once, without the rows of Celery's settings."""
    monkeypatch.setattr(beat_sync, "install", lambda: None)
    found = Resync(clock=clock)
    found.sweep()
    return found


@pytest.fixture
def make_row(db: None) -> MakeRow:
    """A row that runs each minute, changed by keyword."""
    numbers = iter(range(1, 1_000_000))

    def make(**values: Any) -> PeriodicTask:
        if not {"crontab", "interval", "clocked", "solar"} & set(values):
            values["interval"] = every(1, "minutes")
        return PeriodicTask.objects.create(**{"name": f"Row {next(numbers)}", "task": "elsewhere.build", **values})

    return make


def every(number: int, period: str) -> IntervalSchedule:
    return IntervalSchedule.objects.get_or_create(every=number, period=period)[0]


def crontab(text: str, zone: str = "UTC") -> CrontabSchedule:
    minute, hour, day_of_month, month_of_year, day_of_week = text.split(" ")
    return CrontabSchedule.objects.create(
        minute=minute,
        hour=hour,
        day_of_month=day_of_month,
        month_of_year=month_of_year,
        day_of_week=day_of_week,
        timezone=zone,
    )


def job_of(row: PeriodicTask) -> Job:
    return Job.objects.get(periodic_task_id=row.pk)


def names(events: Events, prefix: str = "beat.") -> list[str]:
    return [event for event, _ in events if event.startswith(prefix)]


@pytest.fixture(params=["tests.jobs.beat_sync.stock_urls"])
def admin(db: None, request: pytest.FixtureRequest, settings: Any) -> Admin:
    settings.ROOT_URLCONF = request.param
    return Admin()


both_admins = pytest.mark.parametrize(
    "admin", ["tests.jobs.beat_sync.stock_urls", "scheduler_project.urls"], indirect=True, ids=["stock", "console"]
)


class Admin:
    """A superuser at the pages of django-celery-beat's own admin, or of the console's for the same rows."""

    URL = "/admin/django_celery_beat"

    def __init__(self) -> None:
        self.client = Client()
        self.client.force_login(get_user_model().objects.create_superuser("root", "root@example.com", "x"))

    def add(self, model: str, **values: Any) -> None:
        self._post(f"{self.URL}/{model}/add/", values)

    def add_task(self, **values: Any) -> PeriodicTask:
        self.add("periodictask", **{**BLANK, **values})
        return PeriodicTask.objects.get(name=values["name"])

    def change_task(self, row: PeriodicTask, **changes: Any) -> None:
        """As the form does it: every field comes back, those that are not named as they were shown."""
        page = self.client.get(f"{self.URL}/periodictask/{row.pk}/change/")
        form = page.context["adminform"].form
        shown = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
        self._post(f"{self.URL}/periodictask/{row.pk}/change/", {**_as_posted(shown), **changes})

    def change(self, model: str, pk: int, **values: Any) -> None:
        self._post(f"{self.URL}/{model}/{pk}/change/", values)

    def delete(self, model: str, pk: int) -> None:
        self._post(f"{self.URL}/{model}/{pk}/delete/", {"post": "yes"})

    def act(self, action: str, *rows: PeriodicTask, **more: Any) -> None:
        self._post(
            f"{self.URL}/periodictask/", {"action": action, "_selected_action": [row.pk for row in rows], **more}
        )

    def _post(self, url: str, values: dict[str, Any]) -> None:
        # The page of a schedule lists the rows that use it in a formset of its own.
        values = {"periodictask_set-TOTAL_FORMS": 0, "periodictask_set-INITIAL_FORMS": 0, **values}
        answer = self.client.post(url, {name: value for name, value in values.items() if value is not None})
        shown = answer.context["adminform"].form.errors if answer.context and "adminform" in answer.context else ""
        assert answer.status_code == 302, shown


BLANK: dict[str, Any] = {"args": "[]", "kwargs": "{}", "headers": "{}", "enabled": "on"}


def _as_posted(shown: dict[str, Any]) -> dict[str, Any]:
    posted: dict[str, Any] = {}
    for name, value in shown.items():
        if isinstance(value, datetime):
            # In two controls in the stock admin, in one in the console's.
            posted[f"{name}_0"], posted[f"{name}_1"] = f"{value:%Y-%m-%d}", f"{value:%H:%M:%S}"
            posted[name] = f"{value:%Y-%m-%dT%H:%M:%S}"
        elif isinstance(value, bool):
            posted[name] = "on" if value else None
        else:
            posted[name] = "" if value is None else value
    return posted
