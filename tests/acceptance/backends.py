"""The two ways to run everything, as processes of a test: with Celery, and without it and without any Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from jobs.models import Worker
from tests import live
from tests.live import Process, wait_for

NO_REDIS = "redis://127.0.0.1:9/0"  # nobody listens there
WITHOUT = {"SCHEDULER_USE_CELERY": "false", "REDIS_URL": NO_REDIS}


@contextmanager
def with_celery(folder: Path, slots: int, **more: str) -> Iterator[list[Process]]:
    """Ends all of it at the end, as a deploy does: runs that take too long are handed back."""
    with ExitStack() as stack:
        scheduler = stack.enter_context(live.scheduler(folder, **more))
        environment = {"REMAP_SIGTERM": "SIGQUIT", "TEST_SOFT_SHUTDOWN": "1", **more}
        worker = stack.enter_context(live.worker(folder, concurrency=slots, **environment))
        yield [scheduler, worker]


@contextmanager
def without_celery(folder: Path, slots: int, **more: str) -> Iterator[list[Process]]:
    with live.manage(folder, "run_scheduler", "--slots", str(slots), **WITHOUT, **more) as process:
        process.wait_until(lambda: Worker.objects.filter(queues=[]).exists(), what="the scheduler")
        yield [process]


@dataclass(frozen=True)
class Way:
    """`uses_celery` is what SCHEDULER_USE_CELERY says."""

    name: str
    uses_celery: bool
    start: Callable[..., AbstractContextManager[list[Process]]]


CELERY = Way("celery", True, with_celery)
APSCHEDULER = Way("apscheduler", False, without_celery)


def wait_until_gone(pids: list[int]) -> None:
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), seconds=10, what="the end of all programs")
