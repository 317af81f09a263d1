"""What a worker's findings amount to."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.execution.condition import Condition, Deaths, Findings, judge

MB = 1024**2


class TestJudge:
    def test_finds_nothing_wrong_with_a_quiet_worker(self) -> None:
        assert judge(Findings(beat_took=0.01, largest=(7, 50 * MB), limit_mb=500)) == Condition("healthy", "")

    @pytest.mark.parametrize(
        ("found", "health", "words"),
        [
            ({"beat_took": 1.5}, "degraded", "The database took 1.5 s for a heartbeat."),
            ({"beat_took": 6}, "unhealthy", "The database took 6.0 s for a heartbeat."),
            ({"database_away": 12}, "degraded", "The database did not answer for 12 s, until less than a minute ago."),
            ({"broker_away": 5}, "healthy", ""),
            (
                {"broker_away": 20},
                "unhealthy",
                "The broker has not answered for 20 s, so nothing new reaches this worker.",
            ),
            (
                {"silent": 30},
                "unhealthy",
                "No message has come for 30 s, though some wait and a process is free.",
            ),
            ({"deaths": 2}, "healthy", ""),
            ({"deaths": 3}, "degraded", "3 of its processes died in the last 5 minutes."),
            ({"deaths": 10}, "unhealthy", "10 of its processes died in the last 5 minutes."),
            (
                {"largest": (7, 460 * MB), "limit_mb": 500},
                "degraded",
                "Process 7 uses 460 MB of the 500 MB at which it is replaced.",
            ),
            ({"share_of_container": 0.95}, "degraded", "The container has used 95% of its memory."),
        ],
    )
    def test_says_what_is_wrong(self, found: dict[str, Any], health: str, words: str) -> None:
        assert judge(Findings(**found)) == Condition(health, words)

    def test_tells_the_worst_first(self) -> None:
        found = judge(Findings(beat_took=1.5, broker_away=20))
        assert found.health == "unhealthy"
        assert found.trouble.startswith("The broker")
        assert found.trouble.endswith("for a heartbeat.")


class TestDeaths:
    def test_are_forgotten_after_five_minutes(self) -> None:
        now = 0.0
        deaths = Deaths(clock=lambda: now)
        deaths.note()
        now = 299.0
        deaths.note()
        assert deaths.count() == 2
        now = 301.0
        assert deaths.count() == 1
