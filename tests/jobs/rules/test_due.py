"""Due instants of each kind, their bounds and spread, the next and the newest ones; and what holds for all of them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.rules.schedule import (
    HORIZON,
    InvalidSchedule,
    ScheduleSpec,
    latest,
    next_occurrence,
    occurrences,
    spread_offset,
)
from tests.jobs.rules.samples import POLICIES, drawn

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def due(spec: ScheduleSpec, after: str, until: str) -> list[str]:
    return [f"{at:%m-%dT%H:%M:%S}".removesuffix(":00") for at in occurrences(spec, utc(after), utc(until))]


class TestWindow:
    def test_begins_after_and_includes_its_end(self) -> None:
        spec = ScheduleSpec("cron", cron="0 * * * *")
        assert due(spec, "2026-01-01T01:00", "2026-01-01T03:00") == ["01-01T02:00", "01-01T03:00"]
        assert due(spec, "2026-01-01T01:00:00.000001", "2026-01-01T01:59:59.999999") == []
        assert due(spec, "2026-01-01T00:59:59.999999", "2026-01-01T01:00:00") == ["01-01T01:00"]

    def test_is_empty_when_turned_round(self) -> None:
        for spec in (ScheduleSpec("cron", cron="* * * * *"), ScheduleSpec("interval", every_seconds=60)):
            assert due(spec, "2026-01-02T00:00", "2026-01-01T00:00") == []
            assert latest(spec, utc("2026-01-02T00:00"), utc("2026-01-01T00:00"), 5) == []

    def test_may_be_given_in_any_zone(self) -> None:
        spec = ScheduleSpec("cron", cron="0 * * * *")
        after = datetime.fromisoformat("2026-01-01T03:00:00+02:00")
        assert next_occurrence(spec, after) == utc("2026-01-01T02:00")

    def test_naive_instants_are_refused(self) -> None:
        with pytest.raises(TypeError):
            next_occurrence(ScheduleSpec("cron", cron="* * * * *"), datetime(2026, 1, 1))  # noqa: DTZ001

    def test_is_walked_lazily_and_ends_before_2200(self) -> None:
        whole = occurrences(ScheduleSpec("cron", cron="* * * * *"), *ALL_TIME)
        assert next(whole) == utc("1900-01-01T00:00")
        yearly = list(occurrences(ScheduleSpec("cron", cron="0 0 1 1 *"), *ALL_TIME))
        assert (len(yearly), yearly[-1]) == (300, utc("2199-01-01T00:00"))
        assert next(occurrences(ScheduleSpec("interval", every_seconds=60), *ALL_TIME)) == utc("1970-01-01T00:00")
        *_, last = occurrences(ScheduleSpec("interval", every_seconds=86400 * 365), *ALL_TIME)
        assert last < HORIZON


ALL_TIME = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


class TestInterval:
    def test_is_anchored_and_never_drifts(self) -> None:
        spec = ScheduleSpec("interval", every_seconds=5400, anchor=utc("2026-01-01T00:10:30"))
        expected = ["01-01T00:10:30", "01-01T01:40:30", "01-01T03:10:30"]
        assert due(spec, "2025-12-31T00:00", "2026-01-01T04:00") == expected
        assert due(spec, "2026-01-01T00:10:30", "2026-01-01T04:00") == expected[1:]

    def test_takes_absolute_time_through_a_change_of_the_clocks(self) -> None:
        spec = ScheduleSpec("interval", "Europe/Berlin", every_seconds=86400, anchor=utc("2026-03-27T08:00"))
        assert due(spec, "2026-03-28T00:00", "2026-03-31T00:00") == ["03-28T08:00", "03-29T08:00", "03-30T08:00"]

    def test_nothing_is_due_before_the_anchor(self) -> None:
        spec = ScheduleSpec("interval", every_seconds=60, anchor=utc("2026-01-02T00:00"))
        assert next_occurrence(spec, utc("2025-01-01T00:00")) == utc("2026-01-02T00:00")

    def test_without_an_anchor_counts_from_its_start_or_from_1970(self) -> None:
        assert due(ScheduleSpec("interval", every_seconds=900), "2026-01-01T00:07", "2026-01-01T00:30") == [
            "01-01T00:15",
            "01-01T00:30",
        ]
        spec = ScheduleSpec("interval", every_seconds=900, start_at=utc("2026-01-01T00:04"))
        assert due(spec, "2026-01-01T00:00", "2026-01-01T00:20") == ["01-01T00:04", "01-01T00:19"]

    def test_keeps_parts_of_a_second(self) -> None:
        anchor = utc("2026-01-01T00:00:00.250000")
        spec = ScheduleSpec("interval", every_seconds=30, anchor=anchor)
        assert next_occurrence(spec, anchor) == anchor + timedelta(seconds=30)

    def test_a_stored_spec_without_seconds_is_refused(self) -> None:
        with pytest.raises(InvalidSchedule):
            next_occurrence(ScheduleSpec("interval"), utc("2026-01-01T00:00"))


class TestOnceAndManual:
    def test_once(self) -> None:
        spec = ScheduleSpec("once", at=utc("2026-05-01T09:00"))
        assert due(spec, "2026-05-01T08:59", "2026-05-01T09:00") == ["05-01T09:00"]
        assert due(spec, "2026-05-01T09:00", "2027-05-01T09:00") == []
        assert next_occurrence(spec, utc("2026-05-01T09:00")) is None
        assert latest(spec, utc("2000-01-01T00:00"), utc("2030-01-01T00:00"), 3) == [utc("2026-05-01T09:00")]

    def test_once_outside_its_bounds_never_comes(self) -> None:
        spec = ScheduleSpec("once", at=utc("2026-05-01T09:00"), end_at=utc("2026-05-01T09:00"))
        assert next_occurrence(spec, utc("2026-01-01T00:00")) is None

    def test_manual_is_never_due(self) -> None:
        assert list(occurrences(ScheduleSpec("manual"), *ALL_TIME)) == []


class TestBoundsAndSpread:
    def test_start_counts_and_end_does_not(self) -> None:
        spec = ScheduleSpec("cron", cron="0 * * * *", start_at=utc("2026-01-01T01:00"), end_at=utc("2026-01-01T03:00"))
        assert due(spec, "2025-01-01T00:00", "2027-01-01T00:00") == ["01-01T01:00", "01-01T02:00"]

    def test_bounds_apply_to_the_instant_with_its_spread(self) -> None:
        spec = ScheduleSpec(
            "cron",
            cron="0 * * * *",
            spread_seconds=600,
            spread_offset_seconds=90,
            start_at=utc("2026-01-01T01:01"),
            end_at=utc("2026-01-01T03:01:30"),
        )
        assert due(spec, "2025-01-01T00:00", "2027-01-01T00:00") == ["01-01T01:01:30", "01-01T02:01:30"]

    def test_spread_moves_intervals_too(self) -> None:
        spec = ScheduleSpec("interval", every_seconds=3600, spread_seconds=60, spread_offset_seconds=7)
        assert due(spec, "2026-01-01T00:00", "2026-01-01T01:30") == ["01-01T00:00:07", "01-01T01:00:07"]

    def test_spread_is_added_after_the_clocks_were_asked(self) -> None:
        spec = ScheduleSpec(
            "cron", "Europe/Berlin", "30 2 * * *", spread_seconds=7200, spread_offset_seconds=3600, fold="both"
        )
        assert due(spec, "2026-10-25T00:00", "2026-10-25T12:00") == ["10-25T01:30", "10-25T02:30"]

    def test_offset_is_stable_and_inside_the_window(self) -> None:
        assert spread_offset("4f6c", 300) == spread_offset("4f6c", 300) == 260
        assert spread_offset(17, 300) == spread_offset("17", 300)
        assert spread_offset("4f6c", 0) == 0
        offsets = [spread_offset(number, 60) for number in range(2000)]
        assert set(offsets) == set(range(60))
        assert max(offsets.count(second) for second in range(60)) < 70


class TestNext:
    @pytest.mark.parametrize(
        ("cron", "match", "expected"),
        [
            ("0 0 29 2 1", "all", "2044-02-29T00:00"),
            ("0 0 29 2 *", None, "2028-02-29T00:00"),
            ("0 12 31 12 5#5", "all", "2027-12-31T12:00"),
            ("0 0 30 2 *", None, None),
        ],
    )
    def test_rare_dates(self, cron: str, match: str | None, expected: str | None) -> None:
        began = time.process_time()
        spec = ScheduleSpec("cron", cron=cron, day_match=match)  # type: ignore[arg-type]
        assert next_occurrence(spec, utc("2026-11-21T00:00")) == (expected and utc(expected))
        assert time.process_time() - began < 0.5

    def test_a_fixed_hour_far_in_the_future_still_follows_the_rules_of_its_zone(self) -> None:
        spec = ScheduleSpec("cron", "Europe/Berlin", "0 9 1 7 *")
        assert next_occurrence(spec, utc("2150-01-01T00:00")) == utc("2150-07-01T07:00")

    @pytest.mark.parametrize(
        ("zone", "expected"),
        [
            ("Pacific/Kiritimati", "2026-12-31T10:00"),
            ("Europe/Berlin", "2026-12-31T23:00"),
            ("Etc/GMT+12", "2027-01-01T12:00"),
        ],
    )
    def test_a_day_begins_when_its_zone_says_so(self, zone: str, expected: str) -> None:
        spec = ScheduleSpec("cron", zone, "0 0 1 1 *")
        assert next_occurrence(spec, utc("2026-03-01T00:00")) == utc(expected)
        assert next_occurrence(spec, utc(expected) - timedelta(microseconds=1)) == utc(expected)

    def test_stored_specs_that_are_not_understood_say_so(self) -> None:
        for spec in (
            ScheduleSpec("cron", cron="0 0 13 * 5"),
            ScheduleSpec("cron", cron="nonsense"),
            ScheduleSpec("cron", "Mars/Olympus", "0 0 * * *"),
        ):
            with pytest.raises(InvalidSchedule):
                next_occurrence(spec, utc("2026-01-01T00:00"))


class TestLatest:
    def test_the_newest_come_last(self) -> None:
        spec = ScheduleSpec("cron", cron="0 3 * * *")
        found = latest(spec, utc("2026-01-01T00:00"), utc("2026-01-10T03:00"), 3)
        assert [at.day for at in found] == [8, 9, 10]
        assert latest(spec, utc("2026-01-09T03:00"), utc("2026-01-10T03:00"), 3) == [utc("2026-01-10T03:00")]

    @pytest.mark.parametrize("cron", ["0 * * * *", "*/5 * * * *", "0 */4 * * *"])
    def test_loses_none_where_the_search_goes_on(self, cron: str) -> None:
        spec = ScheduleSpec("cron", cron=cron)
        window = utc("2026-01-01T00:00"), utc("2026-03-01T00:00")
        assert latest(spec, *window, 100) == list(occurrences(spec, *window))[-100:]

    @pytest.mark.parametrize("count", [0, -1])
    def test_none_when_none_are_wanted(self, count: int) -> None:
        assert (
            latest(ScheduleSpec("cron", cron="* * * * *"), utc("2026-01-01T00:00"), utc("2026-01-02T00:00"), count)
            == []
        )

    def test_is_cheap_over_a_long_time(self) -> None:
        spec = ScheduleSpec("cron", "Europe/Berlin", "* * * * *")
        began = time.process_time()
        assert len(latest(spec, utc("2006-01-01T00:00"), utc("2026-01-01T00:00"), 10)) == 10
        assert time.process_time() - began < 0.1


def test_a_month_of_minutes_takes_well_under_a_second() -> None:
    spec = ScheduleSpec("cron", "America/New_York", "* * * * *")
    began = time.process_time()
    assert sum(1 for _ in occurrences(spec, utc("2026-10-15T00:00"), utc("2026-11-14T00:00"))) == 43_200
    assert time.process_time() - began < 1


INSTANTS = st.datetimes(datetime(1971, 1, 1), datetime(2040, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
RULES = drawn(200, seed=11)


@st.composite
def specs(draw: st.DrawFn) -> ScheduleSpec:
    kind = draw(st.sampled_from(("cron", "cron", "cron", "interval", "once", "manual")))
    zone = draw(st.sampled_from(ZONES))
    bounds = {"start_at": draw(st.none() | INSTANTS), "end_at": draw(st.none() | INSTANTS)}
    spread = draw(st.sampled_from((0, 0, 600, 86400)))
    offset = {"spread_seconds": spread, "spread_offset_seconds": spread_offset(draw(st.integers()), spread)}
    if kind == "manual":
        return ScheduleSpec("manual", zone)
    if kind == "once":
        return ScheduleSpec("once", zone, at=draw(INSTANTS), **bounds)
    if kind == "interval":
        every = draw(st.integers(1800, 10_000_000))
        return ScheduleSpec(
            "interval", zone, every_seconds=every, anchor=draw(st.none() | INSTANTS), **bounds, **offset
        )
    rule, (gap, fold) = draw(st.sampled_from(RULES)), draw(st.sampled_from(POLICIES))
    return ScheduleSpec(
        "cron", zone, rule.cron, day_match=rule.day_match or "all", gap=gap, fold=fold, **bounds, **offset
    )


class TestWhatHoldsForEverySchedule:
    @settings(max_examples=120, deadline=None)
    @given(specs(), INSTANTS, st.lists(st.integers(0, 20 * 86400), max_size=4), st.integers(0, 30))
    def test_windows(self, spec: ScheduleSpec, after: datetime, cuts: list[int], count: int) -> None:
        until = after + timedelta(days=20)
        found = list(occurrences(spec, after, until))
        assert found == sorted(set(found))
        assert all(after < at <= until for at in found)
        assert all(at.tzinfo is UTC for at in found)
        assert all(spec.start_at <= at for at in found if spec.start_at)
        assert all(at < spec.end_at for at in found if spec.end_at)
        edges = [after, *(after + timedelta(seconds=cut) for cut in sorted(cuts)), until]
        parts = [at for low, high in pairwise(edges) for at in occurrences(spec, low, high)]
        assert parts == found
        assert latest(spec, after, until, count) == found[len(found) - min(count, len(found)) :]

    @settings(max_examples=60, deadline=None)
    @given(specs(), INSTANTS)
    def test_the_next_ones_are_the_occurrences(self, spec: ScheduleSpec, after: datetime) -> None:
        expected = list(islice(occurrences(spec, after, HORIZON), 5))
        at, walked = after, []
        while len(walked) < 5 and (found := next_occurrence(spec, at)):
            walked.append(found)
            at = found
        assert walked == expected

    @given(specs())
    def test_stored_and_read_again_it_is_the_same(self, spec: ScheduleSpec) -> None:
        assert ScheduleSpec.from_json(spec.to_json()) == spec
