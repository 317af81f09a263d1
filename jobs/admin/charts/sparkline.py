"""The last runs of each job as a row of bars, with missed ticks and changes of its schedule."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs.admin.chips import STATES
from scheduler_project.lib import sql
from scheduler_project.lib.markup import duration

COUNT = 20

# The range instead of an equality keeps PostgreSQL from walking the whole table backwards for a job that ran seldom.
# Of the ledger only as many of the newest ticks are read as there is room for, however many a job has.
FIND = """
SELECT j.id AS job_id, 'run' AS kind, e.id, e.status, e.finished_at,
       coalesce(e.scheduled_for, e.created_at) AS at,
       extract(epoch FROM coalesce(e.finished_at, clock_timestamp()) - e.started_at)::float AS seconds
FROM unnest(%(jobs)s::bigint[]) AS j(id)
CROSS JOIN LATERAL (
    SELECT * FROM job_executions
    WHERE job_id BETWEEN j.id AND j.id AND NOT dry_run ORDER BY job_id, id DESC LIMIT %(count)s
) e
UNION ALL
SELECT j.id, 'missed', NULL, t.outcome, NULL, t.due_at, NULL
FROM unnest(%(jobs)s::bigint[]) AS j(id)
CROSS JOIN LATERAL (
    SELECT outcome, due_at FROM ticks WHERE job_id = j.id ORDER BY due_at DESC LIMIT %(count)s
) t WHERE t.outcome = 'missed'
UNION ALL
SELECT j.id, 'change', NULL, '', NULL, r.valid_from, NULL
FROM unnest(%(jobs)s::bigint[]) AS j(id)
CROSS JOIN LATERAL (
    SELECT valid_from, definition->'schedule' AS now, lag(definition->'schedule') OVER (ORDER BY number) AS before
    FROM (SELECT number, valid_from, definition FROM job_revisions WHERE job_id = j.id
          ORDER BY number DESC LIMIT %(count)s) newest
) r WHERE r.before IS NOT NULL AND r.now <> r.before
ORDER BY at
"""

BAR, STEP, HEIGHT = 4, 6, 22
WIDTH = COUNT * STEP - (STEP - BAR)
FEWEST_KNOWN = 3  # runs, before anything is called usual
SLOW_FACTOR, SLOW_SECONDS = 2, 5.0


@dataclass(frozen=True)
class Run:
    id: int
    status: str
    seconds: float | None
    finished_at: datetime | None


@dataclass(frozen=True)
class Entry:
    """A run, or a tick that was missed when there is none; `is_after_change` when another schedule holds from it on."""

    run: Run | None
    is_after_change: bool


@dataclass(frozen=True)
class History:
    """The newest entries of a job, oldest first."""

    entries: tuple[Entry, ...] = ()

    @property
    def runs(self) -> list[Run]:
        return [entry.run for entry in self.entries if entry.run is not None]

    @property
    def newest(self) -> Run | None:
        """The last one that began."""
        return next((run for run in reversed(self.runs) if run.status != "queued"), None)

    @property
    def usual_seconds(self) -> float | None:
        """What it mostly takes when it succeeds; unknown after few runs."""
        known = [run.seconds for run in self.runs if run.status == "succeeded" and run.seconds is not None]
        return median(known) if len(known) >= FEWEST_KNOWN else None

    @property
    def is_slow(self) -> bool:
        """Whether the newest run takes, or took, far longer than usual."""
        usual, newest = self.usual_seconds, self.newest
        if usual is None or newest is None or newest.seconds is None:
            return False
        return newest.seconds > max(SLOW_FACTOR * usual, usual + SLOW_SECONDS)


def find(job_ids: Sequence[int]) -> dict[int, History]:
    found: dict[int, list[sql.Row]] = defaultdict(list)
    if job_ids:
        for row in sql.rows(FIND, {"jobs": list(job_ids), "count": COUNT}):
            found[row["job_id"]].append(row)
    return {job_id: _history(found[job_id]) for job_id in job_ids}


def _history(rows: Sequence[sql.Row]) -> History:
    entries: list[Entry] = []
    has_changed = False
    for row in rows:
        if row["kind"] == "change":
            has_changed = bool(entries)  # what nothing ran before is no mark
            continue
        run = Run(row["id"], row["status"], row["seconds"], row["finished_at"]) if row["kind"] == "run" else None
        entries.append(Entry(run, has_changed))
        has_changed = False
    return History(tuple(entries[-COUNT:]))


def draw(history: History) -> str | SafeString:
    """Height is how long a run took among these. Each status has a shape of its own, so that colour is not needed."""
    if not history.entries:
        return ""
    longest = max((run.seconds or 0 for run in history.runs), default=0) or 1
    paths: dict[str, list[str]] = defaultdict(list)
    left = WIDTH - len(history.entries) * STEP + (STEP - BAR)
    for entry in history.entries:
        tone, shape = _shape(entry.run, left, longest)
        paths[tone].append(shape)
        if entry.is_after_change:
            paths["change"].append(f"M{left - 1} 0v{HEIGHT}")
        left += STEP
    drawn = format_html_join("", '<path class="spark-{}" d="{}"/>', ((tone, "".join(d)) for tone, d in paths.items()))
    return format_html(
        '<svg class="spark" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}">{3}</svg>',
        WIDTH,
        HEIGHT,
        summary(history),
        drawn,
    )


def _shape(run: Run | None, left: int, longest: float) -> tuple[str, str]:
    if run is None:
        return "missed", f"M{left + 0.5} {HEIGHT - 0.5}v-13h3v13z"
    height = round(5 + (HEIGHT - 5) * ((run.seconds or 0) / longest) ** 0.5)
    tone = STATES[run.status][1]
    if tone == "bad":  # a dot below a bar
        top = max(height, 13) - 6
        return tone, f"M{left} {HEIGHT}v-4h4v4zM{left} {HEIGHT - 6}v-{top}h4v{top}z"
    if tone == "info":  # a thin bar
        return tone, f"M{left + 1} {HEIGHT}v-{height}h2v{height}z"
    if tone == "quiet":  # a dot
        return tone, f"M{left} {HEIGHT}v-4h4v4z"
    return tone, f"M{left} {HEIGHT}v-{height}h4v{height}z"


def summary(history: History) -> str:
    counts = Counter(STATES[entry.run.status][0].lower() if entry.run else "missed" for entry in history.entries)
    words = ", ".join(f"{count} {word}" for word, count in counts.most_common())
    count = len(history.entries)
    told = [f"Last {count}: {words}" if count > 1 else f"Last run: {words}"]
    longest = max((run.seconds for run in history.runs if run.seconds is not None), default=None)
    if longest is not None:
        told.append(f"longest {duration(longest)}")
    changes = sum(entry.is_after_change for entry in history.entries)
    if changes:
        told.append("schedule changed" if changes == 1 else f"schedule changed {changes} times")
    return "; ".join(told)
