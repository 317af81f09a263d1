"""Scrapes, against the true counts."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count
from django.test import Client
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from accounts.models import Tenant
from jobs import dead_letters, executions, ledger, registry
from jobs.execution import executor, registration
from jobs.execution.heartbeat import settle
from jobs.execution.registration import Report
from jobs.ledger import LAG_BUCKETS
from jobs.models import DeadLetter, Execution, ExecutionEvent, Job, LedgerViolation, SchedulerCandidate, Tick
from jobs.recovery import projections
from jobs.recovery.projections import BUCKETS
from jobs.rules.states import AttemptOutcome
from jobs.tick import publisher
from jobs.tick.canaries import Canaries
from scheduler_project.lib import sql, transactions
from scheduler_project.observability import metrics
from tests import live
from tests.live import wait_for

NAMES = {
    "scheduler_jobs_total",
    "scheduler_runs_started_total",
    "scheduler_runs_success_total",
    "scheduler_runs_failure_total",
    "scheduler_run_duration_seconds",
    "tasks_submitted_total",
    "tasks_completed_total",
    "task_duration_seconds",
    "queue_depth",
    "queue_rejections_total",
    "worker_pool_size",
    "scheduler_worker_states",
    "scheduler_worker_memory_bytes",
    "scheduler_runs_lost_total",
    "db_connection_pool_active",
    "scheduler_ticks_total",
    "scheduler_tick_lag_seconds",
    "scheduler_ledger_violations",
}

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parse(text: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, tuple(sorted(labels.items()))]


def new_job(template: str, **changes: Any) -> Job:
    tenant = Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})[0]
    schedule = {"kind": "cron", "cron": "0 0 1 1 *"}
    data = {"name": f"{template} {Job.objects.count()}", "template": template, "schedule": schedule, **changes}
    return registry.create(data, tenant=tenant, actor="user:test")


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No snapshot of an earlier test is kept."""
    own = CollectorRegistry()
    own.register(metrics.DatabaseCollector())
    own.register(metrics.NotificationCollector())
    monkeypatch.setattr(metrics, "OWN", own)


def scrape() -> Samples:
    response = Client().get("/metrics", headers={"host": "10.0.0.1:8000"})
    assert response.status_code == 200
    return parse(response.content.decode())


@pytest.mark.django_db(transaction=True)
class TestScrape:
    def test_knows_every_name_before_anything_happened(self) -> None:
        text = Client().get("/metrics").content.decode()
        types = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
        assert types >= NAMES

    def test_is_documented_name_by_name(self) -> None:
        text = metrics.generate_latest(metrics.OWN).decode()
        exported = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
        table = (Path(__file__).resolve().parents[3] / "docs" / "observability.md").read_text().split("| Metric |")[1]
        first_cells = [line.split("|")[1] for line in table.split("\n\n")[0].splitlines()[2:]]
        documented = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
        optional = {"scheduler_tick_age_seconds"}  # only once a scheduler has led
        assert exported | optional == documented

    def test_has_a_name_in_the_spring_world(self) -> None:
        assert b"scheduler_jobs_total" in Client().get("/actuator/prometheus").content

    def test_counts_what_happened(self) -> None:
        good, bad = new_job("echo"), new_job("failing", policies={"retry_base_seconds": 0, "max_retries": 1})
        for job in (good, good, good):
            executor.execute(registry.run_now(job, actor="user:test"), worker="w1")
        execution_id = registry.run_now(bad, actor="user:test")
        executor.execute(execution_id, worker="w1")
        executor.execute(execution_id, worker="w1")
        cancelled = registry.run_now(good, actor="user:test")
        executions.cancel(cancelled, by="user:test", now=sql.now())
        projections.sweep()

        found = scrape()
        assert value(found, "tasks_submitted_total", template="echo") == 4
        assert value(found, "scheduler_runs_started_total", template="echo") == 3
        assert value(found, "scheduler_runs_success_total", template="echo") == 3
        assert value(found, "scheduler_runs_failure_total", template="echo") == 0
        assert value(found, "tasks_completed_total", template="echo", status="cancelled") == 1
        assert value(found, "scheduler_runs_started_total", template="failing") == 2
        assert value(found, "scheduler_runs_retried_total", template="failing") == 1
        assert value(found, "scheduler_runs_failure_total", template="failing") == 1
        assert value(found, "tasks_completed_total", template="failing", status="dead") == 1

    def test_has_the_true_durations_in_its_histogram(self) -> None:
        job = new_job("echo")
        for _ in range(5):
            executor.execute(registry.run_now(job, actor="user:test"), worker="w1")
        projections.sweep()
        seconds = [event.data["seconds"] for event in ExecutionEvent.objects.filter(kind="succeeded")]
        found = scrape()
        for name in ("scheduler_run_duration_seconds", "task_duration_seconds"):
            labels = {"template": "echo", "status": "succeeded"}
            assert value(found, f"{name}_count", **labels) == 5
            assert value(found, f"{name}_sum", **labels) == pytest.approx(sum(seconds))
            for bound in BUCKETS:
                expected = sum(second <= bound for second in seconds)
                assert value(found, f"{name}_bucket", le=f"{bound:g}", **labels) == expected

    def test_counts_jobs_by_state(self) -> None:
        new_job("echo")
        registry.pause(new_job("echo").pk, actor="user:test")
        registry.disable(new_job("echo").pk, actor="user:test")
        registry.archive(new_job("echo").pk, actor="user:test")
        found = scrape()
        states = ("enabled", "paused", "disabled", "archived", "quarantined")
        assert [value(found, "scheduler_jobs_total", status=state) for state in states] == [1, 1, 1, 1, 0]

    def test_counts_open_dead_letters_by_template(self) -> None:
        job = new_job("echo")
        for _ in range(3):
            execution_id = registry.run_now(job, actor="user:test")
            Execution.objects.filter(pk=execution_id).update(attempt=1)
            executions.give_up(execution_id, by="user:test")
        dead_letters.discard(DeadLetter.objects.latest("id").pk, actor="user:test", note="known")
        found = scrape()
        assert value(found, "scheduler_dead_letters", template="echo") == 2
        assert value(found, "scheduler_dead_letters_open") == 2

    def test_measures_queues_by_priority_and_leaves_out_what_waits_for_later(self) -> None:
        urgent = new_job("echo", queue="reports", priority="critical")
        for _ in range(2):
            registry.run_now(urgent, actor="user:test")
        later = registry.run_now(new_job("echo"), actor="user:test")
        Execution.objects.filter(pk=later).update(available_at="2999-01-01T00:00Z")
        found = scrape()
        assert value(found, "queue_depth", queue="reports", priority="critical") == 2
        assert [key for key in found if key[0] == "queue_depth"] == [
            ("queue_depth", (("priority", "critical"), ("queue", "reports")))
        ]

    def test_counts_ticks_by_outcome_and_reason_whoever_decided_them(self) -> None:
        minutely = {"kind": "interval", "every_seconds": 60}
        new_job("echo", schedule=minutely)
        registry.pause(new_job("echo", schedule=minutely).pk, actor="user:test")
        now = sql.now()
        for minutes, epoch in ((5, 1), (8, 0)):
            with transactions.engine():
                ledger.decide_due(now=now + timedelta(minutes=minutes), epoch=epoch)
        found = scrape()
        ticks = Tick.objects.values_list("outcome", "reason").annotate(count=Count("id"))
        assert len(ticks) > 1
        for outcome, reason, count in ticks:
            assert value(found, "scheduler_ticks_total", outcome=outcome, reason=reason) == count
        for outcome in {outcome for outcome, _, _ in ticks}:
            lags = [(t.decided_at - t.due_at).total_seconds() for t in Tick.objects.filter(outcome=outcome)]
            assert value(found, "scheduler_tick_lag_seconds_count", outcome=outcome) == len(lags)
            assert value(found, "scheduler_tick_lag_seconds_sum", outcome=outcome) == pytest.approx(sum(lags))
            for bound in LAG_BUCKETS:
                expected = sum(lag < bound for lag in lags)
                assert value(found, "scheduler_tick_lag_seconds_bucket", le=f"{bound:g}", outcome=outcome) == expected

    def test_counts_lost_attempts_that_are_tried_again(self) -> None:
        execution_id = registry.run_now(new_job("echo"), actor="user:test")
        claim = executions.claim(execution_id, worker="w1", lease=timedelta(seconds=60))
        assert claim is not None
        settle(claim, executions.Ending(AttemptOutcome.LOST))
        projections.sweep()
        assert value(scrape(), "scheduler_runs_lost_total", template="echo") == 1

    def test_tells_how_workers_are_and_whether_queues_are_heard(self) -> None:
        report = Report(health="degraded", memory=[{"pid": 1, "rss": 10, "pss": 7}, {"pid": 2, "rss": 10, "pss": 5}])
        registration.beat("w1@test:abc", queues=["default"], concurrency=2, report=report)
        registration.beat("w2@test:abc", queues=["default"], concurrency=2)
        sql.rows("UPDATE workers SET heartbeat_at = heartbeat_at - interval '1 hour' WHERE name = 'w2@test:abc'")
        Canaries(lambda queue: None).sweep()
        sql.rows("UPDATE queue_canaries SET asked_at = asked_at - interval '31 seconds', redelivered = 3")
        Canaries(lambda queue: None).sweep()
        samples = scrape()
        assert value(samples, "scheduler_worker_states", state="degraded") == 1
        assert value(samples, "scheduler_worker_states", state="lost") == 1
        assert value(samples, "scheduler_worker_states", state="healthy") == 0
        assert value(samples, "scheduler_worker_memory_bytes") == 12
        assert value(samples, "scheduler_canary_age_seconds", queue="default") == pytest.approx(31, abs=3)
        assert value(samples, "scheduler_queue_deaf", queue="default") == 1
        assert value(samples, "scheduler_redeliveries_total", queue="default") == 3

    def test_tells_violations_candidates_and_jobs_behind(self) -> None:
        job, now = new_job("echo"), sql.now()
        LedgerViolation.objects.create(job=job, due_at=now, kind="unaccounted", found_at=now)
        SchedulerCandidate.objects.create(holder="a", started_at=now, seen_at=now)
        SchedulerCandidate.objects.create(holder="b", started_at=now, seen_at=now, trouble="no disk")
        Job.objects.filter(pk=job.pk).update(next_tick_at=now - timedelta(seconds=9))
        found = scrape()
        names = ("scheduler_ledger_violations", "scheduler_candidates", "scheduler_jobs_behind")
        assert [value(found, name) for name in names] == [1, 1, 1]

    def test_sums_up_queues_beyond_a_hundred(self) -> None:
        entries = [{"queue": f"q{number:03}", "priority": 6, "count": 1} for number in range(103)]
        depths = metrics._bounded(entries)
        assert (len(depths), depths["other", 6]) == (101, 3)

    def test_goes_on_without_the_database(self) -> None:
        before, connection.settings_dict["PORT"] = connection.settings_dict["PORT"], 9
        try:
            found = scrape()
        finally:
            connection.settings_dict["PORT"] = before
        assert value(found, "daybook_up") == 0
        assert not any(name in NAMES for name, _ in found)
        assert any(name.startswith("python_") for name, _ in found)


@pytest.mark.acceptance
@pytest.mark.django_db(transaction=True)
class TestAcrossProcesses:
    def test_every_web_process_tells_the_same_true_counts(self, tmp_path: Path) -> None:
        job = new_job("echo")
        with live.scheduler(tmp_path), live.worker(tmp_path):
            for _ in range(6):
                registry.run_now(job, actor="user:test")
            publisher.publish_waiting()
            wait_for(lambda: Execution.objects.filter(status="succeeded").count() == 6, seconds=20)
            with live.web(tmp_path, name="web1") as first, live.web(tmp_path, name="web2") as second:
                labels = {"template": "echo"}

                def has_caught_up() -> bool:
                    found = parse(first.get("/metrics").text)
                    key = ("scheduler_runs_success_total", tuple(labels.items()))
                    return found.get(key) == 6

                wait_for(has_caught_up, seconds=10, what="the projection")
                time.sleep(1.1)
                scrapes = [parse(web.get("/metrics", Host="10.0.0.1").text) for web in (first, second)]
        for found in scrapes:
            assert value(found, "daybook_up") == 1
            assert value(found, "tasks_submitted_total", **labels) == 6
            assert value(found, "scheduler_runs_started_total", **labels) == 6
            assert value(found, "scheduler_run_duration_seconds_count", **labels, status="succeeded") == 6
            assert value(found, "worker_pool_size") == 2
            assert value(found, "scheduler_leader") == 1
            assert value(found, "db_connection_pool_size", role="worker") >= 1
        ours = [
            {key: number for key, number in found.items() if key[0].startswith(("scheduler_runs", "tasks_"))}
            for found in scrapes
        ]
        assert ours[0] == ours[1]
