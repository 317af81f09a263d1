"""A run as a report in Markdown, to be pasted where people talk about it. Secrets are masked as on its page."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse

from jobs import run_log
from jobs.admin.editor.parameters import masked
from jobs.admin.executions import lineage
from jobs.admin.executions import page as execution_page
from jobs.admin.jobs.columns import execution_url, job_url
from jobs.models import Attempt, Execution
from scheduler_project.lib import ansi, markup, sql, viewer_zone

LINES = 50
LONGEST_ERROR = 4000


def respond(request: HttpRequest, row: Execution) -> HttpResponse:
    return HttpResponse(write(request, row), content_type="text/markdown; charset=utf-8")


def write(request: HttpRequest, row: Execution) -> str:
    job = execution_page.find_job(row)
    now = sql.now()
    attempts = list(Attempt.objects.filter(execution_id=row.pk).order_by("number"))
    waited, ran = execution_page.waited_and_ran(row, now=now)
    name = job.name if job else row.template.title or row.template.name
    status = row.status.replace("_", " ")
    trigger = " ".join(part for part in execution_page.trigger_in_words(row) if part)
    facts = {
        "Execution": f"[{row.pk}]({request.build_absolute_uri(execution_url(row.pk))})",
        "Job": f"[{_inline(name)}]({request.build_absolute_uri(job_url(job.pk))})" if job else "",
        "Status": f"{status}, attempt {row.attempt} of {row.max_attempts + row.handed_back_count}",
        "Template": f"{row.template.name} v{row.template.version}",
        "Revision": row.revision or "",
        "Started by": _inline(trigger),
        "Queue": _inline(row.queue),
        "Worker": _inline(attempts[-1].worker) if attempts else "",
        "Created": _at(row.created_at),
        "Started": _at(row.started_at),
        "Finished": _at(row.finished_at),
        "Waited / ran": f"{markup.duration(waited)} / {markup.duration(ran)}",
        "Fingerprint": f"`{row.fingerprint}`" if row.fingerprint else "",
    }
    parts = [
        f"# {_inline(name)}: {status}",
        "\n".join(f"- **{label}:** {value}" for label, value in facts.items() if value),
        *_error(row, attempts),
        "## Parameters",
        _fenced(json.dumps(masked(row.template, row.parameters), indent=2, ensure_ascii=False), "json"),
        *_differences(row),
        *_log(row),
    ]
    return "\n\n".join(parts) + "\n"


def _error(row: Execution, attempts: list[Attempt]) -> list[str]:
    if not row.error:
        return []
    traceback = next((attempt.traceback for attempt in reversed(attempts) if attempt.traceback), "")
    words = f"{row.error_class}: {row.error}" if row.error_class else row.error
    return ["## Error", _fenced(words[:LONGEST_ERROR]), *([_fenced(traceback[-LONGEST_ERROR:])] if traceback else [])]


def _differences(row: Execution) -> list[str]:
    found = []
    for one in lineage.beside(row).comparisons:
        if one.changes:
            changes = "\n".join(
                f"- {_inline(name)}: {_inline(then) or 'absent'} → {_inline(now) or 'absent'}"
                for name, then, now in one.changes
            )
            found.append(f"Other than in {one.words} (execution {one.execution_id}):\n\n{changes}")
    return found


def _log(row: Execution) -> list[str]:
    window = run_log.tail(run_log.lines(row.pk), LINES)
    if not window.lines:
        return ["## Log", "It logged nothing."]
    title = f"## Log, last {len(window.lines)} lines" if window.has_earlier else "## Log"
    lines = (f"{line.logged_at:%H:%M:%S} {line.level:7} {line.message}" for line in window.lines)
    return [title, _fenced("\n".join(lines))]


def _fenced(text: str, language: str = "") -> str:
    """In a fence longer than any that the text has, and without what terminals obey."""
    text = ansi.plain(text)
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def _inline(text: Any) -> str:
    """On one line, and nothing in it means anything to Markdown."""
    plain = " ".join(ansi.plain(str(text)).split())[:200]
    return "".join(f"\\{character}" if character in "\\`*_[]<>#|" else character for character in plain)


def _at(at: datetime | None) -> str:
    return f"{viewer_zone.local(at):%Y-%m-%d %H:%M:%S} {viewer_zone.label(at)}" if at else ""
