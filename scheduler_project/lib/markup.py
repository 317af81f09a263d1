"""Pieces of HTML that all pages share: chips, moments, durations. A state is always text and shape, not colour."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from scheduler_project.lib import viewer_zone

NOTHING = "\N{EN DASH}"


def icon(name: str) -> SafeString:
    """A symbol of the sprite in `console/icons.html`; says nothing to screen readers."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="#i-{}"></use></svg>', name)


def joined(pieces: Iterable[str]) -> SafeString:
    """One after the other; escapes what nobody has escaped."""
    return format_html_join("", "{}", ((piece,) for piece in pieces))


def chip(text: str, *, tone: str, shape: str, title: str = "") -> SafeString:
    hint = format_html(' title="{}"', title) if title else ""
    return format_html('<span class="chip tone-{}"{}>{}{}</span>', tone, hint, icon(shape), text)


def duration(seconds: float | None) -> str:
    """The two largest units: `0.4 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds is None:
        return NOTHING
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s" if seconds >= 0.05 else f"{max(seconds, 0) * 1000:.0f} ms"
    whole = round(seconds)
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts: list[str] = []
    for name, size in units:
        count, whole = divmod(whole, size)
        if count or parts:
            parts.append(f"{count} {name}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part)


def relative(at: datetime, now: datetime) -> str:
    """`in 3 h`, `2 min ago`: one unit, rounded down, since the absolute time always stands beside it."""
    seconds = (at - now).total_seconds()
    size = abs(seconds)
    for name, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        if size >= length * (2 if name == "d" else 1):
            words = f"{int(size // length)} {name}"
            return f"in {words}" if seconds > 0 else f"{words} ago"
    return "now"


def absolute(at: datetime, *, now: datetime, zone: str = "UTC", seconds: bool = False) -> str:
    """`Sat 21 Nov, 02:00 UTC`; with the year when it is not this one."""
    year = f" {at.year}" if at.year != now.astimezone(at.tzinfo).year else ""
    clock = f"{at:%H:%M:%S}" if seconds else f"{at:%H:%M}"
    return f"{at:%a} {at.day} {at:%b}{year}, {clock} {zone}".rstrip()


def moment(at: datetime | None, *, now: datetime, empty: str = NOTHING) -> str | SafeString:
    """Relative and absolute time in the viewer's zone, in two lines."""
    if at is None:
        return empty
    local = viewer_zone.local(at)
    return format_html(
        '<time class="moment" datetime="{}" title="{}"><span>{}</span> <small>{}</small></time>',
        at.astimezone(UTC).isoformat(timespec="seconds"),
        absolute(local, now=now, zone=viewer_zone.label(at), seconds=True),
        relative(at, now),
        absolute(local, now=now, zone=""),
    )


def instant(at: datetime | None, *, now: datetime, seconds: bool = True) -> str | SafeString:
    """Absolute time in the viewer's zone, in one line."""
    if at is None:
        return NOTHING
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.astimezone(UTC).isoformat(),
        relative(at, now),
        absolute(viewer_zone.local(at), now=now, zone=viewer_zone.label(at), seconds=seconds),
    )


def span(started_at: datetime | None, finished_at: datetime | None, *, now: datetime) -> timedelta | None:
    """From start to end, or to now while there is no end."""
    return None if started_at is None else (finished_at or now) - started_at
