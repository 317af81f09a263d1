"""The runner without a broker, with small programs in place of executions."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from jobs import registry
from jobs.backends import apscheduler
from jobs.backends.apscheduler import ApschedulerBackend, Runner
from jobs.models import Job
from jobs.tick import publisher
from tests.live import wait_for

# Starts a program of its own, as a template may, and outlasts any patience.
STUBBORN = "import subprocess; subprocess.Popen(['/bin/sleep', '60']); subprocess.run(['/bin/sleep', '60'])"


class TestDrain:
    def test_has_one_patience_for_all_and_ends_what_they_started(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(apscheduler, "DRAIN", timedelta(seconds=1))
        runner = Runner(slots=3, command=(sys.executable, "-c", STUBBORN))
        runner._children = {number: runner._start(number) for number in range(3)}
        groups = {child.pid for child in runner._children.values()}
        wait_for(lambda: all(len(members(group)) == 3 for group in groups))
        started = time.monotonic()
        runner.drain()
        assert time.monotonic() - started < 2
        wait_for(lambda: not any(members(group) for group in groups), seconds=2)


class TestChildThatIsKilled:
    def test_takes_along_what_it_started(self) -> None:
        runner = Runner(slots=1, command=(sys.executable, "-c", STUBBORN))
        child = runner._children[1] = runner._start(1)
        wait_for(lambda: len(members(child.pid)) == 3)
        child.kill()
        child.wait()
        runner._forget_ended()
        wait_for(lambda: not members(child.pid), seconds=2, what="the end of its programs")

    def test_is_told_of_and_one_that_ended_well_is_not(self) -> None:
        told: list[int] = []
        for code, expected in ((3, True), (0, False)):
            runner = Runner(slots=1, command=(sys.executable, "-c", f"raise SystemExit({code})"), on_death=told.append)
            child = runner._children[1] = runner._start(1)
            child.wait()
            runner._forget_ended()
            assert (child.pid in told) is expected


@pytest.mark.django_db
class TestChildThatDiesAtOnce:
    def test_is_started_again_ever_more_seldom(
        self, make_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = [1_000.0]
        monkeypatch.setattr("jobs.backends.apscheduler.time.monotonic", lambda: now[0])
        registry.run_now(make_job(), actor="user:test")
        publisher.publish_waiting(ApschedulerBackend())
        runner = Runner(slots=3, command=(sys.executable, "-c", "raise SystemExit(3)"))
        started: list[float] = []
        for _ in range(80):  # twenty seconds
            before = dict(runner._children)
            runner.dispatch()
            for key, child in runner._children.items():
                if key not in before:
                    started.append(now[0] - 1_000)
                child.wait()
            now[0] += 0.25
        waits = [after - before for before, after in pairwise(started)]
        assert waits == [0.75, 1.25, 2.25, 4.25, 8.25]

    def test_stands_in_no_other_s_way(self, make_job: Callable[..., Job]) -> None:
        runner = Runner(slots=1, command=(sys.executable, "-c", "raise SystemExit(3)"))
        first, second = (registry.run_now(make_job(), actor="user:test") for _ in range(2))
        publisher.publish_waiting(ApschedulerBackend())
        seen: list[int] = []
        for _ in range(2):
            runner.dispatch()
            seen += runner._children
            for child in runner._children.values():
                child.wait()
        assert seen == [first, second]


def members(group: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(of) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found
