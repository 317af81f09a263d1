"""What a message is made of: the facts that a delivery and the meta of a notification carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notifications.rules import wording
from notifications.rules.grouping import Folding, Gathered
from notifications.rules.kinds import OF_THE_SYSTEM, Kind

# Written out: to ask the routes for them, the process of the scheduler would load every page of the console.
CONSOLE, RUNS, JOBS = "/admin/", "/admin/jobs/execution/", "/admin/jobs/job/"
PATHS_OF_THE_SYSTEM = {Kind.CIRCUIT: "/admin/jobs/circuitevent/", Kind.WORKER: "/admin/jobs/worker/"}


def facts_of(message: Gathered, tenants: Mapping[int, str]) -> dict[str, Any]:
    """Of a message that counts: what the gravest of them was, with a title of its own in which {count} stands."""
    telling, last = message.telling, message.last
    is_own = message.folding is Folding.OWN
    found: dict[str, Any] = {
        "kind": telling.kind.value,
        "job": {"id": last.job.job_id, "name": last.job.name, "slug": last.job.slug} if last.job and is_own else None,
        "execution": {"id": last.execution_id} if last.execution_id and is_own else None,
        "tenant": tenants.get(telling.target.tenant_id or 0, ""),
        "at": message.at.isoformat(),
        "error": last.error[: wording.LONGEST_ERROR] if is_own else "",
        "failures_in_row": last.failures_in_row if is_own else 0,
        "reason": last.reason if is_own else wording.body(message),
        "count": message.count,
        "rule": telling.rule.name,
        "path": path_of(message),
    }
    if is_own and last.job is None and telling.kind not in OF_THE_SYSTEM:
        found["name"] = last.name  # of the template: the run has no job, or has none any more
    if not is_own:
        found |= {"digest": message.folding.value, "jobs": message.jobs, "title": wording.titles(message)[1]}
    return found


def path_of(message: Gathered) -> str:
    """The page that shows it: the run, else the job; of a message that counts, the runs."""
    kind, last = message.telling.kind, message.last
    if kind in OF_THE_SYSTEM:
        return PATHS_OF_THE_SYSTEM.get(kind, CONSOLE)
    if message.folding is not Folding.OWN:
        return RUNS
    if last.execution_id is not None:
        return f"{RUNS}{last.execution_id}/change/"
    return f"{JOBS}{last.job.job_id}/change/" if last.job else CONSOLE
