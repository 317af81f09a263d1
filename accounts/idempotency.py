"""The store of first answers: a request that comes twice with one Idempotency-Key is carried out once.

Both operations run inside the transaction that carries the request out, so that its effect and its answer are stored
together or not at all. While it is open, a second request with the same key waits for the row of the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import OperationalError
from psycopg.errors import LockNotAvailable

from scheduler_project.lib import sql

KEPT = timedelta(hours=24)
HELD = timedelta(minutes=10)  # for a request in several transactions, so that one that was broken off can be sent again
SWEPT = 1_000  # rows at once


class StillAtWork(Exception):
    """A first request with this key has not ended."""


class OtherRequest(Exception):
    """The key was used for a request that asked for something else."""


@dataclass(frozen=True)
class Question:
    """A request as far as it decides whether another is the same."""

    tenant_id: int | None
    principal: str
    route: str
    key: str
    body_hash: str


@dataclass(frozen=True)
class Answer:
    status: int
    response: str
    location: str


# An entry that has expired is taken over.
BEGIN = """
INSERT INTO idempotency_store AS s (tenant_id, principal, route, key, body_hash, response, location, expires_at)
VALUES (%(tenant)s, %(principal)s, %(route)s, %(key)s, %(hash)s, '', '', statement_timestamp() + %(kept)s)
ON CONFLICT ON CONSTRAINT one_answer_per_idempotency_key DO UPDATE
SET body_hash = excluded.body_hash, status = NULL, response = '', location = '', created_at = statement_timestamp(),
    expires_at = excluded.expires_at
WHERE s.expires_at <= clock_timestamp()
RETURNING s.id
"""
FIND = """
SELECT body_hash, status, response, location FROM idempotency_store
WHERE tenant_id IS NOT DISTINCT FROM %(tenant)s AND principal = %(principal)s AND route = %(route)s AND key = %(key)s
"""
FINISH = """
UPDATE idempotency_store SET status = %(status)s, response = %(response)s, location = %(location)s,
    expires_at = created_at + %(kept)s
WHERE tenant_id IS NOT DISTINCT FROM %(tenant)s AND principal = %(principal)s AND route = %(route)s AND key = %(key)s
"""
FORGET = """
DELETE FROM idempotency_store
WHERE tenant_id IS NOT DISTINCT FROM %(tenant)s AND principal = %(principal)s AND route = %(route)s AND key = %(key)s
    AND status IS NULL
"""
SWEEP = """
DELETE FROM idempotency_store WHERE id = ANY (ARRAY(
    SELECT id FROM idempotency_store WHERE expires_at <= clock_timestamp() ORDER BY expires_at LIMIT %(most)s
    FOR UPDATE SKIP LOCKED))
RETURNING id
"""


def begin(question: Question, *, kept: timedelta = KEPT) -> Answer | None:
    """The stored answer; None when this request is the first and is to be carried out, in this transaction.

    A request of several transactions begins in one of its own, with `kept=HELD`, and finishes or forgets in another.
    Waits for a first request that is at work, as long as locks are waited for. Raises `StillAtWork`, `OtherRequest`.
    """
    sql.script("SET LOCAL lock_timeout = '2s'")
    values = {**_names(question), "hash": question.body_hash, "kept": kept}
    while True:
        try:
            is_first = sql.row(BEGIN, values) is not None
        except OperationalError as error:
            if isinstance(error.__cause__, LockNotAvailable):
                raise _still_at_work(question) from None
            raise
        if is_first:
            return None
        found = sql.row(FIND, values)
        if found is None:
            continue  # swept away between the two statements
        if found["body_hash"] != question.body_hash:
            raise OtherRequest(f"The key {question.key} came with another request before; use a new one.")
        if found["status"] is None:
            raise _still_at_work(question)
        return Answer(found["status"], found["response"], found["location"])


def finish(question: Question, answer: Answer) -> None:
    """Store the answer of the first request."""
    given = {"status": answer.status, "response": answer.response, "location": answer.location}
    sql.rows(FINISH, {**_names(question), **given, "kept": KEPT})


def forget(question: Question) -> None:
    """Of a request of several transactions that has failed: it may be sent again."""
    sql.rows(FORGET, _names(question))


def sweep() -> int:
    """Forget what has expired. Returns how many."""
    swept = total = len(sql.rows(SWEEP, {"most": SWEPT}))
    while swept == SWEPT:
        swept = len(sql.rows(SWEEP, {"most": SWEPT}))
        total += swept
    return total


def _still_at_work(question: Question) -> StillAtWork:
    return StillAtWork(f"The first request with the key {question.key} is still being carried out.")


def _names(question: Question) -> dict[str, object]:
    return {
        "tenant": question.tenant_id,
        "principal": question.principal,
        "route": question.route,
        "key": question.key,
    }
