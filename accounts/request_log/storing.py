"""The leader's sweep: stores what processes have put into the stream, each record once however often it comes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import redis

from accounts.request_log.outbox import FIELD, STREAM
from scheduler_project.lib import quick_redis, sql, transactions
from scheduler_project.lib.quick_redis import RedisIsAway

EVERY = timedelta(seconds=2)
AT_ONCE = 1_000

COLUMNS = """
number uuid, at float8, method text, route text, path text, status smallint, milliseconds real, bytes bigint,
tenant_id bigint, principal text, address text, request_id text, refusal jsonb
"""
# What was refused to a reader goes on into the trail from here, since reading writes nothing.
STORE = f"""
WITH arrived AS MATERIALIZED (
    SELECT DISTINCT ON (number) * FROM jsonb_to_recordset(%(records)s::jsonb) AS r ({COLUMNS})
), stored AS (
    INSERT INTO api_requests (number, at, method, route, path, status, milliseconds, bytes, tenant_id, principal,
                              address, request_id)
    SELECT number, to_timestamp(at), method, route, path, status, milliseconds, bytes, tenant_id, principal,
           address::inet, request_id
    FROM arrived ORDER BY at
    ON CONFLICT (number, at) DO NOTHING
    RETURNING number
), refused AS (
    INSERT INTO audit_entries (at, tenant_id, actor, action, target, target_name, note, outcome, via, address,
                               request_id, method, path)
    SELECT to_timestamp(at), tenant_id, refusal ->> 'actor', refusal ->> 'action', refusal ->> 'target', route,
           refusal ->> 'note', 'refused', 'api', address::inet, request_id, method, path
    FROM arrived JOIN stored USING (number) WHERE refusal IS NOT NULL ORDER BY at
)
SELECT count(*) AS count FROM stored
"""  # noqa: S608


def sweep() -> int:
    """Returns how many requests are new."""
    total = 0
    while True:
        try:
            entries: Sequence[Any] = quick_redis.ask(_next)
        except RedisIsAway:
            return total
        if entries:
            total += _store([record for _, fields in entries if (record := _read(fields)) is not None])
            with suppress(RedisIsAway):  # then they come once more
                quick_redis.ask(lambda client, entries=entries: client.xdel(STREAM, *(name for name, _ in entries)))  # type: ignore[misc]
        if len(entries) < AT_ONCE:
            return total


def _next(client: redis.Redis) -> Any:
    return client.xrange(STREAM, count=AT_ONCE)


def _read(fields: dict[bytes, bytes]) -> dict[str, Any] | None:
    """None for what no release of ours has written."""
    try:
        record = json.loads(fields[FIELD.encode()])
    except (KeyError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("kind") == "request" else None


def _store(records: list[dict[str, Any]]) -> int:
    if not records:
        return 0
    with transactions.engine():
        found = sql.row(STORE, {"records": sql.json(records)})
    assert found is not None
    count: int = found["count"]
    return count
