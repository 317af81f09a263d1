"""Two leaders, a web request and django-celery-beat's admin at the same rows at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections, transaction
from django_celery_beat.models import PeriodicTask

from accounts.models import Tenant
from jobs import beat_sync, registry
from jobs.models import BeatRow, Job, JobRevision
from jobs.recovery import adoption
from jobs.recovery.resync import Resync
from jobs.rules.states import Origin
from templates_registry.sync import find_template_version
from tests.jobs.beat_sync.conftest import Events, MakeRow, every, job_of, names

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beat_sync, "install", lambda: None)


@pytest.fixture
def at_once() -> Iterator[Callable[..., list[Any]]]:
    """Run callables in threads with connections of their own, started together."""
    with ThreadPoolExecutor(8) as pool:

        def at_once(*verbs: Callable[[], Any]) -> list[Any]:
            barrier = threading.Barrier(len(verbs))

            def run(verb: Callable[[], Any]) -> Any:
                try:
                    barrier.wait(10)
                    return verb()
                finally:
                    connections.close_all()

            return [future.result(60) for future in [pool.submit(run, verb) for verb in verbs]]

        yield at_once


class TestTwoLeaders:
    def test_adopt_each_row_once(self, tenant: Tenant, make_row: MakeRow, at_once: Callable[..., Any]) -> None:
        rows = [make_row() for _ in range(30)]
        at_once(Resync().sweep, Resync().sweep, Resync().sweep)
        assert Job.objects.count() == len(rows)
        assert {job_of(row).revision for row in rows} == {1}
        assert BeatRow.objects.count() == len(rows)

    def test_the_loser_of_one_row_goes_on(self, tenant: Tenant, make_row: MakeRow) -> None:
        row = make_row()
        assert adoption.adopt(row.pk)
        assert not adoption.adopt(row.pk)
        assert not adoption.adopt(row.pk + 1)

    def test_the_loser_meets_the_constraint(
        self, tenant: Tenant, make_row: MakeRow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Both saw no job; the other one commits first."""
        row = make_row()

        def adopt_and_close() -> bool:
            try:
                return adoption.adopt(row.pk)
            finally:
                connections.close_all()

        def find_late(name: str) -> Any:
            monkeypatch.setattr("jobs.recovery.adoption.find_template_version", find_template_version)
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(adopt_and_close).result(30)
            return find_template_version(name)

        monkeypatch.setattr("jobs.recovery.adoption.find_template_version", find_late)
        assert not adoption.adopt(row.pk)
        assert Job.objects.count() == 1

    def test_follow_a_change_once(self, tenant: Tenant, make_row: MakeRow, at_once: Callable[..., Any]) -> None:
        rows = [make_row() for _ in range(10)]
        Resync().sweep()
        PeriodicTask.objects.update(kwargs='{"x": 1}')
        at_once(Resync().sweep, Resync().sweep)
        assert {job_of(row).revision for row in rows} == {2}


class TestEverybodyAtOnce:
    def test_neither_deadlocks_nor_loses_anything(
        self,
        tenant: Tenant,
        make_row: MakeRow,
        make_job: Callable[..., Job],
        at_once: Callable[..., Any],
        events: Events,
    ) -> None:
        rows = [make_row() for _ in range(5)]
        natives = [make_job() for _ in range(5)]
        Resync().sweep()
        adopted = [job_of(row) for row in rows]

        def leader() -> None:
            for _ in range(10):
                Resync().sweep()
                beat_sync.note_runs(Origin.NATIVE)

        def operator() -> None:
            for number in range(10):
                for job in (*natives, *adopted):
                    registry.change(job.pk, {"tags": [f"round {number}"]}, actor="user:ana")

        def beat_admin() -> None:
            for number in range(10):
                for row in PeriodicTask.objects.order_by("-pk"):
                    with transaction.atomic():  # as the admin saves
                        row.kwargs = f'{{"x": {number}}}'
                        row.save()

        def bulk() -> None:
            for number in range(10):
                PeriodicTask.objects.filter(pk__in=[row.pk for row in rows]).update(enabled=number % 2 == 1)

        at_once(leader, leader, operator, beat_admin, bulk)
        assert "beat.row_failed" not in names(events)
        Resync().sweep()
        assert Job.objects.count() == 10
        for job in natives:
            job.refresh_from_db()
            row = PeriodicTask.objects.get(pk=job.periodic_task_id)
            assert (row.kwargs, row.enabled) == (f'{{"job_id": {job.pk}}}', True)
            assert job.tags == ["round 9"]
        for row in rows:
            job = job_of(row)
            row.refresh_from_db()
            assert (job.parameters["kwargs"], job.is_enabled) == ({"x": 9}, row.enabled)
            assert job.tags == ["round 9"]
            numbers = list(JobRevision.objects.filter(job=job).order_by("number").values_list("number", flat=True))
            assert numbers == list(range(1, job.revision + 1))


class TestNotingRuns:
    def test_passes_by_a_row_that_somebody_holds(
        self, tenant: Tenant, make_row: MakeRow, at_once: Callable[..., Any]
    ) -> None:
        rows = [make_row(), make_row()]
        Resync().sweep()
        Job.objects.update(fired_count=1)
        with transaction.atomic():
            PeriodicTask.objects.select_for_update().get(pk=rows[0].pk)
            assert at_once(lambda: beat_sync.note_runs(Origin.ADOPTED)) == [1]
        assert beat_sync.note_runs(Origin.ADOPTED) == 1


class TestScheduleRow:
    def test_cannot_be_pulled_away_while_a_job_is_saved(
        self, tenant: Tenant, make_job: Callable[..., Job], at_once: Callable[..., Any]
    ) -> None:
        schedule = every(5, "minutes")
        with transaction.atomic():
            job = make_job(schedule={"kind": "interval", "every_seconds": 300})
            deleting = threading.Thread(target=_delete, args=[schedule])
            deleting.start()
            deleting.join(0.3)
            assert deleting.is_alive()  # it waits for us
        deleting.join(10)
        job.refresh_from_db()
        Resync().sweep()
        job.refresh_from_db()
        assert PeriodicTask.objects.get(pk=job.periodic_task_id).interval is not None


def _delete(schedule: Any) -> None:
    try:
        schedule.delete()
    except Exception:  # refused by the foreign key: the row came while it was waiting
        pass
    finally:
        connections.close_all()
