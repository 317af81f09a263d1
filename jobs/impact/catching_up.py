"""Resume, enable or change a job and, when that is asked for, run what was missed: as a backfill, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jobs import backfill, registry
from jobs.definition import InvalidJob
from jobs.impact.missed import CHOICES, missed_by
from jobs.impact.proposal import Proposal, propose_action, propose_change
from jobs.models import Job
from scheduler_project.lib import sql, transactions


def resume(job_id: int, *, actor: str, note: str = "", missed: str = "none") -> Job:
    """As `registry.resume`; `missed` is one of CHOICES. Raises what that raises, and `BackfillIsRunning`."""
    return _with_missed(
        job_id,
        lambda job: propose_action(job, "resume", now=sql.now()),
        lambda: registry.resume(job_id, actor=actor, note=note),
        actor=actor,
        missed=missed,
    )


def enable(job_id: int, *, actor: str, note: str = "", missed: str = "none") -> Job:
    """As `registry.enable`; `missed` is one of CHOICES. Raises what that raises, and `BackfillIsRunning`."""
    return _with_missed(
        job_id,
        lambda job: propose_action(job, "enable", now=sql.now()),
        lambda: registry.enable(job_id, actor=actor, note=note),
        actor=actor,
        missed=missed,
    )


def change(job_id: int, data: Mapping[str, Any], *, actor: str, missed: str = "none", **options: Any) -> Job:
    """As `registry.change`, for a start that lies in the past; `missed` is one of CHOICES."""
    told = {name: options[name] for name in ("may_run_sub_minute", "replaces") if name in options}
    return _with_missed(
        job_id,
        lambda job: propose_change(job, data, now=sql.now(), **told),
        lambda: registry.change(job_id, data, actor=actor, **options),
        actor=actor,
        missed=missed,
    )


def _with_missed(
    job_id: int, propose: Callable[[Job], Proposal], apply: Callable[[], Job], *, actor: str, missed: str
) -> Job:
    if missed not in CHOICES:
        raise InvalidJob({"missed": [f"Write one of {', '.join(CHOICES)}."]})
    if missed == "none":
        return apply()
    with transactions.engine():
        # Locked before it is looked at: nobody else resumes it, or ticks it, in between.
        job = (
            Job.objects.select_for_update(no_key=True, of=("self",)).select_related("template", "tenant").get(pk=job_id)
        )
        found = missed_by(propose(job), now=sql.now())
        changed = apply()
        if found is not None:
            newest = 1 if missed == "last" else backfill.MOST
            window = {"since": found.since, "until": found.until, "only": found.only, "newest": newest}
            note = "What was missed meanwhile" if missed == "all" else "The last that was missed meanwhile"
            backfill.start(changed, actor=actor, note=note, **window)  # type: ignore[arg-type]
        return changed
