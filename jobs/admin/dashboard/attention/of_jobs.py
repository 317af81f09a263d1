"""Troubles of jobs and their runs: new failures, jobs that cannot run, ticks not in time, slow runs, old pauses."""

from __future__ import annotations

from collections.abc import Iterator

from jobs import dashboard
from jobs.admin.dashboard import amounts, links
from jobs.admin.dashboard.attention.line import BAD, EACH, WARN, Line, more
from jobs.admin.dashboard.tiles import Waiting
from jobs.admin.dashboard.viewer import Viewer
from jobs.admin.reasons import in_words
from jobs.dashboard import Deviations, Running
from scheduler_project.lib import markup, viewer_zone


def find(viewer: Viewer, *, running: Running, waits: Waiting, deviations: Deviations) -> Iterator[Line]:
    yield from _failures(viewer)
    yield from _held(viewer)
    yield from _deviations(deviations)
    yield from _slow(running)
    yield from _approvals(waits)


def _failures(viewer: Viewer) -> Iterator[Line]:
    causes, count = dashboard.find_causes(viewer.tenant_ids, now=viewer.now, most=EACH)
    for cause in causes:
        times = "failed" if cause.count == 1 else f"failed {cause.count:,} times"
        error = cause.error.strip().partition("\n")[0] or in_words(cause.reason)
        yield Line(f"letter-{cause.letter_id}", BAD, "cross", f"{cause.name} {times}", error,
                   links.letters_like(cause.letter_id), "Look", cause.last_at,
                   "New" if cause.is_new else "")  # fmt: skip
    yield from more("letters", count, "cause of failures", "causes of failures", links.letters())


def _held(viewer: Viewer) -> Iterator[Line]:
    held = dashboard.find_held_jobs(viewer.tenant_ids, now=viewer.now, most=EACH)
    for job in held.quarantined:
        yield Line(f"problem-{job.id}", BAD, "alert", f"{job.name} cannot run", job.problem.partition("\n")[0],
                   links.job(job.id), "Mend")  # fmt: skip
    yield from more(
        "problems", held.quarantined_count, "job that cannot run", "jobs that cannot run", links.jobs(state="problem")
    )
    for job in held.forgotten:
        assert job.paused_at is not None
        by = job.paused_by.partition(":")[2] or job.paused_by
        since = f"{viewer_zone.local(job.paused_at):%-d %b}"
        note = f": {job.pause_note}" if job.pause_note else "."
        yield Line(f"paused-{job.id}", WARN, "pause", f"{job.name} is still paused",
                   f"By {by} since {since}{note}", links.job(job.id), "Resume or keep", job.paused_at)  # fmt: skip
    yield from more(
        "paused",
        held.forgotten_count,
        "job paused for over a week",
        "jobs paused for over a week",
        links.jobs(state="paused"),
    )


def _deviations(deviations: Deviations) -> Iterator[Line]:
    for one in deviations.jobs[:EACH]:
        parts = [f"missed {amounts.counted(one.missed, 'tick')}"] if one.missed else []
        parts += [f"was late {amounts.counted(one.late, 'time')}"] if one.late else []
        outcome = "missed" if one.missed else "late"
        yield Line(f"late-{one.job_id}", BAD if one.missed else WARN, "hollow" if one.missed else "clock",
                   f"{one.name} {' and '.join(parts)}", "Since yesterday.",
                   links.ticks(job=one.job_id, outcome=outcome), "Why", one.last_at)  # fmt: skip
    yield from more(
        "late",
        deviations.jobs_count,
        "job that was not on time",
        "jobs that were not on time",
        links.ticks(outcome="missed"),
    )


def _slow(running: Running) -> Iterator[Line]:
    slow = [run for run in running.runs if run.is_slow]
    for run in slow[:EACH]:
        assert run.remaining is not None
        usual = markup.duration(run.remaining.usual_seconds)
        yield Line(f"slow-{run.execution_id}", WARN, "clock", f"{run.name} is slower than usual",
                   f"Runs for {markup.duration(run.seconds)}, usually {usual}.", links.execution(run.execution_id),
                   "Open the run", run.started_at)  # fmt: skip
    yield from more("slow", len(slow), "slow run", "slow runs", links.executions(status="running"))


def _approvals(waits: Waiting) -> Iterator[Line]:
    if waits.for_approval:
        what = amounts.counted(waits.for_approval, "run waits", "runs wait")
        yield Line("approvals", WARN, "hand", f"{what} for approval", "Somebody who may approve has to look.",
                   links.executions(status="approval"), "Look")  # fmt: skip
