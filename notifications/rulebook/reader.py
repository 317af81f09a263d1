"""Reads a rule from untrusted input, field by field, and collects every problem with its path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import time
from typing import Any

from accounts.models import Membership
from jobs.definition import Problems
from jobs.models import Job
from jobs.rules.zones import UnknownZone, load_zone
from notifications.models import Channel, Rule
from notifications.rules.kinds import OF_NO_JOB, OF_THE_SYSTEM, Kind, Severity
from scheduler_project.lib import plain_text
from scheduler_project.lib.input import InvalidInput, printable_text

MOST_NAME, MOST_TAG = 100, 50
MOST_USERS, MOST_CHANNELS = 50, 20
MOST_IN_ROW, MOST_MINUTES, MOST_A_DAY = 100, 1440, 1_000
MOST_PROBLEMS = 50
CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?", re.ASCII)
ID_LIMIT = 2**63
SEVERITIES = tuple(severity.value for severity in Severity)
KINDS = tuple(kind.value for kind in Kind)


class InvalidRule(InvalidInput):
    """Input that is no rule; `fields` has the messages by path."""


@dataclass(frozen=True)
class QuietInput:
    """Wall-clock times; from the later to the earlier is over midnight."""

    starts: time
    ends: time

    def to_json(self) -> dict[str, str]:
        return {"from": clock(self.starts), "until": clock(self.ends)}


@dataclass(frozen=True)
class RuleInput:
    """A rule as it is to be stored; people and channels by their ids."""

    name: str = ""
    enabled: bool = True
    job: int | None = None
    tag: str = ""
    kinds: tuple[str, ...] = (Kind.FAILED.value, Kind.RECOVERED.value)
    in_row: int = 1
    only_changes: bool = True
    severity: str = ""
    to_owner: bool = True
    to_everyone: bool = False
    users: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()
    group_minutes: int = 5
    daily_cap: int = 50
    zone: str = "UTC"
    quiet_hours: QuietInput | None = None
    quiet_passes: str = Severity.CRITICAL.value

    @classmethod
    def of(cls, rule: Rule) -> RuleInput:
        quiet = None
        if rule.quiet_from is not None and rule.quiet_until is not None:
            quiet = QuietInput(rule.quiet_from, rule.quiet_until)
        plain = {name: getattr(rule, name) for name in PLAIN}
        return cls(
            **plain,
            enabled=rule.is_enabled,
            job=rule.job_id,
            kinds=tuple(rule.kinds),
            users=tuple(sorted(user.pk for user in rule.users.all())),
            channels=tuple(sorted(channel.pk for channel in rule.channels.all())),
            quiet_hours=quiet,
        )

    def write_to(self, rule: Rule) -> None:
        for name in PLAIN:
            setattr(rule, name, getattr(self, name))
        rule.is_enabled, rule.job_id, rule.kinds = self.enabled, self.job, list(self.kinds)
        quiet = self.quiet_hours
        rule.quiet_from, rule.quiet_until = (quiet.starts, quiet.ends) if quiet else (None, None)

    def to_json(self) -> dict[str, Any]:
        """For the audit trail."""
        lists = {name: list(getattr(self, name)) for name in ("kinds", "users", "channels")}
        quiet = self.quiet_hours.to_json() if self.quiet_hours else None
        return {**vars(self), **lists, "quiet_hours": quiet}


PLAIN = (
    *("name", "tag", "in_row", "only_changes", "severity", "to_owner", "to_everyone", "group_minutes", "daily_cap"),
    *("zone", "quiet_passes"),
)
FIELDS = tuple(RuleInput.__dataclass_fields__)


@dataclass(frozen=True)
class Writer:
    """For whom a rule is read: only superusers may ask for the kinds of the system."""

    tenant_id: int
    is_superuser: bool = False
    is_default: bool = False


def read(
    data: Mapping[str, Any], writer: Writer, *, current: RuleInput | None = None, replaces: bool = False
) -> RuleInput:
    """What `data` describes, on top of `current` when one is changed; with `replaces`, all else is as in a new rule.

    Raises `InvalidRule`.
    """
    base = RuleInput() if current is None or replaces else current
    reader = Reader(data, base, writer)
    found = reader.read()
    reader.judge(found, current)
    if reader.problems:
        raise InvalidRule(reader.problems)
    return found


class Reader:
    def __init__(self, data: Mapping[str, Any], base: RuleInput, writer: Writer) -> None:
        self.data = data
        self.base = base
        self.writer = writer
        self.problems: Problems = {}

    def refuse(self, path: str, message: str) -> None:
        if len(self.problems) < MOST_PROBLEMS or path in self.problems:
            self.problems.setdefault(path, []).append(message)

    def read(self) -> RuleInput:
        for name in self.data:
            if name not in FIELDS:
                self.refuse(str(name)[:100], f"Unknown field. Known are {', '.join(FIELDS)}.")
        given = {"name": self.base.name, **{name: self.data[name] for name in FIELDS if name in self.data}}
        return replace(self.base, **{name: getattr(self, name)(value) for name, value in given.items()})

    def judge(self, found: RuleInput, current: RuleInput | None) -> None:
        """What no field can be judged for alone."""
        if found.job is not None and found.tag:
            self.refuse("tag", "Write a job or a tag, not both.")
        if self.writer.is_default and (found.job is not None or found.tag):
            self.refuse("job" if found.job is not None else "tag", "The default rule is of all jobs; write another.")
        if found.enabled and not (found.to_owner or found.to_everyone or found.users or found.channels):
            self.refuse("users", "Nobody would hear of it: choose the owner, everyone, people or a channel.")
        is_only_switched = current is not None and replace(found, enabled=current.enabled) == current
        if is_only_switched:
            return
        if not self.writer.is_superuser and (asked := OF_THE_SYSTEM.intersection(found.kinds)):
            self.refuse("kinds", f"Only superusers write rules of {', '.join(sorted(asked))}.")
        else:
            self._judge_what_has_no_job(found)

    def _judge_what_has_no_job(self, found: RuleInput) -> None:
        """A rule that could never tell what it asks for."""
        asked = [kind for kind in found.kinds if kind in OF_NO_JOB]
        words = " and ".join(asked)
        if asked and (found.job is not None or found.tag):
            narrowing = "job" if found.job is not None else "tag"
            self.refuse(
                "kinds", f"Of {words} no job is known; leave out the {narrowing}, or write another rule for it."
            )
        hears = found.to_everyone or found.users or found.channels
        if asked and len(asked) == len(found.kinds) and found.to_owner and not hears:
            self.refuse("users", f"Of {words} no job is known, so no owner: choose everyone, people or a channel.")

    def name(self, value: object) -> str:
        text, problem = printable_text(value, most=MOST_NAME, if_empty="Write a name.")
        if problem:
            self.refuse("name", problem)
        return text

    def enabled(self, value: object) -> bool:
        return self._flag("enabled", value)

    def job(self, value: object) -> int | None:
        if value is None:
            return None
        if not isinstance(value, int) or not is_id(value):
            self.refuse("job", "Write the id of a job, or null.")
            return None
        if not Job.objects.filter(pk=value, tenant_id=self.writer.tenant_id).exists():
            self.refuse("job", f"The tenant has no job {value}.")
        return value

    def tag(self, value: object) -> str:
        if not isinstance(value, str):
            self.refuse("tag", "Write a tag, or an empty text.")
            return ""
        text = value.strip()
        if len(text) > MOST_TAG:
            self.refuse("tag", f"Write at most {MOST_TAG} characters.")
        if not plain_text.is_printable(text):
            self.refuse("tag", plain_text.REFUSAL)
        return text

    def kinds(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or not value or any(one not in KINDS for one in value):
            self.refuse("kinds", f"Write a list of {', '.join(KINDS)}.")
            return ()
        return tuple(kind for kind in KINDS if kind in value)

    def in_row(self, value: object) -> int:
        return self._number("in_row", value, 1, MOST_IN_ROW)

    def only_changes(self, value: object) -> bool:
        return self._flag("only_changes", value)

    def severity(self, value: object) -> str:
        if value is None or value == "":
            return ""
        return self._severity("severity", value, ", or null for that of the kind")

    def to_owner(self, value: object) -> bool:
        return self._flag("to_owner", value)

    def to_everyone(self, value: object) -> bool:
        return self._flag("to_everyone", value)

    def users(self, value: object) -> tuple[int, ...]:
        """By name; each must be a member of the tenant who can sign in."""
        names = self._list("users", value, MOST_USERS, "the names of members")
        for place, name in enumerate(names):
            if not isinstance(name, str) or not name or len(name) > 150 or "\x00" in name:
                self.refuse(f"users[{place}]", "Write the name of a member of the tenant.")
        wanted = {name for name in names if isinstance(name, str) and "\x00" not in name}
        members = Membership.objects.filter(tenant_id=self.writer.tenant_id, user__is_active=True)
        found = dict(members.filter(user__username__in=wanted).values_list("user__username", "user_id"))
        for place, name in enumerate(names):
            if f"users[{place}]" not in self.problems and name not in found:
                self.refuse(f"users[{place}]", f"{name} is no member of the tenant who can sign in.")
        return tuple(sorted(found.values()))

    def channels(self, value: object) -> tuple[int, ...]:
        ids = self._list("channels", value, MOST_CHANNELS, "the ids of channels")
        wanted = {one for one in ids if is_id(one)}
        channels = Channel.objects.filter(tenant_id=self.writer.tenant_id, pk__in=wanted)
        found = set(channels.values_list("pk", flat=True))
        for place, one in enumerate(ids):
            if one not in wanted:
                self.refuse(f"channels[{place}]", "Write the id of a channel.")
            elif one not in found:
                self.refuse(f"channels[{place}]", f"The tenant has no channel {one}.")
        return tuple(sorted(found))

    def group_minutes(self, value: object) -> int:
        return self._number("group_minutes", value, 0, MOST_MINUTES)

    def daily_cap(self, value: object) -> int:
        return self._number("daily_cap", value, 1, MOST_A_DAY)

    def zone(self, value: object) -> str:
        zone, problem = read_zone(value)
        if problem:
            self.refuse("zone", problem)
        return zone

    def quiet_hours(self, value: object) -> QuietInput | None:
        found, problems = read_quiet_hours(value)
        for path, message in problems.items():
            self.refuse(path, message)
        return found

    def quiet_passes(self, value: object) -> str:
        return self._severity("quiet_passes", value)

    def _flag(self, path: str, value: object) -> bool:
        if not isinstance(value, bool):
            self.refuse(path, "Write true or false.")
        return bool(value)

    def _number(self, path: str, value: object, low: int, high: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.refuse(path, f"Write a whole number from {low} to {high}.")
            return low
        return value

    def _severity(self, path: str, value: object, rest: str = "") -> str:
        if not isinstance(value, str) or value not in SEVERITIES:
            self.refuse(path, f"Write one of {', '.join(SEVERITIES)}{rest}.")
            return Severity.INFO.value
        return value

    def _list(self, path: str, value: object, most: int, of: str) -> list[Any]:
        if not isinstance(value, list | tuple):
            self.refuse(path, f"Write a list of {of}.")
            return []
        if len(value) > most:
            self.refuse(path, f"Write at most {most}.")
            return []
        return list(value)


def read_quiet_hours(value: object) -> tuple[QuietInput | None, dict[str, str]]:
    """The hours, and what is wrong with them by path. Rules and people have theirs in the same form."""
    if value is None:
        return None, {}
    if not isinstance(value, Mapping):
        return None, {"quiet_hours": 'Write {"from": "22:00", "until": "07:00"}, or null.'}
    problems = {
        f"quiet_hours.{str(name)[:100]}": "Unknown field. Known are from, until."
        for name in list(value)[:MOST_PROBLEMS]
        if name not in ("from", "until")
    }
    times = {name: _time(value.get(name)) for name in ("from", "until")}
    problems |= {
        f"quiet_hours.{name}": "Write a time of day, such as 22:00." for name, at in times.items() if at is None
    }
    if times["from"] is not None and times["from"] == times["until"]:
        problems["quiet_hours.until"] = "Write another time than the one they begin at."
    starts, ends = times["from"], times["until"]
    if problems or starts is None or ends is None:
        return None, problems
    return QuietInput(starts, ends), {}


def read_zone(value: object) -> tuple[str, str]:
    """The zone, and what is wrong with it."""
    if not isinstance(value, str):
        return "UTC", "Write an IANA name, such as Europe/Berlin."
    try:
        return str(load_zone(value).key), ""
    except UnknownZone:
        return "UTC", f"There is no time zone {value[:60]}; write an IANA name, such as Europe/Berlin."


def _time(value: object) -> time | None:
    return time.fromisoformat(value) if isinstance(value, str) and CLOCK.fullmatch(value) else None


def is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < ID_LIMIT


def clock(at: time) -> str:
    return at.isoformat("minutes" if not at.second else "seconds")
