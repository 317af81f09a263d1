"""Each rule about clocks that change, with the instants worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jobs.rules.schedule import ScheduleSpec, occurrences


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def due(zone: str, cron: str, after: str, until: str, **policy: object) -> list[str]:
    spec = ScheduleSpec("cron", zone, cron, **policy)  # type: ignore[arg-type]
    return [f"{at:%d %H:%M:%S}".removesuffix(":00") for at in occurrences(spec, utc(after), utc(until))]


class TestTheTableOfCases:
    """The cases in docs/scheduling.md."""

    def test_every_20_minutes_loses_nothing_when_new_york_goes_back(self) -> None:
        found = due("America/New_York", "*/20 * * * *", "2026-11-01T04:59", "2026-11-01T08:00")
        assert found == [f"01 {hour:02}:{minute:02}" for hour in (5, 6, 7) for minute in (0, 20, 40)] + ["01 08:00"]

    @pytest.mark.parametrize(
        ("fold", "expected"), [("first", ["01 05:30"]), ("second", ["01 06:30"]), ("both", ["01 05:30", "01 06:30"])]
    )
    def test_half_past_one_in_the_repeated_hour(self, fold: str, expected: list[str]) -> None:
        assert due("America/New_York", "30 1 * * *", "2026-11-01T00:00", "2026-11-02T00:00", fold=fold) == expected

    def test_half_past_one_is_once_by_default(self) -> None:
        assert due("America/New_York", "30 1 * * *", "2026-11-01T00:00", "2026-11-02T00:00") == ["01 05:30"]

    @pytest.mark.parametrize(("gap", "expected"), [("shift", ["08 07:00"]), ("skip", [])])
    def test_half_past_two_in_the_missing_hour(self, gap: str, expected: list[str]) -> None:
        """07:00 UTC is 03:00 in New York, the first valid minute."""
        assert due("America/New_York", "30 2 * * *", "2026-03-08T00:00", "2026-03-09T00:00", gap=gap) == expected

    def test_friday_the_13th(self) -> None:
        days = {}
        for match in ("all", "any"):
            spec = ScheduleSpec("cron", "UTC", "0 0 13 * 5", day_match=match)  # type: ignore[arg-type]
            days[match] = [f"{at:%d %b}" for at in occurrences(spec, utc("2026-11-01T00:00"), utc("2026-12-14T00:00"))]
        assert days["all"] == ["13 Nov"]
        assert days["any"] == ["06 Nov", "13 Nov", "20 Nov", "27 Nov", "04 Dec", "11 Dec", "13 Dec"]

    def test_a_weekly_interval_does_not_depend_on_who_restarts_when(self) -> None:
        spec = ScheduleSpec("interval", every_seconds=7 * 86400, anchor=utc("2026-01-05T08:00"))
        restarts = [utc("2026-01-05T08:00").replace(day=day) for day in range(5, 20)]
        assert {next(occurrences(spec, at, utc("2027-01-01T00:00"))) for at in restarts} == {
            utc("2026-01-12T08:00"),
            utc("2026-01-19T08:00"),
            utc("2026-01-26T08:00"),
        }


class TestHourFieldWithEveryHour:
    @pytest.mark.parametrize("hours", ["*", "*/1", "0-23", "0-11,12-23", "23,0-22"])
    def test_follows_real_time_however_it_is_spelled(self, hours: str) -> None:
        back = due("Europe/Berlin", f"30 {hours} * * *", "2026-10-25T00:00", "2026-10-25T03:00")
        forward = due("Europe/Berlin", f"30 {hours} * * *", "2026-03-29T00:00", "2026-03-29T03:00")
        assert back == ["25 00:30", "25 01:30", "25 02:30"]
        assert forward == ["29 00:30", "29 01:30", "29 02:30"]

    def test_a_half_hour_gap_adds_nothing_and_leaves_out_what_no_clock_shows(self) -> None:
        """Lord Howe goes from 02:00 to 02:30: the wall clock shows 01:45, then 02:45; 02:15 never comes."""
        found = due("Australia/Lord_Howe", "15,45 * * * *", "2026-10-03T15:00", "2026-10-03T16:30")
        assert found == ["03 15:15", "03 15:45", "03 16:15"]

    def test_a_half_hour_fold_shows_the_half_hour_twice(self) -> None:
        """Lord Howe goes from 02:00 back to 01:30 at 15:00 UTC."""
        found = due("Australia/Lord_Howe", "45 * * * *", "2026-04-04T14:00", "2026-04-04T16:30")
        assert found == ["04 14:45", "04 15:15", "04 16:15"]

    def test_the_policies_do_not_matter(self) -> None:
        for zone, day in (("Europe/Berlin", "2026-10-25"), ("Europe/Berlin", "2026-03-29")):
            window = (f"{day}T00:00", f"{day}T06:00")
            plain = due(zone, "*/7 * * * *", *window)
            assert due(zone, "*/7 * * * *", *window, gap="skip", fold="second") == plain


class TestGapOfAFixedHour:
    def test_all_times_of_one_gap_become_one_tick(self) -> None:
        assert due("Europe/Berlin", "*/10 2 * * *", "2026-03-29T00:00", "2026-03-29T06:00") == ["29 01:00"]

    def test_a_tick_that_is_there_anyway_is_not_doubled(self) -> None:
        assert due("Europe/Berlin", "0,30 2,3 * * *", "2026-03-29T00:00", "2026-03-29T06:00") == [
            "29 01:00",
            "29 01:30",
        ]

    def test_the_shifted_tick_comes_before_the_others(self) -> None:
        assert due("Europe/Berlin", "30 2,3 * * *", "2026-03-29T00:00", "2026-03-29T06:00") == ["29 01:00", "29 01:30"]

    def test_skip_keeps_the_others(self) -> None:
        found = due("Europe/Berlin", "30 2,3 * * *", "2026-03-29T00:00", "2026-03-29T06:00", gap="skip")
        assert found == ["29 01:30"]

    def test_only_times_inside_the_gap_count(self) -> None:
        assert due("Europe/Berlin", "59 1 * * *", "2026-03-29T00:00", "2026-03-29T06:00") == ["29 00:59"]
        assert due("Europe/Berlin", "0 3 * * *", "2026-03-29T00:00", "2026-03-29T06:00") == ["29 01:00"]

    def test_a_gap_at_midnight_moves_the_daily_job_to_one_o_clock(self) -> None:
        assert due("America/Sao_Paulo", "0 0 * * *", "2018-11-03T12:00", "2018-11-05T00:00") == ["04 03:00"]

    def test_the_day_that_apia_left_out_is_made_up_at_the_next_midnight(self) -> None:
        """30 December 2011 did not exist; 10:00 UTC is the midnight that begins the 31st."""
        daily = due("Pacific/Apia", "0 9 * * *", "2011-12-29T00:00", "2011-12-31T20:00")
        assert daily == ["29 19:00", "30 10:00", "30 19:00", "31 19:00"]
        assert due("Pacific/Apia", "0 9 * * *", "2011-12-30T00:00", "2011-12-30T12:00", gap="skip") == []

    def test_a_day_that_is_left_out_counts_only_if_it_matches(self) -> None:
        assert due("Pacific/Apia", "0 9 30 12 *", "2011-12-25T00:00", "2012-01-05T00:00") == ["30 10:00"]
        assert due("Pacific/Apia", "0 9 29 12 *", "2011-12-25T00:00", "2012-01-05T00:00") == ["29 19:00"]
        assert due("Pacific/Apia", "0 0 31 12 *", "2011-12-25T00:00", "2012-01-05T00:00") == ["30 10:00"]

    def test_a_half_hour_gap(self) -> None:
        assert due("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00", "2026-10-03T18:00") == ["03 15:30"]

    def test_a_gap_that_ends_between_two_minutes(self) -> None:
        """Monrovia went from 00:00:00 to 00:44:30; the first full minute on its clocks was 00:45."""
        assert due("Africa/Monrovia", "10 0 * * *", "1972-01-06T12:00", "1972-01-07T12:00") == ["07 00:45"]
        assert due("Africa/Monrovia", "10,45 0 * * *", "1972-01-06T12:00", "1972-01-07T12:00") == ["07 00:45"]


class TestFoldOfAFixedHour:
    @pytest.mark.parametrize(
        ("fold", "expected"),
        [
            ("first", ["25 00:00", "25 00:30", "25 02:00"]),
            ("second", ["25 01:00", "25 01:30", "25 02:00"]),
            ("both", ["25 00:00", "25 00:30", "25 01:00", "25 01:30", "25 02:00"]),
        ],
    )
    def test_each_policy_in_berlin(self, fold: str, expected: list[str]) -> None:
        found = due("Europe/Berlin", "0,30 2,3 * * *", "2026-10-24T23:00", "2026-10-25T02:00", fold=fold)
        assert found == expected

    def test_a_fold_across_midnight_keeps_the_order_of_real_time(self) -> None:
        """Until 2011 the clocks of St John's went from 00:01 back to 23:01."""
        found = due("America/St_Johns", "0,30 0,23 * * *", "2006-10-29T01:00", "2006-10-29T04:30", fold="both")
        assert found == ["29 01:30", "29 02:00", "29 02:30", "29 03:00", "29 03:30", "29 04:00"]

    def test_negative_summer_time_in_dublin_is_a_fold_like_any_other(self) -> None:
        assert due("Europe/Dublin", "30 1 * * *", "2026-10-25T00:00", "2026-10-25T03:00") == ["25 00:30"]
        assert due("Europe/Dublin", "30 1 * * *", "2026-10-25T00:00", "2026-10-25T03:00", fold="second") == ["25 01:30"]

    def test_casablanca_goes_back_for_ramadan(self) -> None:
        assert due("Africa/Casablanca", "30 2 * * *", "2026-02-15T00:00", "2026-02-15T04:00", fold="both") == [
            "15 01:30",
            "15 02:30",
        ]

    def test_a_change_of_the_standard_offset_is_treated_alike(self) -> None:
        """Caracas went back by half an hour on 9 December 2007, from 03:00 to 02:30."""
        assert due("America/Caracas", "45 2 * * *", "2007-12-09T04:00", "2007-12-09T10:00", fold="both") == [
            "09 06:45",
            "09 07:15",
        ]


def test_wall_minutes_fall_on_odd_seconds_where_the_offset_has_seconds() -> None:
    assert due("Africa/Monrovia", "0 12 * * *", "1971-06-01T00:00", "1971-06-02T00:00") == ["01 12:44:30"]


def test_a_window_that_ends_inside_a_fold_does_not_change_what_is_due() -> None:
    spec = ScheduleSpec("cron", "Europe/Berlin", "30 2 * * *", fold="second")
    assert list(occurrences(spec, utc("2026-10-25T00:00"), utc("2026-10-25T00:45"))) == []
    assert list(occurrences(spec, utc("2026-10-25T00:45"), utc("2026-10-25T01:30"))) == [utc("2026-10-25T01:30")]
