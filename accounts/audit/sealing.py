"""Seals what has been added to the trail, some seconds later and in the order of transactions. Nobody waits for it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date, timedelta
from itertools import takewhile

from accounts.audit import chain
from accounts.audit.chain import CANONICAL, Seal
from scheduler_project.lib import sql, telemetry, transactions

EVERY = timedelta(seconds=2)
BATCH = 1_000  # entries in a seal: some 50 ms
TURN_SECONDS = 1.0

NEWEST = "SELECT * FROM audit_seals ORDER BY sequence DESC LIMIT 1"

# Transactions that were open when this one began may still add entries with a smaller xid, so those wait.
NEXT = f"""
SELECT {CANONICAL}, (date_trunc('month', at AT TIME ZONE 'UTC'))::date AS month FROM audit_entries
WHERE id > %(floor)s AND (xid, id) > (%(xid)s, %(id)s) AND xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
ORDER BY xid, id LIMIT %(limit)s
"""  # noqa: S608

# A database that was restored into a new cluster begins its transaction numbers anew, below those of stored entries.
# It shows by the numbers themselves, or by entries that are newer by their id and older by their transaction.
IS_RENUMBERED = """
SELECT 1 WHERE pg_snapshot_xmax(pg_current_snapshot())::text::bigint <= %(xid)s
   OR EXISTS (SELECT FROM audit_entries WHERE id > %(highest)s AND xid < %(xid)s)
"""
# All that was there before the restore has ended, and was given its id before any entry since.
LEFT_OVER = f"""
SELECT {CANONICAL}, (date_trunc('month', at AT TIME ZONE 'UTC'))::date AS month FROM audit_entries
WHERE id > %(floor)s AND (xid, id) > (%(xid)s, %(id)s)
  AND (id <= %(highest)s OR xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
ORDER BY xid, id LIMIT %(limit)s
"""  # noqa: S608

ADD = """
INSERT INTO audit_seals (sequence, kind, month, count, first_id, last_id, last_xid, highest_id, floor_id, root,
                         previous, hash, sealed_at)
VALUES (%(sequence)s, %(kind)s, %(month)s, %(count)s, %(first_id)s, %(last_id)s, %(last_xid)s, %(highest_id)s,
        %(floor_id)s, %(root)s, %(previous)s, %(hash)s, %(sealed_at)s)
"""
ADD_DIGESTS = """
INSERT INTO audit_digests (sequence, month, ids, digests) VALUES (%(sequence)s, %(month)s, %(ids)s, %(digests)s)
"""


def sweep() -> int:
    """Seal what has ended, for about a second. Returns how many entries."""
    ends_at, total = time.monotonic() + TURN_SECONDS, 0
    while sealed := seal_some():
        total += sealed
        if time.monotonic() > ends_at:
            break
    return total


def seal_some(batch: int = BATCH) -> int:
    """One more seal, of entries of one month. Returns how many entries it has; 0 when there is nothing to seal."""
    with transactions.engine():
        newest = newest_seal()
        if _is_renumbered(newest):
            return _seal_before_restore(newest, batch)
        return _seal(newest, NEXT, batch)


def newest_seal() -> Seal | None:
    row = sql.row(NEWEST)
    return Seal.of(row) if row else None


def add_link(newest: Seal | None, kind: str, month: date, **values: object) -> Seal:
    """The next seal; what `values` does not name goes on as it was. Runs inside the caller's transaction."""
    seal = Seal(
        sequence=newest.sequence + 1 if newest else 1,
        kind=kind,
        month=month,
        count=0,
        first_id=0,
        last_id=newest.last_id if newest else 0,
        last_xid=newest.last_xid if newest else 0,
        highest_id=newest.highest_id if newest else 0,
        floor_id=newest.floor_id if newest else 0,
        root=chain.START,
        previous=newest.hash if newest else chain.START,
        sealed_at=sql.now(),
    )
    seal = replace(seal, **values)  # type: ignore[arg-type]
    # The number is the table's key, so that of two leaders one is refused.
    sql.rows(ADD, {**vars(seal), "hash": seal.hash})
    return seal


def _is_renumbered(newest: Seal | None) -> bool:
    if newest is None:
        return False
    return sql.row(IS_RENUMBERED, {"xid": newest.last_xid, "highest": newest.highest_id}) is not None


def _seal_before_restore(newest: Seal | None, batch: int) -> int:
    assert newest is not None
    if sealed := _seal(newest, LEFT_OVER, batch):
        return sealed
    add_link(newest, "restored", newest.month, last_id=0, last_xid=0, floor_id=newest.highest_id)
    telemetry.emit("audit.restored", sequence=newest.sequence + 1, entries_up_to=newest.highest_id)
    return _seal(newest_seal(), NEXT, batch)


def _seal(newest: Seal | None, statement: str, batch: int) -> int:
    values = {
        "floor": newest.floor_id if newest else 0,
        "xid": newest.last_xid if newest else 0,
        "id": newest.last_id if newest else 0,
        "highest": newest.highest_id if newest else 0,
        "limit": batch,
    }
    # Planned each time: a plan from when the table was empty would read all that is in it by now.
    found = sql.rows(statement, values, prepare=False)
    if not found:
        return 0
    rows = list(takewhile(lambda row: row["month"] == found[0]["month"], found))
    ids = [row["id"] for row in rows]
    digests = b"".join(chain.digest_of(row) for row in rows)
    seal = add_link(
        newest,
        "entries",
        rows[0]["month"],
        count=len(rows),
        first_id=ids[0],
        last_id=ids[-1],
        last_xid=rows[-1]["xid"],
        highest_id=max(*ids, newest.highest_id if newest else 0),
        root=chain.root_of(ids, digests),
    )
    sql.rows(ADD_DIGESTS, {"sequence": seal.sequence, "month": seal.month, "ids": ids, "digests": digests})
    return len(rows)
