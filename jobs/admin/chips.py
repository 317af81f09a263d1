"""The words, tones and shapes of states: of jobs, executions, attempts and ticks."""

from __future__ import annotations

from django.utils.safestring import SafeString

from jobs.models import Job
from jobs.rules.states import Origin
from scheduler_project.lib.markup import chip

# state -> (word, tone, shape)
STATES: dict[str, tuple[str, str, str]] = {
    # executions and attempts
    "queued": ("Queued", "quiet", "dots"),
    "running": ("Running", "info", "run"),
    "succeeded": ("Succeeded", "good", "check"),
    "failed": ("Failed", "bad", "cross"),
    "timed_out": ("Timed out", "bad", "clock"),
    "cancelled": ("Cancelled", "quiet", "stop"),
    "lost": ("Lost", "bad", "unknown"),
    "dead": ("Dead", "bad", "octagon"),
    "handed_back": ("Handed back", "quiet", "back"),
    "held_for_approval": ("Waits for approval", "warn", "hand"),
    # ticks
    "fired": ("Fired", "good", "check"),
    "late": ("Late", "warn", "clock"),
    "coalesced": ("Coalesced", "quiet", "merge"),
    "skipped": ("Skipped", "quiet", "skip"),
    "missed": ("Missed", "bad", "hollow"),
    "shadow": ("Shadow", "quiet", "dots"),
    # jobs
    "active": ("Active", "good", "check"),
    "manual": ("By hand", "quiet", "hand"),
    "paused": ("Paused", "warn", "pause"),
    "disabled": ("Disabled", "quiet", "stop"),
    "ended": ("Ended", "quiet", "flag"),
    "problem": ("Needs attention", "bad", "alert"),
    "archived": ("Archived", "quiet", "box"),
    # webhooks
    "delivered": ("Delivered", "good", "check"),
    "failing": ("Failing", "bad", "cross"),
    "accepted": ("Accepted", "good", "check"),
    "repeated": ("Repeated", "quiet", "merge"),
    "refused": ("Refused", "bad", "cross"),
    "unchanged": ("Unchanged", "quiet", "dots"),
    # backfills
    "done": ("Done", "good", "check"),
    "unrecorded": ("Not recorded", "quiet", "unknown"),
    # dead letters and their replays
    "open": ("Open", "bad", "alert"),
    "replaying": ("Being replayed", "info", "again"),
    "resolved": ("Resolved", "good", "check"),
    "failed_again": ("Failed again", "quiet", "merge"),
    "discarded": ("Discarded", "quiet", "box"),
    "halted": ("Stopped", "bad", "octagon"),
    # successions
    "started": ("Started", "good", "check"),
    "waiting": ("Waiting", "quiet", "dots"),
    "not_started": ("Not started", "warn", "skip"),
    # circuits
    "circuit-closed": ("Closed, calls are made", "good", "check"),
    "circuit-half-open": ("Half open, the next call is a trial", "warn", "dots"),
    "circuit-open": ("Open, nobody calls it", "bad", "alert"),
    # workers
    "healthy": ("Healthy", "good", "check"),
    "degraded": ("Degraded", "warn", "alert"),
    "unhealthy": ("Unhealthy", "bad", "cross"),
    "draining": ("Draining", "info", "stop"),
    "answered": ("Heard", "good", "check"),
    "asked": ("Asked", "quiet", "dots"),
    "deaf": ("Nobody hears", "bad", "alert"),
    "online": ("Online", "good", "check"),
    "silent": ("Silent", "bad", "alert"),
    "stopped": ("Stopped", "quiet", "stop"),
}


def state_chip(state: str, title: str = "") -> SafeString:
    word, tone, shape = STATES.get(state, (state.replace("_", " ").capitalize(), "quiet", "unknown"))
    return chip(word, tone=tone, shape=shape, title=title)


def job_state(job: Job) -> str:
    if job.archived_at is not None:
        return "archived"
    if job.problem:
        return "problem"
    if not job.is_enabled:
        return "disabled"
    if job.is_paused:
        return "paused"
    if job.spec.get("kind") == "manual":
        return "manual"
    return "active" if job.next_tick_at is not None else "ended"


def job_chip(job: Job) -> SafeString:
    hints = {"problem": job.problem, "paused": job.pause_note, "ended": "The schedule has no further occurrence"}
    state = job_state(job)
    return state_chip(state, hints.get(state, ""))


def origin_chip(job: Job) -> str | SafeString:
    if job.origin != Origin.ADOPTED:
        return ""
    return chip("Adopted", tone="quiet", shape="link", title="Its schedule belongs to django-celery-beat")
