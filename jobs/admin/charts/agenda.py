"""The past and the future on one axis of time: the density of all jobs, and the marks of one job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs.agenda import STATES, Planned
from scheduler_project.lib import viewer_zone
from scheduler_project.lib.markup import joined

WORDS = {"ran": "ran", "failed": "failed", "missed": "missed", "skipped": "skipped", "running": "running"}
HEIGHT = 72
ROW = 28


@dataclass(frozen=True)
class Axis:
    since: datetime
    until: datetime
    stretch: timedelta  # of the density
    label: timedelta  # from one label to the next

    WIDTH = 1_000

    def x(self, at: datetime) -> float:
        return round(min(max((at - self.since) / (self.until - self.since), 0), 1) * self.WIDTH, 1)

    def edges(self) -> list[datetime]:
        count = int((self.until - self.since) / self.stretch)
        return [self.since + number * self.stretch for number in range(count + 1)]

    def labels(self) -> list[datetime]:
        count = int((self.until - self.since) / self.label)
        return [self.since + number * self.label for number in range(count)]


def density(
    axis: Axis,
    edges: Sequence[datetime],
    happened: Mapping[int, Mapping[str, int]],
    fires: Mapping[int, int],
    held: Mapping[int, int],
    *,
    now: datetime,
    label: str,
) -> SafeString:
    """One stacked bar for each stretch, the past from the ledger and the future as it is expected."""
    highest = max((_total(happened, fires, held, place) for place in range(len(edges) - 1)), default=0) or 1
    bars = []
    for place, start in enumerate(edges[:-1]):
        parts = [(state, happened.get(place, {}).get(state, 0)) for state in reversed(STATES)]
        parts += [("due", fires.get(place, 0)), ("held", held.get(place, 0))]
        parts = [(state, count) for state, count in parts if count]
        if not parts:
            continue
        left, right = axis.x(start), axis.x(edges[place + 1])
        shapes, bottom = [], float(HEIGHT)
        for state, count in parts:
            size = max(count / highest * (HEIGHT - 4), 1.5)
            bottom -= size
            shapes.append((round(left + 1, 1), round(bottom, 1), round(right - left - 2, 1), round(size, 1), state))
        rectangles = format_html_join("", '<rect x="{}" y="{}" width="{}" height="{}" class="part-{}"/>', shapes)
        words = f"{viewer_zone.local(start):%a %H:%M}: {in_words(dict(parts))}"
        bars.append((words, rectangles))
    return format_html(
        '<svg class="density" viewBox="0 0 1000 {}" preserveAspectRatio="none" role="img" aria-label="{}">{}{}{}</svg>',
        HEIGHT, label, _hatch(), format_html_join("", "<g><title>{}</title>{}</g>", bars), _now(axis, now, HEIGHT),
    )  # fmt: skip


def row(
    axis: Axis,
    marks: Mapping[int, Mapping[str, int]],
    planned: Planned,
    *,
    size: float,
    now: datetime,
    changes: Iterable[datetime],
    grid: Iterable[datetime],
    label: str,
) -> SafeString:
    """The marks of one job. A shape for each state, so that colour is not needed."""
    parts = [_line("grid", f"M{axis.x(at)} 0V{ROW}") for at in grid if axis.since < at]
    for starts, ends, name in planned.closed:
        left, right = axis.x(starts), axis.x(ends)
        parts.append(format_html(
            '<rect class="closed" x="{}" y="0" width="{}" height="{}"><title>{}</title></rect>',
            left, max(round(right - left, 1), 1), ROW, name,
        ))  # fmt: skip
    worst: dict[str, list[float]] = {}
    for place, states in marks.items():
        state = next(state for state in STATES if state in states)
        middle = (place + 0.5) * size / (axis.until - axis.since).total_seconds() * 1_000
        worst.setdefault(state, []).append(round(middle, 1))
    parts += [_line(f"mark-{state}", "".join(_shape(state, x) for x in sorted(worst[state]))) for state in worst]
    if planned.is_band:
        width = max(planned.stretch / (axis.until - axis.since) * 1_000, 1)
        for state, places in (("due", planned.due), ("held", planned.held)):
            boxes = [(axis.x(at), round(width + 0.5, 1), state) for at in places]
            parts.append(
                format_html_join("", '<rect x="{}" y="9" width="{}" height="12" class="band part-{}"/>', boxes)
            )
    else:
        for state, places in (("due", planned.due), ("held", planned.held)):
            if places:
                parts.append(_line(f"mark-{state}", "".join(_shape(state, axis.x(at)) for at in places)))
    parts += [_line("mark-change", f"M{axis.x(at)} 0V{ROW}") for at in changes]
    return format_html(
        '<svg class="agenda-row" viewBox="0 0 1000 {}" preserveAspectRatio="none" role="img" aria-label="{}">'
        "{}{}</svg>",
        ROW, label, joined(parts), _now(axis, now, ROW),
    )  # fmt: skip


def in_words(counts: Mapping[str, int]) -> str:
    """`12 ran, 1 missed, 3 to come`"""
    words = {**WORDS, "due": "to come", "held": "will be held back"}
    return ", ".join(f"{counts[state]:,} {word}" for state, word in words.items() if counts.get(state)) or "nothing"


def _shape(state: str, x: float) -> str:
    left = round(x - 2.5, 1)
    shapes = {
        "ran": f"M{x} 7V24",
        "running": f"M{x} 7V24",
        "failed": f"M{x} 2V27",
        "missed": f"M{left} 4h5v20h-5z",
        "skipped": f"M{left} 13h5v11h-5z",
        "due": f"M{x} 10V24",
        "held": f"M{x} 10V24",
    }
    return shapes[state]


def _line(name: str, path: str) -> SafeString:
    return format_html('<path class="{}" d="{}"/>', name, path)


def _now(axis: Axis, now: datetime, height: int) -> SafeString:
    return _line("now", f"M{axis.x(now)} 0V{height}")


def _hatch() -> SafeString:
    """Shared by all pictures of the page."""
    return format_html(
        '<defs><pattern id="hatch" width="{0}" height="{0}" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect class="hatch-ground" width="{0}" height="{0}"/>'
        '<rect class="hatch-line" width="2" height="{0}"/></pattern></defs>',
        5,
    )


def _total(
    happened: Mapping[int, Mapping[str, int]], fires: Mapping[int, int], held: Mapping[int, int], place: int
) -> int:
    return sum(happened.get(place, {}).values()) + fires.get(place, 0) + held.get(place, 0)
