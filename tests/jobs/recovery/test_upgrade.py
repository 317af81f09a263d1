"""After an upgrade each scheduled job gets a revision of the versions in use, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from jobs import ledger, registry, revisions
from jobs.models import Job, JobRevision, Tick
from jobs.recovery import upgrade
from jobs.recovery.upgrade import Upgrade
from jobs.rules.schedule import ENGINE_VERSION, tzdata_version
from jobs.verification import verifier
from scheduler_project.lib import sql

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db


@pytest.fixture
def make_old(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> MakeJob:
    """Jobs that were made before the upgrade."""

    def make(**changes: object) -> Job:
        with monkeypatch.context() as then:
            then.setattr(revisions, "tzdata_version", lambda: "2020a")
            return make_job(**changes)

    return make


def newest(job: Job) -> JobRevision:
    return JobRevision.objects.filter(job=job).order_by("-number")[0]


class TestSweep:
    def test_writes_a_revision_of_the_versions_in_use(self, make_old: MakeJob) -> None:
        job = make_old()
        assert Upgrade().sweep() == 1
        revision = newest(job)
        assert (revision.number, revision.change, revision.actor) == (2, "engine_upgraded", "system:upgrade")
        assert (revision.engine_version, revision.tzdata_version) == (ENGINE_VERSION, tzdata_version())
        assert f"tzdata 2020a became {tzdata_version()}; no difference: the next tick stays at " in revision.note

    def test_says_when_the_next_tick_moves(self, make_old: MakeJob) -> None:
        job = make_old(schedule={"kind": "cron", "cron": "0 3 * * *"})
        assert job.next_tick_at is not None
        promised = job.next_tick_at + timedelta(minutes=30)
        Job.objects.filter(pk=job.pk).update(next_tick_at=promised)
        Upgrade().sweep()
        assert f"moves from {promised.isoformat()} to {job.next_tick_at.isoformat()}" in newest(job).note
        assert Job.objects.get(pk=job.pk).next_tick_at == job.next_tick_at

    def test_decides_first_what_is_due(self, make_old: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
        now = sql.now()
        with monkeypatch.context() as then:
            then.setattr(sql, "now", lambda: now - timedelta(minutes=5))
            job = make_old(schedule={"kind": "interval", "every_seconds": 60})
        Upgrade().sweep()
        assert Tick.objects.filter(job=job, revision=1).count() == 5
        assert verifier.verify().holds

    def test_leaves_those_alone_that_need_none(self, make_old: MakeJob, make_job: MakeJob) -> None:
        make_job()
        make_old(schedule={"kind": "manual"})
        make_old(enabled=False)
        archived = make_old()
        registry.archive(archived.pk, actor="user:test")
        assert Upgrade().sweep() == 0

    def test_goes_through_all_jobs_in_batches_and_then_rests(
        self, make_old: MakeJob, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Callable[..., object]
    ) -> None:
        monkeypatch.setattr(upgrade, "BATCH", 2)
        for _ in range(5):
            make_old()
        sweeps = Upgrade()
        assert [sweeps.sweep() for _ in range(4)] == [2, 2, 1, 0]
        with monkeypatch.context() as silent:
            silent.setattr(sql, "rows", lambda *_: pytest.fail("It asks although it is done."))
            assert sweeps.sweep() == 0

    def test_tries_again_what_is_still_catching_up(self, make_old: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
        job, clock = make_old(), [0.0]
        sweeps = Upgrade(clock=lambda: clock[0])

        def refuse(*args: object, **kwargs: object) -> None:
            raise ledger.StillCatchingUp

        with monkeypatch.context() as then:
            then.setattr(ledger, "decide_job", refuse)
            assert sweeps.sweep() == 0
        assert sweeps.sweep() == 0
        clock[0] = 61
        assert sweeps.sweep() == 1
        assert newest(job).number == 2

    def test_passes_by_what_cannot_be_evaluated(self, make_old: MakeJob) -> None:
        broken, sound = make_old(), make_old()
        spec = {"kind": "cron", "cron": "what", "timezone": "UTC"}
        Job.objects.filter(pk=broken.pk).update(spec=spec)
        assert Upgrade().sweep() == 1
        assert (newest(broken).number, newest(sound).number) == (1, 2)

    def test_goes_on_after_a_job_that_raises_what_nobody_expected(self, make_old: MakeJob) -> None:
        broken, sound = make_old(), make_old()
        Job.objects.filter(pk=broken.pk).update(policy={"max_runs": "many"})
        assert Upgrade().sweep() == 1
        assert (newest(broken).number, newest(sound).number) == (1, 2)
