"""Changes of calendars: what they decide first, what they refuse, who loses."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import Tenant
from jobs import calendars, ledger, registry
from jobs.calendars import CalendarChanged, CalendarInUse, InvalidCalendar, changes
from jobs.definition import InvalidJob
from jobs.ledger import StillCatchingUp
from jobs.models import Blackout, Calendar, Execution, Job, Tick
from jobs.rules.schedule import next_occurrence
from scheduler_project.lib import transactions
from tests.chaos.sessions import Session, is_held, stepped
from tests.jobs.conftest import database_now
from tests.live import wait_for

MakeJob = Callable[..., Job]

EVERY_10_S = {"kind": "interval", "every_seconds": 10}


def make_undecided(job: Job, *, seconds: float) -> None:
    since = database_now() - timedelta(seconds=seconds)
    spec = {**job.spec, "anchor": since.isoformat()}
    Job.objects.filter(pk=job.pk).update(spec=spec, next_tick_at=since)


def today(shift: int = 0) -> str:
    return (database_now() + timedelta(days=shift)).date().isoformat()


def holidays_now() -> dict[str, str]:
    """Around now, whatever the clock says in the second in which a test passes midnight."""
    return {today(shift): "Founders' Day" for shift in (-1, 0, 1)}


@pytest.fixture
def office(tenant: Tenant) -> Calendar:
    return calendars.create({"name": "Office"}, tenant=tenant, actor="user:ana")


@pytest.mark.django_db
class TestCreate:
    def test_keeps_the_actor(self, tenant: Tenant) -> None:
        blackout = {"name": "Freeze", "starts_at": "2026-12-24T00:00:00Z", "ends_at": "2026-12-27T00:00:00Z"}
        made = calendars.create({"name": "Office", "blackouts": [blackout]}, tenant=tenant, actor="user:ana")
        assert (made.slug, made.updated_by, Blackout.objects.get(calendar=made).name) == (
            "office",
            "user:ana",
            "Freeze",
        )

    def test_refuses_a_slug_twice_in_a_tenant(self, tenant: Tenant, office: Calendar) -> None:
        with pytest.raises(InvalidCalendar, match="slug"):
            calendars.create({"name": "Office"}, tenant=tenant, actor="user:ana")
        other = Tenant.objects.create(slug="other", name="Other")
        calendars.create({"name": "Office"}, tenant=other, actor="user:ana")


@pytest.mark.django_db
class TestChange:
    def test_decides_first_what_is_due_of_the_jobs_that_name_it(self, make_job: MakeJob, office: Calendar) -> None:
        named = make_job(schedule=EVERY_10_S, calendars=["office"])
        other = make_job(schedule=EVERY_10_S)
        for job in (named, other):
            make_undecided(job, seconds=5)
        calendars.change(office.pk, {"holidays": holidays_now()}, actor="user:ana")
        assert [(tick.job_id, tick.outcome) for tick in Tick.objects.all()] == [(named.pk, "fired")]

    def test_counts_for_every_tick_decided_from_then_on(self, make_job: MakeJob, office: Calendar) -> None:
        job = make_job(schedule=EVERY_10_S, calendars=["office"])
        calendars.change(office.pk, {"holidays": holidays_now()}, actor="user:ana")
        with transactions.engine():
            ledger.decide_due(now=database_now() + timedelta(seconds=11), epoch=7)
        assert Tick.objects.get(job=job).reason == "calendar_holiday"

    def test_lets_nothing_in_that_was_left_out_when_it_was_due(self, make_job: MakeJob, office: Calendar) -> None:
        job = make_job(schedule=EVERY_10_S, calendars=["office"])
        calendars.change(office.pk, {"holidays": holidays_now()}, actor="user:ana")
        make_undecided(job, seconds=5)
        calendars.change(office.pk, {"holidays": {}}, actor="user:ana")
        assert Tick.objects.get(job=job).reason == "calendar_holiday"
        assert not Execution.objects.exists()

    def test_names_what_it_changes_only(self, office: Calendar) -> None:
        calendars.change(office.pk, {"weekdays": [0, 1]}, actor="user:ana")
        changed = calendars.change(office.pk, {"timezone": "Europe/Berlin"}, actor="user:bob")
        assert (changed.weekdays, changed.timezone, changed.updated_by) == ([0, 1], "Europe/Berlin", "user:bob")

    def test_refuses_a_lost_update(self, office: Calendar) -> None:
        seen = office.updated_at
        calendars.change(office.pk, {"weekdays": [0]}, actor="user:ana", expected_updated_at=seen)
        with pytest.raises(CalendarChanged, match="user:ana has changed Office"):
            calendars.change(office.pk, {"weekdays": [1]}, actor="user:bob", expected_updated_at=seen)

    def test_is_refused_while_too_much_is_undecided(
        self, make_job: MakeJob, office: Calendar, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(changes, "MOST_DUE_JOBS", 1)
        for job in [make_job(schedule=EVERY_10_S, calendars=["office"]) for _ in range(2)]:
            make_undecided(job, seconds=5)
        with pytest.raises(StillCatchingUp, match="that name Office"):
            calendars.change(office.pk, {"weekdays": [0]}, actor="user:ana")
        assert not Tick.objects.exists()

    def test_is_refused_when_one_job_is_too_far_behind(
        self, make_job: MakeJob, office: Calendar, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ledger, "MAX_TICKS", 2)
        monkeypatch.setattr(ledger, "MAX_TICKS_OF_A_CHANGE", 3)
        make_undecided(make_job(schedule=EVERY_10_S, calendars=["office"]), seconds=500)
        with pytest.raises(StillCatchingUp):
            calendars.change(office.pk, {"weekdays": [0]}, actor="user:ana")
        office.refresh_from_db()
        assert office.weekdays == []


@pytest.mark.django_db
class TestDelete:
    def test_is_refused_with_the_names_of_the_jobs(self, make_job: MakeJob, office: Calendar) -> None:
        make_job(name="Invoices", calendars=["office"])
        with pytest.raises(CalendarInUse, match="Office is named by Invoices"):
            calendars.delete(office.pk, actor="user:ana")

    def test_is_possible_when_no_job_names_it(self, make_job: MakeJob, office: Calendar) -> None:
        job = make_job(calendars=["office"])
        registry.change(job.pk, {"calendars": []}, actor="user:ana")
        registry.archive(make_job(calendars=["office"]).pk, actor="user:ana")
        calendars.delete(office.pk, actor="user:ana")
        assert not Calendar.objects.exists()


@pytest.mark.django_db
class TestLeftOut:
    def test_tells_which_of_the_next_ticks(self, make_job: MakeJob, office: Calendar) -> None:
        job = make_job(schedule={"kind": "cron", "cron": "0 9 * * *"})
        now = database_now()
        first = next_occurrence(job.schedule, now)
        assert first is not None
        calendars.change(office.pk, {"holidays": {first.date().isoformat(): "Founders' Day"}}, actor="user:ana")
        office.refresh_from_db()
        judged = calendars.left_out(office, job, now=now, count=2)
        assert [tick.closed.text if tick.closed else "" for tick in judged] == ["Founders' Day (Office)", ""]


class Held:
    """A transaction in a thread that stands still in its middle until it is let go."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self.has_worked, self._go = threading.Event(), threading.Event()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            with transactions.engine():
                self._work()
                self.has_worked.set()
                self._go.wait(10)
        except BaseException as error:
            self.error = error
        finally:
            self.has_worked.set()
            connection.close()

    def let_go(self) -> None:
        self._go.set()
        self._thread.join(20)


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_an_edit_waits_for_the_turn_that_decides_its_jobs(self, make_job: MakeJob, office: Calendar) -> None:
        """The tick that the turn holds is decided by the old calendar, and only once."""
        job = make_job(schedule=EVERY_10_S, calendars=["office"])
        make_undecided(job, seconds=5)
        turn = Held(lambda: ledger.decide_due(now=database_now(), epoch=7))
        assert turn.has_worked.wait(10)
        edit = Held(lambda: calendars.change(office.pk, {"holidays": holidays_now()}, actor="user:ana"))
        wait_for(waits_for_a_lock, seconds=5, what="the edit to wait for the turn")
        turn.let_go()
        assert edit.has_worked.wait(10)
        edit.let_go()
        assert (turn.error, edit.error) == (None, None)
        assert [(tick.outcome, tick.epoch) for tick in Tick.objects.filter(job=job)] == [("fired", 7)]

    def test_a_turn_passes_by_the_jobs_that_an_edit_decides(self, make_job: MakeJob, office: Calendar) -> None:
        job = make_job(schedule=EVERY_10_S, calendars=["office"])
        make_undecided(job, seconds=5)
        edit = Held(lambda: calendars.change(office.pk, {"holidays": holidays_now()}, actor="user:ana"))
        assert edit.has_worked.wait(10)
        with transactions.engine():
            assert ledger.decide_due(now=database_now(), epoch=7).ticks == 0
        edit.let_go()
        assert edit.error is None
        assert [(tick.outcome, tick.epoch) for tick in Tick.objects.filter(job=job)] == [("fired", 0)]

    def test_a_deletion_waits_for_the_job_that_is_about_to_name_it(self, make_job: MakeJob, office: Calendar) -> None:
        job = make_job()
        naming = Held(lambda: registry.change(job.pk, {"calendars": ["office"]}, actor="user:ana"))
        assert naming.has_worked.wait(10)
        deletion = Held(lambda: calendars.delete(office.pk, actor="user:bob"))
        wait_for(waits_for_a_lock, seconds=5, what="the deletion to wait")
        naming.let_go()
        deletion.let_go()
        assert naming.error is None
        assert isinstance(deletion.error, CalendarInUse)

    def test_a_job_cannot_name_what_is_being_deleted(self, make_job: MakeJob, office: Calendar) -> None:
        job = make_job()
        deletion = Held(lambda: calendars.delete(office.pk, actor="user:bob"))
        assert deletion.has_worked.wait(10)
        naming = Held(lambda: registry.change(job.pk, {"calendars": ["office"]}, actor="user:ana"))
        wait_for(waits_for_a_lock, seconds=5, what="the job to wait")
        deletion.let_go()
        naming.let_go()
        assert isinstance(naming.error, InvalidJob)
        assert not Calendar.objects.exists()

    def test_an_edit_does_not_hold_up_the_jobs_that_name_it(self, make_job: MakeJob, office: Calendar) -> None:
        edit = Held(lambda: calendars.change(office.pk, {"weekdays": [0]}, actor="user:ana"))
        assert edit.has_worked.wait(10)
        assert make_job(calendars=["office"]).calendars == ["office"]
        edit.let_go()
        assert edit.error is None

    def test_an_edit_lets_a_change_of_one_of_its_jobs_go_first(self, make_job: MakeJob, office: Calendar) -> None:
        """Each would wait for what the other holds, had the edit decided one job before it locks the next."""
        first, second = (make_job(schedule=EVERY_10_S, calendars=["office"]) for _ in range(2))
        for job in (first, second):
            make_undecided(job, seconds=15)
        with transactions.engine():
            ledger.decide_job(make_due(make_job(schedule=EVERY_10_S)), now=database_now())  # the sums have rows
        with stepped():
            pausing = Session(lambda: registry.pause(second.pk, actor="user:ana"), stop_at="INSERT INTO ticks")
            pausing.wait_until_stopped()
            edit = Session(lambda: calendars.change(office.pk, {"weekdays": [0]}, actor="user:bob"))
            wait_for(is_held, what="the edit to wait")
            pausing.go_on()
            assert edit.is_done_within(10)
        assert (pausing.error, edit.error) == (None, None)


def make_due(job: Job) -> Job:
    make_undecided(job, seconds=15)
    job.refresh_from_db()
    return job
