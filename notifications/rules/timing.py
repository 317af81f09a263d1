"""When a message goes out by a channel: the first at once, what follows gathered, and none in quiet hours."""

from __future__ import annotations

from datetime import datetime, timedelta

from notifications.rules import quiet
from notifications.rules.grouping import WINDOW, Folding
from notifications.rules.kinds import Severity, rank
from notifications.rules.rule import QuietHours, RuleFacts

# The first message of a storm says more a minute later; ten of its kind have just gone out one by one.
FIRST_OF_STORM = timedelta(minutes=1)


def not_before(
    rule: RuleFacts,
    severity: Severity,
    folding: Folding,
    *,
    now: datetime,
    sent_at: datetime | None,
    person: QuietHours | None = None,
) -> datetime:
    """`sent_at`: the last one of the group; `person`: the quiet hours of whoever it is for."""
    start = _gathered(rule, folding, now, sent_at)
    return start if passes_quiet(rule, severity) else quiet.after_quiet(start, rule.quiet, person)


def passes_quiet(rule: RuleFacts, severity: Severity) -> bool:
    return rank(severity) >= rank(rule.quiet_passes)


def _gathered(rule: RuleFacts, folding: Folding, now: datetime, sent_at: datetime | None) -> datetime:
    if folding is Folding.DAY:
        return quiet.end_of_day(now, rule.zone)
    gathers = timedelta(minutes=rule.group_minutes)
    first = now
    if folding is Folding.STORM:
        gathers, first = max(gathers, WINDOW), now + FIRST_OF_STORM
    return first if sent_at is None else max(first, sent_at + gathers)
