"""Work per hour as bars, drawn on the server: height is work, or the number of runs while no duration is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs.rules.load import HourOfQueue
from scheduler_project.lib import viewer_zone
from scheduler_project.lib.markup import duration

WIDTH, GAP, HEIGHT, FOOT = 26, 4, 120, 18
HOUR = timedelta(hours=1)


def draw(entries: Sequence[HourOfQueue], *, since: datetime, hours: int) -> str | SafeString:
    """One bar for each hour from the one of `since`; nothing when nothing runs."""
    if not entries:
        return ""
    first = since.replace(minute=0, second=0, microsecond=0)
    places = [first + place * HOUR for place in range(hours + 1)]
    seconds = {hour: sum(entry.seconds for entry in entries if entry.hour == hour) for hour in places}
    ticks = {hour: sum(entry.ticks for entry in entries if entry.hour == hour) for hour in places}
    knows = any(seconds.values())
    heights = seconds if knows else {hour: float(count) for hour, count in ticks.items()}
    highest = max(heights.values()) or 1
    shapes = []
    for place, hour in enumerate(places):
        height = round(heights[hour] / highest * (HEIGHT - 4)) if ticks[hour] else 0
        height = max(height, 3) if ticks[hour] else 0
        words = f"{viewer_zone.local(hour):%a %H:%M}: {ticks[hour]} run{'' if ticks[hour] == 1 else 's'}"
        if knows and ticks[hour]:
            words = f"{words}, {duration(seconds[hour])} of work"
        shapes.append((place * (WIDTH + GAP), HEIGHT - height, WIDTH, height, words))
    bars = format_html_join(
        "", '<rect class="bar-load" x="{}" y="{}" width="{}" height="{}" rx="2"><title>{}</title></rect>', shapes
    )
    labels = format_html_join(
        "",
        '<text x="{}" y="{}" class="axis">{}</text>',
        [
            (place * (WIDTH + GAP) + WIDTH // 2, HEIGHT + FOOT - 4, f"{viewer_zone.local(hour):%H}")
            for place, hour in enumerate(places)
            if viewer_zone.local(hour).hour % 3 == 0
        ],
    )
    most = duration(highest) if knows else f"{int(highest)} runs"
    return format_html(
        '<svg class="load-chart" viewBox="0 0 {0} {1}" role="img" aria-label="{2}">'
        '<line class="axis-line" x1="0" x2="{0}" y1="{3}" y2="{3}"/>{4}{5}</svg>',
        len(places) * (WIDTH + GAP) - GAP,
        HEIGHT + FOOT,
        f"{'Work' if knows else 'Runs'} per hour for the next {hours} hours, at most {most} in one hour",
        HEIGHT,
        bars,
        labels,
    )
