"""Why a job did not run, or did: every due tick with its outcome and the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from jobs import narrowing
from jobs.admin.charts import decisions as chart
from jobs.admin.chips import STATES
from jobs.admin.jobs.tabs.paging import older_and_newer, with_query
from jobs.models import Job, Tick
from jobs.rules.states import TickOutcome

SHOWN, DRAWN, MOST_COUNTED = 30, 120, 10_000
SPANS = {
    "day": ("24 hours", timedelta(days=1)),
    "week": ("7 days", timedelta(days=7)),
    "month": ("30 days", timedelta(days=30)),
    "": ("All", None),
}


def facts(request: HttpRequest, job: Job, now: datetime) -> dict[str, Any]:
    outcome, span, before = request.GET.get("outcome", ""), request.GET.get("span", ""), _instant(request)
    outcome = outcome if outcome in list(TickOutcome) else ""
    span = span if span in SPANS else ""
    reach = SPANS[span][1]
    in_span = narrowing.find_ticks(Tick.objects.filter(job=job), since=now - reach if reach else None)
    found = narrowing.find_ticks(in_span, outcome=outcome, until=before)
    ticks = list(found[: SHOWN + 1])
    has_more, ticks = len(ticks) > SHOWN, ticks[:SHOWN]
    counts = _counts(in_span)
    newest = list(in_span[:DRAWN])[::-1] if ticks or counts else []
    return {
        "ticks": [(tick, (tick.decided_at - tick.due_at).total_seconds()) for tick in ticks],
        "outcome": outcome,
        "span": span,
        "spans": [(name, words, with_query(request, span=name, before="")) for name, (words, _) in SPANS.items()],
        "outcomes": _choices(request, counts, outcome),
        "total": sum(counts.values()),
        "is_counted_in_full": sum(counts.values()) < MOST_COUNTED,
        "strip": chart.draw(newest, words=_in_words(newest)),
        "strip_ticks": newest,
        "is_filtered": bool(outcome or span),
        "pages": older_and_newer(request, ticks[-1].due_at.isoformat() if has_more else "", is_first=before is None),
        "follows": before is None,
    }


def _counts(ticks: QuerySet[Tick]) -> Counter[str]:
    """Of the newest ones, so that a job that is due each second costs no walk of its whole past."""
    return Counter(ticks.values_list("outcome", flat=True)[:MOST_COUNTED])


def _choices(request: HttpRequest, counts: Counter[str], chosen: str) -> list[tuple[str, str, int, str]]:
    """(outcome, word, how many, link), those that occur."""
    return [
        (one.value, STATES[one.value][0], counts[one.value], with_query(request, outcome=one.value, before=""))
        for one in TickOutcome
        if counts[one.value] or one.value == chosen
    ]


def _in_words(ticks: Sequence[Tick]) -> str:
    counts = Counter(STATES[tick.outcome][0].lower() for tick in ticks)
    parts = ", ".join(f"{count} {word}" for word, count in counts.most_common())
    return f"The last {len(ticks)} due ticks, the newest on the right: {parts}"


def _instant(request: HttpRequest) -> datetime | None:
    try:
        at = datetime.fromisoformat(request.GET.get("before", ""))
    except ValueError:
        return None
    return at if at.tzinfo else None
