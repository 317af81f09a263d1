"""Runs that end as a test says, and a fan-out that reads them inside the test's own transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jobs import scheduler_events
from jobs.models import Job
from jobs.recovery import outbox
from jobs.scheduler_events import Event
from notifications.fanout import fan_out
from notifications.models import Delivery, Notification
from scheduler_project.lib import sql
from tests.jobs.api.conftest import job_of, run_of

__all__ = ["job_of", "run_of"]

ALL = "SELECT {columns} FROM {table} WHERE id > %(after)s AND {condition} ORDER BY id"


class Reading:
    """Hands what has happened since the last time to the fan-out, as its batches would."""

    def __init__(self) -> None:
        self._places = {"execution_events": 0, "scheduler_events": 0}
        self.sweep()

    def sweep(self) -> None:
        self._read(outbox.OF_EXECUTIONS, fan_out.read_runs)
        self._read(outbox.OF_THE_SCHEDULING, fan_out.read_scheduling)

    def happened(self, type: str, **more: Any) -> None:  # noqa: A002  as events say
        scheduler_events.record([Event(type, **more)])
        self.sweep()

    def _read(self, stream: outbox.Stream, handle: Callable[[list[sql.Row]], None]) -> None:
        statement = ALL.format(columns=stream.columns, table=stream.table, condition=stream.condition)
        rows = sql.rows(statement, {"after": self._places[stream.table]})
        if rows:
            handle(rows)
            self._places[stream.table] = rows[-1]["id"]


@pytest.fixture
def reading(db: None) -> Reading:
    return Reading()


@pytest.fixture
def failing(job_of: Callable[..., Job]) -> Callable[..., Job]:
    """A job whose runs may overlap, so that a test can end one after the other."""

    def make(**changes: Any) -> Job:
        return job_of(**{"policies": {"overlap": "allow"}, **changes})

    return make


def inbox(**narrower: Any) -> list[tuple[str | None, str, int]]:
    """Whose, what and how often."""
    found = Notification.objects.filter(**narrower).order_by("id")
    return [(row.user.username if row.user else None, row.title, row.count) for row in found.select_related("user")]


def sent(**narrower: Any) -> list[tuple[str, list[str], str, int]]:
    """By which channel, to whom, of what type and how often."""
    found = Delivery.objects.filter(**narrower).order_by("id").select_related("channel")
    return [(row.channel.name, row.to, row.type, row.count) for row in found]
