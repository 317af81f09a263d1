"""Cancels executions that were not started in time."""

from __future__ import annotations

from jobs import executions
from scheduler_project.lib import sql, telemetry


def sweep() -> int:
    """Returns how many were cancelled."""
    clock = sql.row("SELECT clock_timestamp() AS now")
    assert clock is not None
    expired = executions.expire_overdue(now=clock["now"])
    for execution_id in expired:
        telemetry.emit("execution.expired", execution_id=execution_id)
    return len(expired)
