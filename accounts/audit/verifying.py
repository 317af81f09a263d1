"""Checks the trail against its seals, and names every entry that is not as it was sealed. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from accounts.audit import chain
from accounts.audit.chain import CANONICAL, DIGEST, Seal
from scheduler_project.lib import sql

AT_ONCE = 200  # seals that are read at once

SEALS = "SELECT * FROM audit_seals WHERE sequence > %(after)s ORDER BY sequence LIMIT %(limit)s"
DROPPED = "SELECT month FROM audit_seals WHERE kind = 'dropped'"
DIGESTS = "SELECT ids, digests FROM audit_digests WHERE sequence = %(sequence)s AND month = %(month)s"
OF_MONTH = f"""
SELECT {CANONICAL} FROM audit_entries
WHERE id = ANY(%(ids)s::bigint[]) AND at >= %(month)s::date::timestamp AT TIME ZONE 'UTC'
  AND at < (%(month)s::date + interval '1 month') AT TIME ZONE 'UTC'
"""  # noqa: S608
ANYWHERE = f"SELECT {CANONICAL} FROM audit_entries WHERE id = ANY(%(ids)s::bigint[])"  # noqa: S608
MONTHS = """
SELECT DISTINCT date_trunc('month', at AT TIME ZONE 'UTC')::date AS month FROM (
    SELECT generate_series(min(at), max(at) + interval '1 month', interval '20 days') AS at FROM audit_entries
) AS spans ORDER BY 1
"""
# Month by month, so that what PostgreSQL has to hold in memory is bounded.
UNSEALED = """
WITH loose AS MATERIALIZED (  -- a difference of sets is sorted or hashed, however few rows the planner expects
    SELECT id FROM audit_entries
    WHERE at >= %(month)s::date::timestamp AT TIME ZONE 'UTC'
      AND at < (%(month)s::date + interval '1 month') AT TIME ZONE 'UTC'
    EXCEPT SELECT unnest(ids) FROM audit_digests WHERE month = %(month)s
)
SELECT e.id, e.xid, (e.xid, e.id) > (%(xid)s, %(last)s) AND e.id > %(floor)s
       AND e.xid < pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS is_new
FROM loose JOIN audit_entries e USING (id)
WHERE e.at >= %(month)s::date::timestamp AT TIME ZONE 'UTC'
  AND e.at < (%(month)s::date + interval '1 month') AT TIME ZONE 'UTC'
ORDER BY e.id
"""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Finding:
    """`kind` is changed, moved, removed or inserted, of an entry; or seal, or head."""

    kind: str
    message: str
    entry_id: int | None = None
    sequence: int | None = None


@dataclass
class Verdict:
    head: bytes = chain.START
    seals: int = 0
    entries: int = 0
    dropped: int = 0  # entries of months that retention has dropped
    restores: int = 0
    waiting: int = 0  # entries that are too new to be sealed
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        return not self.findings


def verify(
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    head: bytes | None = None,
    on_progress: Progress = lambda seals, entries: None,
) -> Verdict:
    """The chain is checked as a whole, entries only of the months from `since` to `until`. `head` is the hash that an
    earlier verification gave: it has to be part of the chain still."""
    verdict = Verdict()
    first, last = _month(since), _month(until)

    def is_asked_for(month: date) -> bool:
        return (first is None or month >= first) and (last is None or month <= last)

    dropped = {row["month"] for row in sql.rows(DROPPED)}
    newest: Seal | None = None
    is_head_known = head is None or head == chain.START
    for seal, stored_hash in _seals():
        verdict.findings += _problems_of_link(newest, seal, stored_hash)
        is_head_known = is_head_known or stored_hash == head
        verdict.seals += 1
        verdict.restores += seal.kind == "restored"
        if seal.kind == "entries" and seal.month in dropped:
            verdict.dropped += seal.count
        elif seal.kind == "entries" and is_asked_for(seal.month):
            verdict.findings += _problems_of_entries(seal)
            verdict.entries += seal.count
        newest = seal
        verdict.head = stored_hash
        on_progress(verdict.seals, verdict.entries)
    if not is_head_known:
        words = "The chain does not have this head: the trail was rewritten, or restored to an earlier state."
        verdict.findings.append(Finding("head", words))
    _judge_unsealed(verdict, newest, is_asked_for)
    return verdict


def _month(instant: datetime | None) -> date | None:
    return instant.astimezone(UTC).date().replace(day=1) if instant else None


def _seals() -> Iterator[tuple[Seal, bytes]]:
    after = -1
    while found := sql.rows(SEALS, {"after": after, "limit": AT_ONCE}):
        for row in found:
            yield Seal.of(row), bytes(row["hash"])
        after = found[-1]["sequence"]


def _problems_of_link(before: Seal | None, seal: Seal, stored_hash: bytes) -> Iterator[Finding]:
    number = seal.sequence
    expected = before.sequence + 1 if before else 1
    if number != expected:
        missing = f"{expected}" if number == expected + 1 else f"{expected} to {number - 1}"
        yield Finding("seal", f"Seal {missing} is gone.", sequence=expected)
    elif seal.previous != (before.hash if before else chain.START):
        yield Finding("seal", f"Seal {number} does not follow from the one before it.", sequence=number)
    if seal.hash != stored_hash:
        yield Finding("seal", f"Seal {number} was changed.", sequence=number)


def _problems_of_entries(seal: Seal) -> Iterator[Finding]:
    number = seal.sequence
    row = sql.row(DIGESTS, {"sequence": number, "month": seal.month})
    ids, digests = (row["ids"], bytes(row["digests"])) if row else ([], b"")
    if chain.root_of(ids, digests) != seal.root:
        what = "are gone" if row is None else "were changed"
        yield Finding(
            "seal",
            f"The digests of seal {number} {what}: which of its {seal.count} entries from {seal.first_id} to "
            f"{seal.last_id} are sound, nobody can say.",
            sequence=number,
        )
        return
    sealed = {entry_id: digests[place * DIGEST :][:DIGEST] for place, entry_id in enumerate(ids)}
    holders = {digest: entry_id for entry_id, digest in sealed.items()}
    found: dict[int, list[bytes]] = {}
    for statement in (OF_MONTH, ANYWHERE):
        missing = [entry_id for entry_id in ids if entry_id not in found]
        for entry in sql.rows(statement, {"ids": missing, "month": seal.month}) if missing else []:
            found.setdefault(entry["id"], []).append(chain.digest_of(entry))
    for entry_id, digest in sealed.items():
        yield from _judge(entry_id, digest, found.get(entry_id, []), holders, number)


def _judge(
    entry_id: int, sealed: bytes, found: list[bytes], holders: dict[bytes, int], sequence: int
) -> Iterator[Finding]:
    def finding(kind: str, message: str) -> Finding:
        return Finding(kind, message, entry_id=entry_id, sequence=sequence)

    if not found:
        yield finding("removed", f"Entry {entry_id} was removed.")
        return
    others = [digest for digest in found if digest != sealed]
    if len(others) < len(found):
        if len(found) > 1:
            yield finding("inserted", f"Entry {entry_id} is there {len(found)} times; one was sealed.")
    elif others[0] in holders:
        yield finding("moved", f"Entry {entry_id} says what entry {holders[others[0]]} said when it was sealed.")
    else:
        yield finding("changed", f"Entry {entry_id} was changed.")


def _judge_unsealed(verdict: Verdict, newest: Seal | None, is_asked_for: Callable[[date], bool]) -> None:
    place = {
        "xid": newest.last_xid if newest else 0,
        "last": newest.last_id if newest else 0,
        "floor": newest.floor_id if newest else 0,
    }
    known = {finding.entry_id for finding in verdict.findings}
    for month in [row["month"] for row in sql.rows(MONTHS) if is_asked_for(row["month"])]:
        for row in sql.rows(UNSEALED, {**place, "month": month}):
            if row["is_new"]:
                verdict.waiting += 1
            elif row["id"] not in known:
                words = f"Entry {row['id']} was inserted: it is in no seal, though its time has been sealed."
                verdict.findings.append(Finding("inserted", words, entry_id=row["id"]))
