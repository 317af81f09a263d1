"""Adds entries to the trail."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from accounts.audit import differences
from scheduler_project.lib import origin, sql


class Outcome(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


# The rest has defaults: the id, the clock's time and the transaction.
INSERT = """
INSERT INTO audit_entries (tenant_id, actor, action, target, target_id, target_name, changes, note, outcome,
                           via, address, request_id, method, path)
VALUES (%(tenant)s, %(actor)s, %(action)s, %(target)s, %(target_id)s, %(target_name)s, %(changes)s, %(note)s,
        %(outcome)s, %(via)s, %(address)s::text::inet, %(request_id)s, %(method)s, %(path)s)
"""
LONGEST_NOTE = 2_000


def record(
    action: str,
    *,
    actor: str,
    tenant_id: int | None,
    target: str,
    target_id: object = "",
    target_name: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    note: str = "",
    outcome: Outcome = Outcome.DONE,
) -> None:
    """Add an entry, in the transaction of the change that it tells of. Neither mapping may hold a secret.

    `action` names what was done (`job.changed`), `target` the kind of row (`job`). What differs between `before` and
    `after` is kept; where the wish came from is taken from `scheduler_project.lib.origin`.
    """
    where = origin.current.get()
    sql.rows(
        INSERT,
        {
            "tenant": tenant_id,
            "actor": sql.text(actor)[:200] or "anonymous",
            "action": action,
            "target": target,
            "target_id": sql.text(str(target_id))[:200],
            "target_name": sql.text(target_name)[:200],
            "changes": sql.json(differences.between(before, after)),
            "note": sql.text(note)[:LONGEST_NOTE],
            "outcome": str(outcome),
            "via": where.via,
            "address": where.address,
            "request_id": where.request_id,
            "method": sql.text(where.method)[:10],
            "path": sql.text(where.path)[:500],
        },
    )
