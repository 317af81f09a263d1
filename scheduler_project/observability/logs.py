"""Log lines: engine events become lines here, and every line gets its form and loses what looks like a secret."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

from scheduler_project.lib import correlation, telemetry
from scheduler_project.lib.text_masking import mask
from scheduler_project.middleware import current_request_id
from scheduler_project.observability import wording

logger = logging.getLogger("daybook")


def listen() -> None:
    """Turn telemetry events into log lines."""
    telemetry.listen(write)


def write(event: str, fields: dict[str, Any]) -> None:
    level, sentence = wording.describe(event, fields)
    if logger.isEnabledFor(level):
        logger.log(level, "%s", sentence, extra={"event": event, "fields": fields})


def _instant(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _correlation() -> dict[str, Any]:
    """The request and the execution that the line belongs to, where there is one."""
    request_id = current_request_id.get()
    return {**({"request_id": request_id} if request_id else {}), **correlation.current()}


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _masked(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(part) for part in value]
    return value if isinstance(value, bool | int | float | None) else mask(str(value))


class TextFormatter(logging.Formatter):
    """`2026-11-21T02:00:00.000Z INFO    name: message [execution_id=7]`, for people."""

    def format(self, record: logging.LogRecord) -> str:
        # One line each: a line break in a job's name must not pass for a line of ours.
        message = record.getMessage().replace("\r", "\\r").replace("\n", "\\n")
        line = f"{_instant(record)} {record.levelname:7} {record.name}: {message}"
        told = getattr(record, "fields", {})
        marks = [f"{name}={value}" for name, value in _correlation().items() if name not in told]
        if marks:
            line += f" [{' '.join(marks)}]"
        if record.exc_info and record.exc_info[0] is not None:
            line += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
        return mask(line)


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "at": _instant(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "pid": record.process,
        }
        if event := getattr(record, "event", None):
            entry["event"] = event
        for name, value in {**_correlation(), **getattr(record, "fields", {})}.items():
            entry.setdefault(name, value)
        if record.exc_info and record.exc_info[0] is not None:
            entry["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps({name: _masked(value) for name, value in entry.items()}, default=_masked)
