"""Deletes very many rows, some at a time, so that no statement takes long and no lock is held for long."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

BATCH = 5_000


def delete(rows: QuerySet[Any]) -> int:
    """Delete all of them, in their order. Returns how many; those that are gone stay so when a later batch fails."""
    total = 0
    while True:
        gone: int = rows.model._default_manager.filter(pk__in=rows.values("pk")[:BATCH]).delete()[0]
        total += gone
        if gone < BATCH:
            return total
