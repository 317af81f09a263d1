"""Memory that a worker's parent and its children share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jobs import registry
from jobs.execution import executor, shared
from jobs.models import Job
from jobs.tick import publisher


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    shared.forget()
    yield
    shared.forget()


def in_child(work: Callable[[], Any]) -> int:
    """The exit code of a child that did this."""
    pid = os.fork()
    if not pid:
        os._exit(int(work() or 0))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class TestShared:
    def test_children_learn_that_the_parent_drains(self) -> None:
        assert in_child(shared.is_draining) == 0
        shared.start_draining()
        assert in_child(shared.is_draining) == 1

    def test_the_parent_adds_up_what_children_have_run(self) -> None:
        in_child(lambda: shared.count_runs(3))
        in_child(lambda: shared.count_runs(4))
        assert shared.runs_done() == 7


@pytest.mark.django_db(transaction=True)
class TestDrain:
    def test_lets_no_further_run_begin(self, make_job: Callable[..., Job]) -> None:
        first, second = (registry.run_now(make_job(name=name), actor="user:test") for name in ("One", "Two"))
        publisher.publish_waiting()
        shared.start_draining()
        assert executor.work(first, queues=["default"], worker="w1") == 0
        shared.forget()
        assert executor.work(second, queues=["default"], worker="w1") == 2
