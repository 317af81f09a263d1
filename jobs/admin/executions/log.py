"""The log on the page of an execution: its end at first, any stretch of it on demand, a search through all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse

from jobs import run_log
from jobs.models import Execution, LogLine
from jobs.rules.states import ACTIVE
from jobs.run_log import Window
from scheduler_project.lib import ansi, sql, viewer_zone
from scheduler_project.lib.input import number_of

FIRST = 200  # lines that the page brings
FETCHED = 1000  # at once, on demand
CHUNK = 200  # the browser lays out one at a time
LEVELS = (("", "All levels"), ("info", "Info and up"), ("warning", "Warnings and errors"), ("error", "Errors"))
ENDS_HERE = "The log ends here: "
"""How the line begins that stands where a log was cut off."""
MOST_ASKED = 200


@dataclass(frozen=True)
class Line:
    sequence: int
    level: str
    at: datetime
    clock: str
    offset: str
    text: Any
    attempt: int
    begins_attempt: bool
    is_cut: bool


@dataclass(frozen=True)
class Chunk:
    lines: Sequence[Line]

    @property
    def first(self) -> int:
        return self.lines[0].sequence

    @property
    def last(self) -> int:
        return self.lines[-1].sequence


def context_of(request: HttpRequest, row: Execution) -> dict[str, Any]:
    """What the page shows at first. Without scripts, links and the form lead to other stretches."""
    level, search = _level(request), _search(request)
    found = run_log.lines(row.pk, level=level)
    matches = run_log.look_for(row.pk, search, level=level, after=_number(request, "after")) if search else None
    if matches is not None and matches.sequence is not None:
        window = run_log.around(found, matches.sequence, FETCHED)
    else:
        window = _asked(request, found) or run_log.tail(found, FIRST)
    return {
        **_shown(row, window),
        "last_sequence": run_log.last_sequence(row.pk),
        "last_attempt": window.lines[-1].attempt if window.lines else 0,
        "started": row.started_at or row.created_at,
        "log_level": level,
        "log_levels": LEVELS,
        "log_search": search,
        "matches": matches,
        "zone_name": viewer_zone.name(),
    }


def fragment(request: HttpRequest, row: Execution) -> HttpResponse:
    """A stretch of it: the lines `after`, `before` or `around` one, else its end."""
    found = run_log.lines(row.pk, level=_level(request))
    context = _shown(row, _asked(request, found) or run_log.tail(found, FETCHED))
    return TemplateResponse(request, "jobs/executions/log_window.html", context)


def search(request: HttpRequest, row: Execution) -> HttpResponse:
    """How many lines have the text, and the next one from a place on."""
    text = _search(request)
    places = {name: _number(request, name) for name in ("after", "before")}
    matches = run_log.look_for(row.pk, text, level=_level(request), **places) if text else run_log.Matches(0)
    return JsonResponse(vars(matches))


def raw(request: HttpRequest, row: Execution) -> HttpResponse:
    response = HttpResponse("".join(run_log.raw(row.pk)), content_type="text/plain; charset=utf-8")
    kind = "attachment" if "download" in request.GET else "inline"
    response["Content-Disposition"] = f'{kind}; filename="execution-{row.pk}.log"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _asked(request: HttpRequest, found: Any) -> Window | None:
    if (place := _number(request, "after")) is not None:
        return run_log.after(found, place, FETCHED)
    if (place := _number(request, "before")) is not None:
        return run_log.before(found, place, FETCHED)
    if (place := _number(request, "around")) is not None:
        return run_log.around(found, place, FETCHED)
    return None


def _shown(row: Execution, window: Window) -> dict[str, Any]:
    lines: list[Line] = []
    attempt = 0 if window.has_earlier is False else (window.lines[0].attempt if window.lines else 0)
    for line in window.lines:
        lines.append(_line(line, row, begins=line.attempt != attempt and (line.attempt > 1)))
        attempt = line.attempt
    return {
        "execution": row,
        "window": window,
        "chunks": [Chunk(lines[place : place + CHUNK]) for place in range(0, len(lines), CHUNK)],
        "is_active": row.status in ACTIVE,
    }


def _line(line: LogLine, row: Execution, *, begins: bool) -> Line:
    since = (line.logged_at - (row.started_at or row.created_at)).total_seconds()
    return Line(
        line.sequence,
        line.level,
        line.logged_at,
        f"{viewer_zone.local(line.logged_at):%H:%M:%S}",
        f"{'-' if since < 0 else '+'}{abs(since):.1f} s",
        ansi.html(line.message),
        line.attempt,
        begins,
        line.message.startswith(ENDS_HERE),
    )


def _level(request: HttpRequest) -> str:
    level = request.GET.get("level", "")
    return level if level in run_log.LEVELS else ""


def _search(request: HttpRequest) -> str:
    return sql.text(request.GET.get("search", "").strip()[:MOST_ASKED])


def _number(request: HttpRequest, name: str) -> int | None:
    return number_of(request.GET.get(name, ""))
