"""Why a tick did not fire and why an execution ended as it did, in words for people."""

from __future__ import annotations

REASONS: dict[str, str] = {
    # ticks
    "paused": "The job was paused",
    "scheduler_disabled": "The scheduler was switched off",
    "maintenance": "The system was under maintenance",
    "calendar_holiday": "A holiday of its calendar",
    "calendar_day_off": "No working day of its calendar",
    "calendar_blackout": "A blackout of its calendar",
    "template_missing": "The code of its template was gone",
    "schedule_error": "Its schedule could not be evaluated",
    "overlap": "An earlier run had not ended",
    "observe": "The job only observes",
    "misfire_none": "It was late, and the job does not make up for late runs",
    "misfire_last": "A newer late run stands for it",
    "misfire_cap": "More late runs than the job makes up for",
    "misfire_window": "Too late to be made up for",
    "disabled_at_tick": "The job was disabled before it was decided",
    "archived_at_tick": "The job was archived before it was decided",
    "queue_full": "The queue was full",
    "degraded": "Its queue was full, so it waited in a lower priority",
    "unaccounted": "Found by the repair: nobody had decided it",
    # executions
    "cancelled": "Cancelled on request",
    "refused": "Refused, so it did not run",
    "replaced": "A newer run took its place",
    "start_deadline": "Its start deadline passed",
    "archived": "The job was archived",
    "backfill_cancelled": "Its backfill was cancelled",
    "retries_used_up": "No retry is left",
    "not_retryable": "This kind of error is not retried",
    "on_lost_fail": "The worker vanished, and the job does not run again then",
    "lost_too_often": "Workers vanished with it too often",
    "unguardable": "It rid itself of the timer that would have ended it",
    "gave_up": "Given up while it waited for its next try",
    "replay_ended": "The replay that it belonged to stopped before it began",
    "handed_back": "Its worker shut down and handed it back",
    "circuit_open": "Waiting until a circuit lets calls through again",
    "keys_unavailable": "Waiting until its secrets can be decrypted again",
    "retry_after_failed": "Waiting for the next try after a failure",
    "retry_after_timed_out": "Waiting for the next try after a timeout",
    "retry_after_lost": "Waiting for the next try, its worker vanished",
    "approval": "Waiting for approval",
    # successors, and runs that waited at a gate
    "upstream_failed": "The upstream failed",
    "upstream_succeeded": "The upstream succeeded",
    "upstream_cancelled": "The upstream was cancelled",
    "upstream_skipped": "The upstream did not run at that time",
    "upstream_missed": "The upstream missed that time",
    "upstream_no_tick": "The upstream is not due at that time",
    "upstream_too_late": "The upstream took longer than the patience allows",
    "upstream_not_started": "Another upstream was not started",
    "upstream_not_in_flow": "Another upstream does not run in the same flow",
    "upstream_not_kept": "What the upstream ran is not kept any more",
    "another_gate": "Another gate had shut",
    "already_started": "Another upstream had started it in the same flow",
    "dependency_removed": "The dependency was removed",
    "parameters_do_not_fit": "The result of the upstream gave no valid parameters",
    "disabled": "The job was disabled",
}


def in_words(reason: str) -> str:
    return REASONS.get(reason, reason.replace("_", " ").capitalize())
