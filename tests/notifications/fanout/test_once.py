"""Each happening is told once: whoever reads it, however often they are stopped, and however late it is committed."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from jobs import scheduler_events
from jobs.models import EventCursor, Job
from jobs.scheduler_events import Event
from notifications.fanout import fan_out, store
from notifications.fanout.fan_out import FanOut
from notifications.inbox import writing
from notifications.models import Channel, Delivery, JobCondition, Notification, Rule
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.leading import lead_until
from tests.live import wait_for
from tests.notifications.fanout.conftest import inbox
from tests.notifications.fanout.storms import end

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def jobs(cast: Cast, job_of: MakeJob) -> list[int]:
    """Five of ana's, of which every failure is told in her inbox and by a chat."""
    rule = Rule.objects.create(tenant=cast.acme, name="All", kinds=["failed", "missed"], only_changes=False)
    rule.channels.add(Channel.objects.create(tenant=cast.acme, name="Chat", kind="slack"))
    fan_out.begin_now()
    return [job_of(owner="ana").pk for _ in range(5)]


def lead(failures: list[Exception]) -> None:
    """What a thread of a scheduler does."""
    try:
        FanOut().sweep()
    except Exception as error:
        failures.append(error)
    finally:
        connections.close_all()


def _has_rows(other: BaseDatabaseWrapper, statement: str) -> bool:
    with other.cursor() as cursor:
        cursor.execute(statement)
        return bool(cursor.fetchall())


def counted() -> tuple[int, int]:
    """In the inbox, and by the chat."""
    return (
        sum(Notification.objects.values_list("count", flat=True)),
        sum(Delivery.objects.values_list("count", flat=True)),
    )


class TestFanOut:
    def test_tells_what_two_leaders_read_at_once_once(
        self, cast: Cast, jobs: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fan_out, "BATCH", 7)
        end(jobs * 20)
        scheduler_events.record([Event("tick_missed", tenant_id=cast.acme.pk, job_id=jobs[0])] * 40)
        failures: list[Exception] = []
        leaders = [threading.Thread(target=lead, args=(failures,)) for _ in range(2)]
        for leader in leaders:
            leader.start()
        for leader in leaders:
            leader.join(60)
        assert failures == []
        assert counted() == (140, 140)
        assert Notification.objects.count() == 6  # five jobs failed, and one missed ticks
        assert set(JobCondition.objects.values_list("failures_in_row", flat=True)) == {20}

    def test_goes_on_where_the_last_whole_batch_ended(
        self, cast: Cast, jobs: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Killed at any place of a batch: while it writes deliveries, and when all is written but the cursor."""
        monkeypatch.setattr(fan_out, "BATCH", 10)
        end(jobs * 10)

        class Killed(BaseException):
            pass

        def killed_at(call: int, target: object, name: str) -> None:
            calls = iter(range(1, 1000))
            real = getattr(target, name)

            def kill(*values: object, **more: object) -> object:
                if next(calls) == call:
                    raise Killed
                return real(*values, **more)

            with monkeypatch.context() as patched:
                patched.setattr(target, name, kill)
                with pytest.raises(Killed):
                    FanOut().sweep()

        killed_at(2, store, "deliver")
        assert counted() == (10, 10)
        killed_at(2, writing, "tell")
        assert counted() == (20, 20)
        killed_at(2, EventCursor, "save")
        assert counted() == (30, 30)
        FanOut().sweep()
        assert counted() == (50, 50)
        assert FanOut().sweep() == 0

    def test_waits_for_what_was_begun_before_and_is_committed_late(self, jobs: list[int], cast: Cast) -> None:
        other = connections.create_connection("default")
        try:
            with other.cursor() as cursor:
                cursor.execute("BEGIN")
                cursor.execute(
                    "INSERT INTO scheduler_events (type, level, tenant_id, job_id, count) "
                    "VALUES ('tick_missed', 'error', %s, %s, 1)",
                    [cast.acme.pk, jobs[0]],
                )
                scheduler_events.record([Event("tick_missed", tenant_id=cast.acme.pk, job_id=jobs[1])])
                end(jobs[:1])
                assert FanOut().sweep() == 0
                cursor.execute("COMMIT")
        finally:
            other.close()
        assert FanOut().sweep() == 3
        assert counted() == (3, 3)

    def test_counts_in_a_new_delivery_what_came_while_the_last_was_being_taken(self, jobs: list[int]) -> None:
        """The sender's transaction is open: the fan-out waits for it, and then finds that the delivery is taken."""
        end(jobs[:1])
        FanOut().sweep()
        end(jobs[:1] * 3)
        failures: list[Exception] = []
        leader = threading.Thread(target=lead, args=(failures,))
        with transaction.atomic():
            assert Delivery.objects.update(tries=1) == 1
            leader.start()
            waiting = (
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%notification_deliv%'"
            )
            other = connections.create_connection("default")
            try:
                wait_for(lambda: _has_rows(other, waiting), what="the fan-out to wait")
            finally:
                other.close()
        leader.join(30)
        assert failures == []
        assert sorted(Delivery.objects.values_list("tries", "count")) == [(0, 3), (1, 1)]

    def test_writes_nothing_where_nothing_is_new(self, jobs: list[int]) -> None:
        fans = FanOut()
        end(jobs)
        fans.sweep()
        numbers = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next"
        before = sql.row(numbers)
        assert fans.sweep() == 0
        assert sql.row(numbers) == before

    def test_begins_with_what_comes_after_its_first_sweep_ever(self, cast: Cast, job_of: MakeJob) -> None:
        job = job_of(owner="ana")
        end([job.pk])
        assert FanOut().sweep() == 0
        end([job.pk])
        FanOut().sweep()
        assert inbox() == [("ana", f"{job.name} failed", 1)]

    def test_tells_again_what_comes_after_a_restore_into_a_new_cluster(self, cast: Cast, jobs: list[int]) -> None:
        """There transaction numbers begin anew, and events of the scheduling keep their old ones."""
        with connection.cursor() as cursor:
            cursor.execute("UPDATE event_cursors SET xid = xid + 1000000000")
        scheduler_events.record([Event("tick_missed", tenant_id=cast.acme.pk, job_id=jobs[0])])
        end(jobs[:1])
        FanOut().sweep()
        assert counted() == (2, 2)


def test_runs_in_the_scheduler_with_its_loops(cast: Cast, job_of: MakeJob) -> None:
    """As both backends run it: in the loops of the scheduler's service, while it leads."""
    job = job_of(owner="ana")
    fan_out.begin_now()
    end([job.pk])
    lead_until(lambda: Notification.objects.exists(), what="a notification")
    assert inbox() == [("ana", f"{job.name} failed", 1)]
