"""One day, run by run: what happened, then what comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from jobs import agenda
from jobs.admin.schedule.asked import Asked
from jobs.forecast import upcoming
from jobs.models import Job
from jobs.planner import Verdict

SHOWN = 200


@dataclass(frozen=True)
class Entry:
    due_at: datetime
    job_id: int
    job_name: str
    queue: str
    state: str = ""  # of what happened
    reason: str = ""
    execution_id: int | None = None
    verdict: Verdict | None = None  # of what comes

    @property
    def is_to_come(self) -> bool:
        return not self.state


def context_of(jobs: QuerySet[Job], asked: Asked, *, tenant_ids: Sequence[int], now: datetime) -> dict[str, Any]:
    since, until = asked.midnight(asked.day), asked.midnight(asked.day + timedelta(days=1))
    job_ids = list(jobs.order_by().values_list("pk", flat=True)) if asked.filters else None
    ticks = agenda.instants(tenant_ids, since=since, until=min(until, now), most=SHOWN + 1, job_ids=job_ids)
    named = {pk: (name, queue) for pk, name, queue in
             Job.objects.filter(pk__in={tick.job_id for tick in ticks}).values_list("pk", "name", "queue")}  # fmt: skip
    entries = [
        Entry(
            tick.due_at, tick.job_id, *named.get(tick.job_id, ("", "")),
            state=tick.state, reason=tick.reason, execution_id=tick.execution_id,
        )
        for tick in ticks
    ]  # fmt: skip
    first_to_come = None
    if until > now and len(entries) <= SHOWN:
        found = upcoming(jobs, since=max(since, now), until=until, most_ticks=SHOWN + 1 - len(entries))
        entries += [
            Entry(tick.due_at, tick.job.pk, tick.job.name, tick.job.queue, verdict=tick.verdict) for tick in found.ticks
        ]
        first_to_come = next((number for number, entry in enumerate(entries) if entry.is_to_come), None)
    return {
        "day": asked.day,
        "entries": entries[:SHOWN],
        "is_cut": len(entries) > SHOWN,
        "first_to_come": first_to_come,
        "previous": asked.address(day=asked.day - timedelta(days=1)),
        "next": asked.address(day=asked.day + timedelta(days=1)),
        "is_today": asked.day == now.astimezone(asked.zone).date(),
    }
