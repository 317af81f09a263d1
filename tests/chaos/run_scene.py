"""What the courses of executions use: jobs, owners that write what they do, and what the courses saw themselves."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import transaction

from accounts.models import Tenant
from jobs import executions, registry
from jobs.backends.base import Announcement
from jobs.executions import Claim, Ending, Settled
from jobs.models import Attempt, Execution, Job, Pool
from jobs.rules.states import AttemptOutcome
from scheduler_project.lib import sql
from tests.chaos import journal
from tests.chaos.journal import ALIVE, END, START, Line
from tests.chaos.sessions import Session
from tests.live import PROJECT, environment, wait_for

LEASE = timedelta(seconds=60)
NOT_COMMITTED = "SELECT 1 AS not_committed"


class Silence:
    """A broker that takes every message and tells nobody."""

    name = "silence"

    def announce(self, announcements: Sequence[Announcement]) -> None:
        return

    def waiting(self, queue: str) -> int:
        return 0

    def is_provisioned(self) -> bool:
        return True


@dataclass
class Owner:
    """Whoever has claimed an execution, and what it does to the world."""

    claim: Claim
    written: list[Line]

    def works(self, mark: str = ALIVE) -> None:
        claim = self.claim
        at = datetime.fromtimestamp(time.time(), UTC)
        self.written.append(Line(mark, claim.run_key, claim.execution_id, claim.fence, claim.fence, at))

    def ends(self, outcome: AttemptOutcome = AttemptOutcome.SUCCEEDED) -> Settled | None:
        if outcome is AttemptOutcome.SUCCEEDED:
            self.works(END)
        return self.is_settled(outcome)

    def is_settled(self, outcome: AttemptOutcome) -> Settled | None:
        """As by whoever thinks that it is gone."""
        claim = self.claim
        return executions.settle(
            Ending(outcome),
            execution_id=claim.execution_id,
            fence=claim.fence,
            policy=claim.policy,
            tries=claim.tries,
            losses=claim.losses,
        )

    def has_the_lease(self) -> bool:
        return executions.renew(self.claim) is not None


@dataclass
class RunScene:
    mutants: Sequence[str] = ()
    seen: list[str] = field(default_factory=list)
    written: list[Line] = field(default_factory=list)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="daybook-course-")))
    made: int = 0

    def job(self, *, pool: Pool | None = None, **changes: object) -> Job:
        self.made += 1
        definition = {
            "name": f"Job {self.made}",
            "template": "journal",
            "parameters": {"path": str(self.path)},
            "schedule": {"kind": "manual"},
            **changes,
        }
        tenant = Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})[0]
        job = registry.create(definition, tenant=tenant, actor="user:test", may_run_sub_minute=True)
        if pool is not None:
            Job.objects.filter(pk=job.pk).update(pool=pool)
            job.refresh_from_db()
        return job

    def run(self, job: Job | None = None) -> int:
        return registry.run_now(job or self.job(), actor="user:test")

    @property
    def path(self) -> Path:
        return self.folder / "journal"

    def try_to_claim(self, execution_id: int) -> Owner | None:
        """With the claim comes the first line of what it does."""
        claim = executions.claim(execution_id, worker=f"worker-{len(self.written)}", lease=LEASE)
        if claim is None:
            return None
        owner = Owner(claim, self.written)
        owner.works(START)
        return owner

    def claim(self, execution_id: int) -> Owner:
        owner = self.try_to_claim(execution_id)
        assert owner is not None, f"Execution {execution_id} is not to be had."
        return owner

    def take_next(self) -> Owner | None:
        claim = executions.claim_next(["default"], worker="next", lease=LEASE)
        if claim is None:
            return None
        owner = Owner(claim, self.written)
        owner.works(START)
        return owner

    def execute(self, execution_id: int) -> subprocess.Popen[bytes]:
        """In a process of its own, with the same mutants; returned as soon as it is at work."""
        changed = {"DJANGO_SETTINGS_MODULE": "tests.chaos.settings", "CHAOS_MUTANTS": ",".join(self.mutants)}
        with (self.folder / "process.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "execute", str(execution_id)],
                cwd=PROJECT,
                env=environment("worker", **changed),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_for(lambda: self.path.exists() or process.poll() is not None, seconds=60, what="the process")
        assert self.path.exists(), (self.folder / "process.log").read_text()
        return process

    def journal(self) -> list[Line]:
        """What the owners here and the processes wrote."""
        return [*self.written, *journal.read(self.path)]


def uncommitted(deed: Callable[[], object]) -> Session:
    """A session that has done it, and stands still before its commit."""

    def do_and_wait() -> None:
        with transaction.atomic():
            deed()
            sql.rows(NOT_COMMITTED)

    session = Session(do_and_wait, stop_at=NOT_COMMITTED)
    session.wait_until_stopped()
    return session


def expect_kept_as_stale(scene: RunScene, execution_id: int, fence: int) -> None:
    if not Attempt.objects.filter(execution_id=execution_id, fence=fence, is_stale=True).exists():
        scene.seen.append("late_result_not_kept")


def status(execution_id: int) -> str:
    return str(Execution.objects.values_list("status", flat=True).get(pk=execution_id))
