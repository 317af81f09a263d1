"""What a job's policies say, in words for people."""

from __future__ import annotations

from jobs.rules.policy import JobPolicy
from jobs.rules.states import Overlap
from scheduler_project.lib import markup

OVERLAP_WORDS = {
    Overlap.SKIP: "the new run is skipped",
    Overlap.QUEUE_ONE: "one run waits",
    Overlap.QUEUE_ALL: "all runs wait",
    Overlap.ALLOW: "runs go side by side",
    Overlap.REPLACE: "the earlier run is cancelled",
}
MISFIRE_WORDS = {"last": "the newest runs late", "all": "all run late", "none": "none runs late"}


def policies_in_words(policy: JobPolicy) -> list[tuple[str, str]]:
    retries = "none"
    if policy.max_retries:
        waits = f"{markup.duration(policy.retry_base_seconds)} to {markup.duration(policy.retry_cap_seconds)} apart"
        retries = f"{policy.max_retries}, {waits}"
    rows = [
        ("Overlap", OVERLAP_WORDS[policy.overlap] + (f", {policy.slots} at once" if (policy.slots or 0) > 1 else "")),
        ("Missed runs", f"{MISFIRE_WORDS[policy.misfire]}, within {markup.duration(policy.misfire_window_seconds)}"),
        ("Time limit", markup.duration(policy.timeout_seconds)),
        ("Retries", retries),
        ("Worker lost", "tries again" if policy.on_lost == "retry" else "fails"),
    ]
    if policy.requires_approval:
        rows.append(("Approval", "each run waits for it"))
    if policy.on_queue_full == "degrade":
        rows.append(("Queue full", "waits in a lower priority"))
    if policy.soft_timeout_seconds:
        rows.insert(3, ("Warning limit", markup.duration(policy.soft_timeout_seconds)))
    if policy.start_deadline_seconds:
        rows.append(("Start deadline", markup.duration(policy.start_deadline_seconds)))
    if policy.max_runs:
        rows.append(("Runs in total", str(policy.max_runs)))
    if policy.pause_after_failures:
        rows.append(("Paused after", f"{policy.pause_after_failures} failed in a row"))
    return rows
