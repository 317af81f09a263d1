"""The checker finds each kind of violation, and nothing where there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from jobs.models import Attempt, Execution, Pool, Tick
from tests.chaos import checker
from tests.chaos.conftest import History, change, lead, line
from tests.chaos.journal import ALIVE, START

LAST_TICK = "(job_id, due_at) = (SELECT job_id, due_at FROM ticks WHERE {which} ORDER BY due_at DESC LIMIT 1)"
FIRED = LAST_TICK.format(which="outcome = 'fired'")
SKIPPED = LAST_TICK.format(which="reason = 'overlap'")
COALESCED = LAST_TICK.format(which="reason = 'misfire_last'")
PAUSED = LAST_TICK.format(which="reason = 'paused'")
CLOSED = LAST_TICK.format(which="reason = 'disabled_at_tick'")
SUCCEEDED = "id = (SELECT max(id) FROM job_executions WHERE status = 'succeeded' AND trigger = 'schedule')"
RETRIED = "(SELECT max(id) FROM job_executions WHERE attempt = 2 AND max_instances IS NULL)"


def sql(statement: str) -> Callable[[History], None]:
    def plant(history: History) -> None:
        assert change(statement.replace("%", "%%")) >= 1, "Nothing was there to be changed."

    return plant


def double_a_tick(history: History) -> None:
    change("ALTER TABLE ticks DROP CONSTRAINT one_tick_per_job_and_instant")
    change(f"INSERT INTO ticks SELECT * FROM ticks WHERE {PAUSED}")


def double_an_execution(history: History) -> None:
    """Both in the ledger, so that only their number is wrong."""
    change("ALTER TABLE ticks DROP CONSTRAINT one_tick_per_job_and_instant")
    change(
        "UPDATE dynamic_jobs SET fired_count = fired_count + 1 WHERE id = ("
        f"SELECT job_id FROM job_executions WHERE {SUCCEEDED})"
    )
    columns = "tenant_id, job_id, template_id, trigger, scheduled_for, revision, queue, priority, max_attempts, policy"
    change(
        f"WITH made AS (INSERT INTO job_executions ({columns}, status, reason, cancel_requested_at, finished_at, "
        f"event_sequence) SELECT {columns}, 'cancelled', 'cancelled', now(), now(), 0 FROM job_executions "
        f"WHERE {SUCCEEDED} RETURNING id) "
        "INSERT INTO ticks (tenant_id, job_id, due_at, outcome, execution_id, revision, epoch, decided_at) "
        "SELECT tenant_id, job_id, due_at, outcome, made.id, revision, epoch, decided_at FROM ticks, made "
        f"WHERE execution_id = (SELECT id FROM job_executions WHERE {SUCCEEDED})"
    )


def fire_over_another(history: History) -> None:
    change(
        "UPDATE job_executions SET created_at = created_at - interval '1 hour', max_instances = NULL WHERE id = ("
        "SELECT min(id) FROM job_executions WHERE job_id = %(job)s)",
        job=history.skipping.pk,
    )
    tick = Tick.objects.filter(job=history.skipping, reason="overlap").order_by("due_at").last()
    assert tick is not None
    execution = Execution.objects.filter(job=history.skipping).order_by("id").last()
    assert execution is not None
    change(
        "INSERT INTO job_executions (tenant_id, job_id, template_id, trigger, scheduled_for, revision, queue, priority,"
        " max_attempts, status, reason, cancel_requested_at, finished_at) SELECT tenant_id, job_id, template_id, "
        "'schedule', %(due)s, revision, queue, priority, max_attempts, 'cancelled', 'cancelled', now(), now() "
        "FROM job_executions WHERE id = %(like)s",
        due=tick.due_at,
        like=execution.pk,
    )
    change(
        "UPDATE ticks SET outcome = 'fired', reason = '', blocking_id = NULL, execution_id = ("
        "SELECT max(id) FROM job_executions) WHERE job_id = %(job)s AND due_at = %(due)s",
        job=history.skipping.pk,
        due=tick.due_at,
    )
    change("UPDATE dynamic_jobs SET fired_count = fired_count + 1 WHERE id = %(job)s", job=history.skipping.pk)


def catch_up_too_much(history: History) -> None:
    """A coalesced tick becomes another late one of the same decision."""
    change(f"UPDATE ticks SET outcome = 'late', execution_id = 0 WHERE {COALESCED}")
    change(
        "UPDATE ticks SET outcome = 'late', execution_id = -1 WHERE outcome = 'coalesced' AND decided_at = ("
        "SELECT decided_at FROM ticks WHERE execution_id = 0)"
    )


def drop_a_revision(history: History) -> None:
    change("SET CONSTRAINTS ALL IMMEDIATE")
    change("ALTER TABLE job_revisions DISABLE TRIGGER USER")
    change("UPDATE job_revisions SET number = number + 1 WHERE number = 4")


def write_after_the_lead(history: History) -> None:
    change(
        "UPDATE ticks SET id = nextval('ticks_id_seq') WHERE id = (SELECT max(id) FROM ticks WHERE epoch = 1)",
    )


def lead_twice(history: History) -> None:
    change("UPDATE scheduler_lease_history SET released_at = released_at + interval '5 s' WHERE epoch = 1")


def leave_out_an_epoch(history: History) -> None:
    lead(4, since=history.until)


def lose_a_change(history: History) -> None:
    history.acknowledged.append(("revision", history.daily.pk, 99))


def lose_a_run(history: History) -> None:
    history.acknowledged.append(("execution", 10**9, 0))


def last_run(history: History) -> tuple[Execution, Attempt]:
    execution = Execution.objects.filter(job=history.letting, attempt=2).order_by("id").last()
    assert execution is not None
    return execution, Attempt.objects.get(execution=execution, number=1)


def work_unclaimed(history: History) -> None:
    execution, attempt = last_run(history)
    history.journal.append(line(execution, 99, START, attempt.started_at - timedelta(seconds=1)))


def succeed_without_work(history: History) -> None:
    execution, _ = last_run(history)
    history.journal[:] = [each for each in history.journal if each.execution_id != execution.pk]


def work_twice(history: History) -> None:
    """Two processes under one fence, so that neither is without a claim or was lost."""
    execution = Execution.objects.filter(job=history.letting, attempt=1).order_by("id").last()
    assert execution is not None
    attempt = Attempt.objects.get(execution=execution, number=1)
    history.journal.append(line(execution, 1, START, attempt.started_at - timedelta(seconds=1), pid=2))
    history.journal.append(line(execution, 1, ALIVE, attempt.started_at + timedelta(seconds=1), pid=2))


def work_twice_for_one_job(history: History) -> None:
    execution = Execution.objects.filter(job=history.skipping).order_by("id").first()
    assert execution is not None
    assert execution.finished_at is not None
    history.journal.append(line(execution, execution.fence, ALIVE, execution.finished_at + timedelta(hours=1)))


def work_after_the_loss(history: History) -> None:
    execution, attempt = last_run(history)
    assert attempt.finished_at is not None
    history.journal.append(replace(line(execution, 1, ALIVE, attempt.finished_at), at=attempt.finished_at + MICRO))


MICRO = timedelta(microseconds=1)


def work_after_the_success(history: History) -> None:
    execution, _ = last_run(history)
    assert execution.finished_at is not None
    later = execution.finished_at + timedelta(milliseconds=2)
    history.journal.append(replace(line(execution, 2, ALIVE, execution.finished_at), at=later))


def let_too_many_in(history: History) -> None:
    """Three at once, of a job for two. The instances of the others do not matter."""
    runs = list(Execution.objects.filter(job=history.letting, attempt=1, status="succeeded").order_by("id")[:3])
    change("UPDATE job_executions SET max_instances = 2 WHERE id = ANY(%(ids)s)", ids=[run.pk for run in runs])
    _stretch(runs)


def overrun_a_pool(history: History) -> None:
    runs = list(Execution.objects.filter(job=history.letting, attempt=1, status="succeeded").order_by("id")[:3])
    _put_into_a_pool(history, runs)
    _stretch(runs)


def work_beyond_the_size_of_a_pool(history: History) -> None:
    """Only by the journal: two processes began before the attempt of a third."""
    runs = list(Execution.objects.filter(job=history.letting, attempt=1, status="succeeded").order_by("id")[:3])
    _put_into_a_pool(history, runs)
    last = runs[-1].started_at
    assert last is not None
    for run in runs[:-1]:
        change("UPDATE task_executions SET outcome = 'failed' WHERE execution_id = %(id)s", id=run.pk)
        change(
            "UPDATE job_executions SET status = 'failed', reason = 'not_retryable' WHERE id = %(id)s",
            id=run.pk,
        )
        change(
            "UPDATE execution_events SET kind = 'failed' WHERE execution_id = %(id)s AND kind = 'succeeded'", id=run.pk
        )
        history.journal.append(line(run, 1, ALIVE, last + timedelta(seconds=1)))


def _put_into_a_pool(history: History, runs: list[Execution]) -> None:
    pool = Pool.objects.create(tenant=history.letting.tenant, slug="pool", name="Pool", size=2)
    change("UPDATE job_executions SET pool_id = %(pool)s WHERE id = ANY(%(ids)s)", pool=pool.pk, ids=_ids(runs))


def _stretch(runs: list[Execution]) -> None:
    change(
        "UPDATE task_executions SET finished_at = now() + interval '1 h' WHERE execution_id = ANY(%(ids)s)",
        ids=_ids(runs),
    )


def _ids(runs: list[Execution]) -> list[int]:
    return [run.pk for run in runs]


# Each violation with everything that it is found by.
PLANTED: dict[str, tuple[Callable[[History], None], set[str]]] = {
    "unaccounted_tick": (sql(f"DELETE FROM ticks WHERE {PAUSED}"), {"unaccounted_tick"}),
    "phantom_tick": (
        sql(f"UPDATE ticks SET due_at = due_at - interval '1 s' WHERE {PAUSED}"),
        {"phantom_tick", "unaccounted_tick"},
    ),
    "double_tick": (double_a_tick, {"double_tick", "missing_guard"}),
    "tick_before_its_time": (
        sql(f"UPDATE ticks SET decided_at = due_at - interval '1 ms' WHERE {PAUSED}"),
        {"tick_before_its_time"},
    ),
    "tick_of_another_revision": (
        sql(f"UPDATE ticks SET revision = revision - 1 WHERE {SKIPPED}"),
        {"tick_of_another_revision"},
    ),
    "repaired_tick": (
        sql(f"UPDATE ticks SET outcome = 'missed', reason = 'unaccounted', blocking_id = NULL WHERE {SKIPPED}"),
        {"repaired_tick"},
    ),
    "unknown_reason": (
        sql(f"UPDATE ticks SET reason = 'who knows', blocking_id = NULL WHERE {SKIPPED}"),
        {"unknown_reason"},
    ),
    "false_pause": (
        sql(f"UPDATE ticks SET reason = 'paused', blocking_id = NULL WHERE {SKIPPED}"),
        {"false_pause"},
    ),
    "false_skip": (sql(f"UPDATE ticks SET blocking_id = NULL WHERE {SKIPPED}"), {"false_skip"}),
    "fired_over_another": (fire_over_another, {"fired_over_another", "broken_events"}),
    "false_lateness": (sql(f"UPDATE ticks SET outcome = 'late' WHERE {FIRED}"), {"false_lateness"}),
    "false_misfire": (
        sql(f"UPDATE ticks SET reason = 'misfire_none', outcome = 'missed' WHERE {COALESCED}"),
        {"false_misfire"},
    ),
    "unlawful_catch_up": (
        catch_up_too_much,
        {"unlawful_catch_up", "tick_without_its_execution", "wrong_fired_count"},
    ),
    "false_closing": (
        sql(f"UPDATE ticks SET reason = 'archived_at_tick' WHERE {CLOSED}"),
        {"false_closing"},
    ),
    "tick_without_its_execution": (
        sql(f"UPDATE ticks SET execution_id = execution_id + 1000000 WHERE {FIRED}"),
        {"tick_without_its_execution", "execution_without_its_tick"},
    ),
    "execution_without_its_tick": (
        sql(f"UPDATE job_executions SET trigger = 'manual' WHERE {SUCCEEDED}"),
        {"tick_without_its_execution"},
    ),
    "double_execution": (double_an_execution, {"double_execution", "double_tick", "broken_events", "missing_guard"}),
    "wrong_fired_count": (sql("UPDATE dynamic_jobs SET fired_count = fired_count + 1"), {"wrong_fired_count"}),
    "wrong_cursor": (sql("UPDATE dynamic_jobs SET next_tick_at = now()"), {"wrong_cursor"}),
    "broken_revisions": (drop_a_revision, {"broken_revisions", "false_closing"}),
    "lost_change": (lose_a_change, {"lost_change"}),
    "lost_run": (lose_a_run, {"lost_change"}),
    "tick_of_a_deposed_leader": (
        sql("UPDATE ticks SET epoch = 1 WHERE epoch = 2"),
        {"tick_of_a_deposed_leader"},
    ),
    "tick_without_an_epoch": (
        sql("UPDATE ticks SET epoch = 77 WHERE id = (SELECT max(id) FROM ticks WHERE epoch = 2)"),
        {"tick_of_a_deposed_leader"},
    ),
    "tick_written_after_the_lead": (write_after_the_lead, {"tick_written_after_the_lead"}),
    "two_leaders": (lead_twice, {"two_leaders"}),
    "an_epoch_left_out": (leave_out_an_epoch, {"two_leaders"}),
    "stuck_execution": (
        sql(
            "INSERT INTO job_executions (tenant_id, job_id, template_id, trigger, queue, priority, max_attempts) "
            "SELECT tenant_id, job_id, template_id, 'manual', queue, priority, 1 FROM job_executions LIMIT 1"
        ),
        {"stuck_execution", "broken_events"},
    ),
    "queued_though_cancelled": (
        sql(
            "UPDATE job_executions SET status = 'queued', reason = '', cancel_requested_at = now(), finished_at = NULL "
            f"WHERE id = {RETRIED}"
        ),
        {"queued_though_cancelled", "stuck_execution", "wrong_success"},
    ),
    "stray_lease": (
        sql(
            "INSERT INTO execution_leases "
            "(execution_id, worker, pid, fence, heartbeat, acquired_at, expires_at, claim) "
            f"SELECT id, 'w', 1, 1, 0, now(), now(), gen_random_uuid() FROM job_executions WHERE {SUCCEEDED}"
        ),
        {"stray_lease"},
    ),
    "two_owners": (
        sql(
            "UPDATE task_executions SET finished_at = now() + interval '1 h' "
            f"WHERE execution_id = {RETRIED} AND attempt = 1"
        ),
        {"two_owners"},
    ),
    "slot_taken_twice": (
        sql(
            "UPDATE task_executions SET finished_at = now() + interval '1 h' WHERE execution_id = ("
            "SELECT min(id) FROM job_executions WHERE max_instances = 1) AND outcome = 'succeeded'"
        ),
        {"slot_taken_twice"},
    ),
    "wrong_attempts": (
        sql(f"UPDATE job_executions SET max_attempts = 1 WHERE id = {RETRIED}"),
        {"wrong_attempts"},
    ),
    "fence_not_growing": (
        sql(f"UPDATE task_executions SET fence = 2 WHERE execution_id = {RETRIED} AND attempt = 1"),
        {"fence_not_growing", "work_after_the_loss", "work_without_a_claim"},
    ),
    "open_attempt": (
        sql(
            "UPDATE task_executions SET finished_at = NULL, outcome = '' "
            f"WHERE execution_id = {RETRIED} AND attempt = 2"
        ),
        {"open_attempt", "wrong_success"},
    ),
    "wrong_success": (
        sql(f"UPDATE task_executions SET outcome = 'failed' WHERE execution_id = {RETRIED} AND attempt = 2"),
        {"wrong_success"},
    ),
    "given_up": (
        sql(f"UPDATE job_executions SET status = 'dead', reason = 'retries_used_up' WHERE id = {RETRIED}"),
        {"given_up", "wrong_success", "broken_events"},
    ),
    "false_cancel": (
        sql(f"UPDATE job_executions SET status = 'cancelled', reason = 'replaced' WHERE id = {RETRIED}"),
        {"false_cancel", "wrong_success", "broken_events"},
    ),
    "broken_events": (
        sql(f"DELETE FROM execution_events WHERE execution_id = {RETRIED} AND sequence = 2"),
        {"broken_events"},
    ),
    "other_tenant": (
        sql(f"UPDATE ticks SET tenant_id = tenant_id + 1 WHERE {PAUSED}"),
        {"other_tenant"},
    ),
    "work_without_a_claim": (work_unclaimed, {"work_without_a_claim"}),
    "success_without_work": (succeed_without_work, {"success_without_work"}),
    "two_at_work": (work_twice, {"two_at_work", "work_after_success"}),
    "job_at_work_twice": (work_twice_for_one_job, {"job_at_work_twice", "work_after_success"}),
    "work_after_the_loss": (work_after_the_loss, {"work_after_the_loss"}),
    "work_after_success": (work_after_the_success, {"work_after_success"}),
    "too_many_instances": (let_too_many_in, {"too_many_instances"}),
    "pool_overrun": (overrun_a_pool, {"pool_overrun"}),
    "pool_at_work_beyond_its_size": (work_beyond_the_size_of_a_pool, {"pool_at_work_beyond_its_size"}),
}


class TestChecker:
    def test_finds_nothing_where_the_promise_was_kept(self, history: History) -> None:
        report = history.check()
        assert [violation.text() for violation in report.violations] == []
        assert report.expected == Tick.objects.count() > 40
        assert report.unjudged_jobs == 0
        outcomes = set(Tick.objects.values_list("reason", flat=True))
        assert outcomes == {"", "overlap", "paused", "misfire_last", "disabled_at_tick"}

    @pytest.mark.parametrize("name", PLANTED)
    def test_finds_what_is_planted_and_nothing_else(self, history: History, name: str) -> None:
        plant, found_by = PLANTED[name]
        plant(history)
        report = history.check()
        assert set(report.names) == found_by, "\n".join(violation.text() for violation in report.violations)

    def test_has_a_planted_violation_for_each_invariant(self) -> None:
        found = set().union(*(found_by for _, found_by in PLANTED.values()))
        assert {invariant.name for invariant in checker.invariants()} == found

    def test_does_not_call_stuck_what_has_not_come_to_rest_yet(self, history: History) -> None:
        held = [invariant for invariant in checker.invariants() if invariant.only_settled]
        assert [invariant.name for invariant in held] == ["stuck_execution"]
