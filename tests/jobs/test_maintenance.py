"""Maintenance of the whole system: who opens a window, who loses, how it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from jobs import ledger, maintenance
from jobs.maintenance import InvalidMaintenance, MaintenanceIsOpen, NoMaintenance
from jobs.models import Execution, Job, Maintenance, Tick
from scheduler_project.lib import telemetry, transactions
from tests.jobs.conftest import database_now

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db


class TestStart:
    def test_notes_who_why_and_until_when(self) -> None:
        until = database_now() + timedelta(hours=1)
        window = maintenance.start(actor="user:root", note="  New disks ", until=until)
        assert (window.started_by, window.note, window.until, window.ended_at) == (
            "user:root",
            "New disks",
            until,
            None,
        )
        assert maintenance.current() == window

    @pytest.mark.parametrize(
        ("note", "shift", "field"),
        [("", 1, "note"), ("   ", 1, "note"), ("a\x00b", 1, "note"), ("x" * 501, 1, "note"), (None, 1, "note"),
         ("x", -1, "until"), ("x", 0, "until")],
    )  # fmt: skip
    def test_refuses_no_reason_and_an_end_in_the_past(self, note: Any, shift: int, field: str) -> None:
        with pytest.raises(InvalidMaintenance) as caught:
            maintenance.start(actor="user:root", note=note, until=database_now() + timedelta(minutes=shift))
        assert list(caught.value.fields) == [field]
        assert not Maintenance.objects.exists()

    def test_names_who_was_first(self) -> None:
        maintenance.start(actor="user:root", note="New disks")
        with pytest.raises(MaintenanceIsOpen, match=r"user:root started it at .* \(New disks\)"):
            maintenance.start(actor="user:bob", note="New cables")
        assert Maintenance.objects.count() == 1

    def test_is_possible_again_when_the_one_before_is_over_though_nobody_has_closed_it(self) -> None:
        maintenance.start(actor="user:root", note="one")
        past = database_now() - timedelta(seconds=1)
        Maintenance.objects.update(started_at=past - timedelta(hours=1), until=past)
        assert maintenance.current() is None
        maintenance.start(actor="user:bob", note="two")
        assert Maintenance.objects.get(note="one").ended_by == "system:maintenance_end"


class TestEnd:
    def test_notes_who(self) -> None:
        maintenance.start(actor="user:root", note="x")
        window = maintenance.end(actor="user:bob")
        assert window.ended_by == "user:bob"
        assert maintenance.current() is None

    def test_finds_nothing_to_end(self) -> None:
        with pytest.raises(NoMaintenance):
            maintenance.end(actor="user:bob")

    def test_leaves_one_that_has_ended_by_itself_as_it_is(self) -> None:
        maintenance.start(actor="user:root", note="x")
        past = database_now() - timedelta(seconds=1)
        Maintenance.objects.update(started_at=past - timedelta(hours=1), until=past)
        with pytest.raises(NoMaintenance):
            maintenance.end(actor="user:bob")


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_two_starts_at_once_open_one_window(self) -> None:
        gate = threading.Barrier(2)
        results: list[str] = []

        def start(name: str) -> None:
            try:
                gate.wait(10)
                maintenance.start(actor=name, note="x")
                results.append("opened")
            except MaintenanceIsOpen:
                results.append("refused")
            finally:
                connection.close()

        threads = [threading.Thread(target=start, args=(f"user:{number}",)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert sorted(results) == ["opened", "refused"]
        assert Maintenance.objects.count() == 1

    def test_two_ends_at_once_end_it_once(self) -> None:
        maintenance.start(actor="user:root", note="x")
        gate = threading.Barrier(2)
        results: list[str] = []

        def end(name: str) -> None:
            try:
                gate.wait(10)
                results.append(maintenance.end(actor=name).ended_by)
            except NoMaintenance:
                results.append("nothing")
            finally:
                connection.close()

        threads = [threading.Thread(target=end, args=(f"user:{number}",)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert "nothing" in results
        assert Maintenance.objects.get().ended_by in results


class TestTicks:
    def test_of_every_job_are_skipped_while_it_is_open_and_stay_so(self, make_job: MakeJob) -> None:
        every_10_s = {"kind": "interval", "every_seconds": 10}
        jobs = [make_job(schedule=every_10_s), make_job(schedule=every_10_s, policies={"misfire": "all"})]
        maintenance.start(actor="user:root", note="New disks")
        with transactions.engine():
            ledger.decide_due(now=database_now() + timedelta(seconds=25), epoch=7)
        assert set(Tick.objects.values_list("outcome", "reason")) == {("skipped", "maintenance")}
        assert set(Tick.objects.values_list("job_id", flat=True)) == {job.pk for job in jobs}
        assert not Execution.objects.exists()

    def test_undecided_at_its_end_are_judged_by_it(self, make_job: MakeJob) -> None:
        """As after an outage that lasted longer than the maintenance."""
        job = make_job(schedule={"kind": "interval", "every_seconds": 10})
        since = database_now() - timedelta(seconds=65)
        spec = {**job.spec, "anchor": since.isoformat()}
        Job.objects.filter(pk=job.pk).update(spec=spec, next_tick_at=since)
        Maintenance.objects.create(
            started_at=since, started_by="user:root", note="x", ended_at=since + timedelta(seconds=45)
        )
        with transactions.engine():
            ledger.decide_due(now=database_now(), epoch=7)
        outcomes = list(Tick.objects.order_by("due_at").values_list("outcome", "reason"))
        assert outcomes[:5] == [("skipped", "maintenance")] * 5
        assert outcomes[5][0] == "fired"


class TestTelemetry:
    @pytest.mark.django_db(transaction=True)
    def test_is_told_after_the_commit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        told: list[tuple[str, str]] = []
        monkeypatch.setattr(telemetry, "_listeners", [lambda event, fields: told.append((event, fields["actor"]))])
        maintenance.start(actor="user:root", note="x")
        maintenance.end(actor="user:bob")
        assert told == [("maintenance.started", "user:root"), ("maintenance.ended", "user:bob")]
