"""Tells where a change of the clocks touches a schedule and what becomes of its ticks there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from jobs.rules.due import wall_clock_of
from jobs.rules.schedule_spec import ScheduleSpec
from jobs.rules.wall_clock import WallClock, changes_between
from jobs.rules.zones import EPOCH, OffsetChange

Effect = Literal["shifted", "skipped", "first", "second", "both", "real_time"]

_OUTCOMES: dict[tuple[str, Effect], str] = {
    ("gap", "shifted"): "one run at the first minute after it stands for them",
    ("gap", "skipped"): "left out",
    ("gap", "real_time"): "the schedule follows real time, so nothing is added",
    ("fold", "first"): "only in the first pass",
    ("fold", "second"): "only in the second pass",
    ("fold", "both"): "in both passes",
    ("fold", "real_time"): "the schedule follows real time, so both passes count",
}
_NAIVE_EPOCH = EPOCH.replace(tzinfo=None)


@dataclass(frozen=True)
class ClockChangeNote:
    """One change of the clocks among whose missing or repeated wall times the schedule has some."""

    at: datetime
    kind: Literal["gap", "fold"]
    timezone: str
    wall_from: datetime  # naive: the wall times from here up to `wall_until` are missing or come twice
    wall_until: datetime
    wall_times: int  # how many of the schedule's wall times lie there
    effect: Effect
    due: tuple[datetime, ...]  # what is due because of them; empty for real time, where every minute is on its own

    @property
    def text(self) -> str:
        change = "leave out" if self.kind == "gap" else "repeat"
        span = f"{_worded(self.wall_from)} to {_worded(self.wall_until)}"
        outcome = _OUTCOMES[self.kind, self.effect]
        return f"The clocks of {self.timezone} {change} {span}. Runs due in that time: {self.wall_times}; {outcome}."


def clock_change_notes(spec: ScheduleSpec, after: datetime, until: datetime) -> list[ClockChangeNote]:
    """The changes with after < at <= until that touch the schedule, in order. Raises InvalidSchedule."""
    if spec.kind != "cron":
        return []
    clock = wall_clock_of(spec)
    start = max(after, spec.start_at) if spec.start_at else after
    end = min(until, spec.end_at) if spec.end_at else until
    changes = changes_between(spec.timezone, _seconds(start) + 1, _seconds(end) + 1)
    notes = (_note(spec, clock, change) for change in changes)
    return [note for note in notes if note.wall_times]


def _note(spec: ScheduleSpec, clock: WallClock, change: OffsetChange) -> ClockChangeNote:
    low, high = sorted((change.at + change.before, change.at + change.after))
    due = _due(clock, change, high - low)
    spread = spec.spread_offset_seconds
    return ClockChangeNote(
        at=_instant(change.at),
        kind="gap" if change.is_gap else "fold",
        timezone=spec.timezone,
        wall_from=_NAIVE_EPOCH + timedelta(seconds=low),
        wall_until=_NAIVE_EPOCH + timedelta(seconds=high),
        wall_times=sum(1 for _ in clock.wall_times(low, high)),
        effect=_effect(clock, change),
        due=tuple(instant for instant in (_instant(second + spread) for second in due) if _is_inside(spec, instant)),
    )


def _effect(clock: WallClock, change: OffsetChange) -> Effect:
    if clock.calendar.follows_real_time:
        return "real_time"
    if change.is_gap:
        return "shifted" if clock.gap == "shift" else "skipped"
    return clock.fold


def _due(clock: WallClock, change: OffsetChange, size: int) -> list[int]:
    if clock.calendar.follows_real_time or (change.is_gap and clock.gap == "skip"):
        return []
    if change.is_gap:
        return [clock.minute_after_gap(change.at, change.after)]
    return list(clock.instants(change.at - size, change.at + size))


def _is_inside(spec: ScheduleSpec, instant: datetime) -> bool:
    return (spec.start_at is None or spec.start_at <= instant) and (spec.end_at is None or instant < spec.end_at)


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _seconds(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(seconds=1)


def _worded(wall: datetime) -> str:
    return wall.strftime("%Y-%m-%d %H:%M" if wall.second == 0 else "%Y-%m-%d %H:%M:%S")
