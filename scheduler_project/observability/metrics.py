"""`/metrics`: what every process counts is read from the database, so that each web process tells the same; HTTP and
Python figures are the process's own."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from itertools import accumulate
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest, multiprocess
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from jobs import workers
from jobs.ledger import LAG_BUCKETS
from jobs.recovery.projections import BUCKETS, LOST_ATTEMPTS
from jobs.rules.states import FINISHED, PRIORITY_NAMES, ExecutionStatus
from scheduler_project.observability.lookup import Lookup
from scheduler_project.observability.snapshot import JOB_STATES, Snapshot, take
from scheduler_project.observability.telling import NotificationCollector

KEEP = timedelta(seconds=1)
PATIENCE = timedelta(seconds=2)

FAILURES = tuple(status for status in FINISHED if status not in (ExecutionStatus.SUCCEEDED, ExecutionStatus.CANCELLED))
BOUNDS = [*(f"{bound:g}" for bound in BUCKETS), "+Inf"]
LAG_BOUNDS = [*(f"{bound:g}" for bound in LAG_BUCKETS), "+Inf"]
MOST_QUEUES = 100  # beyond that, queues are summed up: every label value is kept for ever by whoever scrapes


@require_safe
def scrape(request: HttpRequest) -> HttpResponse:
    """All metrics in Prometheus' text format."""
    response = HttpResponse(generate_latest(_process_registry()) + generate_latest(OWN))
    response.headers["Content-Type"] = CONTENT_TYPE_LATEST
    response.headers["Cache-Control"] = "no-store"
    return response


def _process_registry() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


class DatabaseCollector(Collector):
    """One statement a second at most. Without the database only `daybook_up 0` is told, and the rest goes on."""

    def __init__(self) -> None:
        self._lookup = Lookup("metrics", take, keep=KEEP)

    def describe(self) -> list[Metric]:
        return []  # nothing is asked of the database when the collector is registered

    def collect(self) -> Iterator[Metric]:
        try:
            found = self._lookup.get(patience=PATIENCE)
        except Exception:  # noqa: BLE001  a scrape must not fail with the database; health says what is wrong
            yield _gauge("daybook_up", "Whether the database answers.", 0)
            return
        yield _gauge("daybook_up", "Whether the database answers.", 1)
        yield from _runs(found)
        yield from _durations(found)
        yield from _ticks(found)
        yield from _state(found)


OWN = CollectorRegistry()
OWN.register(DatabaseCollector())
OWN.register(NotificationCollector())


def _runs(found: Snapshot) -> Iterator[Metric]:
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for total in found.totals:
        counts[total["template"]][total["kind"]] = total["count"]

    def counter(name: str, help_text: str, *kinds: str) -> Metric:
        family = CounterMetricFamily(name, help_text, labels=["template"])
        for template, by_kind in counts.items():
            family.add_metric([template], sum(by_kind.get(kind, 0) for kind in kinds))
        return family

    yield counter("scheduler_runs_started", "Attempts that workers have begun.", "started")
    yield counter("scheduler_runs_success", "Executions that succeeded.", ExecutionStatus.SUCCEEDED)
    yield counter("scheduler_runs_failure", "Executions that ended without success; not the cancelled ones.", *FAILURES)
    yield counter("scheduler_runs_retried", "Attempts that ended without success and are tried again.", "retrying")
    yield counter("scheduler_runs_lost", "Attempts whose process or worker vanished.", LOST_ATTEMPTS)
    yield counter("tasks_submitted", "Executions that were queued.", "queued")
    completed = CounterMetricFamily("tasks_completed", "Executions at rest.", labels=["template", "status"])
    for template, by_kind in counts.items():
        for status in FINISHED:
            completed.add_metric([template, status.value], by_kind.get(status, 0))
    yield completed


def _durations(found: Snapshot) -> Iterator[Metric]:
    help_text = "How long attempts ran. `status` is that of the execution afterwards; `retrying` means queued again."
    for name in ("scheduler_run_duration_seconds", "task_duration_seconds"):
        family = HistogramMetricFamily(name, help_text, labels=["template", "status"])
        for total in found.totals:
            if any(total["buckets"]):
                buckets = list(zip(BOUNDS, accumulate(total["buckets"]), strict=True))
                family.add_metric([total["template"], total["kind"]], buckets, sum_value=total["seconds"])
        yield family


def _ticks(found: Snapshot) -> Iterator[Metric]:
    """Whoever decided them: the scheduler, or a change of the job before it was written."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    late: dict[str, list[int]] = defaultdict(lambda: [0] * len(LAG_BOUNDS))
    seconds: dict[str, float] = defaultdict(float)
    for total in found.ticks:
        outcome = total["outcome"]
        counts[outcome, total["reason"]] += total["count"]
        late[outcome] = [sum(both) for both in zip(late[outcome], total["buckets"], strict=True)]
        seconds[outcome] += total["lag_seconds"]
    ticks = CounterMetricFamily("scheduler_ticks", "Ticks in the ledger.", labels=["outcome", "reason"])
    for (outcome, reason), count in counts.items():
        ticks.add_metric([outcome, reason], count)
    yield ticks
    lag = HistogramMetricFamily(
        "scheduler_tick_lag_seconds", "How long after they were due ticks were decided.", labels=["outcome"]
    )
    for outcome, buckets in late.items():
        lag.add_metric([outcome], list(zip(LAG_BOUNDS, accumulate(buckets), strict=True)), sum_value=seconds[outcome])
    yield lag
    yield _gauge("scheduler_circuits_open", "Mail servers and hosts that are not called for now.", found.circuits_open)
    yield _gauge("scheduler_ledger_violations", "Breaks of the ledger's promise ever found.", found.violations)
    yield _gauge("scheduler_jobs_behind", "Jobs with a tick that is due and undecided.", found.jobs_behind)


def _state(found: Snapshot) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("scheduler_jobs_total", "Jobs by state.", labels=["status"])
    for state in JOB_STATES:
        jobs.add_metric([state], found.jobs.get(state, 0))
    yield jobs

    depth = GaugeMetricFamily(
        "queue_depth", "Executions that could run now and wait for a worker.", labels=["queue", "priority"]
    )
    for (queue, priority), count in _bounded(found.queues).items():
        depth.add_metric([queue, PRIORITY_NAMES.get(priority, str(priority))], count)
    yield depth

    rejections = CounterMetricFamily("queue_rejections", "Submissions that a full queue refused.", labels=["priority"])
    for priority, name in PRIORITY_NAMES.items():
        rejections.add_metric([name], found.rejections.get(str(priority), 0))
    yield rejections

    letters = GaugeMetricFamily("scheduler_dead_letters", "Open dead letters.", labels=["template"])
    for template, count in found.dead_letters.items():
        letters.add_metric([template], count)
    yield letters
    yield _gauge("scheduler_dead_letters_open", "Open dead letters of all templates.", sum(found.dead_letters.values()))

    yield _gauge("scheduler_runs_running", "Executions that a worker owns.", found.running)
    yield _gauge("worker_pool_size", "Processes of all workers with a recent heartbeat.", found.worker_processes)
    yield _gauge("scheduler_workers", "Workers with a recent heartbeat.", found.workers)
    yield from _workers(found)

    yield _gauge("scheduler_leader", "Whether a scheduler leads.", int(found.has_leader))
    yield _gauge("scheduler_leader_epoch", "Grows with each change of the lead.", found.leader_epoch)
    yield _gauge("scheduler_candidates", "Scheduler processes whose loop turns without trouble.", found.candidates)
    if found.tick_age is not None:
        yield _gauge("scheduler_tick_age_seconds", "Since the scheduler's loop turned.", found.tick_age)
    yield _gauge("scheduler_event_lag_seconds", "Age of the oldest event that the sums lack.", found.event_lag)

    active = GaugeMetricFamily("db_connection_pool_active", "Database connections at work.", labels=["role"])
    size = GaugeMetricFamily("db_connection_pool_size", "Database connections.", labels=["role"])
    for connections in found.connections:
        active.add_metric([connections["role"]], connections["active"])
        size.add_metric([connections["role"]], connections["all"])
    yield active
    yield size


def _workers(found: Snapshot) -> Iterator[Metric]:
    states = GaugeMetricFamily("scheduler_worker_states", "Workers of the last day by state.", labels=["state"])
    for state in workers.STATES:
        states.add_metric([state], found.workers_by_state.get(state, 0))
    yield states
    yield _gauge("scheduler_worker_memory_bytes", "Memory of all workers that live.", found.worker_memory)
    unanswered = GaugeMetricFamily(
        "scheduler_canary_age_seconds",
        "Age of the question that no worker of the queue has answered.",
        labels=["queue"],
    )
    deaf = GaugeMetricFamily(
        "scheduler_queue_deaf", "Whether nobody hears, though processes are free.", labels=["queue"]
    )
    redelivered = CounterMetricFamily(
        "scheduler_redeliveries", "Announcements that had to be repeated.", labels=["queue"]
    )
    for canary in found.canaries:
        unanswered.add_metric([canary["queue"]], canary["unanswered"])
        deaf.add_metric([canary["queue"]], int(canary["is_deaf"]))
        redelivered.add_metric([canary["queue"]], canary["redelivered"])
    yield from (unanswered, deaf, redelivered)


def _bounded(queues: list[dict[str, Any]]) -> dict[tuple[str, int], int]:
    names = sorted({entry["queue"] for entry in queues})[:MOST_QUEUES]
    depths: dict[tuple[str, int], int] = defaultdict(int)
    for entry in queues:
        depths[entry["queue"] if entry["queue"] in names else "other", entry["priority"]] += entry["count"]
    return depths


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=value)
