"""The runner without a broker, with small programs in place of executions."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.backends import apscheduler
from jobs.backends.apscheduler import Runner
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
