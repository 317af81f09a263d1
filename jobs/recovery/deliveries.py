"""Makes deliveries for webhooks from the events and sends them, without letting one receiver keep another waiting."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs import webhooks
from jobs.models import Webhook
from jobs.recovery import outbox
from jobs.rules.webhooks import DeliveryStatus, judge
from jobs.webhooks import Letter, Tried
from scheduler_project.lib import sql, telemetry, transactions
from scheduler_project.lib.calls import Calls

READER = "webhooks"
NOBODY_LISTENS = "NOT EXISTS (SELECT FROM webhooks WHERE is_enabled)"
PLANS_EVERY, SKIPS_EVERY = 0.5, 10.0  # seconds

# Calls at once: of all webhooks, of one, and of all whose last call failed. Those get one each, so that receivers that
# hang take the places of no others.
AT_ONCE, OF_ONE, OF_FAILING = 32, 4, 8
LOOK = 0.2  # seconds of waiting for an answer before the next look at what is due
LONGEST_TURN = 20.0  # seconds
# After a crash of the sender what was under way is sent again; the receiver knows it by its id.
CLAIMED_FOR = timedelta(seconds=60)
KEPT_TRIES = 20

CLAIM = """
WITH receivers AS (
    SELECT w.id, w.failures_in_row > 0 AS is_failing,
           CASE WHEN w.failures_in_row > 0 THEN 1 ELSE %(of_one)s END - coalesce(b.calls, 0) AS room
    FROM webhooks w JOIN tenants n ON n.id = w.tenant_id AND n.is_active
    LEFT JOIN unnest(%(busy)s::bigint[], %(calls)s::integer[]) AS b(id, calls) ON b.id = w.id
    WHERE w.is_enabled
), due AS (
    SELECT d.id, r.is_failing, row_number() OVER (PARTITION BY r.is_failing ORDER BY d.place, d.next_try_at) AS turn
    FROM receivers r CROSS JOIN LATERAL (
        SELECT id, next_try_at, row_number() OVER (ORDER BY next_try_at, id) AS place
        FROM webhook_deliveries WHERE webhook_id = r.id AND next_try_at <= statement_timestamp()
        ORDER BY next_try_at, id LIMIT greatest(r.room, 0)) AS d
), chosen AS (
    SELECT id FROM due WHERE NOT is_failing OR turn <= %(of_failing)s ORDER BY is_failing, turn LIMIT %(room)s
), mine AS (
    SELECT d.id FROM webhook_deliveries d JOIN chosen USING (id)
    WHERE d.next_try_at <= statement_timestamp() FOR UPDATE OF d SKIP LOCKED
)
UPDATE webhook_deliveries d SET tries = d.tries + 1, next_try_at = clock_timestamp() + %(claimed_for)s
FROM mine, webhooks w WHERE d.id = mine.id AND w.id = d.webhook_id
RETURNING d.id, d.uid, d.tries, d.payload, d.give_up_at, w.id AS webhook_id, w.failures_in_row > 0 AS is_failing,
    w.url, w.public_id, w.nonce, w.previous_nonce, w.previous_until, clock_timestamp() AS now
"""

RECORD = """
UPDATE webhook_deliveries SET status = %(status)s::text, reason = %(reason)s,
    next_try_at = clock_timestamp() + %(wait)s::interval,
    ended_at = CASE WHEN %(status)s::text = 'waiting' THEN NULL ELSE clock_timestamp() END,
    log = (CASE WHEN jsonb_array_length(log) >= %(kept)s THEN log - 0 ELSE log END) || %(entry)s::jsonb
WHERE id = %(id)s AND tries = %(tries)s AND status = 'waiting'
"""
COUNT_FAILURES = """
UPDATE webhooks SET failures_in_row = CASE WHEN %(is_taken)s::boolean THEN 0 ELSE failures_in_row + 1 END
WHERE id = %(webhook)s AND (NOT %(is_taken)s::boolean OR failures_in_row > 0)
"""


@dataclass(frozen=True)
class _Sending:
    delivery_id: int
    webhook_id: int
    tries: int
    give_up_at: datetime
    is_failing: bool
    letter: Letter


class Deliveries:
    """The leader's loop. Calls are made by threads of their own; what they bring back is stored here."""

    def __init__(self, call: Callable[[Letter], Tried] = webhooks.call) -> None:
        self._calls: Calls[_Sending, Tried] = Calls("webhook", lambda sending: call(sending.letter))
        self._planned_at = self._skipped_at = -SKIPS_EVERY

    def sweep(self, leads: Callable[[], bool] = lambda: True) -> int:
        """Make what is new, and send what is due. Whoever leads no more only waits for the answers to what it has sent:
        nobody else will hear them, and what has none is sent again. Returns how many came back."""
        answered, ends_at = 0, time.monotonic() + LONGEST_TURN
        self._planned_at = -PLANS_EVERY
        while time.monotonic() < ends_at:
            is_leading = leads()
            if is_leading and time.monotonic() - self._planned_at >= PLANS_EVERY:
                self._plan()  # a backlog of one receiver delays nobody's news
            started = self._start_due() if is_leading else 0
            back = self._calls.take(self._store_all, wait=LOOK if self._calls.under_way else 0)
            answered += back
            if not started and not back and (is_leading or not self._calls.under_way):
                break  # what hangs is looked at again with the next turn
        return answered

    def _plan(self) -> None:
        now = self._planned_at = time.monotonic()
        if Webhook.objects.filter(is_enabled=True).exists():
            outbox.read(READER, webhooks.plan)
        elif now - self._skipped_at >= SKIPS_EVERY:
            outbox.skip_to_now(READER, condition=NOBODY_LISTENS)
            self._skipped_at = now

    def _start_due(self) -> int:
        under_way = self._calls.under_way
        room = AT_ONCE - len(under_way)
        if room <= 0:
            return 0
        busy = Counter(sending.webhook_id for sending in under_way)
        failing = sum(sending.is_failing for sending in under_way)
        values = {
            "busy": list(busy),
            "calls": list(busy.values()),
            "of_one": OF_ONE,
            "of_failing": max(OF_FAILING - failing, 0),
            "room": room,
            "claimed_for": CLAIMED_FOR,
        }
        claimed = sql.rows(CLAIM, values, prepare=False)
        for row in claimed:
            self._start(row)
        return len(claimed)

    def _start(self, row: sql.Row) -> None:
        signs = {name: row[name] for name in ("public_id", "nonce", "previous_nonce", "previous_until")}
        letter = Letter.of(row["uid"], row["url"], sql.loads(row["payload"]), Webhook(**signs).secrets(row["now"]))
        sending = _Sending(row["id"], row["webhook_id"], row["tries"], row["give_up_at"], row["is_failing"], letter)
        self._calls.start(sending)

    def _store_all(self, back: Sequence[tuple[_Sending, Tried]]) -> None:
        with transactions.engine():
            now = sql.now()
            for sending, tried in back:
                self._store(sending, tried, now)

    def _store(self, sending: _Sending, tried: Tried, now: datetime) -> None:
        answer = tried.answer
        spread = random.random()  # noqa: S311
        verdict = judge(answer, tries=sending.tries, left=sending.give_up_at - now, spread=spread)
        values = {
            "id": sending.delivery_id,
            "tries": sending.tries,
            "status": verdict.status.value,
            "reason": sql.text(verdict.reason[:500]),
            "wait": verdict.wait,
            "entry": sql.json([tried.to_json()]),
            "kept": KEPT_TRIES,
        }
        sql.rows(RECORD, values)
        sql.rows(COUNT_FAILURES, {"webhook": sending.webhook_id, "is_taken": answer.is_taken})
        told = {DeliveryStatus.DELIVERED: "delivered", DeliveryStatus.DEAD: "gave_up"}.get(verdict.status, "failed")
        telemetry.emit(
            f"webhook.{told}",
            delivery_id=sending.delivery_id,
            webhook_id=sending.webhook_id,
            tries=sending.tries,
            seconds=tried.seconds,
            reason=verdict.reason,
        )
