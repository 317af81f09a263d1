"""Replaying a group in stages: one, then a tenth, then the rest, each only when all before it have succeeded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, repeat

from django.db.models import Count

from jobs import executions, trail
from jobs.dead_letters.errors import ReplayHasEnded, cannot_replay
from jobs.dead_letters.groups import lock_open_in_group_of
from jobs.models import DeadLetter, DeadLetterReplay, DeadLetterRun, Execution
from jobs.rules.states import LetterState, ReplayOutcome, ReplayStatus
from jobs.runtime_flags import require_scheduler
from scheduler_project.lib import sql, telemetry, transactions

MOST = 10_000  # letters in one replay
AT_ONCE = 100  # of its runs that are queued or running
PER_SLOT = 2  # of these for each slot of the job, so that its ticks need not wait behind all of them


@dataclass(frozen=True)
class Progress:
    """How many letters of a replay are where. They add up to `total`."""

    total: int
    left: int  # not queued yet, and never any more once the replay has ended
    queued: int
    running: int
    succeeded: int
    failed: int
    cancelled: int
    stages: tuple[int, ...]  # how many letters each has


def stage_sizes(total: int) -> list[int]:
    """1, then 10 %, then the rest; a stage that would be empty is left out."""
    tenth = min(-(-total // 10), total - 1)
    return [size for size in (1, tenth, total - 1 - tenth) if size > 0]


def start(letter_id: int, *, actor: str, request_id: str = "", expected: int | None = None) -> DeadLetterReplay:
    """Take up every open letter of this one's group, none when there are not as many as expected; the leader queues
    them. Raises `NoOpenLetters`, `CountHasChanged`."""
    with transactions.engine():
        require_scheduler(actor)
        letter = DeadLetter.objects.select_related("template").get(pk=letter_id)
        ids = lock_open_in_group_of(letter, most=MOST, expected=expected)
        replay = DeadLetterReplay.objects.create(
            tenant_id=letter.tenant_id,
            job_id=letter.job_id,
            template_id=letter.template_id,
            fingerprint=letter.fingerprint,
            error_class=letter.error_class,
            requested_by=actor,
            request_id=request_id,
            created_at=sql.now(),
        )
        stages = chain.from_iterable(repeat(number, size) for number, size in enumerate(stage_sizes(len(ids)), 1))
        DeadLetterRun.objects.bulk_create(
            DeadLetterRun(letter_id=pk, replay=replay, stage=stage) for pk, stage in zip(ids, stages, strict=True)
        )
        DeadLetter.objects.filter(pk__in=ids).update(state=LetterState.REPLAYING)
        many = {"count": len(ids), "dead_letters": sorted(ids)[: trail.MOST_NAMED]}
        trail.tell("replay.started", replay, actor=actor, after=many)
    telemetry.emit("replay.started", replay=replay.pk, actor=actor, letters=len(ids))
    return replay


def cancel(replay_id: int, *, actor: str) -> None:
    """Queue nothing more and end what waits; what runs goes on. Raises `ReplayHasEnded`."""
    with transactions.engine():
        replay = DeadLetterReplay.objects.select_for_update(no_key=True).get(pk=replay_id)
        if replay.status != ReplayStatus.RUNNING:
            raise ReplayHasEnded(f"{replay} has ended already; it is {replay.status}.")
        _end(replay, ReplayStatus.CANCELLED, note=f"{actor} cancelled it.", by=actor)
        trail.tell("replay.cancelled", replay, actor=actor)
    telemetry.emit("replay.cancelled", replay=replay_id, actor=actor)


def advance(replay_id: int) -> list[int]:
    """Queue what may come next, or end the replay. Returns the executions that were queued.

    The lock on its row keeps a second leader out; what the first has done is there when the second looks.
    """
    with transactions.engine():
        running = DeadLetterReplay.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
        replay = running.select_related("job").filter(pk=replay_id, status=ReplayStatus.RUNNING).first()
        if replay is None:
            return []
        queued = _go_on(replay)
    if replay.status != ReplayStatus.RUNNING:
        telemetry.emit("replay.ended", replay=replay_id, status=replay.status, note=replay.note)
    return queued


def _go_on(replay: DeadLetterReplay) -> list[int]:
    failed = replay.runs.filter(outcome__in=(ReplayOutcome.FAILED, ReplayOutcome.CANCELLED)).order_by("id").first()
    if failed is not None:
        _stop(replay, failed)
        return []
    unfinished = replay.runs.filter(outcome="").order_by("stage").values_list("stage", flat=True).first()
    if unfinished is None:
        _end(replay, ReplayStatus.DONE)
        return []
    return _queue(replay, unfinished)


def _queue(replay: DeadLetterReplay, stage: int) -> list[int]:
    runs = replay.runs.filter(stage=stage, outcome="")
    slots = replay.job.policies.slots if replay.job else None
    at_once = AT_ONCE if slots is None else min(AT_ONCE, PER_SLOT * slots)
    room = at_once - runs.filter(execution_id__isnull=False).count()
    waiting = list(runs.filter(execution_id=None).select_related("letter").order_by("id")[: max(room, 0)])
    made = executions.repeat(
        [run.letter.execution_id for run in waiting], requested_by=replay.requested_by, request_id=replay.request_id
    )
    for run in waiting:
        run.execution_id = made.get(run.letter.execution_id)
    DeadLetterRun.objects.bulk_update(waiting, ["execution_id"])
    if stage != replay.stage:
        replay.stage = stage
        replay.save(update_fields=["stage"])
    refused = next((run.letter.execution_id for run in waiting if run.execution_id is None), None)
    if refused is not None:
        _end(replay, ReplayStatus.STOPPED, note=str(cannot_replay(refused)))
    return list(made.values())


def _stop(replay: DeadLetterReplay, run: DeadLetterRun) -> None:
    execution = Execution.objects.filter(pk=run.execution_id or 0).first()
    error = execution.error.strip().partition("\n")[0][:300] if execution else ""
    what = "was cancelled" if run.outcome == ReplayOutcome.CANCELLED else "failed again"
    replay.stopped_by_id = run.execution_id
    _end(replay, ReplayStatus.STOPPED, note=f"Execution {run.execution_id} {what}{f': {error}' if error else '.'}")


def _end(replay: DeadLetterReplay, status: ReplayStatus, *, note: str = "", by: str = "system:replay") -> None:
    """Of one that the caller has locked. What was not queued is open again, and so is soon what had not begun."""
    now = sql.now()
    replay.status, replay.note, replay.finished_at = status.value, note[:500], now
    replay.save(update_fields=["status", "note", "finished_at", "stopped_by_id"])
    left = replay.runs.filter(outcome="", execution_id=None)
    DeadLetter.objects.filter(pk__in=left.values("letter_id")).update(state=LetterState.OPEN)
    left.update(outcome=ReplayOutcome.CANCELLED)
    begun = replay.runs.filter(outcome="").values_list("execution_id", flat=True)
    executions.cancel_unstarted(
        [execution_id for execution_id in begun if execution_id is not None], by=by, now=now, reason="replay_ended"
    )


COUNT = """
SELECT r.replay_id, CASE WHEN r.execution_id IS NULL THEN 'left'
                         WHEN r.outcome <> '' THEN r.outcome ELSE coalesce(e.status, 'left') END AS status,
       count(*) AS count
FROM dead_letter_runs r LEFT JOIN job_executions e ON e.id = r.execution_id AND r.outcome = ''
WHERE r.replay_id = ANY(%(ids)s::bigint[]) GROUP BY 1, 2
"""
COUNTED = ("left", "queued", "running", "succeeded", "cancelled")


def progress_of(replay_ids: Sequence[int]) -> dict[int, Progress]:
    counts: dict[int, dict[str, int]] = {pk: {} for pk in replay_ids}
    for row in sql.rows(COUNT, {"ids": list(replay_ids)}):
        counts[row["replay_id"]][row["status"]] = row["count"]
    stages: dict[int, list[int]] = {pk: [] for pk in replay_ids}
    by_stage = DeadLetterRun.objects.filter(replay_id__in=replay_ids).order_by("replay_id", "stage")
    for replay_id, _, count in by_stage.values_list("replay_id", "stage").annotate(count=Count("id")):
        stages[replay_id].append(count)
    return {pk: _progress(counts[pk], stages[pk]) for pk in replay_ids}


def _progress(counts: dict[str, int], stages: list[int]) -> Progress:
    total, known = sum(counts.values()), {name: counts.get(name, 0) for name in COUNTED}
    return Progress(total=total, failed=total - sum(known.values()), stages=tuple(stages), **known)
