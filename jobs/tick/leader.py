"""The lead: take it, keep it, give it up, and prove it inside a transaction. Only the database's clock decides."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from jobs import scheduler_events
from jobs.scheduler_events import Event
from jobs.tick.clock import Clock
from scheduler_project.lib import sql, telemetry, transactions

NAME = "scheduler"
LONGEST_LEASE = timedelta(minutes=10)  # far beyond what can be configured

RENEW = """
UPDATE scheduler_leases
SET expires_at = clock_timestamp() + %(ttl)s,
    ticked_at = CASE WHEN %(has_turned)s THEN clock_timestamp() ELSE ticked_at END
WHERE name = %(name)s AND holder = %(holder)s AND epoch = %(epoch)s AND expires_at > clock_timestamp()
RETURNING clock_timestamp() AS now
"""

TAKE = """
WITH clock AS MATERIALIZED (
    SELECT clock_timestamp() AS now
), taken AS (
    INSERT INTO scheduler_leases AS l (name, holder, epoch, acquired_at, expires_at)
    SELECT %(name)s::text, %(holder)s::text,
           coalesce((SELECT max(epoch) FROM scheduler_lease_history WHERE name = %(name)s), 0) + 1, now, now + %(ttl)s
    FROM clock
    ON CONFLICT (name) DO UPDATE
        SET holder = excluded.holder, epoch = l.epoch + 1, acquired_at = excluded.acquired_at,
            expires_at = excluded.expires_at
        WHERE l.expires_at IS NULL OR l.expires_at <= clock_timestamp()
           OR l.expires_at > clock_timestamp() + %(longest)s  -- the database's clock was set back
    RETURNING epoch, acquired_at
), closed AS (
    UPDATE scheduler_lease_history h SET released_at = taken.acquired_at, cause = 'expired'
    FROM taken WHERE h.name = %(name)s AND h.released_at IS NULL
    RETURNING h.epoch
), opened AS (
    INSERT INTO scheduler_lease_history (name, epoch, holder, acquired_at, cause)
    SELECT %(name)s, epoch, %(holder)s, acquired_at, '' FROM taken
)
SELECT (SELECT epoch FROM taken), (SELECT count(*) FROM closed) > 0 AS has_expired, clock_timestamp() AS now
"""

RELEASE = """
WITH given AS (
    UPDATE scheduler_leases SET expires_at = clock_timestamp()
    WHERE name = %(name)s AND holder = %(holder)s AND epoch = %(epoch)s AND expires_at > clock_timestamp()
    RETURNING epoch
)
UPDATE scheduler_lease_history h SET released_at = clock_timestamp(), cause = 'released'
FROM given WHERE h.name = %(name)s AND h.epoch = given.epoch
RETURNING h.epoch
"""

FENCE = """
SELECT clock_timestamp() AS now FROM scheduler_leases
WHERE name = %(name)s AND holder = %(holder)s AND epoch = %(epoch)s AND expires_at > clock_timestamp()
FOR SHARE
"""


class NotLeading(Exception):
    """The lease is another's, or has run out."""


class Leader:
    """One candidate. It believes in its own lead only until its last renewal's start plus the lease, less a second."""

    def __init__(self, holder: str, *, ttl: timedelta) -> None:
        self.holder = holder
        self.ttl = ttl
        self.clock = Clock()
        self.epoch = 0
        self._trusted_until = 0.0

    @property
    def is_leading(self) -> bool:
        return time.monotonic() < self._trusted_until

    def keep(self, *, has_turned: bool = True) -> bool:
        """Renew the lease, or take it when it is free. True while this candidate leads. `has_turned` tells whether the
        last turn decided what was due: a loop that fails each time must not look as if it did."""
        started = time.monotonic()
        if self.epoch and self._ask(RENEW, started, has_turned=has_turned):
            self._trust(started)
            return True
        if self.epoch:
            telemetry.emit("leader.lost", holder=self.holder, epoch=self.epoch)
            self._forget()
        started = time.monotonic()
        taken = self._take(started)
        if taken is None:
            return False
        self.epoch = taken["epoch"]
        self._trust(started)
        telemetry.emit("leader.acquired", holder=self.holder, epoch=self.epoch)
        return True

    def _take(self, started: float) -> sql.Row | None:
        with transactions.engine():
            taken = self._ask(TAKE, started)
            if taken is None or taken["epoch"] is None:
                return None
            epoch = {"epoch": taken["epoch"]}
            late = "The one that led let its lease run out."
            expired = [Event("leader_expired", late, source=self.holder, data=epoch)]
            words = f"{self.holder} leads, epoch {taken['epoch']}."
            acquired = Event("leader_acquired", words, source=self.holder, data=epoch)
            scheduler_events.record([*(expired if taken["has_expired"] else []), acquired])
            return taken

    def _ask(self, statement: str, asked_at: float, **more: object) -> sql.Row | None:
        with transactions.engine():  # a lock that somebody holds must be told of, not waited for in silence
            row = sql.row(statement, {**self._values(), **more})
        if row is not None:
            self.clock.see(row["now"], asked_at=asked_at)
        return row

    def fence(self) -> datetime:
        """The database's now, once it is certain that this epoch leads until the transaction ends."""
        row = sql.row(FENCE, self._values())
        if row is None:
            self._forget()
            raise NotLeading(f"{self.holder} no longer leads")
        now: datetime = row["now"]
        return now

    def release(self) -> None:
        """Give the lead up at once, so that a standby need not wait for the lease to run out."""
        if self.epoch:
            with transactions.engine():
                had_it = sql.row(RELEASE, self._values())
                if had_it:
                    words = f"{self.holder} gave the lead up, epoch {self.epoch}."
                    data = {"epoch": self.epoch}
                    scheduler_events.record([Event("leader_released", words, source=self.holder, data=data)])
            telemetry.emit("leader.released" if had_it else "leader.lost", holder=self.holder, epoch=self.epoch)
            self._forget()

    def _values(self) -> dict[str, object]:
        return {"name": NAME, "holder": self.holder, "epoch": self.epoch, "ttl": self.ttl, "longest": LONGEST_LEASE}

    def _trust(self, since: float) -> None:
        self._trusted_until = since + self.ttl.total_seconds() * 0.9

    def _forget(self) -> None:
        self.epoch = 0
        self._trusted_until = 0.0
