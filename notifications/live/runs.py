"""Reads what became of runs, from a client's place on: nothing is left out, and nothing comes twice."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from jobs.rules.states import FINISHED
from notifications.live import bounds
from notifications.live.messages import Message
from notifications.live.news import Beat, News
from scheduler_project.api.errors import Invalid
from scheduler_project.lib import ansi, sql
from scheduler_project.lib.instants import instant

FORM = re.compile(r"(?P<event>[0-9]{1,9})\.(?P<line>[0-9]{1,9})", re.ASCII)
EVENTS = 50

READ = """
SELECT w.id, x.status, x.attempt, x.max_attempts, events.found AS events, lines.found AS lines,
       lease.heartbeat, lease.progress, lease.expires_at - make_interval(secs => %(lease)s) AS beat_at
FROM unnest(%(ids)s::bigint[], %(events)s::integer[], %(lines)s::integer[]) AS w(id, event, line)
JOIN job_executions x ON x.id = w.id
LEFT JOIN execution_leases lease ON lease.execution_id = w.id
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_array(v.sequence, v.kind, v.at, v.data -> 'attempt') ORDER BY v.sequence) AS found
    FROM (SELECT * FROM execution_events WHERE execution_id = w.id AND sequence > w.event
          ORDER BY sequence LIMIT %(most_events)s) v
) events ON true
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_array(l.sequence, l.attempt, l.logged_at, l.level, l.message) ORDER BY l.sequence)
        AS found
    FROM (
        SELECT s.*, sum(octet_length(s.message)) OVER (ORDER BY s.sequence) - octet_length(s.message) AS before
        FROM (SELECT sequence, attempt, logged_at, level, message FROM execution_log_lines
              WHERE execution_id = w.id AND sequence > w.line ORDER BY sequence LIMIT %(most_lines)s + 1) s
    ) l WHERE l.before < %(most_bytes)s
) lines ON true
"""


@dataclass(frozen=True)
class Place:
    """How far a client is: the last event and the last line of the log that it has."""

    event: int = 0
    line: int = 0

    def __str__(self) -> str:
        return f"{self.event}.{self.line}"


def read_place(text: object) -> Place:
    """Raises `Invalid`."""
    found = FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise Invalid({"since": [f"{str(text)[:40]!r} is no place in a run. Send back the last `seq`, such as 3.418."]})
    return Place(int(found["event"]), int(found["line"]))


def read(places: Collection[tuple[int, Place]]) -> dict[int, News]:
    """By id of the run, one statement for all. A run that is gone has no news."""
    values = {
        "ids": [run for run, _ in places],
        "events": [place.event for _, place in places],
        "lines": [place.line for _, place in places],
        "most_events": EVENTS,
        "most_lines": bounds.LINES,
        "most_bytes": bounds.LINES_BYTES,
        "lease": settings.DAYBOOK_RUN_LEASE.total_seconds(),
    }
    known = dict(places)
    return {row["id"]: _news(row, known[row["id"]]) for row in sql.rows(READ, values, prepare=False)}


def _news(row: sql.Row, place: Place) -> News:
    messages: list[Message] = []
    events: list[Any] = sql.loads(row["events"]) or []
    found: list[Any] = sql.loads(row["lines"]) or []
    lines = found[: bounds.LINES]
    topic = f"exec:{row['id']}"
    current = {"status": row["status"], "attempt": row["attempt"], "max_attempts": row["max_attempts"]}
    for sequence, kind, at, attempt in events:
        place = Place(sequence, place.line)
        data = {"event": kind, "event_sequence": sequence, "event_attempt": attempt, **current}
        messages.append({"topic": topic, "type": "status", "seq": str(place), "data": data, "at": _at(at)})
    if lines:
        place = Place(place.event, lines[-1][0])
        data = {"lines": [_line(*line) for line in lines]}
        messages.append({"topic": topic, "type": "log.lines", "seq": str(place), "data": data, "at": _at(lines[-1][2])})
    # The limit by bytes may have left lines out too, so a full reading is followed by another until one is empty.
    has_more = bool(lines) or len(events) == EVENTS
    is_over = row["status"] in FINISHED and not has_more and not events
    return News(messages, place, has_more, is_over, _beat(row))


def _beat(row: sql.Row) -> Beat | None:
    if row["heartbeat"] is None:
        return None
    progress = sql.loads(row["progress"])
    return Beat((row["attempt"], row["heartbeat"]), row["beat_at"], progress)


def _line(sequence: int, attempt: int, logged_at: str, level: str, message: str) -> dict[str, Any]:
    line = {"sequence": sequence, "attempt": attempt, "logged_at": _at(logged_at), "level": level, "message": message}
    return {**line, "pieces": ansi.pieces(message)} if ansi.ESCAPE in message else line


def _at(text: str) -> str:
    return instant(datetime.fromisoformat(text))
