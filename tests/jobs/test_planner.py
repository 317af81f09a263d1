"""The rules, without a database: what becomes of each due occurrence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs.planner import JobFacts, Pause, plan
from jobs.rules.policy import JobPolicy
from jobs.rules.schedule import ScheduleSpec
from jobs.rules.states import Misfire, Mode, Overlap

START = datetime(2026, 6, 1, 12, tzinfo=UTC)


def facts(every: int = 60, **changes: Any) -> JobFacts:
    policy = JobPolicy(**changes.pop("policy", {}))
    spec = ScheduleSpec(kind="interval", every_seconds=every, anchor=START)
    return replace(JobFacts(1, spec, policy, next_tick_at=START), **changes)


def outcomes(given: JobFacts, *, after_minutes: float, limit: int = 1000) -> list[tuple[str, str]]:
    made = plan(given, now=START + timedelta(minutes=after_minutes), limit=limit)
    return [(decision.outcome.value, decision.reason) for decision in made.decisions]


FIRED, LATE = ("fired", ""), ("late", "")
COALESCED, NONE = ("coalesced", "misfire_last"), ("missed", "misfire_none")
OVERLAP = ("skipped", "overlap")


class TestMisfire:
    @pytest.mark.parametrize(
        ("policy", "minutes", "expected"),
        [
            ({}, 0, [FIRED]),
            ({}, 1, [FIRED, OVERLAP]),  # both in time: no misfire, but the first run has not ended
            ({"misfire": Misfire.LAST}, 3, [COALESCED, COALESCED, FIRED, OVERLAP]),
            ({"misfire": Misfire.NONE}, 2.5, [NONE, NONE, FIRED]),
            ({"misfire": Misfire.ALL, "overlap": Overlap.ALLOW}, 2.5, [LATE, LATE, FIRED]),
            (
                {"misfire": Misfire.ALL, "misfire_cap": 2, "overlap": Overlap.ALLOW},
                4.5,
                [("missed", "misfire_cap")] * 3 + [LATE, FIRED],
            ),
            ({"misfire_window_seconds": 120}, 4.5, [("missed", "misfire_window")] * 3 + [COALESCED, FIRED]),
        ],
    )
    def test_follows_the_policy(self, policy: dict[str, Any], minutes: float, expected: list[tuple[str, str]]) -> None:
        assert outcomes(facts(policy=policy), after_minutes=minutes) == expected

    def test_runs_the_newest_late_one_when_nothing_newer_is_due(self) -> None:
        assert outcomes(facts(every=3600), after_minutes=130) == [COALESCED, COALESCED, LATE]

    def test_decides_in_pieces_what_it_would_decide_at_once(self) -> None:
        now = START + timedelta(minutes=500)
        whole = plan(facts(), now=now, limit=10_000)
        pieces, given = [], facts()
        while not (part := plan(given, now=now, limit=7)).is_complete:
            pieces += part.decisions
            assert part.next_tick_at is not None
            given = replace(given, next_tick_at=part.next_tick_at)
        pieces += part.decisions
        assert [d.outcome for d in pieces] == [d.outcome for d in whole.decisions]
        assert part.next_tick_at == whole.next_tick_at


class TestOverlap:
    @pytest.mark.parametrize(
        ("overlap", "active", "expected"),
        [
            (Overlap.ALLOW, (1, 2, 3), FIRED),
            (Overlap.SKIP, (), FIRED),
            (Overlap.SKIP, (1,), OVERLAP),
            (Overlap.QUEUE_ONE, (1,), FIRED),
            (Overlap.QUEUE_ONE, (1, 2), OVERLAP),
            (Overlap.QUEUE_ALL, (1, 2, 3), FIRED),
            (Overlap.REPLACE, (1,), FIRED),
        ],
    )
    def test_follows_the_policy(self, overlap: Overlap, active: tuple[int, ...], expected: tuple[str, str]) -> None:
        assert outcomes(facts(policy={"overlap": overlap}, active=active), after_minutes=0) == [expected]

    def test_names_the_oldest_run_in_the_way(self) -> None:
        made = plan(facts(active=(41, 42)), now=START, limit=10)
        assert made.decisions[0].blocking_id == 41

    def test_lets_as_many_run_as_the_job_has_instances(self) -> None:
        policy = {"max_instances": 2}
        assert outcomes(facts(policy=policy, active=(1,)), after_minutes=0) == [FIRED]
        assert outcomes(facts(policy=policy, active=(1, 2)), after_minutes=0) == [OVERLAP]


class TestOtherRules:
    def test_a_paused_job_gets_one_skipped_row_per_tick(self) -> None:
        assert outcomes(facts(pause=Pause("user:test")), after_minutes=2) == [("skipped", "paused")] * 3

    def test_an_observed_job_runs_nothing(self) -> None:
        assert outcomes(facts(mode=Mode.OBSERVE), after_minutes=0) == [("shadow", "observe")]

    def test_what_a_disable_left_undecided_is_missed(self) -> None:
        assert outcomes(facts(closing="disabled_at_tick"), after_minutes=0) == [("missed", "disabled_at_tick")]

    def test_pause_goes_before_misfire(self) -> None:
        assert set(outcomes(facts(pause=Pause("user:test")), after_minutes=90)) == {("skipped", "paused")}


class TestMaxRuns:
    def test_ends_the_schedule_after_the_last_run(self) -> None:
        given = facts(policy={"max_runs": 3, "overlap": Overlap.ALLOW, "misfire": Misfire.ALL}, fired_count=1)
        made = plan(given, now=START + timedelta(minutes=9), limit=100)
        assert [d.fires for d in made.decisions] == [True, True]
        assert (made.next_tick_at, made.is_complete) == (None, True)

    def test_counts_only_what_fired(self) -> None:
        given = facts(policy={"max_runs": 1}, pause=Pause("user:test"))
        made = plan(given, now=START + timedelta(minutes=1), limit=100)
        assert made.next_tick_at == START + timedelta(minutes=2)
