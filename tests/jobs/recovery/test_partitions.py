"""Partitions are made ahead, and never at the cost of what runs."""

from __future__ import annotations

import time

import psycopg
import pytest
from django.db import connection
from django.db.utils import OperationalError

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
