"""The hashes of the trail: of an entry, of the entries of a seal, of a seal. Reads and writes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from scheduler_project.lib import sql

DIGEST = 32  # bytes
# As texts that no version of PostgreSQL, time zone or locale spells otherwise. Without the id: its place in the list of
# the seal holds it, so that an entry which was moved is told from one that was changed.
CANONICAL = """
id, (extract(epoch FROM at) * 1000000)::bigint AS micros, xid, tenant_id, actor, action, target, target_id, target_name,
changes::text AS changes, note, outcome, via, address::text AS address, request_id, method, path
"""
COLUMNS = (
    *("micros", "xid", "tenant_id", "actor", "action", "target", "target_id", "target_name", "changes", "note"),
    *("outcome", "via", "address", "request_id", "method", "path"),
)
START = bytes(DIGEST)


def digest_of(row: sql.Row) -> bytes:
    """Of an entry that was selected as CANONICAL."""
    return sha256(_bytes([row[name] for name in COLUMNS])).digest()


def root_of(ids: Sequence[int], digests: bytes) -> bytes:
    """Of all entries of a seal, in their order."""
    return sha256(b"".join(number.to_bytes(8, "big", signed=True) for number in ids) + digests).digest()


@dataclass(frozen=True)
class Seal:
    sequence: int
    kind: str
    month: date
    count: int
    first_id: int
    last_id: int
    last_xid: int
    highest_id: int
    floor_id: int
    root: bytes
    previous: bytes
    sealed_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Seal:
        values = {name: row[name] for name in cls.__dataclass_fields__}
        return cls(**{**values, "root": bytes(row["root"]), "previous": bytes(row["previous"])})

    @property
    def hash(self) -> bytes:
        numbers = (self.count, self.first_id, self.last_id, self.last_xid, self.highest_id, self.floor_id)
        words = [self.sequence, self.kind, self.month.isoformat(), *numbers, self.root.hex(), self.previous.hex()]
        return sha256(_bytes([*words, self.sealed_at.isoformat()])).digest()


def _bytes(values: Sequence[Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
