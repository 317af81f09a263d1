"""Schedules from outside: what is taken, and what each refusal says."""

from __future__ import annotations

import json
import random
import string
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs.rules.cron import calendar_of, expand
from jobs.rules.schedule import InvalidSchedule, ScheduleSpec

NINE = datetime(2026, 11, 1, 8, tzinfo=UTC)


def refusal(data: object, **limits: Any) -> dict[str, list[str]]:
    with pytest.raises(InvalidSchedule) as caught:
        ScheduleSpec.parse(data, **limits)  # type: ignore[arg-type]
    return caught.value.fields


class TestTaken:
    @pytest.mark.parametrize(
        ("data", "spec"),
        [
            ({"kind": "cron", "cron": "@daily"}, ScheduleSpec("cron", cron="0 0 * * *")),
            (
                {"kind": "cron", "cron": " 30  2 * * MON ", "timezone": "Europe/Berlin", "gap": "skip", "fold": "both"},
                ScheduleSpec("cron", "Europe/Berlin", "30 2 * * MON", gap="skip", fold="both"),
            ),
            (
                {"kind": "cron", "cron": "0 0 13 * 5", "day_match": "any", "spread_seconds": 300},
                ScheduleSpec("cron", cron="0 0 13 * 5", day_match="any", spread_seconds=300),
            ),
            (
                {"kind": "interval", "every_seconds": 900, "anchor": "2026-11-01T09:00+01:00"},
                ScheduleSpec("interval", every_seconds=900, anchor=NINE),
            ),
            ({"kind": "once", "at": "2026-11-01 08:00:00Z"}, ScheduleSpec("once", at=NINE)),
            ({"kind": "once", "at": NINE}, ScheduleSpec("once", at=NINE)),
            ({"kind": "manual"}, ScheduleSpec("manual")),
        ],
    )
    def test_each_kind(self, data: dict[str, object], spec: ScheduleSpec) -> None:
        assert ScheduleSpec.parse(data) == spec

    def test_day_match_is_dropped_where_it_says_nothing(self) -> None:
        assert ScheduleSpec.parse({"kind": "cron", "cron": "0 0 * * 5", "day_match": "any"}).day_match is None

    def test_a_form_may_send_every_key_empty_or_at_its_default(self) -> None:
        blanks = {"cron": "", "day_match": "", "gap": "shift", "fold": "first", "every_seconds": None, "anchor": ""}
        blanks |= {"at": "", "start_at": None, "end_at": "", "spread_seconds": 0, "timezone": ""}
        assert ScheduleSpec.parse({**blanks, "kind": "manual"}) == ScheduleSpec("manual")
        assert ScheduleSpec.parse({**blanks, "kind": "interval", "every_seconds": 60}) == ScheduleSpec(
            "interval", every_seconds=60
        )

    def test_the_computed_offset_may_come_back_and_is_ignored(self) -> None:
        stored = ScheduleSpec("cron", cron="0 0 * * *", spread_seconds=60, spread_offset_seconds=42)
        assert ScheduleSpec.parse(stored.to_json()) == ScheduleSpec("cron", cron="0 0 * * *", spread_seconds=60)

    def test_an_interval_gets_an_anchor(self) -> None:
        data = {"kind": "interval", "every_seconds": 900}
        assert ScheduleSpec.parse(data).anchor is None
        assert ScheduleSpec.parse(data, default_anchor=NINE + timedelta(microseconds=7)).anchor == NINE
        assert ScheduleSpec.parse({**data, "start_at": "2026-12-01T00:00Z"}, default_anchor=NINE).anchor == datetime(
            2026, 12, 1, tzinfo=UTC
        )

    def test_shorter_intervals_where_they_are_allowed(self) -> None:
        data = {"kind": "interval", "every_seconds": 30}
        assert ScheduleSpec.parse(data, min_interval_seconds=30).every_seconds == 30


CRON = {"kind": "cron", "cron": "0 0 * * *"}
EVERY = {"kind": "interval", "every_seconds": 900}
ONCE = {"kind": "once", "at": "2026-11-01T09:00:00+01:00"}


class TestRefused:
    @pytest.mark.parametrize(
        ("data", "field", "words"),
        [
            (None, "", "A schedule is an object with keys, not nothing"),
            ([1], "", "not a list"),
            ("@daily", "", "not text"),
            ({}, "kind", "It is missing. Use cron, interval, once or manual."),
            ({"kind": "hourly"}, "kind", '"hourly" is not a kind'),
            ({"kind": ["cron"]}, "kind", "is not a kind"),
            ({**CRON, "crno": "x"}, "crno", "Known keys: anchor, at, cron"),
            ({**CRON, 5: "x"}, "", "Keys are text."),
            ({**CRON, "timezone": "Europe/Berln"}, "timezone", "Did you mean Europe/Berlin?"),
            ({**CRON, "timezone": "Mars/Olympus"}, "timezone", "Use an IANA name"),
            ({**CRON, "timezone": 1}, "timezone", "not a number"),
            ({"kind": "cron"}, "cron", "It is missing: write a cron expression"),
            ({"kind": "cron", "cron": "   "}, "cron", "It is missing"),
            ({"kind": "cron", "cron": 5}, "cron", "must be text, not a number"),
            ({"kind": "cron", "cron": "0 0 * * *" + " " * 100}, "cron", "109 characters; 100 are the most"),
            ({"kind": "cron", "cron": "0 0 0 * * *"}, "cron", "seconds and years are not supported"),
            ({"kind": "cron", "cron": "0 0 30 2 *"}, "cron", "never run"),
            ({"kind": "cron", "cron": "0 0 13 * 5"}, "day_match", "Friday the 13th"),
            ({"kind": "cron", "cron": "0 0 13 * 5", "day_match": "or"}, "day_match", "Use all or any"),
            ({**CRON, "gap": "jump"}, "gap", '"jump" is not possible here. Use shift or skip.'),
            ({**CRON, "fold": 1}, "fold", "Use first or second or both"),
            ({**CRON, "every_seconds": 60}, "every_seconds", "belongs to interval schedules; leave it out for cron"),
            ({**CRON, "at": "2026-11-01T09:00:00Z"}, "at", "belongs to once schedules"),
            ({**EVERY, "cron": "0 0 * * *"}, "cron", "belongs to cron schedules"),
            ({**EVERY, "gap": "skip"}, "gap", "belongs to cron schedules"),
            ({**EVERY, "spread_seconds": 86401}, "spread_seconds", "between 0 and 86400"),
            ({**EVERY, "spread_seconds": False}, "spread_seconds", "not true or false"),
            ({"kind": "manual", "start_at": "2026-11-01T09:00:00Z"}, "start_at", "cron and interval and once"),
            ({"kind": "manual", "spread_seconds": 5}, "spread_seconds", "leave it out for manual"),
            ({"kind": "interval"}, "every_seconds", "It is missing"),
            ({"kind": "interval", "every_seconds": 59}, "every_seconds", "between 60 and"),
            ({"kind": "interval", "every_seconds": 0}, "every_seconds", "between 60 and"),
            ({"kind": "interval", "every_seconds": -60}, "every_seconds", "between 60 and"),
            ({"kind": "interval", "every_seconds": 10**30}, "every_seconds", "between 60 and"),
            ({"kind": "interval", "every_seconds": "900"}, "every_seconds", "not text"),
            ({"kind": "interval", "every_seconds": 90.0}, "every_seconds", "a number with a fraction"),
            ({"kind": "interval", "every_seconds": True}, "every_seconds", "not true or false"),
            ({**EVERY, "anchor": "yesterday"}, "anchor", "is not a date and time"),
            ({"kind": "once"}, "at", "It is missing"),
            ({"kind": "once", "at": "2026-11-01T09:00:00"}, "at", "has no offset from UTC"),
            ({"kind": "once", "at": NINE.replace(tzinfo=None)}, "at", "has no offset from UTC"),
            ({"kind": "once", "at": "2026-02-30T09:00:00Z"}, "at", "is not a date and time"),
            ({"kind": "once", "at": "2026-11-01"}, "at", "is not a date and time"),
            ({"kind": "once", "at": 1793520000}, "at", "not a number"),
            ({"kind": "once", "at": "9999-12-31T23:59:59-12:00"}, "at", "between 1901 and 2198"),
            ({"kind": "once", "at": "0001-01-01T00:00:00+12:00"}, "at", "between 1901 and 2198"),
            ({**ONCE, "end_at": "2026-11-01T09:00:00+01:00"}, "at", "outside start_at and end_at"),
            ({**ONCE, "start_at": "2026-11-02T09:00:00+01:00"}, "at", "outside start_at and end_at"),
            (
                {**CRON, "start_at": "2026-11-01T09:00:00Z", "end_at": "2026-11-01T09:00:00Z"},
                "end_at",
                "later than start_at",
            ),
        ],
    )
    def test_names_what_is_wrong(self, data: object, field: str, words: str) -> None:
        fields = refusal(data)
        assert list(fields) == [field]
        assert words in " ".join(fields[field])

    def test_names_everything_at_once(self) -> None:
        data = {"kind": "cron", "cron": "99 * * * *", "timezone": "Nowhere", "gap": "x", "extra": 1}
        assert set(refusal(data)) == {"cron", "timezone", "gap", "extra"}

    def test_the_shortest_interval_is_the_callers(self) -> None:
        assert (
            "between 300 and" in refusal(EVERY | {"every_seconds": 120}, min_interval_seconds=300)["every_seconds"][0]
        )

    def test_does_not_repeat_what_is_long_or_unprintable(self) -> None:
        fields = refusal({**CRON, "timezone": "\x00\u202e" + "A" * 100_000})
        assert len(str(fields)) < 300
        assert "\u202e" not in fields["timezone"][0]

    def test_reads_as_one_sentence_too(self) -> None:
        with pytest.raises(InvalidSchedule, match=r"^cron: It is missing"):
            ScheduleSpec.parse({"kind": "cron"})


class TestAnyInput:
    def test_ten_thousand_strings_are_taken_or_refused_and_nothing_else(self) -> None:
        source = random.Random(20261101)
        slowest, taken, refused = 0.0, 0, 0
        for number in range(10_000):
            data = {"kind": "cron", "cron": _text(source), "timezone": "UTC", "day_match": "any"}
            if number % 5 == 0:
                data[source.choice(("timezone", "kind", "at", "start_at", "gap", "day_match"))] = _text(source)
            try:
                ScheduleSpec.parse(data)
                taken += 1
            except InvalidSchedule as error:
                refused += bool(error.fields)
            slowest = max(slowest, _seconds_to_parse(data))
        assert taken + refused == 10_000
        assert taken > 100
        assert slowest < 0.01

    def test_any_json_value_in_any_place(self) -> None:
        source = random.Random(7)
        keys = list(ScheduleSpec("manual").__dataclass_fields__)
        values: list[object] = [
            None,
            True,
            0,
            -1,
            2**70,
            1.5,
            float("nan"),
            "",
            "cron",
            [],
            [1],
            {},
            {"a": {}},
            "\ud800",
        ]
        values += [
            NINE,
            NINE.replace(tzinfo=None),
            datetime.max.replace(tzinfo=UTC),
            datetime.min.replace(tzinfo=UTC),
            timedelta(1),
            b"x",
        ]
        values += [
            "interval",
            "once",
            "manual",
            "2026-11-01T09:00:00Z",
            "9999-12-31T23:59:59.999999+00:00",
            "* * * * *",
        ]
        for _ in range(5000):
            data = {key: source.choice(values) for key in source.sample(keys, source.randint(1, len(keys)))}
            data["kind"] = source.choice(("cron", "interval", "once", "manual", source.choice(values)))
            try:
                spec = ScheduleSpec.parse(data)
            except InvalidSchedule as error:
                json.dumps(error.fields)
            else:
                assert ScheduleSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
                assert ScheduleSpec.parse(spec.to_json()) == spec


_PIECES = [
    "*",
    "*/",
    "-",
    ",",
    "/",
    "#",
    "L",
    "l5",
    "5#2",
    "?",
    "W",
    "H",
    "R",
    "@daily",
    "mon",
    "jan",
    "7",
    "59",
    "0-",
    "1-5",
]
_PIECES += [
    "\u0663",
    "\u00a0",
    "\n",
    "\t",
    "\x00",
    "\ud800",
    "9" * 40,
    "-1",
    "1e3",
    "0x1",
    " ",
    " ",
    " ",
    " * * *",
    "0 0 ",
]


def _seconds_to_parse(data: dict[str, object]) -> float:
    """The shortest of a few tries, so that a busy machine is not counted; the caches are emptied first."""
    tries: list[float] = []
    while not tries or (tries[-1] > 0.01 and len(tries) < 5):
        expand.cache_clear()
        calendar_of.cache_clear()
        began = time.perf_counter()
        with suppress(InvalidSchedule):
            ScheduleSpec.parse(data)
        tries.append(time.perf_counter() - began)
    return min(tries)


def _text(source: random.Random) -> str:
    shape = source.random()
    if shape < 0.2:
        return "".join(source.choice(string.printable) for _ in range(source.randint(0, 120)))
    if shape < 0.5:
        return "".join(source.choice(_PIECES) for _ in range(source.randint(1, 14)))
    fields = ["".join(source.choice("0123456789*/-,#LmonjaR") for _ in range(source.randint(1, 4))) for _ in range(5)]
    kept = [source.choice(("*", str(source.randint(0, 12)))) if source.random() < 0.7 else field for field in fields]
    return " ".join(kept)
