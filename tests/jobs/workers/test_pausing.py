"""A paused queue: nobody takes from it, nothing in it is announced, and after the resume nothing waits in vain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from accounts.models import AuditEntry
from jobs import executions, registry, workers
from jobs.explain import explain_execution
from jobs.models import Execution, Job, PausedQueue
from jobs.tick import publisher
from scheduler_project.lib import sql
from tests.jobs.tick.test_publisher import Recorder

LEASE = timedelta(seconds=60)
MakeJob = Callable[..., Job]
Run = Callable[[Job], int]

pytestmark = pytest.mark.django_db


@pytest.fixture
def run() -> Run:
    return lambda job: registry.run_now(job, actor="user:ana")


def claim_from(*queues: str) -> int | None:
    claim = executions.claim_next(queues, worker="w@host", lease=LEASE)
    return claim.execution_id if claim else None


def is_announced(execution_id: int) -> bool:
    return Execution.objects.get(pk=execution_id).published_at is not None


class TestPause:
    def test_lets_nobody_take_from_it_however_they_ask(self, make_job: MakeJob, run: Run) -> None:
        held, open_one = run(make_job(queue="io")), run(make_job(queue="mail"))
        publisher.publish_waiting(Recorder())
        workers.pause("io", actor="user:root", note="The disk is full")
        assert executions.claim(held, worker="w@host", lease=LEASE) is None
        assert claim_from("io", "mail") == open_one
        assert claim_from("io", "mail") is None

    def test_leaves_what_runs_alone(self, make_job: MakeJob, run: Run) -> None:
        running = run(make_job(queue="io"))
        claim = executions.claim(running, worker="w@host", lease=LEASE)
        workers.pause("io", actor="user:root", note="The disk is full")
        assert claim is not None
        assert Execution.objects.get(pk=running).status == "running"

    def test_announces_nothing_of_it(self, make_job: MakeJob, run: Run) -> None:
        slotted = make_job(queue="io", policies={"overlap": "queue_all"})
        free = make_job(queue="io", policies={"overlap": "allow"})
        workers.pause("io", actor="user:root", note="The disk is full")
        ids = [run(job) for job in (slotted, slotted, free)]
        publisher.publish(ids)
        publisher.announce_soon(ids)
        recorder = Recorder()
        publisher.publish_waiting(recorder)
        assert recorder.told == []
        assert not any(map(is_announced, ids))

    def test_is_told_by_explain_and_in_the_list_of_queues(self, make_job: MakeJob, run: Run) -> None:
        held = Execution.objects.get(pk=run(make_job(queue="io")))
        workers.pause("io", actor="user:root", note="The disk is full")
        answer = explain_execution(held, now=sql.now()).answer
        assert "user:root has paused the queue io" in answer
        assert "The disk is full" in answer
        (listed,) = [queue for queue in workers.list_queues() if queue.queue == "io"]
        assert (listed.paused_by, listed.pause_note) == ("user:root", "The disk is full")

    def test_needs_a_reason_and_a_queue_that_somebody_uses(self, make_job: MakeJob) -> None:
        make_job(queue="io")
        for note in ("", "  ", "x" * 501, "a\x00b"):
            with pytest.raises(workers.InvalidPause):
                workers.pause("io", actor="user:root", note=note)
        with pytest.raises(workers.UnknownQueue, match="Known are io"):
            workers.pause("oi", actor="user:root", note="A slip")
        assert not PausedQueue.objects.exists()

    def test_happens_once(self, make_job: MakeJob) -> None:
        make_job(queue="io")
        workers.pause("io", actor="user:root", note="The disk is full")
        with pytest.raises(workers.QueueIsPaused, match="user:root has paused io already"):
            workers.pause("io", actor="user:ana", note="Me too")
        assert AuditEntry.objects.filter(action="queue.paused").count() == 1


class TestResume:
    def test_announces_what_was_announced_in_vain(self, make_job: MakeJob, run: Run) -> None:
        held = run(make_job(queue="io"))
        publisher.publish_waiting(Recorder())
        workers.pause("io", actor="user:root", note="The disk is full")
        assert claim_from("io") is None  # which used the message up
        workers.resume("io", actor="user:ana")
        recorder = Recorder()
        publisher.publish_waiting(recorder)
        assert recorder.told == [held]
        assert claim_from("io") == held

    def test_is_refused_when_nothing_is_paused(self) -> None:
        with pytest.raises(workers.QueueIsNotPaused, match="nothing to resume"):
            workers.resume("io", actor="user:root")
