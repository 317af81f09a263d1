"""Checks a schedule that comes from outside, key by key, and says for each what is wrong and what would be right."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jobs.rules.cron import AMBIGUOUS_DAYS, calendar_of, expand
from jobs.rules.cron_syntax import BadCron, normalise_cron
from jobs.rules.wall_clock import FIRST_YEAR, LAST_YEAR
from jobs.rules.zones import suggest_zone, zone_names

KINDS = ("cron", "interval", "once", "manual")
KINDS_OF_KEY: dict[str, tuple[str, ...]] = {
    "cron": ("cron",),
    "day_match": ("cron",),
    "gap": ("cron",),
    "fold": ("cron",),
    "every_seconds": ("interval",),
    "anchor": ("interval",),
    "at": ("once",),
    "spread_seconds": ("cron", "interval"),
    "start_at": ("cron", "interval", "once"),
    "end_at": ("cron", "interval", "once"),
}
# Values that say nothing, so that a form may send every key whatever the kind.
SILENT: dict[str, tuple[object, ...]] = {
    "gap": ("shift",),
    "fold": ("first",),
    "every_seconds": (0,),
    "spread_seconds": (0,),
}
# Computed from the job's id; accepted so that what was read can be sent back, and ignored.
COMPUTED = "spread_offset_seconds"

MAX_CRON_LENGTH = 100
MAX_EVERY_SECONDS = 10 * 366 * 86400
MAX_SPREAD_SECONDS = 86400

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(?P<offset>[Zz]|[+-]\d\d(:?\d\d)?)?", re.ASCII)


class InvalidSchedule(ValueError):
    """A schedule that is refused; `fields` has the messages for each key, under "" those about the whole."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        self.fields = fields
        super().__init__(" ".join(f"{name}: {text}" if name else text for name in fields for text in fields[name]))


def read_schedule(
    data: Mapping[str, object], *, min_interval_seconds: int, default_anchor: datetime | None
) -> dict[str, Any]:
    """The checked values of a spec, without those left at their default. Raises InvalidSchedule."""
    reader = _Reader(data)
    reader.refuse_unknown_keys()
    kind = reader.kind()
    values: dict[str, Any] = {"kind": kind, "timezone": reader.zone()}
    if kind == "cron":
        values |= (
            reader.cron() | reader.choice("gap", ("shift", "skip")) | reader.choice("fold", ("first", "second", "both"))
        )
    if kind == "interval":
        values |= reader.interval(min_interval_seconds)
    if kind == "once":
        values |= reader.once()
    if kind in ("cron", "interval"):
        values |= reader.whole_number("spread_seconds", 0, MAX_SPREAD_SECONDS)
    values |= reader.bounds()
    reader.refuse_outside_bounds(values)
    if kind == "interval" and "anchor" not in values:
        values |= _anchor_from(values.get("start_at"), default_anchor)
    if reader.problems:
        raise InvalidSchedule(reader.problems)
    return values


def _anchor_from(start_at: datetime | None, default_anchor: datetime | None) -> dict[str, Any]:
    if start_at is not None:
        return {"anchor": start_at}
    # A clock's microseconds would stand in every tick from then on.
    return {"anchor": default_anchor.astimezone(UTC).replace(microsecond=0)} if default_anchor else {}


class _Reader:
    def __init__(self, data: object) -> None:
        self.problems: dict[str, list[str]] = {}
        if not isinstance(data, Mapping):
            raise InvalidSchedule({"": [f"A schedule is an object with keys, not {_type_name(data)}."]})
        self.data = data

    def refuse(self, key: str, message: str) -> None:
        self.problems.setdefault(key, []).append(message)

    def refuse_unknown_keys(self) -> None:
        known = {"kind", "timezone", COMPUTED, *KINDS_OF_KEY}
        for key in self.data:
            if not isinstance(key, str):
                self.refuse("", "Keys are text.")
            elif key not in known:
                self.refuse(
                    printable(key), f"This key is not known. Known keys: {', '.join(sorted(known - {COMPUTED}))}."
                )

    def kind(self) -> str:
        """Raises InvalidSchedule: without a kind nothing else can be judged."""
        kind = self.data.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            found = "It is missing." if kind is None else f"{shown(kind)} is not a kind."
            self.refuse("kind", f"{found} Use cron, interval, once or manual.")
            raise InvalidSchedule(self.problems)
        for key, kinds in KINDS_OF_KEY.items():
            if kind not in kinds and self.is_given(key) and not self._is_silent(key):
                self.refuse(key, f"This belongs to {' and '.join(kinds)} schedules; leave it out for {kind}.")
        return kind

    def is_given(self, key: str) -> bool:
        return self.data.get(key) not in (None, "")

    def zone(self) -> str:
        if not self.is_given("timezone"):
            return "UTC"
        name = self.data["timezone"]
        if not isinstance(name, str):
            self.refuse(
                "timezone", f"This must be the name of a time zone such as Europe/Berlin, not {_type_name(name)}."
            )
        elif name not in zone_names():
            suggestion = suggest_zone(name)
            hint = f"Did you mean {suggestion}?" if suggestion else "Use an IANA name such as Europe/Berlin or UTC."
            self.refuse("timezone", f"{shown(name)} is not a known time zone. {hint}")
        else:
            return name
        return "UTC"

    def cron(self) -> dict[str, Any]:
        match = self.choice("day_match", ("all", "any"))
        text = self.data.get("cron")
        if not isinstance(text, str) or not text.strip():
            found = (
                "It is missing" if text is None or isinstance(text, str) else f"It must be text, not {_type_name(text)}"
            )
            self.refuse("cron", f"{found}: write a cron expression such as 0 2 * * *.")
        elif len(text) > MAX_CRON_LENGTH:
            self.refuse("cron", f"It has {len(text)} characters; {MAX_CRON_LENGTH} are the most.")
        else:
            return self._checked_cron(text, match.get("day_match"))
        return {}

    def _checked_cron(self, text: str, match: Any) -> dict[str, Any]:
        try:
            normal = normalise_cron(text)
            sets = expand(normal)
        except BadCron as error:
            self.refuse("cron", str(error))
            return {}
        if not sets.needs_day_match:
            match = None
        elif match is None:
            if "day_match" not in self.problems:
                self.refuse("day_match", AMBIGUOUS_DAYS)
            return {}
        if calendar_of(normal, match).never_comes:
            self.refuse("cron", "No calendar has such a date, so this would never run.")
        return {"cron": normal, "day_match": match}

    def interval(self, shortest: int) -> dict[str, Any]:
        if not self.is_given("every_seconds"):
            self.refuse("every_seconds", "It is missing: write the seconds between two runs, such as 900.")
            return {}
        longest = max(shortest, MAX_EVERY_SECONDS)
        return self.whole_number("every_seconds", max(1, shortest), longest) | self.instant("anchor")

    def once(self) -> dict[str, Any]:
        if not self.is_given("at"):
            self.refuse("at", "It is missing: write when to run, such as 2026-11-01T09:00:00+01:00.")
        return self.instant("at")

    def bounds(self) -> dict[str, Any]:
        values = self.instant("start_at") | self.instant("end_at")
        if len(values) == 2 and values["end_at"] <= values["start_at"]:
            self.refuse("end_at", "It must be later than start_at; the end itself is no longer included.")
        return values

    def refuse_outside_bounds(self, values: Mapping[str, Any]) -> None:
        at = values.get("at")
        if at is not None and (at < values.get("start_at", at) or ("end_at" in values and at >= values["end_at"])):
            self.refuse("at", "It lies outside start_at and end_at, so this would never run.")

    def choice(self, key: str, options: tuple[str, ...]) -> dict[str, Any]:
        if not self.is_given(key):
            return {}
        value = self.data[key]
        if not isinstance(value, str) or value not in options:
            self.refuse(key, f"{shown(value)} is not possible here. Use {' or '.join(options)}.")
            return {}
        return {key: value}

    def whole_number(self, key: str, low: int, high: int) -> dict[str, Any]:
        if not self.is_given(key):
            return {}
        value = self.data[key]
        if isinstance(value, bool) or not isinstance(value, int):
            self.refuse(key, f"This must be a whole number of seconds, not {_type_name(value)}.")
        elif not low <= value <= high:
            self.refuse(key, f"This must lie between {low} and {high} seconds.")
        else:
            return {key: value}
        return {}

    def instant(self, key: str) -> dict[str, Any]:
        if not self.is_given(key):
            return {}
        value = self.data[key]
        if isinstance(value, str):
            value = self._parsed_instant(key, value)
        elif not isinstance(value, datetime):
            self.refuse(key, f"This must be a date and time with its offset from UTC, not {_type_name(value)}.")
            return {}
        if value is None:
            return {}
        if value.utcoffset() is None:
            self.refuse(key, "This has no offset from UTC. Add it, as in 2026-11-01T09:00:00+01:00.")
        elif not FIRST_YEAR < value.year < LAST_YEAR:
            self.refuse(key, f"The year must lie between {FIRST_YEAR + 1} and {LAST_YEAR - 1}.")
        else:
            return {key: value.astimezone(UTC)}
        return {}

    def _parsed_instant(self, key: str, text: str) -> datetime | None:
        found = _INSTANT.fullmatch(text.strip()) if len(text) <= 64 else None
        try:
            if found:
                return datetime.fromisoformat(found[0].upper())
        except ValueError:
            pass
        self.refuse(key, f"{shown(text)} is not a date and time. Write it as in 2026-11-01T09:00:00+01:00.")
        return None

    def _is_silent(self, key: str) -> bool:
        value = self.data.get(key)
        return not isinstance(value, bool) and value in SILENT.get(key, ())


def shown(value: object) -> str:
    """A value as a message may repeat it."""
    return f'"{printable(value)}"' if isinstance(value, str) else type(value).__name__


def printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:40]) + ("…" if len(text) > 40 else "")


def _type_name(value: object) -> str:
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number with a fraction",
        str: "text",
        type(None): "nothing",
    }
    names |= {list: "a list", dict: "an object", datetime: "a date"}
    return names.get(type(value), type(value).__name__)
