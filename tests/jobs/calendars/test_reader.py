"""Calendars from untrusted input: every problem with its path."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from jobs.calendars import InvalidCalendar
from jobs.calendars.reader import CalendarInput, read

BLACKOUT = {"name": "Freeze", "starts_at": "2026-12-24T00:00:00+01:00", "ends_at": "2026-12-27T00:00:00+01:00"}


class TestRead:
    def test_needs_a_name_only(self) -> None:
        found = read({"name": "Büro Berlin"})
        assert found == CalendarInput(name="Büro Berlin", slug="buro-berlin")

    def test_takes_everything(self) -> None:
        found = read(
            {
                "name": "Berlin",
                "slug": "berlin",
                "timezone": "Europe/Berlin",
                "weekdays": ["Monday", "tue", 2, 2],
                "holidays": {"2026-12-26": "Boxing Day", "2026-12-25": "Christmas Day"},
                "blackouts": [BLACKOUT],
            }
        )
        assert (found.weekdays, list(found.holidays)) == ((0, 1, 2), ["2026-12-25", "2026-12-26"])
        assert found.blackouts[0].starts_at == datetime(2026, 12, 23, 23, tzinfo=UTC)

    @pytest.mark.parametrize(
        "days", [["2026-12-25"], [{"date": "2026-12-25"}], [{"date": "2026-12-25", "name": "Holiday"}]]
    )
    def test_takes_holidays_as_a_list_too(self, days: Any) -> None:
        assert read({"name": "x", "holidays": days}).holidays == {"2026-12-25": "Holiday"}

    @pytest.mark.parametrize(
        ("data", "path", "says"),
        [
            ({"name": ""}, "name", "Write a name"),
            ({"name": 7}, "name", "Write a name"),
            ({"name": "a\x07b"}, "name", "control"),
            ({"name": "x" * 201}, "name", "200"),
            ({"slug": "No Good"}, "slug", "lower-case"),
            ({"slug": "x" * 61}, "slug", "60"),
            ({"slug": 7}, "slug", "lower-case"),
            ({"timezone": "Mars/Base"}, "timezone", "IANA"),
            ({"timezone": None}, "timezone", "IANA"),
            ({"weekdays": "monday"}, "weekdays", "list"),
            ({"weekdays": [7]}, "weekdays[0]", "0 (Monday)"),
            ({"weekdays": [0, "Moonday"]}, "weekdays[1]", "monday"),
            ({"weekdays": [True]}, "weekdays[0]", "0 (Monday)"),
            ({"holidays": "2026-12-25"}, "holidays", "object"),
            ({"holidays": {"2026-02-30": "x"}}, "holidays.2026-02-30", "date such as"),
            ({"holidays": {"20261225": "x"}}, "holidays.20261225", "date such as"),
            ({"holidays": {"2026-12-25": ""}}, "holidays.2026-12-25", "name"),
            ({"holidays": ["2026-12-25", "2026-12-25"]}, "holidays[1]", "twice"),
            ({"holidays": [7]}, "holidays[0]", "date such as"),
            ({"holidays": [{"day": "2026-12-25"}]}, "holidays[0]", "date such as"),
            ({"holidays": [{"date": ["x"]}]}, "holidays[0]", "date such as"),
            ({"holidays": {"1899-12-31": "x"}}, "holidays.1899-12-31", "1900"),
            ({"holidays": [f"{year}-01-01" for year in range(1900, 2100)] * 11}, "holidays", "2,000"),
            ({"blackouts": "x"}, "blackouts", "list"),
            ({"blackouts": [7]}, "blackouts[0]", "object"),
            ({"blackouts": [{**BLACKOUT, "name": ""}]}, "blackouts[0].name", "name"),
            ({"blackouts": [{**BLACKOUT, "ends_at": BLACKOUT["starts_at"]}]}, "blackouts[0].ends_at", "later"),
            ({"blackouts": [{**BLACKOUT, "starts_at": "2026-12-24T00:00"}]}, "blackouts[0].starts_at", "offset"),
            ({"blackouts": [{**BLACKOUT, "starts_at": "2026-13-24T00:00:00Z"}]}, "blackouts[0].starts_at", "offset"),
            ({"blackouts": [{**BLACKOUT, "starts_at": "0001-01-01T00:00:00+14:00"}]}, "blackouts[0].starts_at", "off"),
            ({"blackouts": [{**BLACKOUT, "starts_at": 7}]}, "blackouts[0].starts_at", "offset"),
            ({"blackouts": [{**BLACKOUT, "why": "x"}]}, "blackouts[0].why", "Unknown"),
            ({"blackouts": [BLACKOUT] * 501}, "blackouts", "500"),
            ({"nonsense": 1}, "nonsense", "Unknown field"),
        ],
    )
    def test_refuses_with_the_path_and_what_would_be_right(self, data: dict[str, Any], path: str, says: str) -> None:
        with pytest.raises(InvalidCalendar) as caught:
            read({"name": "x", **data})
        assert list(caught.value.fields) == [path], caught.value.fields
        assert says in caught.value.fields[path][0]

    def test_names_everything_that_is_wrong_at_once_but_not_without_end(self) -> None:
        with pytest.raises(InvalidCalendar) as caught:
            read({"name": "", "timezone": "x", "holidays": [str(number) for number in range(2_000)]})
        assert {"name", "timezone", "holidays[0]"} <= set(caught.value.fields)
        assert len(caught.value.fields) == 50


class TestReadOnTop:
    CURRENT = CalendarInput("Berlin", "berlin", "Europe/Berlin", (0, 1), {"2026-12-25": "Christmas Day"})

    def test_changes_what_is_named(self) -> None:
        found = read({"weekdays": []}, self.CURRENT)
        assert (found.weekdays, found.timezone, found.slug) == ((), "Europe/Berlin", "berlin")

    def test_replaces_all_but_the_slug(self) -> None:
        assert read({"name": "Other"}, self.CURRENT, replaces=True) == CalendarInput("Other", "berlin")

    def test_keeps_the_slug_for_the_jobs_that_name_it(self) -> None:
        assert read({"slug": "berlin"}, self.CURRENT) == self.CURRENT
        with pytest.raises(InvalidCalendar, match="Stays berlin"):
            read({"slug": "hamburg"}, self.CURRENT)
