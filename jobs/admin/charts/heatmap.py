"""Days as cells, a column for each week: the worst that happened decides the colour and the shape, its share the step.

For the eye and the pointer only; the page has the same as a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

CELL, GAP, LEFT, HEAD = 14, 4, 34, 20
STEPS = (0.02, 0.15)
WEEKDAYS = ((0, "Mon"), (2, "Wed"), (4, "Fri"))


@dataclass(frozen=True)
class Cell:
    day: date
    words: str
    url: str
    total: int
    failed: int


def tone(cell: Cell) -> str:
    """`none`, `good`, or `bad-1` to `bad-3` by the share that failed."""
    if not cell.failed:
        return "good" if cell.total else "none"
    share = cell.failed / cell.total
    return f"bad-{1 + sum(share > step for step in STEPS)}"


def draw(cells: Sequence[Cell]) -> SafeString:
    first = cells[0].day
    places = [((cell.day - first).days + first.weekday(), cell) for cell in cells]
    weeks = places[-1][0] // 7 + 1
    shapes = format_html_join("", "{}", ((_cell(cell, place),) for place, cell in places))
    months = [(place // 7, cell.day) for place, cell in places if cell.day.day <= 7 and cell.day.weekday() == 0]
    labels = format_html_join(
        "", '<text class="axis axis-left" x="{}" y="{}">{}</text>',
        [*((LEFT + week * (CELL + GAP), 11, f"{day:%b}") for week, day in months if week < weeks - 1),
         *((0, HEAD + day * (CELL + GAP) + 11, name) for day, name in WEEKDAYS)],
    )  # fmt: skip
    return format_html(
        '<svg class="heatmap" viewBox="0 0 {0} {1}" width="{0}" height="{1}" aria-hidden="true">{2}{3}</svg>',
        LEFT + weeks * (CELL + GAP),
        HEAD + 7 * (CELL + GAP),
        labels,
        shapes,
    )


def _cell(cell: Cell, place: int) -> SafeString:
    shape = format_html(
        '<rect x="{}" y="{}" width="{}" height="{}" rx="{}" class="heat heat-{}"><title>{}</title></rect>',
        LEFT + place // 7 * (CELL + GAP),
        HEAD + place % 7 * (CELL + GAP),
        CELL,
        CELL,
        7 if cell.failed else 3,
        tone(cell),
        cell.words,
    )
    return format_html('<a href="{}" tabindex="-1">{}</a>', cell.url, shape) if cell.total else shape
