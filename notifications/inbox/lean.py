"""What live clients and the change of an inbox tell of a notification: its line in a list, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scheduler_project.lib import sql
from scheduler_project.lib.instants import instant


def lean(row: Mapping[str, Any]) -> dict[str, Any]:
    meta = sql.loads(row["meta"]) or {}
    return {
        "id": row["id"],
        "tenant_id": row["tenant_id"],
        "user_id": row["user_id"],
        "type": row["type"],
        "severity": row["severity"],
        "title": row["title"],
        "count": row["count"],
        "created_at": instant(row["created_at"]),
        "last_at": instant(row["last_at"]),
        "path": meta.get("path", ""),
    }
