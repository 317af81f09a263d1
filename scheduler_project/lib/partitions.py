"""The partitions of a table that are named by their first day (`_y2026m11`, `_y2026m11d02`), as their makers do."""

from __future__ import annotations

import re
from datetime import date

from scheduler_project.lib import sql

NAME = re.compile(r"_y(\d{4})m(\d{2})(?:d(\d{2}))?$")
CHILDREN = """
SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = %(table)s::regclass ORDER BY c.relname
"""


def dated(table: str) -> list[tuple[str, date]]:
    """Each with its first day, the oldest first; the default one has none, and is left out."""
    found = [(row["name"], NAME.search(row["name"])) for row in sql.rows(CHILDREN, {"table": table})]
    return [(name, date(*(int(part or 1) for part in first.groups()))) for name, first in found if first]
