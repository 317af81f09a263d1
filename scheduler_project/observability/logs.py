"""Log lines: their form, and the wording of every engine event. The only place that words them."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

from scheduler_project.lib import telemetry

logger = logging.getLogger("daybook")

# event -> (level, wording). An event that is not listed is written with its name, at DEBUG.
WORDING: dict[str, tuple[int, str]] = {
    "leader.acquired": (logging.INFO, "{holder} acquired leader, epoch {epoch}"),
    "leader.lost": (logging.WARNING, "{holder} lost the lead of epoch {epoch}"),
    "leader.released": (logging.INFO, "{holder} released the lead of epoch {epoch}"),
    "tick.decided": (logging.INFO, "Decided {ticks} ticks of {jobs} jobs, {fired} fired"),
    "execution.dispatched": (logging.INFO, "Dispatched job execution {execution_id} to {queue}"),
    "execution.succeeded": (logging.INFO, "Execution {execution_id} of {job} executed successfully in {seconds:.3f} s"),
    "execution.failed": (logging.WARNING, "Execution {execution_id} of {job} failed: {error}"),
    "beat.foreign_edit_undone": (logging.WARNING, "Undid a change of others to the row of {job}: {fields}"),
    "beat.row_quarantined": (logging.WARNING, "Row {row} cannot be run as {job}: {problem}"),
    "beat.unlisted_task_adopted": (logging.WARNING, "Adopted {job}, whose task {task} is not on the list"),
    "beat.row_failed": (logging.ERROR, "Row {row} of job {job_id} could not be brought in line: {error}"),
    "beat.entry_refused": (logging.ERROR, "The entry {entry} of beat_schedule cannot be stored: {error}"),
    "beat.other_beat_seen": (logging.ERROR, "Another beat runs the rows: {stopped} adopted jobs are only observed now"),
    "beat.other_beat_had_run": (logging.WARNING, "Another beat ran {rows} rows while no scheduler led"),
    "beat.message_ran": (logging.WARNING, "Stock beat asked for job {job_id}: execution {execution_id}"),
    "beat.message_refused": (logging.WARNING, "Stock beat asked for job {job_id} in vain: {reason}"),
    "loop.failed": (logging.ERROR, "{loop} failed, next try in {seconds:g} s: {error}"),
}


def listen() -> None:
    """Turn telemetry events into log lines."""
    telemetry.listen(write)


def write(event: str, fields: dict[str, Any]) -> None:
    level, wording = WORDING.get(event, (logging.DEBUG, event))
    if logger.isEnabledFor(level):
        logger.log(level, wording.format_map(_Lenient(fields)), extra={"event": event, "fields": fields})


class _Lenient(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


def _instant(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class TextFormatter(logging.Formatter):
    """`2026-11-21T02:00:00.000Z INFO    name: message`, for people."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_instant(record)} {record.levelname:7} {record.name}: {record.getMessage()}"
        if record.exc_info and record.exc_info[0] is not None:
            line += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "at": _instant(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if event := getattr(record, "event", None):
            entry["event"] = event
            entry.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[0] is not None:
            entry["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(entry, default=str)
