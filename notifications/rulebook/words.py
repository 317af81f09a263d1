"""Says in a line what a rule tells of and who hears it, for people who read lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from notifications.rules.kinds import ABOUT, OF_THE_SYSTEM, Kind
from notifications.rules.rule import QuietHours, RuleFacts

FAILURES = frozenset({Kind.FAILED, Kind.DEAD_LETTER})
SHOWN = 4


def sorted_kinds(kinds: Iterable[Kind]) -> list[Kind]:
    wanted = set(kinds)
    return [kind for kind in Kind if kind in wanted]


def what(rule: RuleFacts) -> str:
    """`A run failed (3 in a row), a run succeeded after failures; further failures are not told`."""
    parts = [_kind(kind, rule) for kind in sorted_kinds(rule.kinds)]
    text = ", ".join(parts)
    text = text[:1].upper() + text[1:]
    return f"{text}; further failures are not told" if rule.only_changes and Kind.FAILED in rule.kinds else text


def who(rule: RuleFacts, *, people: Mapping[int, str], channels: Mapping[int, str]) -> str:
    """`The owner, ana, olaf, by Ops mail`."""
    found = [
        words
        for words, holds in (
            ("the owner", rule.to_owner),
            ("everyone in the tenant", rule.to_everyone),
            ("superusers", rule.to_superusers),
        )
        if holds
    ]
    found += _few([people.get(user, f"user {user}") for user in rule.user_ids], "people")
    found += _few([f"by {channels.get(channel, f'channel {channel}')}" for channel in rule.channel_ids], "channels")
    text = ", ".join(found) or "nobody"
    return text[:1].upper() + text[1:]


def about(rule: RuleFacts, jobs: Mapping[int, str]) -> str:
    """Which jobs; for the kinds of the system there are none."""
    if rule.job_id is not None:
        return jobs.get(rule.job_id, f"Job {rule.job_id}")
    if rule.tag:
        return f"Jobs with the tag {rule.tag}"
    return "The whole system" if rule.kinds and rule.kinds <= OF_THE_SYSTEM else "All jobs"


def quiet(hours: QuietHours | None) -> str:
    if hours is None:
        return ""
    return f"{hours.starts:%H:%M} to {hours.ends:%H:%M} {hours.zone}"


def _kind(kind: Kind, rule: RuleFacts) -> str:
    label = ABOUT[kind].label
    text = label[:1].lower() + label[1:]
    return f"{text} ({rule.in_row} in a row)" if kind is Kind.FAILED and rule.in_row > 1 else text


def _few(names: list[str], of: str) -> list[str]:
    if len(names) <= SHOWN:
        return names
    return [*names[: SHOWN - 1], f"{len(names) - SHOWN + 1} more {of}"]
