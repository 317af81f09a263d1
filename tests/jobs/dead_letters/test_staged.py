"""A group is replayed in stages, and stops when one fails again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobs import dead_letters, executions, registry
from jobs.dead_letters import Progress, stage_sizes
from jobs.models import DeadLetter, DeadLetterReplay, Execution, Job
from jobs.recovery.replays import Replays
from jobs.rules.states import AttemptOutcome
from tests.jobs.conftest import database_now
from tests.jobs.dead_letters.conftest import ONCE, MakeJob, bury, end, state_of, sweep

pytestmark = pytest.mark.django_db


def queued() -> list[int]:
    found = Execution.objects.filter(trigger="replay", status="queued").order_by("id")
    return list(found.values_list("pk", flat=True))


def end_all(outcome: str = "succeeded") -> int:
    ids = queued()
    for execution_id in ids:
        end(execution_id, outcome)
    return len(ids)


def progress(replay: DeadLetterReplay) -> Progress:
    return dead_letters.progress_of([replay.pk])[replay.pk]


def status_of(replay: DeadLetterReplay) -> str:
    return DeadLetterReplay.objects.get(pk=replay.pk).status


@pytest.mark.parametrize(
    ("total", "sizes"),
    [(1, [1]), (2, [1, 1]), (3, [1, 1, 1]), (10, [1, 1, 8]), (11, [1, 2, 8]), (25, [1, 3, 21]), (1000, [1, 100, 899])],
)
def test_a_replay_goes_from_one_to_a_tenth_to_the_rest(total: int, sizes: list[int]) -> None:
    assert stage_sizes(total) == sizes


class TestStages:
    def test_each_waits_for_the_one_before(self, job: Job) -> None:
        letters = [bury(job) for _ in range(12)]
        replay = dead_letters.start(letters[5].pk, actor="user:olaf", request_id="r-1")
        assert {state_of(letter) for letter in letters} == {"replaying"}
        assert progress(replay) == Progress(12, 12, 0, 0, 0, 0, 0, (1, 2, 9))
        assert sweep() == 1
        assert sweep() == 0
        first = Execution.objects.get(pk=queued()[0])
        assert (first.parent_id, first.requested_by, first.request_id) == (letters[0].execution_id, "user:olaf", "r-1")
        for size in (1, 2, 9):
            assert end_all() == size
            sweep()
        assert sweep() == 0
        assert status_of(replay) == "done"
        assert progress(replay) == Progress(12, 0, 0, 0, 12, 0, 0, (1, 2, 9))
        assert {state_of(letter) for letter in letters} == {"resolved"}
        assert Execution.objects.filter(trigger="replay").count() == 12

    def test_stop_when_one_fails_again(self, job: Job) -> None:
        letters = [bury(job) for _ in range(12)]
        replay = dead_letters.start(letters[0].pk, actor="user:olaf")
        sweep()
        end_all()
        sweep()
        culprit, other = queued()
        end(culprit, "failed", error="Still broken.\nIn detail.")
        sweep()
        replay.refresh_from_db()
        assert (replay.status, replay.stage, replay.stopped_by_id) == ("stopped", 2, culprit)
        assert replay.note == f"Execution {culprit} failed again: Still broken."
        assert Execution.objects.get(pk=other).status == "cancelled"
        sweep()
        states = [state_of(letter) for letter in letters]
        assert states == ["resolved", "failed_again", *["open"] * 10]
        assert progress(replay) == Progress(12, 9, 0, 0, 1, 1, 1, (1, 2, 9))
        assert sweep() == 0
        assert DeadLetter.objects.filter(state="open").count() == 11

    def test_stop_when_a_run_of_theirs_is_cancelled(self, job: Job) -> None:
        letters = [bury(job) for _ in range(3)]
        replay = dead_letters.start(letters[0].pk, actor="user:olaf")
        sweep()
        (first,) = queued()
        executions.cancel(first, by="user:ana", now=database_now())
        sweep()
        replay.refresh_from_db()
        assert (replay.status, replay.note) == ("stopped", f"Execution {first} was cancelled.")
        assert {state_of(letter) for letter in letters} == {"open"}

    def test_stop_when_the_job_is_archived(self, job: Job) -> None:
        letters = [bury(job) for _ in range(3)]
        replay = dead_letters.start(letters[0].pk, actor="user:olaf")
        Job.objects.filter(pk=job.pk).update(archived_at=database_now(), next_tick_at=None)
        sweep()
        replay.refresh_from_db()
        assert (replay.status, "is archived" in replay.note) == ("stopped", True)
        assert {state_of(letter) for letter in letters} == {"open"}

    def test_leave_what_came_later_for_another_time(self, job: Job) -> None:
        letter = bury(job)
        dead_letters.start(letter.pk, actor="user:olaf")
        late = bury(job)
        sweep()
        end_all()
        sweep()
        assert (state_of(letter), state_of(late)) == ("resolved", "open")

    def test_leave_slots_for_the_jobs_own_ticks(self, make_job: MakeJob) -> None:
        job = make_job(policies={"max_retries": 0, "overlap": "queue_all"})
        for _ in range(12):
            letter = bury(job)
        dead_letters.start(letter.pk, actor="user:olaf")
        sizes = []
        for _ in range(7):
            sizes.append(sweep())
            end_all()
        assert sizes == [1, 2, 2, 2, 2, 2, 1]

    def test_survive_the_leader_that_began_them(self, job: Job) -> None:
        letters = [bury(job) for _ in range(3)]
        replay = dead_letters.start(letters[0].pk, actor="user:olaf")
        for _ in range(5):
            Replays().sweep()  # each a new process
            end_all()
        assert status_of(replay) == "done"


class TestStart:
    def test_refuses_a_group_without_open_letters(self, job: Job) -> None:
        letter = bury(job)
        dead_letters.start(letter.pk, actor="user:olaf")
        with pytest.raises(dead_letters.NoOpenLetters):
            dead_letters.start(letter.pk, actor="user:ana")

    def test_leaves_what_is_replayed_alone_already(self, job: Job) -> None:
        letters = [bury(job) for _ in range(3)]
        dead_letters.replay(letters[0].pk, actor="user:ana")
        replay = dead_letters.start(letters[0].pk, actor="user:olaf")
        assert progress(replay).total == 2

    def test_keeps_others_from_replaying_what_it_took(self, job: Job) -> None:
        letters = [bury(job) for _ in range(3)]
        dead_letters.start(letters[0].pk, actor="user:olaf")
        with pytest.raises(dead_letters.LetterIsNotOpen):
            dead_letters.replay(letters[2].pk, actor="user:ana")
        with pytest.raises(dead_letters.LetterIsNotOpen):
            dead_letters.discard(letters[2].pk, actor="user:ana", note="known")


class TestCancel:
    def test_ends_what_waits_and_lets_go_on_what_runs(self, job: Job) -> None:
        letters = [bury(job) for _ in range(30)]
        replay = dead_letters.start(letters[0].pk, actor="user:olaf")
        sweep()
        end_all()
        sweep()
        running, *waiting = queued()
        Execution.objects.filter(pk=running).update(available_at=database_now())
        claimed = executions.claim(running, worker="w1", lease=timedelta(seconds=60))
        assert claimed is not None
        dead_letters.cancel(replay.pk, actor="user:ana")
        assert {Execution.objects.get(pk=pk).status for pk in waiting} == {"cancelled"}
        executions.settle(
            executions.Ending(AttemptOutcome.SUCCEEDED),
            execution_id=running,
            fence=claimed.fence,
            policy=claimed.policy,
            tries=1,
            losses=0,
        )
        sweep()
        replay.refresh_from_db()
        assert (replay.status, replay.note) == ("cancelled", "user:ana cancelled it.")
        assert [state_of(letter) for letter in letters].count("resolved") == 2
        assert [state_of(letter) for letter in letters].count("open") == 28
        with pytest.raises(dead_letters.ReplayHasEnded):
            dead_letters.cancel(replay.pk, actor="user:ana")


def test_works_for_runs_that_retry(make_job: MakeJob) -> None:
    job = make_job(policies={**ONCE, "max_retries": 1})
    letters = [bury_with_retries(job) for _ in range(2)]
    replay = dead_letters.start(letters[0].pk, actor="user:olaf")
    sweep()
    (first,) = queued()
    end(first, "failed")
    sweep()
    assert status_of(replay) == "running"
    end(first, "succeeded")
    sweep()
    assert end_all() == 1
    sweep()
    assert status_of(replay) == "done"


def bury_with_retries(job: Job) -> DeadLetter:
    execution_id = registry.run_now(job, actor="user:test")
    end(execution_id)
    end(execution_id)
    return DeadLetter.objects.get(execution_id=execution_id)
