"""What needs a person now, the worst first: each line says what happened and leads to the place to act on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from jobs import dashboard, queries, workers
from jobs.admin.dashboard import amounts, links
from jobs.admin.dashboard.tiles import Waiting
from jobs.admin.dashboard.viewer import Viewer
from jobs.admin.reasons import in_words
from jobs.dashboard import Deviations, Running
from jobs.models import CircuitEvent, Worker
from jobs.queries import SchedulerStatus
from scheduler_project.lib import markup, viewer_zone

EACH = 4  # lines of one kind
BAD, WARN = "bad", "warn"
OPEN_CIRCUITS = "open"


@dataclass(frozen=True)
class Line:
    key: str
    tone: str
    shape: str
    what: str
    detail: str
    url: str
    action: str
    at: datetime | None = None
    mark: str = ""


def lines(
    viewer: Viewer, *, status: SchedulerStatus, running: Running, waits: Waiting, deviations: Deviations
) -> list[Line]:
    found = [
        *_scheduler(status),
        *_workers(viewer),
        *_queues(viewer),
        *_failures(viewer),
        *_held(viewer),
        *_deviations(deviations),
        *_slow(running),
        *_approvals(waits),
        *(_circuits() if viewer.is_superuser else ()),
    ]
    return sorted(found, key=lambda line: line.tone != BAD)  # keeps the order of kinds


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
    if not settings.SCHEDULER_USE_CELERY:
        return
    found = [(worker, workers.state_of(worker, now=viewer.now)) for worker in Worker.objects.filter(stopped_at=None)]
    lost = [worker for worker, state in found if state == "lost"]
    if not [state for _, state in found if state != "lost"]:
        yield Line("no-worker", BAD, "server", "No worker reports", "Runs wait until one does.", links.health(),
                   "How to start one")  # fmt: skip
    for worker in lost[:EACH]:
        silent = markup.duration(round((viewer.now - worker.heartbeat_at).total_seconds()))
        yield Line(f"worker-{worker.pk}", BAD, "alert", f"Worker {worker.name} is silent",
                   f"Nothing heard of it for {silent}.", links.workers(), "Workers", worker.heartbeat_at)  # fmt: skip
    yield from _more("workers", len(lost), "silent workers", links.workers())
    for worker in [worker for worker, state in found if state in ("degraded", "unhealthy")][:EACH]:
        yield Line(f"worker-{worker.pk}", WARN, "alert", f"Worker {worker.name} is {worker.health}", worker.trouble,
                   links.workers(), "Workers")  # fmt: skip


def _queues(viewer: Viewer) -> Iterator[Line]:
    if not settings.SCHEDULER_USE_CELERY:
        return
    for queue in workers.list_queues(tenant_ids=viewer.tenant_ids):
        waits = amounts.counted(queue.waiting_total, "run waits", "runs wait")
        if queue.canary == "deaf":
            yield Line(f"queue-{queue.queue}", BAD, "alert", f"Nobody hears on the queue {queue.queue}", f"{waits}.",
                       links.workers(), "Queues", queue.deaf_since)  # fmt: skip
        elif queue.waiting_total and not queue.workers:
            yield Line(f"queue-{queue.queue}", BAD, "server", f"No worker serves the queue {queue.queue}", f"{waits}.",
                       links.workers(), "Queues")  # fmt: skip


def _failures(viewer: Viewer) -> Iterator[Line]:
    causes, count = dashboard.find_causes(viewer.tenant_ids, now=viewer.now, most=EACH)
    for cause in causes:
        times = "failed" if cause.count == 1 else f"failed {cause.count:,} times"
        error = cause.error.strip().partition("\n")[0] or in_words(cause.reason)
        yield Line(f"letter-{cause.letter_id}", BAD, "cross", f"{cause.name} {times}", error,
                   links.letters_like(cause.letter_id), "Look", cause.last_at,
                   "New" if cause.is_new else "")  # fmt: skip
    yield from _more("letters", count, "causes of failures", links.letters())


def _held(viewer: Viewer) -> Iterator[Line]:
    held = dashboard.find_held_jobs(viewer.tenant_ids, now=viewer.now, most=EACH)
    for job in held.quarantined:
        yield Line(f"problem-{job.id}", BAD, "alert", f"{job.name} cannot run", job.problem.partition("\n")[0],
                   links.job(job.id), "Mend")  # fmt: skip
    yield from _more("problems", held.quarantined_count, "jobs that cannot run", links.jobs(state="problem"))
    for job in held.forgotten:
        assert job.paused_at is not None
        by = job.paused_by.partition(":")[2] or job.paused_by
        since = f"{viewer_zone.local(job.paused_at):%-d %b}"
        note = f": {job.pause_note}" if job.pause_note else "."
        yield Line(f"paused-{job.id}", WARN, "pause", f"{job.name} is still paused",
                   f"By {by} since {since}{note}", links.job(job.id), "Resume or keep", job.paused_at)  # fmt: skip
    yield from _more("paused", held.forgotten_count, "jobs paused for over a week", links.jobs(state="paused"))


def _deviations(deviations: Deviations) -> Iterator[Line]:
    for one in deviations.jobs[:EACH]:
        parts = [f"missed {amounts.counted(one.missed, 'tick')}"] if one.missed else []
        parts += [f"was late {amounts.counted(one.late, 'time')}"] if one.late else []
        outcome = "missed" if one.missed else "late"
        yield Line(f"late-{one.job_id}", BAD if one.missed else WARN, "hollow" if one.missed else "clock",
                   f"{one.name} {' and '.join(parts)}", "Since yesterday.",
                   links.ticks(job=one.job_id, outcome=outcome), "Why", one.last_at)  # fmt: skip
    yield from _more("late", deviations.jobs_count, "jobs that were not on time", links.ticks(outcome="missed"))


def _slow(running: Running) -> Iterator[Line]:
    slow = [run for run in running.runs if run.is_slow]
    for run in slow[:EACH]:
        assert run.remaining is not None
        usual = markup.duration(run.remaining.usual_seconds)
        yield Line(f"slow-{run.execution_id}", WARN, "clock", f"{run.name} is slower than usual",
                   f"Runs for {markup.duration(run.seconds)}, usually {usual}.", links.execution(run.execution_id),
                   "Open the run", run.started_at)  # fmt: skip
    yield from _more("slow", len(slow), "slow runs", links.executions(status="running"))


def _approvals(waits: Waiting) -> Iterator[Line]:
    if waits.for_approval:
        what = amounts.counted(waits.for_approval, "run waits", "runs wait")
        yield Line("approvals", WARN, "hand", f"{what} for approval", "Somebody who may approve has to look.",
                   links.executions(status="approval"), "Look")  # fmt: skip


def _circuits() -> Iterator[Line]:
    newest = CircuitEvent.objects.order_by("circuit", "-id").distinct("circuit")
    for event in CircuitEvent.objects.filter(pk__in=newest.values("pk"), after=OPEN_CIRCUITS).order_by("-id")[:EACH]:
        yield Line(f"circuit-{event.pk}", WARN, "link", f"Nobody calls {event.circuit}", event.why,
                   links.circuits(), "Circuits", event.at)  # fmt: skip


def _more(key: str, count: int, what: str, url: str) -> Iterator[Line]:
    if count > EACH:
        yield Line(f"more-{key}", WARN, "dots", f"{count - EACH:,} more {what}", "", url, "Show all")


def verdict(found: Sequence[Line]) -> tuple[str, str]:
    """The whole in one sentence, and its tone."""
    bad = sum(line.tone == BAD for line in found)
    warn = len(found) - bad
    if not found:
        return "Everything runs as it should.", "good"
    parts = [amounts.counted(bad, "problem")] if bad else []
    parts += [amounts.counted(warn, "warning")] if warn else []
    return f"{' and '.join(parts)}.", BAD if bad else WARN
