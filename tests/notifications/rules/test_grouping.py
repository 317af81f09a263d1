from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications.rules import timing, wording
from notifications.rules.audience import Target, Telling
from notifications.rules.grouping import MOST_SEPARATE, WINDOW, Flow, Folding, Gathered, Gathering, Group, flow_key
from notifications.rules.happening import Happening, JobFacts
from notifications.rules.kinds import Kind, Severity
from notifications.rules.rule import QuietHours, RuleFacts

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RULE = RuleFacts(tenant_id=1, name="Nightly", kinds=frozenset(Kind), rule_id=5, daily_cap=50)
INBOX = Target(1, 1)


def happening(job: int, kind: Kind = Kind.FAILED, count: int = 1, at: datetime = NOW) -> Happening:
    facts = JobFacts(job, f"Job {job}")
    return Happening((kind,), 1, at, job=facts, name=facts.name, failures_in_row=1, count=count)


class Reader:
    """A target that gets batch after batch, and whose messages stay open until they are closed."""

    def __init__(self, rule: RuleFacts = RULE, target: Target = INBOX) -> None:
        self.rule, self.target = rule, target
        self.flows: dict[str, Flow] = {}
        self.open: set[Group] = set()
        self.messages: list[tuple[Folding, str]] = []
        self.counted = 0

    def get(self, *happenings: Happening, now: datetime = NOW) -> list[Gathered]:
        gathering = Gathering(self.flows, self.open, now)
        for one in happenings:
            gathering.add(Telling(self.rule, one.kinds[0], self.target), one)
        self.flows = gathering.flows
        for group, message in gathering.messages.items():
            if group not in self.open:
                self.messages.append((message.folding, group.key))
            self.counted += message.count
        self.open |= set(gathering.messages)
        return list(gathering.messages.values())


class TestGathering:
    def test_folds_repeats_about_the_same_job(self) -> None:
        reader = Reader()
        messages = reader.get(happening(1), happening(2), happening(1, count=3))
        assert [(message.folding, message.count) for message in messages] == [(Folding.OWN, 4), (Folding.OWN, 1)]
        reader.get(happening(1), now=NOW + timedelta(days=3))
        assert len(reader.messages) == 2

    def test_makes_one_of_all_that_follows_ten_within_the_window(self) -> None:
        reader = Reader()
        messages = reader.get(*(happening(job) for job in range(1, 31)), *(happening(job) for job in range(21, 31)))
        assert Counter(message.folding for message in messages) == {Folding.OWN: MOST_SEPARATE, Folding.STORM: 1}
        storm = messages[-1]
        assert (storm.count, storm.jobs) == (30, 20)
        assert wording.titles(storm)[1] == "{count} more messages of “Nightly” about 20 jobs"

    def test_goes_on_with_a_storm_until_there_is_calm(self) -> None:
        reader = Reader()
        reader.get(*(happening(job) for job in range(20)))
        later = NOW
        for job in range(100, 110):
            later += WINDOW - timedelta(seconds=1)
            assert [message.folding for message in reader.get(happening(job), now=later)] == [Folding.STORM]
        calm = later + WINDOW
        assert [message.folding for message in reader.get(happening(200), now=calm)] == [Folding.OWN]

    def test_tells_ten_an_hour_one_by_one(self) -> None:
        reader = Reader(replace(RULE, daily_cap=1000))
        for job in range(40):
            reader.get(happening(job), now=NOW + timedelta(minutes=job))
        assert Counter(folding for folding, _ in reader.messages) == {Folding.OWN: 40}

    def test_makes_one_of_the_rest_of_a_day(self) -> None:
        reader = Reader(replace(RULE, daily_cap=3))
        for job in range(8):
            reader.get(happening(job), now=NOW + timedelta(hours=job))
        assert Counter(folding for folding, _ in reader.messages) == {Folding.OWN: 3, Folding.DAY: 1}
        assert reader.counted == 8
        reader.get(happening(9), now=NOW + timedelta(days=1))
        assert reader.messages[-1][0] is Folding.OWN

    def test_names_what_recovers_if_its_failure_was_told_by_name(self) -> None:
        reader = Reader()
        reader.get(*(happening(job) for job in range(20)))
        recovered = reader.get(*(happening(job, Kind.RECOVERED) for job in range(20)))
        assert Counter(message.folding for message in recovered) == {Folding.OWN: 10, Folding.STORM: 1}
        assert {message.last.name for message in recovered[:10]} == {f"Job {job}" for job in range(10)}
        again = reader.get(happening(0, Kind.RECOVERED))
        assert again[0].count == 1  # folds into the open one

    def test_counts_afresh_once_the_message_of_a_storm_is_closed(self) -> None:
        reader = Reader()
        reader.get(*(happening(job) for job in range(20)))
        reader.open.clear()
        (storm,) = reader.get(happening(30))
        assert (storm.folding, storm.count, storm.jobs) == (Folding.STORM, 1, 1)

    def test_speaks_of_the_gravest_in_a_message_that_counts(self) -> None:
        reader = Reader()
        reader.get(*(happening(job) for job in range(10)))
        (storm,) = reader.get(happening(11, Kind.SLOW), happening(12, Kind.DEAD_LETTER), happening(13, Kind.SUCCEEDED))
        assert (storm.severity, storm.last.name, storm.count) == (Severity.ERROR, "Job 12", 3)

    def test_keeps_keys_short_whatever_things_are_called(self) -> None:
        person_by_mail = Target(1, 2**62, 2**62)
        reader = Reader(replace(RULE, rule_id=2**62), person_by_mail)
        long = Happening((Kind.FAILED,), 1, NOW, name="x" * 200)
        other = Happening((Kind.FAILED,), 1, NOW, name="x" * 201)
        reader.get(long, other)
        assert len(reader.messages) == 2
        assert all(len(key) <= 200 for _, key in reader.messages)
        assert all(len(key) <= 120 for key in reader.flows)

    @settings(max_examples=60)
    @given(
        steps=st.lists(
            st.tuples(
                st.lists(
                    st.tuples(st.integers(0, 40), st.sampled_from(list(Kind)[:7]), st.integers(1, 5)), max_size=40
                ),
                st.integers(0, 4 * 3600),
                st.booleans(),
            ),
            max_size=12,
        ),
        cap=st.integers(1, 30),
    )
    def test_loses_nothing_and_stays_within_its_bounds(
        self, steps: list[tuple[list[tuple[int, Kind, int]], int, bool]], cap: int
    ) -> None:
        reader = Reader(replace(RULE, daily_cap=cap))
        now, happened, named, closings = NOW, 0, 0, 1
        for batch, seconds, closes in steps:
            now += timedelta(seconds=seconds)
            before = len(reader.messages)
            reader.get(*(happening(job, kind, count) for job, kind, count in batch), now=now)
            happened += sum(count for _, _, count in batch)
            new = [folding for folding, _ in reader.messages[before:]]
            named += sum(kind is Kind.RECOVERED for _, kind, _ in batch)
            assert new.count(Folding.STORM) <= 1
            assert new.count(Folding.DAY) <= 1
            assert new.count(Folding.OWN) <= MOST_SEPARATE + named
            if closes:
                reader.open.clear()
                closings += 1
        assert reader.counted == happened
        days = (now - NOW).days + 2
        separate = sum(folding is not Folding.DAY for folding, _ in reader.messages)
        assert separate <= cap * days + named
        assert len(reader.messages) - separate <= days * closings


class TestNotBefore:
    def when(self, **more: object) -> datetime:
        values: dict[str, object] = {"now": NOW, "sent_at": None, **more}
        rule = values.pop("rule", RULE)
        severity = values.pop("severity", Severity.ERROR)
        folding = values.pop("folding", Folding.OWN)
        return timing.not_before(rule, severity, folding, **values)  # type: ignore[arg-type]

    def test_is_now_for_the_first_and_after_the_gathering_for_the_next(self) -> None:
        assert self.when() == NOW
        assert self.when(sent_at=NOW - timedelta(minutes=2)) == NOW + timedelta(minutes=3)
        assert self.when(sent_at=NOW - timedelta(minutes=6)) == NOW
        assert self.when(rule=replace(RULE, group_minutes=0), sent_at=NOW) == NOW

    def test_waits_a_minute_for_a_storm_and_a_day_for_its_rest(self) -> None:
        assert self.when(folding=Folding.STORM) == NOW + timedelta(minutes=1)
        assert self.when(folding=Folding.STORM, sent_at=NOW) == NOW + WINDOW
        assert self.when(folding=Folding.DAY) == datetime(2026, 11, 22, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("severity", "passes", "hour"),
        [
            (Severity.ERROR, Severity.CRITICAL, 14),
            (Severity.ERROR, Severity.ERROR, 12),
            (Severity.CRITICAL, Severity.ERROR, 12),
            (Severity.INFO, Severity.INFO, 12),
        ],
    )
    def test_is_the_end_of_quiet_hours_unless_it_is_grave(
        self, severity: Severity, passes: Severity, hour: int
    ) -> None:
        rule = replace(RULE, quiet=QuietHours(time(11), time(14)), quiet_passes=passes)
        assert self.when(rule=rule, severity=severity) == NOW.replace(hour=hour)

    def test_heeds_the_quiet_hours_of_whoever_it_is_for(self) -> None:
        rule = replace(RULE, quiet=QuietHours(time(11), time(14)))
        assert self.when(rule=rule, person=QuietHours(time(14), time(15, 30))) == NOW.replace(hour=15, minute=30)


class TestFlowKey:
    def test_stays_the_same_when_the_built_in_rule_gets_a_row(self) -> None:
        built_in, row = replace(RULE, is_default=True, rule_id=None), replace(RULE, is_default=True)
        assert flow_key(Telling(built_in, Kind.FAILED, INBOX)) == flow_key(Telling(row, Kind.FAILED, INBOX))
