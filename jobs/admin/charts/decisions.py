"""What became of the last due ticks of a job, a bar each; a run that did not happen is hollow."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs.admin.chips import STATES
from jobs.models import Tick

PITCH, WIDTH, HEIGHT = 8, 6, 30
LEAST_PLACES = 60
# outcome -> how high its bar is and whether it is hollow
SHAPES = {
    "fired": (HEIGHT, False),
    "late": (20, False),
    "coalesced": (10, False),
    "shadow": (10, True),
    "skipped": (20, True),
    "missed": (HEIGHT, True),
}


def draw(ticks: Sequence[Tick], *, words: str) -> str | SafeString:
    """Ticks oldest first."""
    if not ticks:
        return ""
    width = max(len(ticks), LEAST_PLACES) * PITCH
    shapes = []
    for place, tick in enumerate(ticks):
        height, is_hollow = SHAPES.get(tick.outcome, (10, True))
        tone = STATES.get(tick.outcome, ("", "quiet", ""))[1]
        inset = 1 if is_hollow else 0
        css = f"hollow-{tone}" if is_hollow else f"bar-{tone}"
        shapes.append((css, place * PITCH + inset, HEIGHT - height + inset, WIDTH - 2 * inset, height - 2 * inset))
    bars = format_html_join("", '<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="1"/>', shapes)
    return format_html(
        '<svg class="decisions-chart" viewBox="0 0 {0} {1}" role="img" aria-label="{2}">{3}</svg>',
        width,
        HEIGHT,
        words,
        bars,
    )
