"""Partitions are made ahead, and never at the cost of what runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
import pytest
from django.db import connection
from django.db.utils import OperationalError

from jobs.models import Job
from jobs.recovery import partitions
from scheduler_project.lib import sql

pytestmark = pytest.mark.django_db(transaction=True)


def drop_the_last() -> str:
    found = sql.row("SELECT max(relname) AS name FROM pg_class WHERE relname ~ '^job_executions_p[0-9]+$'")
    assert found is not None
    sql.script(f"DROP TABLE {found['name']}")
    return str(found["name"])


class TestSweep:
    def test_makes_what_is_missing(self) -> None:
        partitions.sweep()
        drop_the_last()
        assert partitions.sweep() == 1
        assert partitions.sweep() == 0

    def test_reaches_back_to_the_oldest_tick_that_is_undecided(self, make_job: Callable[..., Job]) -> None:
        partitions.sweep()
        job = make_job()
        Job.objects.filter(pk=job.pk).update(next_tick_at=datetime(2020, 11, 5, tzinfo=UTC))
        try:
            assert partitions.sweep() > 12
            found = sql.row("SELECT count(*) FROM pg_class WHERE relname IN ('ticks_y2020m11', 'ticks_y2021m01')")
            assert found == {"count": 2}
        finally:
            for row in sql.rows("SELECT relname FROM pg_class WHERE relname ~ '^ticks_y202[0-5]m[0-9]+$'"):
                sql.script(f"DROP TABLE {row['relname']}")
            Job.objects.update(next_tick_at=None)
            partitions.sweep()

    def test_does_not_hold_up_everyone_behind_a_long_read(self) -> None:
        partitions.sweep()
        drop_the_last()
        started = time.monotonic()
        with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as reader:
            reader.execute("SELECT FROM job_executions")
            with pytest.raises(OperationalError, match="lock timeout"):
                partitions.sweep()
        assert time.monotonic() - started < 4
        assert partitions.sweep() == 1
