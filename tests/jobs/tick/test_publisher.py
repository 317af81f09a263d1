"""What is announced, to whom first, and what a lost message costs; where it matters with a real broker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
import redis
from django.conf import settings as django_settings
from pytest_django import Settings

from accounts.models import Tenant
from jobs import executions, registry
from jobs.backends.base import Announcement, BackendUnavailable
from jobs.backends.celery import CeleryBackend
from jobs.execution import registration
from jobs.executions import Claim, Ending
from jobs.models import Execution, Job, Pool
from jobs.rules.states import AttemptOutcome
from jobs.tick import publisher
from jobs.tick.publisher import Publisher
from scheduler_project.lib import sql

MakeJob = Callable[..., Job]
LEASE = timedelta(seconds=60)

pytestmark = pytest.mark.django_db


class Recorder:
    """A backend that remembers what it was told, and of which nothing is taken unless a test does."""

    name = "recorder"

    def __init__(self) -> None:
        self.told: list[int] = []
        self.length: int | None = None
        self.is_away = False

    def announce(self, announcements: Sequence[Announcement]) -> None:
        if self.is_away:
            raise BackendUnavailable("The broker cannot be reached.")
        self.told += [announcement.execution_id for announcement in announcements]

    def waiting(self, queue: str) -> int:
        return len(self.told) if self.length is None else self.length

    def is_provisioned(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def backend() -> Recorder:
    return Recorder()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def leader(backend: Recorder, clock: Clock) -> Publisher:
    return Publisher(backend, clock=clock)


@pytest.fixture
def free_job(make_job: MakeJob) -> Job:
    return make_job(policies={"overlap": "allow"})


def run(job: Job) -> int:
    return registry.run_now(job, actor="user:test")


def announced() -> list[int]:
    marked = Execution.objects.filter(published_at__isnull=False, status="queued")
    return list(marked.order_by("id").values_list("id", flat=True))


def claim_next(*queues: str) -> Claim | None:
    return executions.claim_next(list(queues) or ["default"], worker="w1", lease=LEASE)


def end(claimed: Claim | None) -> executions.Settled:
    assert claimed is not None
    settled = executions.settle(
        Ending(AttemptOutcome.SUCCEEDED),
        execution_id=claimed.execution_id,
        fence=claimed.fence,
        policy=claimed.policy,
        tries=claimed.tries,
        losses=claimed.losses,
    )
    assert settled is not None
    return settled


class TestTurn:
    def test_announces_what_waits_once(self, leader: Publisher, backend: Recorder, free_job: Job) -> None:
        new = [run(free_job), run(free_job)]
        assert leader.turn() == 2
        assert leader.turn() == 0
        assert backend.told == new

    def test_announces_a_retry_when_it_is_due(self, leader: Publisher, free_job: Job) -> None:
        again = run(free_job)
        sql.rows("UPDATE job_executions SET available_at = clock_timestamp() + interval '1 hour'")
        assert leader.turn() == 0
        sql.rows("UPDATE job_executions SET available_at = clock_timestamp()")
        assert leader.turn() == 1
        assert announced() == [again]

    def test_keeps_its_marks_when_the_broker_is_away_and_tells_when_it_is_back(
        self, leader: Publisher, backend: Recorder, free_job: Job
    ) -> None:
        new = run(free_job)
        backend.is_away = True
        with pytest.raises(BackendUnavailable):
            leader.turn()
        assert announced() == [new]
        backend.is_away = False
        leader.turn()
        assert backend.told == [new]

    def test_leaves_alone_what_waits_for_approval(self, leader: Publisher, make_job: MakeJob) -> None:
        run(make_job(policies={"requires_approval": True}))
        assert leader.turn() == 0
        assert claim_next() is None


class TestWindow:
    @pytest.fixture(autouse=True)
    def small(self, settings: Settings) -> None:
        settings.DAYBOOK_PUBLISH_WINDOW = 3

    def test_holds_so_much_of_a_tenants_backlog(self, leader: Publisher, free_job: Job) -> None:
        queued = [run(free_job) for _ in range(5)]
        assert leader.turn() == 3
        assert leader.turn() == 0
        assert announced() == queued[:3]
        end(claim_next())
        assert leader.turn() == 1
        assert announced() == queued[1:4]

    def test_holds_so_much_for_each_level_and_queue(self, leader: Publisher, make_job: MakeJob) -> None:
        for more in ({}, {"priority": "critical"}, {"queue": "slow"}):
            job = make_job(policies={"overlap": "allow"}, **more)
            for _ in range(5):
                run(job)
        assert leader.turn() == 9

    def test_has_room_for_another_tenant_however_full_it_is(
        self, leader: Publisher, free_job: Job, make_job: MakeJob
    ) -> None:
        for _ in range(5):
            run(free_job)
        leader.turn()
        other = Tenant.objects.create(slug="other", name="Other")
        theirs = run(of_tenant(make_job(), other))
        assert leader.turn() == 1
        assert theirs in announced()


def of_tenant(job: Job, tenant: Tenant) -> Job:
    job.tenant = tenant
    job.save(update_fields=["tenant"])
    return job


class TestOrder:
    def test_takes_the_highest_level_first(self, leader: Publisher, make_job: MakeJob) -> None:
        of = {
            name: run(make_job(priority=name, policies={"overlap": "allow"}))
            for name in ("low", "normal", "critical", "high")
        }
        leader.turn()
        taken = [claim_next() for _ in range(4)]
        assert [claimed and claimed.execution_id for claimed in taken] == [
            of[name] for name in ("critical", "high", "normal", "low")
        ]

    def test_follows_a_change_of_priority_after_the_announcement(self, leader: Publisher, free_job: Job) -> None:
        _, second = run(free_job), run(free_job)
        leader.turn()
        sql.rows("UPDATE job_executions SET priority = 0 WHERE id = %(id)s", {"id": second})
        claimed = claim_next()
        assert claimed is not None
        assert claimed.execution_id == second

    def test_takes_turns_between_tenants(self, leader: Publisher, free_job: Job, make_job: MakeJob) -> None:
        """With one of the first tenant's running, the other one is next, however many of the first wait longer."""
        for _ in range(20):
            run(free_job)
        leader.turn()
        assert claim_next() is not None
        theirs = run(of_tenant(make_job(), Tenant.objects.create(slug="other", name="Other")))
        leader.turn()
        claimed = claim_next()
        assert claimed is not None
        assert claimed.execution_id == theirs

    def test_takes_nothing_from_other_queues(self, leader: Publisher, make_job: MakeJob) -> None:
        run(make_job(queue="slow"))
        leader.turn()
        assert claim_next("default", "fast") is None
        assert claim_next("default", "slow") is not None

    def test_takes_nothing_that_the_process_cannot_run(self, leader: Publisher, free_job: Job) -> None:
        run(free_job)
        leader.turn()
        assert executions.claim_next(["default"], worker="w1", lease=LEASE, templates=[-1]) is None
        known = [free_job.template_id]
        assert executions.claim_next(["default"], worker="w1", lease=LEASE, templates=known) is not None


class TestSlots:
    def test_announces_no_more_than_there_are(self, leader: Publisher, backend: Recorder, make_job: MakeJob) -> None:
        job = make_job(policies={"overlap": "queue_all", "max_instances": 2})
        queued = [run(job) for _ in range(5)]
        assert leader.turn() == 2
        assert leader.turn() == 0
        assert backend.told == queued[:2]
        assert set(Execution.objects.filter(id__in=queued[2:]).values_list("held_for", flat=True)) == {"slot"}

    def test_counts_those_that_run(self, leader: Publisher, make_job: MakeJob) -> None:
        job = make_job()
        running, second = run(job), run(job)
        assert executions.claim(running, worker="w", lease=LEASE)
        assert leader.turn() == 0
        assert Execution.objects.get(pk=second).published_at is None

    def test_goes_to_the_next_when_one_is_freed(self, leader: Publisher, make_job: MakeJob) -> None:
        job = make_job(policies={"overlap": "queue_all"})
        _, second, third = run(job), run(job), run(job)
        leader.turn()
        publisher.publish_freed(end(claim_next()))
        assert announced() == [second]
        end(claim_next())
        assert leader.turn() == 1, "the leader sees to it when whoever freed it could not"
        assert announced() == [third]

    def test_goes_to_the_more_urgent_one(self, leader: Publisher, backend: Recorder, make_job: MakeJob) -> None:
        job = make_job(policies={"overlap": "queue_all"})
        run(job)
        urgent = run(job)
        sql.rows("UPDATE job_executions SET priority = 0 WHERE id = %(id)s", {"id": urgent})
        assert leader.turn() == 1
        assert backend.told == [urgent]

    def test_keeps_no_one_else_waiting(
        self, leader: Publisher, make_job: MakeJob, free_job: Job, settings: Settings
    ) -> None:
        settings.DAYBOOK_PUBLISH_WINDOW = 2
        full = make_job(policies={"overlap": "queue_all"})
        queued = [run(full) for _ in range(5)]
        free = run(free_job)
        leader.turn()
        assert announced() == [queued[0], free]


class TestPool:
    @pytest.fixture
    def pool(self, tenant: Tenant) -> Pool:
        return Pool.objects.create(tenant=tenant, slug="vendor-api", name="Vendor", size=2)

    @pytest.fixture
    def pooled(self, make_job: MakeJob, pool: Pool) -> list[Job]:
        jobs = [make_job(policies={"overlap": "allow"}) for _ in range(5)]
        Job.objects.filter(pk__in=[job.pk for job in jobs]).update(pool=pool)
        return jobs

    def test_is_shared_by_its_jobs(self, leader: Publisher, pooled: list[Job]) -> None:
        queued = [run(job) for job in pooled]
        assert leader.turn() == 2
        assert announced() == queued[:2]
        assert [bool(executions.claim(one, worker="w", lease=LEASE)) for one in queued] == [True, True] + [False] * 3

    def test_goes_to_another_job_when_a_slot_is_freed(self, leader: Publisher, pooled: list[Job]) -> None:
        queued = [run(job) for job in pooled]
        leader.turn()
        publisher.publish_freed(end(claim_next()))
        assert announced() == queued[1:3]

    def test_may_grow(self, leader: Publisher, pooled: list[Job], pool: Pool) -> None:
        queued = [run(job) for job in pooled]
        leader.turn()
        Pool.objects.update(size=4)
        assert leader.turn() == 2
        assert announced() == queued[:4]


class TestWaking:
    def test_sends_no_more_messages_than_workers_can_take(
        self, leader: Publisher, backend: Recorder, free_job: Job
    ) -> None:
        for _ in range(100):
            run(free_job)
        leader.turn()
        assert len(announced()) == 100
        assert len(backend.told) == 16
        backend.length = 0
        registration.beat("w1", queues=["default"], concurrency=20)
        leader.turn()
        assert len(backend.told) == 16 + 40

    def test_wakes_again_when_a_message_was_lost(self, leader: Publisher, backend: Recorder, free_job: Job) -> None:
        first = run(free_job)
        leader.turn()
        backend.length = 0
        leader.turn()
        assert backend.told == [first, first]

    def test_says_nothing_twice_while_the_queue_holds_it(
        self, leader: Publisher, backend: Recorder, clock: Clock, free_job: Job
    ) -> None:
        run(free_job)
        for _ in range(5):
            clock.seconds += 60
            leader.turn()
        assert len(backend.told) == 1

    def test_speaks_ever_more_seldom_of_what_nobody_takes(
        self, leader: Publisher, backend: Recorder, clock: Clock, free_job: Job
    ) -> None:
        run(free_job)
        backend.length = 0
        for _ in range(240):  # two minutes
            leader.turn()
            clock.seconds += 0.5
        assert len(backend.told) < 25
        run(free_job)
        Execution.objects.filter(pk=backend.told[0]).update(status="running")
        told = len(backend.told)
        leader.turn()
        assert len(backend.told) > told, "another run is another matter"


class TestBroker:
    @pytest.fixture
    def broker(self) -> redis.Redis:
        client: redis.Redis = redis.Redis.from_url(django_settings.CELERY_BROKER_URL)
        client.flushdb()
        return client

    @pytest.fixture
    def real(self, broker: redis.Redis) -> Publisher:
        return Publisher(CeleryBackend())

    def test_hears_nothing_but_the_id(self, broker: redis.Redis, real: Publisher, free_job: Job) -> None:
        run(free_job)
        real.turn()
        (key,) = [name for name in broker.scan_iter() if b"default" in name and broker.type(name) == b"list"]
        message = broker.lrange(key, 0, 0)[0]  # type: ignore[index]
        assert b"hello" not in message

    def test_keeps_strict_order_of_priorities(self, broker: redis.Redis, real: Publisher, make_job: MakeJob) -> None:
        for priority in ("low", "critical", "normal"):
            run(make_job(priority=priority))
        real.turn()
        queues = sorted(name.decode() for name in broker.scan_iter() if broker.type(name) == b"list")
        assert queues == ["daybook:default", "daybook:default:6", "daybook:default:9"]

    def test_is_told_again_when_it_lost_its_data(self, broker: redis.Redis, real: Publisher, free_job: Job) -> None:
        for _ in range(3):
            run(free_job)
        real.turn()
        assert CeleryBackend().waiting("default") == 3
        broker.flushdb()
        real.turn()
        assert CeleryBackend().waiting("default") == 3
