"""After an upgrade of the engine or of tzdata: writes a revision of each scheduled job, so that ticks before it are
judged by the rules that were in force then."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from jobs import ledger, planner, revisions
from jobs.definition import Definition, InvalidJob
from jobs.executions import JobIsArchived
from jobs.models import Job, JobRevision
from jobs.rules.schedule import ENGINE_VERSION, InvalidSchedule, tzdata_version
from scheduler_project.lib import sql, telemetry

ACTOR = "system:upgrade"
BATCH = 200
AGAIN = timedelta(minutes=1)

OUTDATED = """
SELECT j.id, r.engine_version <> %(engine)s OR r.tzdata_version <> %(tzdata)s AS is_outdated
FROM dynamic_jobs j JOIN job_revisions r ON r.job_id = j.id AND r.number = j.revision
WHERE j.id > %(after)s AND j.is_enabled AND j.archived_at IS NULL AND j.spec->>'kind' <> 'manual'
ORDER BY j.id LIMIT %(limit)s
"""


class Upgrade:
    """Goes through all jobs once in the life of a process, whose versions never change; then it rests. A new leader
    begins anew, and finds nothing to do in a second."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._after: int | None = 0
        self._again_at: float | None = None  # some jobs could not be brought up to date yet

    def sweep(self) -> int:
        """One batch of jobs. Returns how many got a revision."""
        if self._after is None:
            if self._again_at is None or self._clock() < self._again_at:
                return 0
            self._after, self._again_at = 0, None
        rows = sql.rows(
            OUTDATED, {"engine": ENGINE_VERSION, "tzdata": tzdata_version(), "after": self._after, "limit": BATCH}
        )
        written = sum(self._bring_up_to_date(row["id"]) for row in rows if row["is_outdated"])
        self._after = rows[-1]["id"] if len(rows) == BATCH else None
        return written

    def _bring_up_to_date(self, job_id: int) -> bool:
        try:
            return bring_up_to_date(job_id)
        except (JobIsArchived, InvalidJob, InvalidSchedule):  # what cannot be evaluated is quarantined, and shown so
            return False
        except ledger.StillCatchingUp:
            pass
        except Exception as error:  # noqa: BLE001  whatever keeps one job from it, the others go on
            telemetry.emit("job.upgrade_failed", job_id=job_id, error=repr(error))
        self._again_at = self._clock() + AGAIN.total_seconds()
        return False


def bring_up_to_date(job_id: int) -> bool:
    """Decide what is due under the old revision, then write one of the versions in use. False when it is of those.
    Raises `InvalidJob`, `InvalidSchedule`, `JobIsArchived`, `StillCatchingUp`."""
    with revisions.changing(job_id) as (job, now):
        newest = JobRevision.objects.filter(job=job).order_by("-number")[0]
        if (newest.engine_version, newest.tzdata_version) == (ENGINE_VERSION, tzdata_version()):
            return False
        promised = job.next_tick_at
        ledger.decide_job(job, now=now)
        if job.undecided_since is not None:
            return False  # quarantined, and still not to be evaluated
        note = _note(job, newest, promised=promised, now=now)
        revisions.write(job, Definition.of(job), change="engine_upgraded", actor=ACTOR, now=now, note=note)
        return True


def _note(job: Job, newest: JobRevision, *, promised: datetime | None, now: datetime) -> str:
    """What changed, and whether the tick that came next still does. What the old rules would have said of later ones
    nobody can tell: they are not installed any more."""
    schedule, policies = job.schedule, job.policies
    following = planner.first_tick_after(schedule, policies, after=now, fired_count=job.fired_count)
    changes = [
        f"{name} {old} became {new}"
        for name, old, new in (
            ("engine", newest.engine_version, ENGINE_VERSION),
            ("tzdata", newest.tzdata_version, tzdata_version()),
        )
        if old != new
    ]
    if promised is None or promised <= now:
        difference = f"the next tick is at {_text(following)}"
    elif promised == following:
        difference = f"no difference: the next tick stays at {_text(following)}"
    else:
        difference = f"the next tick moves from {_text(promised)} to {_text(following)}"
    return f"{', '.join(changes)}; {difference}."


def _text(instant: datetime | None) -> str:
    return "never" if instant is None else instant.isoformat()
