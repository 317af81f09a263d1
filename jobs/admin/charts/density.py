"""How many runs begin in each half hour, as a strip of bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

STEP, GAP, HEIGHT, FOOT = 8, 2, 44, 16


@dataclass(frozen=True)
class Slot:
    axis: str
    words: str
    runs: int


def draw(slots: Sequence[Slot], *, label: str) -> str | SafeString:
    """Nothing when nothing runs."""
    highest = max((slot.runs for slot in slots), default=0)
    if not highest:
        return ""
    sizes = [max(slot.runs / highest * HEIGHT, 2) if slot.runs else 0 for slot in slots]
    bars = format_html_join(
        "",
        '<rect class="bar-load" x="{}" y="{}" width="{}" height="{}" rx="1"><title>{}</title></rect>',
        [
            (place * STEP, f"{HEIGHT - size:.1f}", STEP - GAP, f"{size:.1f}", slot.words)
            for place, (slot, size) in enumerate(zip(slots, sizes, strict=True))
            if size
        ],
    )
    labels = format_html_join(
        "",
        '<text class="axis axis-left" x="{}" y="{}">{}</text>',
        [(place * STEP, HEIGHT + FOOT - 3, slot.axis) for place, slot in enumerate(slots) if slot.axis],
    )
    return format_html(
        '<svg class="density" viewBox="0 0 {0} {1}" role="img" aria-label="{2}">'
        '<line class="axis-line" x1="0" x2="{0}" y1="{3}" y2="{3}"/>{4}{5}</svg>',
        len(slots) * STEP,
        HEIGHT + FOOT,
        label,
        HEIGHT,
        bars,
        labels,
    )
