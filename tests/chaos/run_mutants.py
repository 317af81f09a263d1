"""The barriers of executions, each taken away by a small patch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from jobs.execution.watchdog import Watchdog
from jobs.executions import claiming, renewal, settling
from jobs.recovery import reaper
from jobs.recovery.reaper import Reaper
from jobs.tick import publisher
from scheduler_project.lib import sql
from tests.chaos.mutant import Mutant, Patch, without

FENCE_OF_LEASE = "WHERE execution_id = %(id)s AND fence = %(fence)s"


def _claim_without_state_check() -> Sequence[Patch]:
    """It starts anew whatever its message names. (The end is taken back, or a constraint would refuse it.)"""
    found = []
    for name in ("CLAIM_ONE", "CLAIM_NEXT"):
        unchecked = without(getattr(claiming, name), "e.status = 'queued' AND ")
        found.append(
            (claiming, name, without(unchecked, "status = 'running',", "status = 'running', finished_at = NULL,"))
        )
    return found


def _finish_without_token() -> Sequence[Patch]:
    bare = without(settling.SETTLE, " AND l.fence = %(fence)s")
    return [(settling, "SETTLE", without(bare, "WHERE e.id = %(id)s AND e.fence = %(fence)s", "WHERE e.id = %(id)s"))]


def _renew_without_token() -> Sequence[Patch]:
    return [(renewal, "RENEW", without(renewal.RENEW, FENCE_OF_LEASE, "WHERE execution_id = %(id)s"))]


def _retry_with_cancel_flag() -> Sequence[Patch]:
    return [(settling, "SETTLE", without(settling.SETTLE, "run.cancel_requested_at IS NOT NULL", "false"))]


def _settle_without_lock() -> Sequence[Patch]:
    return [(settling, "SETTLE", without(settling.SETTLE, "FOR NO KEY UPDATE"))]


def _no_timer() -> Sequence[Patch]:
    def arm(self: Watchdog, *, proven_at: float) -> None:
        return None

    return [(Watchdog, "arm", arm), (Watchdog, "find_fault", lambda self: "")]


def _reaper_by_lease_only() -> Sequence[Patch]:
    def has_stood_still(self: Reaper, lease: sql.Row, now: float) -> bool:
        watch = reaper._Watch(lease["fence"], lease["heartbeat"], float("-inf"), 3)
        self._watched[lease["execution_id"]] = watch
        return bool(lease["expired"])

    return [(Reaper, "_has_stood_still", has_stood_still)]


def _no_observation_reset() -> Sequence[Patch]:
    inner = Reaper.__init__

    def make(self: Reaper, **options: Any) -> None:
        inner(self, **options)
        self._interval = timedelta(days=1)  # no pause is longer than two of these

    return [(Reaper, "__init__", make)]


def _freed_slots_untold() -> Sequence[Patch]:
    return [(publisher, "publish_freed", lambda settled: None)]


def _put_aside_for_good() -> Sequence[Patch]:
    start = publisher.WINDOW.rindex("UNION ALL")
    return [(publisher, "PUBLISH_WINDOW", publisher.PUBLISH.format(found=publisher.WINDOW[:start] + ")"))]


RUN_MUTANTS: dict[str, Mutant] = {
    "claim_without_state_check": Mutant("Whatever its state, an execution can be claimed.", _claim_without_state_check),
    "no_unique_lease": Mutant(
        "An execution may have several leases.",
        schema="ALTER TABLE execution_leases DROP CONSTRAINT execution_leases_pkey",
    ),
    "no_unique_job_slot": Mutant(
        "Two runs of a job may hold the same slot.",
        schema="ALTER TABLE execution_leases DROP CONSTRAINT one_lease_per_job_slot",
    ),
    "no_unique_pool_slot": Mutant(
        "Two runs may hold the same slot of a pool.",
        schema="ALTER TABLE execution_leases DROP CONSTRAINT one_lease_per_pool_slot",
    ),
    "finish_without_token": Mutant("Whoever ran an execution may end whoever runs it now.", _finish_without_token),
    "renew_without_token": Mutant(
        "Whoever ran an execution prolongs the lease of its next owner.", _renew_without_token
    ),
    "no_timer": Mutant("A process that cannot prove its ownership lives on.", _no_timer),
    "reaper_by_lease_only": Mutant("A run counts as lost by the date of its lease alone.", _reaper_by_lease_only),
    "no_observation_reset": Mutant("The reaper takes its own pause for that of a run.", _no_observation_reset),
    "retry_with_cancel_flag": Mutant(
        "A run that was to be cancelled is queued with that wish.", _retry_with_cancel_flag
    ),
    "settle_without_lock": Mutant("A wish to cancel may come in between.", _settle_without_lock),
    "freed_slots_untold": Mutant("Whoever frees a slot tells nobody.", _freed_slots_untold),
    "put_aside_for_good": Mutant("The leader does not look at what waits for a slot.", _put_aside_for_good),
}
