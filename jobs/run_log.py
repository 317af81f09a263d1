"""Reads the log of a run: the lines around a place, by level, and where a text occurs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet

from jobs.models import LogLine
from scheduler_project.lib import sql

LEVELS: Final = ("debug", "info", "warning", "error")
MOST_MATCHES: Final = 10_000


@dataclass(frozen=True)
class Window:
    """Lines in a row, and whether there are more on either side."""

    lines: list[LogLine]
    has_earlier: bool
    has_later: bool


@dataclass(frozen=True)
class Matches:
    """How many lines have the text (`is_cut`: and more), and the one that was asked for: its number and its place."""

    count: int
    is_cut: bool = False
    sequence: int | None = None
    position: int | None = None


def lines(execution_id: int, *, level: str = "", search: str = "") -> QuerySet[LogLine]:
    """In their order: those of `level` and graver ones, those with the text in any case."""
    found = LogLine.objects.filter(execution_id=execution_id).order_by("sequence")
    if level in LEVELS[1:]:
        found = found.filter(level__in=LEVELS[LEVELS.index(level) :])
    return found.filter(message__icontains=search) if search else found


def tail(found: QuerySet[LogLine], count: int) -> Window:
    return before(found, None, count)


def after(found: QuerySet[LogLine], sequence: int, count: int) -> Window:
    rows = list(found.filter(sequence__gt=sequence)[: count + 1])
    return Window(rows[:count], sequence > 0, len(rows) > count)


def before(found: QuerySet[LogLine], sequence: int | None, count: int) -> Window:
    """The last ones before `sequence`, or of all."""
    earlier = found if sequence is None else found.filter(sequence__lt=sequence)
    rows = list(earlier.order_by("-sequence")[: count + 1])
    return Window(rows[:count][::-1], len(rows) > count, sequence is not None)


def around(found: QuerySet[LogLine], sequence: int, count: int) -> Window:
    """Half of them before `sequence`, the others from it on."""
    first = before(found, sequence, count // 2)
    second = after(found, sequence - 1, count // 2)
    return Window([*first.lines, *second.lines], first.has_earlier, second.has_later)


def last_sequence(execution_id: int) -> int:
    newest = LogLine.objects.filter(execution_id=execution_id).order_by("-sequence").values_list("sequence", flat=True)
    return newest.first() or 0


def look_for(
    execution_id: int, text: str, *, level: str = "", after: int | None = None, before: int | None = None
) -> Matches:
    """The match next to a place, in that direction; from the end on it goes on at the beginning, and the other way."""
    found = lines(execution_id, level=level, search=text).values_list("sequence", flat=True)
    sequences = list(found[: MOST_MATCHES + 1])
    is_cut, sequences = len(sequences) > MOST_MATCHES, sequences[:MOST_MATCHES]
    if not sequences:
        return Matches(0)
    if before is not None:
        position = next((place for place in reversed(range(len(sequences))) if sequences[place] < before), None)
        position = len(sequences) - 1 if position is None else position
    else:
        position = next((place for place, one in enumerate(sequences) if one > (after or 0)), 0)
    return Matches(len(sequences), is_cut, sequences[position], position + 1)


RAW = """
SELECT string_agg(to_char(logged_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || ' '
                  || rpad(upper(level), 7) || ' ' || message, E'\\n' ORDER BY sequence) AS text, max(sequence) AS last
FROM (SELECT * FROM execution_log_lines WHERE execution_id = %(id)s AND sequence > %(after)s
      ORDER BY sequence LIMIT %(count)s) l
"""
RAW_LINES: Final = 2000


def raw(execution_id: int) -> Iterator[str]:
    """All of it as text, a bundle of lines at a time."""
    place = 0
    while (found := sql.row(RAW, {"id": execution_id, "after": place, "count": RAW_LINES})) and found["last"]:
        place = found["last"]
        yield f"{found['text']}\n"
