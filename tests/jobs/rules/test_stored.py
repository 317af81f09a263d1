"""Reading stored JSON once for many jobs changes nothing in what is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobs.rules.policy import JobPolicy
from jobs.rules.schedule import ScheduleSpec
from jobs.rules.stored import remembered


class TestRemembered:
    def test_reads_equal_objects_once(self) -> None:
        read: list[Mapping[str, Any]] = []

        @remembered
        def look(data: Mapping[str, Any]) -> int:
            read.append(data)
            return len(data)

        assert look({"a": 1, "b": None}) == look({"a": 1, "b": None}) == 2
        assert len(read) == 1

    def test_keeps_apart_what_only_compares_equal(self) -> None:
        @remembered
        def look(data: Mapping[str, Any]) -> str:
            return repr(data["a"])

        assert [look({"a": value}) for value in (1, 1.0, True)] == ["1", "1.0", "True"]

    def test_reads_what_cannot_be_remembered_each_time(self) -> None:
        @remembered
        def look(data: Mapping[str, Any]) -> tuple[int, ...]:
            return tuple(data["a"])

        assert look({"a": [1]}) == (1,)
        assert look({"a": [2]}) == (2,)


class TestFromJson:
    def test_tells_schedules_apart_that_differ_in_one_value(self) -> None:
        first, second = (
            ScheduleSpec.from_json({"kind": "cron", "timezone": "UTC", "cron": cron})
            for cron in ("* * * * *", "*/2 * * * *")
        )
        assert (first.cron, second.cron) == ("* * * * *", "*/2 * * * *")

    def test_ignores_a_policy_of_a_newer_release_even_a_list(self) -> None:
        assert JobPolicy.from_json({"max_retries": 1, "steps": [1, 2]}) == JobPolicy(max_retries=1)
