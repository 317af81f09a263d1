"""A scheduler process's own row, written by its loop alone: a loop that hangs grows old where everyone sees it."""

from __future__ import annotations

import time

from scheduler_project.lib import sql, transactions

EVERY = 2.0  # seconds

SEEN = """
WITH forgotten AS (
    DELETE FROM scheduler_candidates
    WHERE %(leads)s AND holder <> %(holder)s AND seen_at < clock_timestamp() - interval '1 minute'
)
INSERT INTO scheduler_candidates (holder, started_at, seen_at, trouble)
VALUES (%(holder)s, clock_timestamp(), clock_timestamp(), %(trouble)s)
ON CONFLICT (holder) DO UPDATE SET seen_at = excluded.seen_at, trouble = excluded.trouble
"""

LEAVE = "DELETE FROM scheduler_candidates WHERE holder = %(holder)s"


class Candidate:
    """Leaders and standbys alike. A leader also removes rows that nobody has touched for a minute."""

    def __init__(self, holder: str) -> None:
        self._holder = holder
        self._written: tuple[float, str] | None = None

    def show(self, *, trouble: str, leads: bool) -> None:
        """Say that the loop turns and why its last turn failed; every two seconds, and at once when that changes."""
        at, trouble = time.monotonic(), sql.text(trouble)[:500]
        if self._written is not None and self._written[1] == trouble and at - self._written[0] < EVERY:
            return
        with transactions.engine():
            sql.rows(SEEN, {"holder": self._holder, "trouble": trouble, "leads": leads})
        self._written = (at, trouble)

    def leave(self) -> None:
        """It ends of its own will."""
        with transactions.engine():
            sql.rows(LEAVE, {"holder": self._holder})
