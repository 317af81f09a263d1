"""What the benchmark of an outage reads from the scheduler's log."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.outage.turns import TurnLog, percentile


def line(second: int, ticks: int, event: str = "tick.decided") -> str:
    return json.dumps({"at": f"2026-11-21T02:00:{second:02d}.000Z", "event": event, "ticks": ticks}) + "\n"


class TestTurnLog:
    def test_goes_on_where_it_ended_and_waits_for_whole_lines(self, tmp_path: Path) -> None:
        log = tmp_path / "scheduler.log"
        log.write_text(line(1, 500) + line(2, 500)[:20])
        turns = TurnLog(log)
        turns.read()
        assert turns.ticks == 500
        log.write_text(line(1, 500) + line(2, 500) + line(3, 7, "something.else"))
        turns.read()
        assert turns.ticks == 1000

    def test_measures_large_turns_from_end_to_end(self, tmp_path: Path) -> None:
        log = tmp_path / "scheduler.log"
        log.write_text(line(1, 500) + line(3, 500) + line(10, 1) + line(11, 500))
        turns = TurnLog(log)
        turns.read()
        assert turns.durations(above=100) == [1.0, 2.0]


class TestPercentile:
    def test_is_one_of_the_values(self) -> None:
        values = [float(number) for number in range(1, 101)]
        assert (percentile(values, 50), percentile(values, 99), percentile(values, 100)) == (51, 100, 100)
