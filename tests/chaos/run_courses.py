"""Deterministic courses of executions in which each barrier matters. Each leaves a database for the checker."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from unittest import mock

from jobs import executions
from jobs.models import ExecutionLease, Pool
from jobs.recovery.reaper import Reaper
from jobs.rules.states import AttemptOutcome
from jobs.tick import publisher
from scheduler_project.lib import sql
from tests.chaos.journal import END
from tests.chaos.run_scene import Owner, RunScene, Silence, expect_kept_as_stale, status, uncommitted
from tests.chaos.sessions import Session
from tests.live import wait_for

SHORT = timedelta(seconds=2)  # the shortest lease that a job may have
LOOK = timedelta(seconds=0.2)
ONE_AT_A_TIME = {"overlap": "queue_all"}

# The date of a lease lies in the past once the clock of the database has jumped ahead.
JUMP = "UPDATE execution_leases SET expires_at = expires_at - interval '1 hour'"


def a_late_result_comes_in(scene: RunScene) -> None:
    """Of an owner that was given up, while the next one works."""
    execution_id = scene.run()
    first = scene.claim(execution_id)
    first.is_settled(AttemptOutcome.LOST)
    second = scene.claim(execution_id)
    assert first.is_settled(AttemptOutcome.SUCCEEDED) is None or scene.mutants
    expect_kept_as_stale(scene, execution_id, first.claim.fence)
    second.works()
    second.ends()


def an_overtaken_owner_asks_whether_it_may_go_on(scene: RunScene) -> None:
    execution_id = scene.run()
    first = scene.claim(execution_id)
    first.is_settled(AttemptOutcome.LOST)
    second = scene.claim(execution_id)
    if first.has_the_lease():
        first.works()
    second.ends()


def a_message_comes_when_all_is_over(scene: RunScene) -> None:
    execution_id = scene.run()
    scene.claim(execution_id).ends()
    again = scene.try_to_claim(execution_id)
    if again is not None:
        again.ends()


def two_claim_the_same_run_at_once(scene: RunScene) -> None:
    execution_id = scene.run(scene.job(policies={"overlap": "allow"}))
    owners: list[Owner | None] = []
    _both(
        lambda: owners.append(scene.try_to_claim(execution_id)), lambda: owners.append(scene.try_to_claim(execution_id))
    )
    for owner in filter(None, owners):
        owner.works()
    for owner in filter(None, owners):
        owner.ends()


def two_runs_of_a_job_start_at_once(scene: RunScene) -> None:
    job = scene.job(policies=ONE_AT_A_TIME)
    _start_together(scene, scene.run(job), scene.run(job))


def the_last_slot_of_two_is_wanted_twice(scene: RunScene) -> None:
    job = scene.job(policies={"overlap": "allow", "max_instances": 2})
    there = scene.claim(scene.run(job))
    _start_together(scene, scene.run(job), scene.run(job))
    there.ends()


def two_jobs_want_the_last_slot_of_a_pool(scene: RunScene) -> None:
    pool = _pool(scene, size=2)
    there = scene.claim(scene.run(scene.job(pool=pool)))
    _start_together(scene, scene.run(scene.job(pool=pool)), scene.run(scene.job(pool=pool)))
    there.ends()


def a_run_is_lost_after_somebody_asked_for_its_end(scene: RunScene) -> None:
    execution_id = scene.run()
    owner = scene.claim(execution_id)
    executions.cancel(execution_id, by="user:test", now=sql.now())
    owner.is_settled(AttemptOutcome.LOST)


def somebody_asks_for_the_end_while_a_loss_is_settled(scene: RunScene) -> None:
    execution_id = scene.run()
    owner = scene.claim(execution_id)
    asking = uncommitted(lambda: executions.cancel(execution_id, by="user:test", now=sql.now()))
    settling = Session(lambda: owner.is_settled(AttemptOutcome.LOST))
    settling.wait_until_done_or_held()
    asking.go_on()
    settling.go_on()


def the_clock_of_the_database_jumps(scene: RunScene) -> None:
    """An hour ahead: each lease has run out, and every owner is well."""
    owner = scene.claim(scene.run())
    reaper = Reaper(lease=SHORT, interval=LOOK)
    sql.rows(JUMP)
    reaper.sweep()
    owner.works()
    owner.has_the_lease()
    reaper.sweep()
    owner.works()
    owner.ends()


def the_reaper_stood_still(scene: RunScene) -> None:
    """With the database away for longer than a lease, and back on a machine whose clock is ahead."""
    owner = scene.claim(scene.run())
    clock = [1_000.0]
    reaper = Reaper(lease=SHORT, interval=LOOK, clock=lambda: clock[0])
    for _ in range(2):
        reaper.sweep()
        clock[0] += LOOK.total_seconds()
    clock[0] += 60
    sql.rows(JUMP)
    reaper.sweep()
    owner.works()
    owner.has_the_lease()
    reaper.sweep()
    owner.works()
    owner.ends()


def a_run_holds_the_interpreter(scene: RunScene) -> None:
    """In C code, so that no thread of its process can prove anything, for longer than its lease."""
    _overtake(scene, parameters={"path": str(scene.path), "seconds": 6, "how": "hold"})


def a_host_stands_still(scene: RunScene) -> None:
    """The process is suspended past its lease and continued, as that of a machine is."""
    _overtake(scene, parameters={"path": str(scene.path), "seconds": 5}, frozen=True)


def a_slot_gets_free(scene: RunScene) -> None:
    """Of two runs that wait for one slot, the second has been put aside. Its turn comes at once, without the leader."""
    with _silent_broker():
        _first_of_two_ends(scene, tells=True)
        second = scene.take_next()
        if second is None:
            scene.seen.append("slot_stands_empty")
            publisher.publish_waiting()
            second = scene.take_next()
        if second is not None:
            second.ends()


def whoever_frees_a_slot_dies_before_telling(scene: RunScene) -> None:
    with _silent_broker():
        _first_of_two_ends(scene, tells=False)
        publisher.publish_waiting()
        second = scene.take_next()
        if second is not None:
            second.ends()


# --- how --------------------------------------------------------------------------------------------------------------


def _both(first: Callable[[], object], second: Callable[[], object]) -> None:
    """The second begins while the first has done its part and has not committed it."""
    one = uncommitted(first)
    other = Session(second)
    other.wait_until_done_or_held()
    one.go_on()
    other.go_on()
    assert one.error is None, one.error
    assert other.error is None, other.error


def _start_together(scene: RunScene, first: int, second: int) -> None:
    owners: dict[int, Owner | None] = {}

    def claim(execution_id: int) -> None:
        owners[execution_id] = scene.try_to_claim(execution_id)

    _both(lambda: claim(first), lambda: claim(second))
    for execution_id in (first, second):
        owner = owners[execution_id]
        if owner is not None:
            owner.works()
    for execution_id in (first, second):
        owner = owners[execution_id] or scene.claim(execution_id)
        owner.ends()


def _pool(scene: RunScene, *, size: int) -> Pool:
    tenant = scene.job().tenant
    return Pool.objects.create(tenant=tenant, slug="vendor-api", name="Vendor API", size=size)


def _overtake(scene: RunScene, *, parameters: dict[str, object], frozen: bool = False) -> None:
    """A real process that cannot prove its ownership in time, a real reaper, and the next owner at work."""
    job = scene.job(parameters=parameters, policies={"run_lease_seconds": int(SHORT.total_seconds())})
    execution_id = scene.run(job)
    process = scene.execute(execution_id)
    try:
        if frozen:
            process.send_signal(signal.SIGSTOP)
        reaper = Reaper(lease=SHORT, interval=LOOK)
        wait_for(lambda: _has_reaped(reaper), seconds=15, what="the reaper")
        second = scene.claim(execution_id)
        second.works()
        process.send_signal(signal.SIGCONT)
        process.wait(20)
        second.works()
        second.ends()
    finally:
        process.kill()
        process.wait()
    assert status(execution_id) == "succeeded"


def _has_reaped(reaper: Reaper) -> bool:
    time.sleep(LOOK.total_seconds())
    reaper.sweep()
    return not ExecutionLease.objects.exists()


def _first_of_two_ends(scene: RunScene, *, tells: bool) -> None:
    job = scene.job(policies=ONE_AT_A_TIME)
    runs = [scene.run(job) for _ in range(2)]
    publisher.publish_waiting()
    first = scene.take_next()
    assert first is not None
    assert first.claim.execution_id == runs[0]
    assert scene.take_next() is None
    first.works(END)
    settled = first.is_settled(AttemptOutcome.SUCCEEDED)
    assert settled is not None
    if tells:
        publisher.publish_freed(settled)


def _silent_broker() -> AbstractContextManager[object]:
    return mock.patch.object(publisher, "get_backend", return_value=Silence())


RunCourse = Callable[[RunScene], None]

# Each with the mutants that it has to turn red, and by which violations.
RUN_CASES: list[tuple[RunCourse, tuple[str, ...], set[str]]] = [
    (a_late_result_comes_in, ("finish_without_token",), {"work_after_success", "late_result_not_kept"}),
    (an_overtaken_owner_asks_whether_it_may_go_on, ("renew_without_token",), {"work_after_the_loss", "two_at_work"}),
    (a_message_comes_when_all_is_over, ("claim_without_state_check",), {"wrong_success"}),
    (two_claim_the_same_run_at_once, ("no_unique_lease",), {"missing_guard"}),
    (two_claim_the_same_run_at_once, ("claim_without_state_check", "no_unique_lease"), {"two_owners", "two_at_work"}),
    (two_runs_of_a_job_start_at_once, ("no_unique_job_slot",), {"slot_taken_twice", "job_at_work_twice"}),
    (the_last_slot_of_two_is_wanted_twice, ("no_unique_job_slot",), {"too_many_instances"}),
    (two_jobs_want_the_last_slot_of_a_pool, ("no_unique_pool_slot",), {"pool_overrun", "pool_at_work_beyond_its_size"}),
    (a_run_is_lost_after_somebody_asked_for_its_end, ("retry_with_cancel_flag",), {"queued_though_cancelled"}),
    (somebody_asks_for_the_end_while_a_loss_is_settled, ("settle_without_lock",), {"queued_though_cancelled"}),
    (the_clock_of_the_database_jumps, ("reaper_by_lease_only",), {"work_after_the_loss"}),
    (the_reaper_stood_still, ("no_observation_reset",), {"work_after_the_loss"}),
    (the_reaper_stood_still, ("reaper_by_lease_only", "no_observation_reset"), {"work_after_the_loss"}),
    (a_run_holds_the_interpreter, ("no_timer",), {"work_after_the_loss", "two_at_work"}),
    (a_run_holds_the_interpreter, ("no_timer", "finish_without_token"), {"work_after_success", "two_at_work"}),
    (a_slot_gets_free, ("freed_slots_untold",), {"slot_stands_empty"}),
    (a_slot_gets_free, ("freed_slots_untold", "put_aside_for_good"), {"stuck_execution"}),
    (whoever_frees_a_slot_dies_before_telling, ("put_aside_for_good",), {"stuck_execution"}),
]
