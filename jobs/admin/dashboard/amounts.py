"""Numbers for people: short enough for a tile, and what has changed since the day before."""

from __future__ import annotations


def short(count: int) -> str:
    """`1,234`, `123 k`, `1.2 M`."""
    if count < 100_000:
        return f"{count:,}"
    return f"{count / 1_000:.0f} k" if count < 999_500 else f"{count / 1_000_000:.1f} M"


def counted(count: int, one: str, many: str = "") -> str:
    """`1 run`, `3 runs`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def change(now: int, before: float) -> str:
    """Against the day before, in a few words."""
    difference = now - round(before)
    if not difference:
        return "as the day before"
    sign = "+" if difference > 0 else "\N{MINUS SIGN}"
    return f"{sign}{short(abs(difference))} on the day before"
