"""Changes of many rows that somebody follows: done in batches, answered for row by row, and undone for a moment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.dateparse import parse_datetime

from jobs import registry
from jobs.bulk.each import Result, Status, apply_each
from jobs.models import BulkChange, Job
from jobs.rules.states import ListPage
from scheduler_project.lib import sql

MOST_ROWS = 2_000
BATCH = 100
UNDO_OFFERED = timedelta(seconds=10)
UNDO_LIMIT = UNDO_OFFERED + timedelta(seconds=5)  # the page has to arrive before, and the wish after
KEPT = timedelta(days=1)
GIVEN_UP = timedelta(minutes=2)  # for a batch, which takes seconds
UNDOABLE = ("pause", "resume", "enable", "disable", "add_tags", "remove_tags")

Words = Callable[[Exception], str]


class TooLate(Exception):
    """What was done cannot be undone any more."""


def start(
    *, owner_id: int, page: ListPage, action: str, rows: Sequence[int], wish: dict[str, Any], back: str = ""
) -> BulkChange:
    """Nothing is done yet; see `advance`. What is older than a day is forgotten."""
    BulkChange.objects.filter(created_at__lt=sql.now() - KEPT).delete()
    return BulkChange.objects.create(
        owner_id=owner_id, page=page, action=action, rows=list(rows), wish=wish, back=back[:2000]
    )


def advance(change: BulkChange, apply: Callable[[list[int]], Sequence[Result]], *, words: Words) -> None:
    """Does the next batch, unless another request has it in hand. What a crash leaves unanswered is not done twice."""
    begin, end = change.taken, min(change.taken + BATCH, len(change.rows))
    if begin < end:
        is_ours = BulkChange.objects.filter(pk=change.pk, taken=begin).update(taken=end, taken_at=sql.now()) == 1
        if is_ours:
            ids = change.rows[begin:end]
            before = _facts(ids) if change.page == ListPage.JOBS and change.action in UNDOABLE else {}
            _answer(change, [_told(result, before, words) for result in apply(ids)])
    change.refresh_from_db()
    if change.finished_at is None and _is_over(change):
        BulkChange.objects.filter(pk=change.pk, finished_at=None).update(finished_at=sql.now())
        change.refresh_from_db()


def _is_over(change: BulkChange) -> bool:
    """Every row is answered for; or who took on the last of them has said nothing for so long that it is gone."""
    if len(change.results) >= len(change.rows):
        return True
    is_given_up = change.taken_at is not None and change.taken_at < sql.now() - GIVEN_UP
    return change.taken == len(change.rows) and is_given_up


def counts(change: BulkChange) -> dict[Status, int]:
    return {status: sum(one["status"] == status for one in change.results) for status in Status}


def undo_ends_at(change: BulkChange) -> datetime | None:
    """Until when it is offered to undo it; None when there is nothing to undo."""
    if change.action not in UNDOABLE or change.page != ListPage.JOBS or change.undone_at or change.finished_at is None:
        return None
    return change.finished_at + UNDO_OFFERED if counts(change)[Status.DONE] else None


def done(change: BulkChange) -> list[int]:
    """The rows that it has changed."""
    return [one["id"] for one in change.results if one["status"] == Status.DONE]


def undo(change: BulkChange, *, actor: str, among: Collection[int]) -> list[Result]:
    """Puts those of `among` back that this has changed and nobody has changed since. Raises `TooLate`."""
    now = sql.now()
    in_time = BulkChange.objects.filter(pk=change.pk, undone_at=None, finished_at__gt=now - UNDO_LIMIT)
    if undo_ends_at(change) is None or in_time.update(undone_at=now) == 0:
        raise TooLate("It cannot be undone any more; change the jobs as you want them.")
    changed = {one["id"]: one for one in change.results if one["status"] == Status.DONE and one["id"] in among}
    return apply_each(
        list(changed), lambda pk: _put_back(change.action, changed[pk], actor=actor, now=now), dry_run=False
    )


def _put_back(action: str, one: dict[str, Any], *, actor: str, now: datetime) -> Result:
    job = Job.objects.select_for_update(no_key=True, of=("self",)).get(pk=one["id"])
    if job.revision != one["revision"]:
        raise registry.RevisionConflict(f"{job.name} was changed since; it stays as it is.")
    before, note = one["before"], "Undone"
    if action in ("pause", "resume"):
        until = parse_datetime(before["until"]) if before["until"] else None
        if before["paused"] and (until is None or until > now):
            registry.pause(job.pk, actor=actor, note=before["note"], until=until)
        else:
            registry.resume(job.pk, actor=actor, note=note)
    elif action in ("enable", "disable"):
        (registry.enable if before["enabled"] else registry.disable)(job.pk, actor=actor, note=note)
    else:
        registry.change(job.pk, {"tags": before["tags"]}, actor=actor, note=note)
    return Result(job.pk, Status.DONE)


def _facts(ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    return {
        job.pk: {
            "revision": job.revision,
            "paused": job.is_paused,
            "until": job.paused_until.isoformat() if job.paused_until else "",
            "note": job.pause_note,
            "enabled": job.is_enabled,
            "tags": job.tags,
        }
        for job in Job.objects.filter(pk__in=ids)
    }


def _told(result: Result, before: dict[int, dict[str, Any]], words: Words) -> dict[str, Any]:
    told: dict[str, Any] = {"id": result.id, "status": result.status.value}
    if result.error is not None:
        told["why"] = words(result.error)
    if result.execution_id is not None:
        told["execution"] = result.execution_id
    if result.status is Status.DONE and result.id in before:
        facts = before[result.id]
        told |= {"revision": facts["revision"] + 1, "before": facts}  # one that came in between ends the undoing
    return told


ANSWER = "UPDATE bulk_changes SET results = results || %s::jsonb WHERE key = %s"


def _answer(change: BulkChange, told: list[dict[str, Any]]) -> None:
    """Added to what is there: two requests may answer for different batches."""
    field = BulkChange._meta.get_field("results")
    with connection.cursor() as cursor:
        cursor.execute(ANSWER, [field.get_db_prep_save(told, connection), change.pk])
