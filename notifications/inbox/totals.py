"""Adds up how many notifications of each type there have been: of few types by name, of all others together.

Which types have names is settled when they are first written, so no sum ever falls. Whoever creates notifications
chooses their types; without a bound, one tenant could make as many rows, and as many series, as it likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from notifications.rules.wording import TYPES
from scheduler_project.lib import sql

MOST_TYPES = 100
"""With names, beside those that are built in."""
OTHERS = "other"

NAMED = "SELECT DISTINCT type FROM ui_notification_totals WHERE type <> ALL(%(others)s::text[])"
ADD_UP = """
INSERT INTO ui_notification_totals AS t (type, severity, count)
SELECT v.type, v.severity, sum(v.count) FROM unnest(%(type)s::text[], %(severity)s::text[], %(count)s::bigint[])
    AS v(type, severity, count)
GROUP BY v.type, v.severity
ON CONFLICT (type, severity) DO UPDATE SET count = t.count + excluded.count
"""


def add(counts: Mapping[tuple[str, str], int]) -> None:
    """By type and severity. In the turn of a writer of inboxes: no other adds meanwhile."""
    names = _names(type_ for type_, _ in counts)
    values = {
        "type": [names[type_] for type_, _ in counts],
        "severity": [severity for _, severity in counts],
        "count": list(counts.values()),
    }
    sql.rows(ADD_UP, values)


def _names(types: Iterable[str]) -> dict[str, str]:
    """Under which each is counted."""
    found = {type_: type_ for type_ in types}
    chosen = [type_ for type_ in found if type_ not in TYPES and type_ != OTHERS]
    if not chosen:
        return found
    named = {row["type"] for row in sql.rows(NAMED, {"others": [*TYPES, OTHERS]})}
    for type_ in chosen:
        if type_ not in named and len(named) >= MOST_TYPES:
            found[type_] = OTHERS
        else:
            named.add(type_)
    return found
