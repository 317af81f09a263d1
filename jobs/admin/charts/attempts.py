"""The tries of a run on one axis of time: for each the wait before it and how long it ran, drawn on the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.admin.chips import STATES
from jobs.models import Attempt, Execution
from jobs.rules.states import AttemptOutcome
from scheduler_project.lib.markup import duration

WIDTH, HEIGHT = 1000, 18
LEAST = 6
"""Of the width: what is shorter is drawn as long as this, to be seen at all."""


@dataclass(frozen=True)
class Try:
    """One try, how long it was waited for and ran, and its bar."""

    attempt: Attempt
    waited_seconds: float
    ran_seconds: float
    bar: SafeString
    waited_for: str


def tries(execution: Execution, attempts: Sequence[Attempt], *, now: datetime) -> list[Try]:
    begin = execution.created_at
    end = execution.finished_at or now
    whole = max((end - begin).total_seconds(), 0.001)
    found = []
    before = begin
    kind = "in the queue"
    for attempt in attempts:
        until = attempt.finished_at or now
        waited = max((attempt.started_at - before).total_seconds(), 0)
        ran = max((until - attempt.started_at).total_seconds(), 0)
        start, stop = (_place((at - begin).total_seconds(), whole) for at in (attempt.started_at, until))
        bar = _bar(attempt, _place((before - begin).total_seconds(), whole), start, stop, waited, ran)
        found.append(Try(attempt, waited, ran, bar, kind))
        before = until
        kind = "to be handed on" if attempt.outcome == AttemptOutcome.HANDED_BACK else "for the next try"
    return found


def _place(seconds: float, whole: float) -> float:
    return round(min(max(seconds / whole, 0), 1) * WIDTH, 1)


def _bar(attempt: Attempt, waits: float, start: float, stop: float, waited: float, ran: float) -> SafeString:
    """The wait is a thin line; a try that failed has a notch, so that colour is not needed."""
    word, tone, _ = STATES[attempt.outcome or "running"]
    width = max(stop - start, LEAST)
    start = min(start, WIDTH - width)
    notch = format_html(
        '<rect x="{}" y="{}" width="{}" height="4" class="attempt-notch"/>', start, HEIGHT // 2 - 2, round(width, 1)
    )
    return format_html(
        '<svg class="attempt-bar" viewBox="0 0 {0} {1}" preserveAspectRatio="none" role="img" aria-label="{2}">'
        '<rect x="0" y="{3}" width="{0}" height="1" class="attempt-axis"/>'
        '<rect x="{4}" y="{5}" width="{6}" height="4" class="attempt-wait"/>'
        '<rect x="{7}" y="1" width="{8}" height="{9}" rx="2" class="bar-{10}"/>{11}</svg>',
        WIDTH,
        HEIGHT,
        f"Waited {duration(waited)}, then ran {duration(ran)}: {word.lower()}",
        HEIGHT // 2,
        waits,
        HEIGHT // 2 - 2,
        round(max(start - waits, 0), 1),
        start,
        round(width, 1),
        HEIGHT - 2,
        tone,
        notch if tone == "bad" else "",
    )
