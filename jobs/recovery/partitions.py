"""Makes partitions ahead of time, so that no row ever falls into a default one."""

from __future__ import annotations

from scheduler_project.lib import sql, telemetry, transactions

MONTHS_AHEAD = 3
WEEKS_AHEAD = 4
SLICES_AHEAD = 1

MAKE = """
SELECT daybook_make_tick_partitions(since, months_between + %(months)s::integer) AS ticks,
       daybook_make_execution_partitions((SELECT last_value FROM job_executions_id_seq), %(slices)s::integer)
           AS executions,
       daybook_make_scheduler_event_partitions(%(weeks)s::integer) AS scheduler_events
FROM (
    SELECT since, 12 * (extract(year FROM current_date) - extract(year FROM since))::integer
                  + (extract(month FROM current_date) - extract(month FROM since))::integer AS months_between
    -- From the oldest tick that is still to be decided: after months of standstill those have no partition either.
    FROM (SELECT least(current_date, (SELECT min(next_tick_at) FROM dynamic_jobs)::date) AS since) AS oldest
) AS span
"""

STRAY = """
SELECT (SELECT count(*) FROM (SELECT FROM ticks_default LIMIT 1000) AS t) AS ticks,
       (SELECT count(*) FROM (SELECT FROM job_executions_default LIMIT 1000) AS e) AS executions
"""


def sweep() -> int:
    """Returns how many partitions were made."""
    stray = sql.row(STRAY)
    assert stray is not None
    if stray["ticks"] or stray["executions"]:
        telemetry.emit("partition.default_used", **stray)
    # A new partition waits for whoever reads the table, and meanwhile every claim and heartbeat waits for us: with a
    # long read, such as a dump's, until their processes were dead. So this gives up after the engine's lock timeout.
    with transactions.engine():
        made = sql.row(MAKE, {"months": MONTHS_AHEAD, "slices": SLICES_AHEAD, "weeks": WEEKS_AHEAD})
    assert made is not None
    count: int = made["ticks"] + made["executions"] + made["scheduler_events"]
    if count:
        telemetry.emit("partition.made", count=count)
    return count
