"""Replaying one dead letter: a new execution, as the old one was or with other parameters. The old one stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobs import executions, trail
from jobs.dead_letters.errors import cannot_replay, not_open
from jobs.definition import InvalidJob
from jobs.definition import parameters as judging
from jobs.models import DeadLetter, DeadLetterRun, Execution
from jobs.rules.states import LetterState, Origin
from jobs.runtime_flags import require_scheduler
from scheduler_project.lib import sql, telemetry, transactions
from templates_registry import registry as templates


def replay(letter_id: int, *, actor: str, request_id: str = "", parameters: Mapping[str, Any] | None = None) -> int:
    """Queue it once more and return the new execution's id; announcing it is the caller's.

    `parameters` are the whole set, without the secrets that stay. Raises `LetterIsNotOpen`, `CannotReplay`,
    `InvalidJob`, `KeysUnavailable`.
    """
    with transactions.engine():
        require_scheduler(actor)
        letter = DeadLetter.objects.select_for_update(no_key=True).get(pk=letter_id)
        if letter.state != LetterState.OPEN:
            raise not_open(letter)
        if parameters is not None:
            parameters = judged(letter.execution_id, parameters)
        made = executions.repeat(
            [letter.execution_id], requested_by=actor, request_id=request_id, parameters=parameters
        )
        if not made:
            raise cannot_replay(letter.execution_id)
        (execution_id,) = made.values()
        DeadLetterRun.objects.create(letter=letter, execution_id=execution_id)
        letter.state = LetterState.REPLAYING.value
        letter.save(update_fields=["state"])
        after = {"execution": execution_id, "with_other_parameters": parameters is not None}
        trail.tell("dead_letter.replayed", letter, actor=actor, after=after)
    telemetry.emit("dead_letter.replayed", letter=letter_id, execution_id=execution_id, actor=actor)
    return execution_id


def judged(execution_id: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """Other parameters for a run, as its template takes them: with its defaults and the secrets of the original.

    Raises `CannotReplay`, `InvalidJob`, `KeysUnavailable`.
    """
    original = Execution.objects.select_related("template", "tenant", "job").filter(pk=execution_id).first()
    if original is None:
        raise cannot_replay(execution_id)
    if original.job is not None and original.job.origin == Origin.ADOPTED:
        raise InvalidJob({"parameters": ["They belong to the job's row; run it again as it was."]})
    try:
        code = templates.get(original.template.name, original.template.version)
    except templates.UnknownTemplate as error:
        raise cannot_replay(execution_id) from error
    before = judging.Before(original.template, original.parameters)
    found = judging.judge(given, code, tenant=original.tenant, before=before)
    problems = found.problems or code.check_for_tenant(found.plain, original.tenant.slug)
    if problems:
        raise InvalidJob(dict(problems))
    return found.seal()


# What a replay comes to. A run that failed again has a letter of its own, unless a worker of an earlier release ended
# it; then this letter goes on standing for the work.
CLOSE = """
WITH ended AS MATERIALIZED (
    SELECT r.id, r.letter_id, e.requested_by, coalesce(e.finished_at, clock_timestamp()) AS at,
           CASE WHEN e.status = 'succeeded' THEN 'succeeded' WHEN e.status <> 'cancelled' THEN 'failed'
                ELSE 'cancelled' END AS outcome,
           EXISTS (SELECT FROM dead_letters n WHERE n.execution_id = e.id) AS has_letter
    FROM dead_letter_runs r LEFT JOIN job_executions e ON e.id = r.execution_id
    WHERE r.outcome = '' AND r.execution_id IS NOT NULL AND (e.id IS NULL OR e.finished_at IS NOT NULL)
    ORDER BY r.id LIMIT 500
    FOR UPDATE OF r SKIP LOCKED
), closed AS (
    UPDATE dead_letter_runs r SET outcome = ended.outcome FROM ended WHERE r.id = ended.id
), letters AS (
    SELECT letter_id, requested_by, at,
           CASE WHEN outcome = 'succeeded' THEN 'resolved' WHEN outcome = 'failed' AND has_letter THEN 'failed_again'
                ELSE 'open' END AS state
    FROM ended
)
UPDATE dead_letters d
SET state = l.state, closed_at = CASE WHEN l.state <> 'open' THEN l.at END,
    closed_by = CASE WHEN l.state <> 'open' THEN l.requested_by ELSE '' END
FROM letters l WHERE d.id = l.letter_id
RETURNING d.id
"""


def close_ended() -> int:
    """Let the letters know what became of their replays, some hundreds at a time. Returns how many."""
    return len(sql.rows(CLOSE))
