"""How many times a schedule is due in each of many stretches of time, without walking an interval's every instant."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta

from jobs.rules.due import occurrences
from jobs.rules.schedule_spec import ScheduleSpec

JUST_BEFORE = timedelta(microseconds=1)
Found = dict[int, tuple[int, datetime]]
"""By the number of the stretch: how many, and the first of them."""


def due_in_stretches(spec: ScheduleSpec, edges: Sequence[datetime], *, most: int) -> tuple[Found, int]:
    """Of the stretches between neighbouring edges, start included, those with something due; and how many steps that
    took. Nothing is known of what lies beyond `most` steps. Raises InvalidSchedule."""
    if spec.kind == "interval" and spec.every_seconds > 0 and spec.anchor is not None:
        return _of_interval(spec, edges)
    found: Found = {}
    steps = 0
    just_before = edges[0] - JUST_BEFORE
    for due in occurrences(spec, just_before, edges[-1] - JUST_BEFORE):
        steps += 1
        if steps > most:
            break
        place = bisect_right(edges, due) - 1
        count, first = found.get(place, (0, due))
        found[place] = count + 1, first
    return found, steps


def _of_interval(spec: ScheduleSpec, edges: Sequence[datetime]) -> tuple[Found, int]:
    """The first of each stretch is asked of the engine's own rule: where it counts from, and how far."""
    found: Found = {}
    every = timedelta(seconds=spec.every_seconds)
    end = min(edges[-1], spec.end_at) if spec.end_at is not None else edges[-1]
    due = next(occurrences(spec, edges[0] - JUST_BEFORE, end - JUST_BEFORE), None)
    steps = 0
    while due is not None and due < end:
        steps += 1
        place = bisect_right(edges, due) - 1
        until = min(edges[place + 1], end)
        count = -(-(until - due) // every)
        found[place] = count, due
        due += count * every
    return found, steps
