"""Runs that ended, by the hour or day, as bars that lead to their runs: failed ones below, apart from the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log10

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from scheduler_project.lib.markup import joined

WIDTH, HEIGHT, HEAD, FOOT, LEFT = 720, 150, 8, 20, 34
GAP, LEAST, APART = 4, 3, 2


@dataclass(frozen=True)
class Bar:
    """`axis` stands below the bar, or nothing does; `when` names it, `words` say all of it."""

    axis: str
    when: str
    words: str
    url: str
    succeeded: int
    failed: int
    cancelled: int

    @property
    def total(self) -> int:
        return self.succeeded + self.failed + self.cancelled


def draw(bars: Sequence[Bar], *, label: str) -> str | SafeString:
    """Nothing when no run ended."""
    highest = max((bar.total for bar in bars), default=0)
    if not highest:
        return ""
    top = _rounded_up(highest)
    step = (WIDTH - LEFT) / len(bars)
    drawn = joined(_bar(bar, LEFT + place * step, step, top) for place, bar in enumerate(bars))
    labels = format_html_join(
        "",
        '<text class="axis" x="{}" y="{}">{}</text>',
        (
            (f"{LEFT + (place + 0.5) * step:.1f}", HEAD + HEIGHT + 15, bar.axis)
            for place, bar in enumerate(bars)
            if bar.axis
        ),
    )
    lines = format_html_join(
        "",
        '<line class="axis-line" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>'
        '<text class="axis axis-number" x="{3}" y="{4}">{5}</text>',
        (
            (LEFT, WIDTH, f"{HEAD + HEIGHT * (1 - part):.1f}", LEFT - 6, f"{HEAD + HEIGHT * (1 - part) + 3:.1f}", count)
            for part, count in ((1, _written(top)), (0.5, _written(top / 2)), (0, "0"))
        ),
    )
    return format_html(
        '<svg class="run-chart" viewBox="0 0 {} {}" role="group" aria-label="{}">{}{}{}</svg>',
        WIDTH,
        HEAD + HEIGHT + FOOT,
        label,
        lines,
        drawn,
        labels,
    )


def _bar(bar: Bar, left: float, step: float, top: float) -> str:
    if not bar.total:
        return ""
    shapes, bottom = [], float(HEAD + HEIGHT)
    for count, tone in ((bar.failed, "bad"), (bar.succeeded, "good"), (bar.cancelled, "quiet")):
        if count:
            size = max(count / top * HEIGHT, LEAST)
            bottom -= size
            shapes.append((f"{left + GAP / 2:.1f}", f"{bottom:.1f}", f"{step - GAP:.1f}", f"{size:.1f}", tone))
            bottom -= APART if tone == "bad" else 0
    rectangles = format_html_join("", '<rect x="{}" y="{}" width="{}" height="{}" rx="2" class="bar-{}"/>', shapes)
    return format_html(
        '<a href="{}" aria-label="{}"><title>{}</title><rect class="hit" x="{}" y="{}" width="{}" height="{}"/>{}</a>',
        bar.url,
        bar.words,
        bar.words,
        f"{left:.1f}",
        HEAD,
        f"{step:.1f}",
        HEIGHT,
        rectangles,
    )


def _rounded_up(count: int) -> float:
    """The next of 2, 4, 10, 20, 40, 100, …: halves of them are whole."""
    size: int = 10 ** int(log10(count))
    return next(float(part * size) for part in (1, 2, 4, 6, 8, 10, 20) if part * size >= count and part * size >= 2)


def _written(count: float) -> str:
    return f"{count / 1000:g}k" if count >= 1000 else f"{ceil(count)}"
