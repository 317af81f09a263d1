"""What the leader announces, and when: new executions at once, everything else by the full look."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from jobs import registry
from jobs.backends.base import Announcement, BackendUnavailable
from jobs.models import Execution, Job
from jobs.tick import publisher
from jobs.tick.publisher import Publisher
from scheduler_project.lib import sql

MakeJob = Callable[..., Job]

pytestmark = pytest.mark.django_db


class Recorder:
    """A backend that remembers what it was told."""

    name = "recorder"

    def __init__(self) -> None:
        self.told: list[int] = []
        self.is_away = False

    def announce(self, announcements: Sequence[Announcement]) -> None:
        if self.is_away:
            raise BackendUnavailable("The broker cannot be reached.")
        self.told += [announcement.execution_id for announcement in announcements]

    def waiting(self, queue: str) -> int:
        return len(self.told)

    def has_lost_its_memory(self) -> bool:
        return False

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
    """One that has looked at everything once."""
    found = Publisher(backend, clock=clock)
    found.turn()
    return found


@pytest.fixture
def free_job(make_job: MakeJob) -> Job:
    return make_job(policies={"overlap": "allow"})


def run(job: Job) -> int:
    return registry.run_now(job, actor="user:test")


class TestTurn:
    def test_announces_what_is_new_without_a_full_look(
        self, leader: Publisher, backend: Recorder, free_job: Job, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(publisher, "publish_waiting", lambda backend: pytest.fail("looked at everything"))
        new = [run(free_job), run(free_job)]
        assert leader.turn() == 2
        assert leader.turn() == 0
        assert backend.told == new

    def test_goes_on_in_pages(
        self, leader: Publisher, backend: Recorder, free_job: Job, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(publisher, "PAGE_SIZE", 2)
        new = [run(free_job) for _ in range(5)]
        assert leader.turn() == 5
        assert backend.told == new

    def test_leaves_what_was_announced_before_to_the_full_look(
        self, leader: Publisher, backend: Recorder, clock: Clock, free_job: Job
    ) -> None:
        """A retry, a lost message, an id that was committed late."""
        again = run(free_job)
        leader.turn()
        Execution.objects.filter(pk=again).update(published_at=None)
        assert leader.turn() == 0
        clock.seconds += 60
        assert leader.turn() == 1
        assert backend.told == [again, again]

    def test_finds_what_was_committed_after_a_full_look_began(
        self, backend: Recorder, clock: Clock, free_job: Job, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        late: list[int] = []

        def look(backend: object) -> int:
            late.append(run(free_job))
            return 0

        found = Publisher(backend, clock=clock)
        with monkeypatch.context() as patch:
            patch.setattr(publisher, "publish_waiting", look)
            found.turn()
        found.turn()
        assert backend.told == late

    def test_tries_again_what_the_broker_did_not_take(
        self, leader: Publisher, backend: Recorder, free_job: Job
    ) -> None:
        new = run(free_job)
        backend.is_away = True
        with pytest.raises(BackendUnavailable):
            leader.turn()
        backend.is_away = False
        assert leader.turn() == 1
        assert backend.told == [new]

    def test_looks_less_often_when_a_look_takes_long(
        self, leader: Publisher, backend: Recorder, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks: list[float] = []

        def slow(backend: object) -> int:
            looks.append(clock.seconds)
            clock.seconds += 1
            return 0

        monkeypatch.setattr(publisher, "publish_waiting", slow)
        clock.seconds += 1
        for _ in range(40):
            leader.turn()
            clock.seconds += 0.5
        assert looks == [101, 111, 121]


class TestSlots:
    def test_announces_no_more_new_ones_than_there_are_slots(
        self, leader: Publisher, backend: Recorder, make_job: MakeJob
    ) -> None:
        job = make_job(policies={"overlap": "queue_all", "max_instances": 2})
        queued = [run(job) for _ in range(5)]
        assert leader.turn() == 2
        assert leader.turn() == 0
        assert backend.told == queued[:2]

    def test_lets_no_job_without_a_slot_stand_in_the_way(
        self, backend: Recorder, make_job: MakeJob, free_job: Job, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(publisher, "PAGE_SIZE", 2)
        full = make_job(policies={"overlap": "queue_all"})
        queued = [run(full) for _ in range(5)]
        free = run(free_job)
        assert publisher.publish_waiting(backend) == 2
        assert backend.told == [queued[0], free]

    def test_gives_the_slot_to_the_more_urgent_one(self, backend: Recorder, make_job: MakeJob) -> None:
        job = make_job(policies={"overlap": "queue_all"})
        run(job)
        urgent = run(job)
        sql.rows("UPDATE job_executions SET priority = 0 WHERE id = %(id)s", {"id": urgent})
        assert publisher.publish_waiting(backend) == 1
        assert backend.told == [urgent]
