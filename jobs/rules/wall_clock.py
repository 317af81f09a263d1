"""Wall-clock times to instants: what becomes of a cron schedule when the clocks of its zone change.

An hour field with all 24 hours follows real time: every real minute whose wall clock matches. Any other hour field is
fixed, and the policies for gaps and folds decide. All times here are whole seconds since 1970, windows half open.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from jobs.rules.cron import CronCalendar
from jobs.rules.zones import EPOCH, OffsetChange, changes_in_year, offset_at, year_start

Gap = Literal["shift", "skip"]
Fold = Literal["first", "second", "both"]

DAY = 86400
FIRST_YEAR, LAST_YEAR = 1900, 2199
FIRST_INSTANT, END_INSTANT = year_start(FIRST_YEAR), year_start(LAST_YEAR + 1)

# How far an instant can lie from its wall time read as UTC: the offset, and the day that a gap may leave out
# (Apia, 30 December 2011).
REACH = 2 * DAY


@dataclass(frozen=True, slots=True)
class _Span:
    """A stretch of time with one offset, and the wall times that its neighbours show."""

    start: int
    end: int
    offset: int
    shown_before: int  # no earlier span shows this wall time or a later one
    shown_again: int  # later spans show no wall time before this one


@dataclass(frozen=True)
class WallClock:
    """One calendar of wall-clock times in one zone, with its policies."""

    calendar: CronCalendar
    zone: str
    gap: Gap
    fold: Fold

    def instants(self, start: int, end: int) -> Iterator[int]:
        """The instants that are due in [start, end), ascending; none before 1900 or after 2199."""
        start, end = max(start, FIRST_INSTANT), min(end, END_INSTANT)
        while start < end:
            day = next(self.calendar.days((start - REACH) // DAY), None)
            if day is None:
                return
            start = max(start, (day - 1) * DAY)
            if start >= end:
                return
            stop = min(end, year_start(year_of(start) + 1))
            yield from self._instants_within_a_year(start, stop)
            start = stop

    def wall_times(self, start: int, end: int) -> Iterator[int]:
        """The wall times of the calendar in [start, end), whether or not a clock shows them."""
        if start >= end:
            return
        seconds = self.calendar.seconds_of_day
        for day in self.calendar.days(start // DAY, (end - 1) // DAY):
            midnight = day * DAY
            whole = start <= midnight and midnight + DAY <= end
            part = (
                seconds
                if whole
                else seconds[bisect_left(seconds, start - midnight) : bisect_left(seconds, end - midnight)]
            )
            for second in part:
                yield midnight + second

    def minute_after_gap(self, change_at: int, offset: int) -> int:
        """The first instant from `change_at` on at which a clock with this offset shows a full minute."""
        return change_at + -(change_at + offset) % 60

    def _instants_within_a_year(self, start: int, end: int) -> Iterator[int]:
        fixed = not self.calendar.follows_real_time
        for span in _spans(self.zone, start, end):
            first, last = max(start, span.start) + span.offset, min(end, span.end) + span.offset
            if fixed and self.fold == "first":
                first = max(first, span.shown_before)
            if fixed and self.fold == "second":
                last = min(last, span.shown_again)
            if fixed and self.gap == "shift" and self._misses_a_time(span):
                shifted = self.minute_after_gap(span.start, span.offset)
                if start <= shifted < end:
                    yield shifted
                first = max(first, shifted + span.offset + 1)
            for wall in self.wall_times(first, last):
                yield wall - span.offset

    def _misses_a_time(self, span: _Span) -> bool:
        return any(True for _ in self.wall_times(span.shown_before, span.start + span.offset))


def changes_between(zone: str, start: int, end: int) -> list[OffsetChange]:
    """The changes of offset with start <= at < end."""
    start, end = max(start, FIRST_INSTANT), min(end, END_INSTANT)
    if start >= end:
        return []
    years = range(year_of(start), year_of(end - 1) + 1)
    return [change for year in years for change in changes_in_year(zone, year) if start <= change.at < end]


def year_of(instant: int) -> int:
    return (EPOCH + timedelta(seconds=instant)).year


def _spans(zone: str, start: int, end: int) -> list[_Span]:
    """The spans that touch [start, end); neighbours count as far as they can matter."""
    changes = changes_between(zone, start - REACH, end + REACH)
    starts = [start - REACH, *(change.at for change in changes)]
    ends = [*(change.at for change in changes), end + REACH]
    first = changes[0].before if changes else offset_at(zone, start)
    offsets = [first, *(change.after for change in changes)]
    begins = [at + offset for at, offset in zip(starts, offsets, strict=True)]
    finishes = [at + offset for at, offset in zip(ends, offsets, strict=True)]
    return [
        _Span(
            start=starts[i],
            end=ends[i],
            offset=offsets[i],
            shown_before=max(finishes[:i], default=begins[i]),
            shown_again=min(begins[i + 1 :], default=finishes[i]),
        )
        for i in range(len(offsets))
        if starts[i] < end and ends[i] > start
    ]
