"""Troubles of the system: nobody leads, workers are silent, queues have nobody, circuits are open."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings

from jobs import queries
from jobs.admin.dashboard import amounts, links
from jobs.admin.dashboard.attention.line import BAD, EACH, WARN, Line, more
from jobs.admin.dashboard.viewer import Viewer
from jobs.models import CircuitEvent
from jobs.queries import SchedulerStatus
from scheduler_project.lib import markup

OPEN = "open"


def find(viewer: Viewer, status: SchedulerStatus) -> Iterator[Line]:
    yield from _scheduler(status)
    if settings.SCHEDULER_USE_CELERY:
        yield from _workers(viewer)
        yield from _queues(viewer)
    if viewer.is_superuser:
        yield from _circuits()


def _scheduler(status: SchedulerStatus) -> Iterator[Line]:
    age = status.last_tick_age_seconds
    if status.leader is None:
        since = "No scheduler has ever led." if age is None else f"The last one turned {markup.duration(age)} ago."
        yield Line("leader", BAD, "alert", "No scheduler leads", f"{since} Nothing that becomes due is decided.",
                   links.health(), "What to do")  # fmt: skip
    elif age is None or age > queries.tick_limit().total_seconds():
        last = "never turned" if age is None else f"turned {markup.duration(age)} ago"
        yield Line("leader", BAD, "alert", "The scheduler does not turn", f"{status.leader} leads and {last}.",
                   links.health(), "What to do")  # fmt: skip
    elif status.behind_seconds > queries.tick_limit().total_seconds():
        detail = f"The oldest has been due for {markup.duration(status.behind_seconds)}."
        yield Line("behind", WARN, "clock", f"{amounts.counted(status.behind_jobs, 'job')} wait to be decided", detail,
                   links.health(), "What to do")  # fmt: skip


def _workers(viewer: Viewer) -> Iterator[Line]:
    found = viewer.workers
    lost = [worker for worker, state in found if state == "lost"]
    if not [state for _, state in found if state != "lost"]:
        yield Line("no-worker", BAD, "server", "No worker reports", "Runs wait until one does.", links.health(),
                   "How to start one")  # fmt: skip
    for worker in lost[:EACH]:
        silent = markup.duration(round((viewer.now - worker.heartbeat_at).total_seconds()))
        yield Line(f"worker-{worker.pk}", BAD, "alert", f"Worker {worker.name} is silent",
                   f"Nothing heard of it for {silent}.", links.workers(), "Workers", worker.heartbeat_at)  # fmt: skip
    yield from more("workers", len(lost), "silent worker", "silent workers", links.workers())
    for worker in [worker for worker, state in found if state in ("degraded", "unhealthy")][:EACH]:
        yield Line(f"worker-{worker.pk}", WARN, "alert", f"Worker {worker.name} is {worker.health}", worker.trouble,
                   links.workers(), "Workers")  # fmt: skip


def _queues(viewer: Viewer) -> Iterator[Line]:
    for queue in viewer.queues:
        waits = amounts.counted(queue.waiting_total, "run waits", "runs wait")
        if queue.canary == "deaf":
            yield Line(f"queue-{queue.queue}", BAD, "alert", f"Nobody hears on the queue {queue.queue}", f"{waits}.",
                       links.workers(), "Queues", queue.deaf_since)  # fmt: skip
        elif queue.paused_at is not None and queue.waiting_total:
            by = queue.paused_by.partition(":")[2] or queue.paused_by
            yield Line(f"queue-{queue.queue}", WARN, "pause", f"The queue {queue.queue} is held back",
                       f"By {by}; {waits}.", links.workers(), "Resume or keep", queue.paused_at)  # fmt: skip
        elif queue.waiting_total and not queue.workers:
            yield Line(f"queue-{queue.queue}", BAD, "server", f"No worker serves the queue {queue.queue}", f"{waits}.",
                       links.workers(), "Queues")  # fmt: skip


def _circuits() -> Iterator[Line]:
    newest = CircuitEvent.objects.order_by("circuit", "-id").distinct("circuit")
    for event in CircuitEvent.objects.filter(pk__in=newest.values("pk"), after=OPEN).order_by("-id")[:EACH]:
        yield Line(f"circuit-{event.pk}", WARN, "link", f"Nobody calls {event.circuit}", event.why,
                   links.circuits(), "Circuits", event.at)  # fmt: skip
