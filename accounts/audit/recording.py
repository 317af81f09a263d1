"""Adds entries to the trail."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


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
