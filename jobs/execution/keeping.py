"""What a run keeps for its next attempt: effects that happen at most once, and how far it came."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from jobs.executions import Claim
from scheduler_project.lib import own_statement, sql
from templates_registry.context import Overtaken

MAX_KEY = 200
MAX_KEPT_BYTES = 65_536

# The lease is locked, so that whoever takes the run over waits until this is committed, or this finds it gone.
MINE = """
clock AS MATERIALIZED (
    SELECT clock_timestamp() AS now, set_config('synchronous_commit', 'on', true) AS durable
), mine AS MATERIALIZED (
    SELECT clock.now FROM clock, execution_leases WHERE execution_id = %(id)s AND fence = %(fence)s FOR KEY SHARE
)"""

RECORD = f"""
WITH {MINE}, made AS (
    INSERT INTO run_effects (execution_id, key, fence, attempt, recorded_at)
    SELECT %(id)s, %(key)s, %(fence)s, %(attempt)s, now FROM mine
    ON CONFLICT (execution_id, key) DO NOTHING
    RETURNING execution_id
)
SELECT EXISTS (SELECT FROM made) AS is_first FROM mine
"""  # noqa: S608
FIND = "SELECT result, kept_at IS NOT NULL AS is_kept FROM run_effects WHERE execution_id = %(id)s AND key = %(key)s"
KEEP = f"""
WITH {MINE}
UPDATE run_effects e SET result = %(data)s::jsonb, kept_at = mine.now
FROM mine WHERE e.execution_id = %(id)s AND e.key = %(key)s
RETURNING e.id
"""  # noqa: S608
FORGET = f"""
WITH {MINE}
DELETE FROM run_effects e USING mine
WHERE e.execution_id = %(id)s AND e.key = %(key)s AND e.fence = %(fence)s
RETURNING e.id
"""  # noqa: S608

SAVE = f"""
WITH {MINE}
INSERT INTO run_checkpoints (execution_id, fence, attempt, data, saved_at)
SELECT %(id)s, %(fence)s, %(attempt)s, %(data)s::jsonb, now FROM mine
ON CONFLICT (execution_id) DO UPDATE
SET fence = excluded.fence, attempt = excluded.attempt, data = excluded.data, saved_at = excluded.saved_at
WHERE run_checkpoints.fence <= excluded.fence
RETURNING execution_id
"""  # noqa: S608
LAST = "SELECT data FROM run_checkpoints WHERE execution_id = %(id)s"


class TooLarge(Exception):
    """More than a checkpoint or the result of an effect may hold."""


class RecordedEffect:
    """Implements `templates_registry.context.Effect`."""

    def __init__(
        self,
        claim: Claim,
        key: str,
        *,
        is_first: bool,
        is_kept: bool,
        result: Any,
        without_secrets: Callable[[Any], Any],
    ) -> None:
        self._claim = claim
        self._without_secrets = without_secrets
        self._key = key
        self._is_first = is_first
        self.is_kept = is_kept
        self.result = result

    def __bool__(self) -> bool:
        return self._is_first

    def keep(self, result: Any = None) -> None:
        self.result, data = _stored(self._without_secrets(result), "The result of an effect")
        self._change(KEEP, data=data)
        self.is_kept = True

    def forget(self) -> None:
        self._change(FORGET)
        self._is_first = False

    def _change(self, statement: str, **values: Any) -> None:
        if not own_statement.run(statement, {**_of(self._claim), "key": self._key, **values}):
            raise Overtaken(f"The effect {self._key} belongs to another attempt, which owns the run now.")


def once(claim: Claim, key: str, *, without_secrets: Callable[[Any], Any]) -> RecordedEffect:
    """Record that the effect is about to happen, unless it was recorded before. Raises `Overtaken`."""
    if not key or len(key) > MAX_KEY:
        raise ValueError(f"The key of an effect has 1 to {MAX_KEY} characters; this one has {len(key)}.")
    values = {**_of(claim), "key": sql.text(key)}
    recorded = own_statement.run(RECORD, values)
    if not recorded:
        raise Overtaken("Another attempt owns the run now, so this one may have no effects any more.")
    is_first: bool = recorded[0]["is_first"]
    found: sql.Row = {"is_kept": False, "result": None}
    if not is_first:
        [found] = own_statement.run(FIND, values)
    return RecordedEffect(
        claim,
        values["key"],
        is_first=is_first,
        is_kept=found["is_kept"],
        result=sql.loads(found["result"]),
        without_secrets=without_secrets,
    )


def save_checkpoint(claim: Claim, data: Any) -> Any:
    """Store how far the run came; returns it as the next attempt will read it. Raises `Overtaken` and `TooLarge`."""
    plain, stored = _stored(data, "A checkpoint")
    if not own_statement.run(SAVE, {**_of(claim), "data": stored}):
        raise Overtaken("Another attempt owns the run now, so this one may store no checkpoint any more.")
    return plain


def last_checkpoint(claim: Claim) -> Any:
    found = own_statement.run(LAST, {"id": claim.execution_id})
    return sql.loads(found[0]["data"]) if found else None


def _of(claim: Claim) -> dict[str, Any]:
    return {"id": claim.execution_id, "fence": claim.fence, "attempt": claim.attempt}


def _stored(value: Any, what: str) -> tuple[Any, Any]:
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    size = len(text.encode())
    if size > MAX_KEPT_BYTES:
        raise TooLarge(f"{what} may have {MAX_KEPT_BYTES} bytes as JSON; this one has {size}. Keep a reference to it.")
    if "\\u0000" in text:
        raise ValueError(f"{what} contains a NUL character, which JSON in PostgreSQL cannot hold.")
    plain = json.loads(text)
    return plain, sql.json(plain)
