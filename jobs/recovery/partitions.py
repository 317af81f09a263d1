"""Makes partitions ahead of time, so that no row ever falls into a default one."""

from __future__ import annotations

from scheduler_project.lib import sql, telemetry

MONTHS_AHEAD = 3
SLICES_AHEAD = 1

MAKE = """
SELECT daybook_make_tick_partitions(current_date, %(months)s::integer) AS ticks,
       daybook_make_execution_partitions((SELECT last_value FROM job_executions_id_seq), %(slices)s::integer)
           AS executions
"""

STRAY = """
SELECT (SELECT count(*) FROM (SELECT FROM ticks_default LIMIT 1000) AS t) AS ticks,
       (SELECT count(*) FROM (SELECT FROM job_executions_default LIMIT 1000) AS e) AS executions
"""


def sweep() -> int:
    """Returns how many partitions were made."""
    made = sql.row(MAKE, {"months": MONTHS_AHEAD, "slices": SLICES_AHEAD})
    stray = sql.row(STRAY)
    assert made is not None
    assert stray is not None
    if stray["ticks"] or stray["executions"]:
        telemetry.emit("partition.default_used", **stray)
    count: int = made["ticks"] + made["executions"]
    if count:
        telemetry.emit("partition.made", count=count)
    return count
