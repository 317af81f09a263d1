"""The bars of a run of a pipeline on one time axis: what each execution waited, and how long it ran."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs.models import Execution
from jobs.rules.states import ExecutionStatus
from scheduler_project.lib.markup import duration

WIDTH, LEAST = 100, 0.4  # percent: text beside the bars is never stretched
MOST_STEPS = 6
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400)


@dataclass(frozen=True)
class Axis:
    since: datetime
    seconds: float

    @classmethod
    def over(cls, since: datetime, until: datetime) -> Axis:
        return cls(since, max((until - since).total_seconds(), 0.1))

    def place(self, at: datetime) -> float:
        return max(0.0, min((at - self.since).total_seconds() / self.seconds, 1.0)) * WIDTH

    @property
    def step(self) -> float:
        return next((step for step in STEPS if self.seconds / step <= MOST_STEPS), self.seconds / MOST_STEPS)

    @property
    def marks(self) -> list[tuple[float, str]]:
        """Where lines are drawn, and what is written there."""
        count = int(self.seconds / self.step) + 1
        return [
            (index * self.step / self.seconds * WIDTH, duration(index * self.step) if index else "0")
            for index in range(count)
        ]


def draw_axis(axis: Axis) -> SafeString:
    texts = format_html_join(
        "",
        '<text x="{}" y="13" text-anchor="{}">{}</text>',
        (
            (f"{place:.2f}%", "start" if place < 4 else "end" if place > WIDTH - 4 else "middle", words)
            for place, words in axis.marks
        ),
    )
    return format_html('<svg class="waterfall-axis" aria-hidden="true">{}</svg>', texts)


def draw_bar(row: Execution, axis: Axis, *, tone: str, now: datetime) -> SafeString:
    """What it waited is thin, what it ran is thick; one that goes on is open to the right."""
    begin = axis.place(row.created_at)
    started = axis.place(row.started_at) if row.started_at else axis.place(row.finished_at or now)
    lines = format_html_join(
        "", '<line class="grid" x1="{0}" x2="{0}" y1="0" y2="100%"/>', ((f"{place:.2f}%",) for place, _ in axis.marks)
    )
    waited = _rect("bar-waited", begin, max(started - begin, 0), top=8, height=4)
    ran: str | SafeString = ""
    if row.started_at is not None and row.status != ExecutionStatus.QUEUED:
        end = axis.place(row.finished_at or now)
        css = f"bar-{tone}" if row.finished_at else "bar-info bar-open"
        start = min(started, WIDTH - LEAST)
        ran = _rect(css, start, max(end - start, LEAST), top=3, height=14)
    return format_html('<svg class="waterfall-bar" aria-hidden="true">{}{}{}</svg>', lines, waited, ran)


def _rect(css: str, left: float, width: float, *, top: int, height: int) -> SafeString:
    return format_html(
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="2"/>',
        *(css, f"{left:.2f}%", top, f"{width:.2f}%", height),
    )
