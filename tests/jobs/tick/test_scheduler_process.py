"""The scheduler as a real process: it ends when asked, whatever it is doing."""

from __future__ import annotations

import signal
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from jobs.models import LeaseHistory, SchedulerLease
from tests import live
from tests.live import wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("live")]


class TestTermination:
    def test_in_the_middle_of_a_statement_gives_up_the_lead(self, tmp_path: Path) -> None:
        with live.scheduler(tmp_path) as scheduler:
            wait_for(lambda: SchedulerLease.objects.filter(ticked_at__isnull=False).exists())
            with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
                other.execute("SELECT FROM scheduler_leases FOR UPDATE")
                wait_for(is_waiting, what="the renewal to wait for the lock")
                scheduler.send(signal.SIGTERM)
                # The end of the statement is not awaited, the lock of others is.
                with pytest.raises(Exception, match="timed out"):
                    scheduler.wait(seconds=0.5)
            took = scheduler.wait(seconds=5)
        assert [history.cause for history in LeaseHistory.objects.all()] == ["released"]
        print(f"ended {took:.2f} s after the lock was gone")

    def test_at_rest_gives_up_the_lead_at_once(self, tmp_path: Path) -> None:
        with live.scheduler(tmp_path) as scheduler:
            wait_for(lambda: SchedulerLease.objects.filter(ticked_at__isnull=False).exists())
            scheduler.send(signal.SIGTERM)
            assert scheduler.wait(seconds=5) < 3
        assert [history.cause for history in LeaseHistory.objects.all()] == ["released"]


def is_waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        return bool(cursor.fetchone()[0])
