"""The last runs of each job of a page, in one query, and drawn as bars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs.admin.chips import STATES
from scheduler_project.lib import sql

COUNT = 16

# The range instead of an equality keeps PostgreSQL from walking the whole table backwards for a job that ran seldom.
FIND = """
SELECT j.id AS job_id, e.id, e.status, e.finished_at,
       extract(epoch FROM coalesce(e.finished_at, clock_timestamp()) - e.started_at) AS seconds
FROM unnest(%(jobs)s::bigint[]) AS j(id)
CROSS JOIN LATERAL (
    SELECT id, status, started_at, finished_at FROM job_executions
    WHERE job_id BETWEEN j.id AND j.id AND NOT dry_run ORDER BY job_id, id DESC LIMIT %(count)s
) e
ORDER BY e.id
"""

WIDTH, GAP, HEIGHT = 4, 2, 20


@dataclass(frozen=True)
class Run:
    id: int
    status: str
    seconds: float
    finished_at: datetime | None


def find(job_ids: Sequence[int]) -> dict[int, list[Run]]:
    """The newest runs of each job, oldest first."""
    found: dict[int, list[Run]] = {job_id: [] for job_id in job_ids}
    if job_ids:
        for row in sql.rows(FIND, {"jobs": list(job_ids), "count": COUNT}):
            found[row["job_id"]].append(Run(row["id"], row["status"], float(row["seconds"] or 0), row["finished_at"]))
    return found


def bars(runs: Sequence[Run]) -> str | SafeString:
    """Height is how long the run took among these; one that did not succeed has a gap, so that colour is not needed."""
    if not runs:
        return ""
    longest = max(run.seconds for run in runs) or 1
    shapes = []
    for place, run in enumerate(runs):
        left = place * (WIDTH + GAP)
        height = round(5 + (HEIGHT - 5) * (run.seconds / longest) ** 0.5)
        tone = STATES[run.status][1]
        parts = [(0, height)] if tone != "bad" else [(0, 4), (6, max(height, 12) - 6)]
        shapes += [(left, HEIGHT - bottom - size, size, tone) for bottom, size in parts]
    rectangles = format_html_join(
        "",
        '<rect x="{}" y="{}" width="4" height="{}" rx="1" class="bar-{}"/>',
        shapes,
    )
    return format_html(
        '<svg class="bars" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}">{3}</svg>',
        len(runs) * (WIDTH + GAP) - GAP,
        HEIGHT,
        summary(runs),
        rectangles,
    )


def summary(runs: Sequence[Run]) -> str:
    counts = Counter(STATES[run.status][0].lower() for run in runs)
    words = ", ".join(f"{count} {word}" for word, count in counts.most_common())
    return f"Last {len(runs)} runs: {words}" if len(runs) > 1 else f"Last run: {words}"
