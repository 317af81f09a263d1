"""Entries of the trail as lines of CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse

from accounts.audit import reading
from accounts.audit.models import AuditEntry
from scheduler_project.lib import csv_cells

COLUMNS = (
    *("id", "at", "tenant", "actor", "action", "target", "target_id", "target_name", "changes", "note", "outcome"),
    *("via", "address", "request_id", "method", "path"),
)
FORMATS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


def lines(pieces: Iterable[list[AuditEntry]], form: str) -> Iterator[str]:
    """A piece at a time."""
    if form == "csv":
        yield _as_csv([COLUMNS])
    for piece in pieces:
        values = [_values(entry) for entry in piece]
        yield _as_csv([_cells(value) for value in values]) if form == "csv" else _as_json(values)


def _values(entry: AuditEntry) -> dict[str, Any]:
    shown = {name: getattr(entry, name) for name in COLUMNS if name != "tenant"}
    return {**shown, "at": entry.at.isoformat(), "tenant": entry.tenant.slug if entry.tenant else None}


def _as_json(values: list[dict[str, Any]]) -> str:
    return "".join(f"{json.dumps({name: value[name] for name in COLUMNS}, ensure_ascii=False)}\n" for value in values)


def _cells(value: dict[str, Any]) -> list[str]:
    return [_cell(value[name]) for name in COLUMNS]


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    return csv_cells.safe(text)


def _as_csv(rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def attachment(
    request: HttpRequest, entries: QuerySet[AuditEntry], form: str, *, since: datetime, until: datetime
) -> StreamingHttpResponse:
    """The entries as a file, sent while it is made."""
    text = lines(reading.in_pieces(entries), form)
    is_async = isinstance(request, ASGIRequest)
    response = StreamingHttpResponse(_async(text) if is_async else text, content_type=FORMATS[form])
    name = f"audit-{since:%Y%m%d}-{until:%Y%m%d}.{form}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


async def _async(text: Iterator[str]) -> AsyncIterator[str]:
    """Piece by piece; Django would gather a plain iterator in memory first."""
    following = sync_to_async(lambda: next(text, None))
    while (piece := await following()) is not None:
        yield piece
