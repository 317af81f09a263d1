"""Real schedulers that are killed, stopped, suspended and wedged: one leads, and only one writes."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from jobs import queries
from jobs.models import Job, LeaseHistory, SchedulerCandidate, Tick
from scheduler_project import health
from tests import live
from tests.live import Process, wait_for

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("live"),
]

MakeJob = Callable[..., Job]
Start = Callable[..., Process]
PRODUCTION = {"TEST_LEADER_LEASE": "10"}
HOLDING = "tests.jobs.tick.failpoints:HoldingScheduler"


@pytest.fixture(autouse=True)
def each_second(make_job: MakeJob) -> Job:
    return make_job(schedule={"kind": "interval", "every_seconds": 1}, policies={"overlap": "allow"})


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a scheduler and waits until it is a candidate."""
    with ExitStack() as stack:

        def start(name: str, **more: str) -> Process:
            process = stack.enter_context(live.scheduler(tmp_path, name=name, **more))
            process.wait_until(lambda: bool(candidate(process)), what=f"the candidate {name}")
            return process

        yield start


@pytest.fixture
def hold(tmp_path: Path) -> Path:
    """While this file is there, a HoldingScheduler stops in the middle of T1; and then there is a file `.held`."""
    return tmp_path / "hold"


def candidate(process: Process) -> SchedulerCandidate | None:
    return SchedulerCandidate.objects.filter(holder__contains=f":{process.pid}:").first()


def leads(process: Process) -> bool:
    status = queries.scheduler_status()
    return status.leader is not None and f":{process.pid}:" in status.leader


def has_ticked(process: Process) -> bool:
    epochs = LeaseHistory.objects.filter(holder__contains=f":{process.pid}:").values("epoch")
    return Tick.objects.filter(epoch__in=epochs).exists()


def seconds_until(condition: Callable[[], object], *, most: float) -> float:
    took = live.time_until(condition, seconds=most)
    print(f"took {took:.2f} s")
    return took


def assert_no_epoch_wrote_after_the_next_began() -> None:
    began = dict(LeaseHistory.objects.values_list("epoch", "acquired_at"))
    for epoch, decided_at in Tick.objects.filter(epoch__gt=0).values_list("epoch", "decided_at"):
        assert epoch + 1 not in began or decided_at <= began[epoch + 1]


class TestTakeOver:
    def test_comes_within_twelve_seconds_of_a_kill(self, start: Start) -> None:
        first = start("first", **PRODUCTION)
        wait_for(lambda: leads(first) and has_ticked(first), what="the first tick")
        second = start("second", **PRODUCTION)
        first.send(signal.SIGKILL)
        assert seconds_until(lambda: has_ticked(second), most=15) <= 12
        assert_no_epoch_wrote_after_the_next_began()

    def test_comes_within_two_seconds_of_a_clean_stop(self, start: Start) -> None:
        first = start("first", **PRODUCTION)
        wait_for(lambda: leads(first) and has_ticked(first), what="the first tick")
        second = start("second", **PRODUCTION)
        first.send(signal.SIGTERM)
        assert seconds_until(lambda: leads(second), most=5) <= 2
        first.wait(seconds=10)
        assert candidate(first) is None

    def test_is_not_needed_without_faults_and_ticks_come_within_a_second(self, start: Start, make_job: MakeJob) -> None:
        for _ in range(19):
            make_job(schedule={"kind": "interval", "every_seconds": 1}, policies={"overlap": "allow"})
        schedulers = start("first"), start("second")
        wait_for(lambda: Tick.objects.filter(outcome="fired").count() > 200, seconds=40, what="200 ticks")
        first = Tick.objects.order_by("id").values_list("decided_at", flat=True)[0]
        # What had become due before any scheduler was there is late by no fault of its own.
        lags = sorted(
            (tick.decided_at - tick.due_at).total_seconds() for tick in Tick.objects.filter(decided_at__gt=first)
        )
        print(f"p99 {lags[int(len(lags) * 0.99)]:.3f} s of {len(lags)}")
        assert lags[int(len(lags) * 0.99)] <= 1
        status = queries.scheduler_status()
        assert status.epoch == 1
        assert [entry.role for entry in status.candidates] == ["leader", "standby"]
        assert all(entry.is_healthy for entry in status.candidates)
        assert all(process.process.poll() is None for process in schedulers)


class TestSuspended:
    def test_past_its_lease_writes_nothing_when_it_goes_on(self, start: Start) -> None:
        first = start("first")
        wait_for(lambda: leads(first) and has_ticked(first), what="the first tick")
        second = start("second")
        first.send(signal.SIGSTOP)
        wait_for(lambda: has_ticked(second), seconds=12, what="a tick of the second")
        first.send(signal.SIGCONT)
        wait_for(lambda: "lost the lead" in first.text(), seconds=10, what="the first to step down")
        before = Tick.objects.filter(epoch=1).count()
        wait_for(lambda: Tick.objects.filter(epoch=2).count() >= 5, what="more ticks of the second")
        assert Tick.objects.filter(epoch=1).count() == before
        assert_no_epoch_wrote_after_the_next_began()
        assert leads(second)
        wait_for(lambda: (found := candidate(first)) and not found.trouble, what="the first to stand by")

    def test_in_the_middle_of_its_transaction_writes_nothing_either(self, start: Start, tmp_path: Path) -> None:
        """The server ends the session that stands idle in T1, and with it the locks on the lease and the jobs."""
        paths = {name: tmp_path / f"hold-{name}" for name in ("first", "second")}
        holds = {path: start(name, scheduler_class=HOLDING, TEST_HOLD=str(path)) for name, path in paths.items()}
        wait_for(Tick.objects.exists, what="the first tick")
        # While the second starts, a busy machine may let the short lease of the first run out: whoever leads stands.
        for hold in holds:
            hold.touch()
        hold = wait_for(
            lambda: next((hold for hold in holds if hold.with_suffix(".held").exists()), None),
            what="the leader to stand in T1",
        )
        suspended, [(free, other)] = holds.pop(hold), holds.items()
        suspended.send(signal.SIGSTOP)
        free.unlink()
        epoch, said = LeaseHistory.objects.latest("epoch").epoch, len(suspended.text())
        written = Tick.objects.filter(epoch=epoch).count()
        assert seconds_until(lambda: Tick.objects.filter(epoch__gt=epoch).exists(), most=15) <= 12
        hold.unlink()
        suspended.send(signal.SIGCONT)
        wait_for(lambda: "tick failed, next try in" in suspended.text()[said:], what="its error")
        wait_for(lambda: "lost the lead" in suspended.text()[said:], seconds=10, what="it to step down")
        assert Tick.objects.filter(epoch=epoch).count() == written
        assert_no_epoch_wrote_after_the_next_began()
        assert leads(other)


class TestWedged:
    def test_turns_unhealthy_although_its_process_lives(
        self, start: Start, hold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(health, "WATCH", health.Watch())
        alive = tmp_path / "alive" / "scheduler"
        more = {"TEST_HOLD": str(hold), "DAYBOOK_LIVENESS_FOLDER": str(alive.parent)}
        wedged = start("wedged", scheduler_class=HOLDING, **more)
        wait_for(lambda: leads(wedged) and has_ticked(wedged), what="the first tick")
        wait_for(lambda: system()["tick"]["status"] == "healthy", seconds=5, what="health")
        hold.touch()
        wait_for(hold.with_suffix(".held").exists, what="the loop to hang")
        hung_at = time.time()
        limit = queries.tick_limit().total_seconds()
        took = seconds_until(lambda: not any(entry.is_healthy for entry in status_of(wedged)), most=limit + 4)
        assert took <= limit + 1
        wait_for(lambda: system()["tick"]["status"] == "unhealthy", seconds=3, what="health to say so")
        assert system()["leader"]["status"] == "unhealthy"
        assert alive.stat().st_mtime <= hung_at
        assert wedged.process.poll() is None
        second = start("second")
        wait_for(lambda: has_ticked(second), seconds=10, what="a tick of the second")
        hold.unlink()
        wait_for(lambda: all(entry.is_healthy for entry in status_of(wedged)), what="its recovery")
        assert_no_epoch_wrote_after_the_next_began()


def status_of(process: Process) -> list[queries.CandidateStatus]:
    return [entry for entry in queries.scheduler_status().candidates if f":{process.pid}:" in entry.holder]


def system() -> Any:
    return Client().get("/health/system").json()["parts"]
