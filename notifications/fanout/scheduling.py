"""What the scheduling went through, as happenings: ticks that were missed or late, slow runs, trouble of the system."""

from __future__ import annotations

from collections.abc import Sequence

from notifications.fanout.runs import job_of
from notifications.rules.happening import Happening
from notifications.rules.kinds import Kind
from scheduler_project.lib import sql

KINDS = {
    "tick_missed": Kind.MISSED,
    "tick_late": Kind.LATE,
    "run_slow": Kind.SLOW,
    "circuit_changed": Kind.CIRCUIT,
    "turn_failed": Kind.SCHEDULER,
    "sweep_failed": Kind.SCHEDULER,
    "leader_expired": Kind.SCHEDULER,
    "worker_lost": Kind.WORKER,
    "worker_silent": Kind.WORKER,
}
OF_JOBS = frozenset({Kind.MISSED, Kind.LATE, Kind.SLOW})

JOBS = """
SELECT j.id, j.name, j.slug, j.owner_id, j.tags
FROM dynamic_jobs j JOIN tenants n ON n.id = j.tenant_id AND n.is_active WHERE j.id = ANY(%(ids)s::bigint[])
"""


def happenings(events: Sequence[sql.Row]) -> list[Happening]:
    told = [event for event in events if event["type"] in KINDS and not _is_good_news(event)]
    jobs = _jobs({event["job_id"] for event in told if event["job_id"]})
    found = []
    for event in told:
        kind, job = KINDS[event["type"]], jobs.get(event["job_id"])
        if kind in OF_JOBS and job is None:
            continue  # of a tenant that is not active any more
        found.append(
            Happening(
                kinds=(kind,),
                tenant_id=event["tenant_id"],
                at=event["at"],
                job=job_of(event["job_id"], job) if job else None,
                name=job["name"] if kind in OF_JOBS and job else event["source"],
                execution_id=event["execution_id"],
                reason=event["message"],
                count=event["count"],
            )
        )
    return found


def _is_good_news(event: sql.Row) -> bool:
    return bool(event["type"] == "circuit_changed" and sql.loads(event["data"]).get("after") != "open")


def _jobs(ids: set[int]) -> dict[int, sql.Row]:
    return {row["id"]: row for row in sql.rows(JOBS, {"ids": sorted(ids)}, prepare=False)} if ids else {}
