"""One run of a pipeline, execution by execution, with a choice of the last ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString

from jobs import dependencies
from jobs.admin.charts import waterfall as chart
from jobs.admin.charts.waterfall import Axis
from jobs.admin.chips import STATES
from jobs.admin.executions.page import waited_and_ran
from jobs.dependencies import Member, Pipeline, Start
from scheduler_project.lib.input import number_of

OFFERED = 20


@dataclass(frozen=True)
class Row:
    member: Member
    bar: SafeString
    waited: float | None
    ran: float | None


def facts(request: HttpRequest, pipeline: Pipeline, *, now: datetime) -> dict[str, Any]:
    starts = dependencies.newest_starts([job.pk for job in pipeline.jobs], most=OFFERED)
    chosen = number_of(request.GET.get("run", "")) or (starts[0].id if starts else None)
    run = dependencies.read_run(chosen, tenant_id=pipeline.jobs[0].tenant_id) if chosen else None
    names = {job.pk: job.name for job in pipeline.jobs}
    if run is not None and not any(one.execution.job_id in names for one in run.members):
        run = None  # another pipeline's
    axis = Axis.over(run.since, run.until or now) if run else None
    return {
        "starts": [(start, names[start.job_id], _seconds(start)) for start in starts],
        "chosen": chosen,
        "run": run,
        "run_seconds": axis.seconds if axis else None,
        "run_rows": [_row(one, axis, now) for one in _in_order(run.members)] if run and axis else [],
        "axis": chart.draw_axis(axis) if axis else "",
        "critical_count": sum(one.is_critical for one in run.members) if run else 0,
    }


def _in_order(members: Sequence[Member]) -> list[Member]:
    """As they began."""
    return sorted(members, key=lambda one: (one.execution.created_at, one.execution.pk))


def _row(member: Member, axis: Axis, now: datetime) -> Row:
    waited, ran = waited_and_ran(member.execution, now=now)
    tone = STATES[member.execution.status][1]
    return Row(member, chart.draw_bar(member.execution, axis, tone=tone, now=now), waited, ran)


def _seconds(start: Start) -> float | None:
    return (start.finished_at - start.created_at).total_seconds() if start.finished_at else None
