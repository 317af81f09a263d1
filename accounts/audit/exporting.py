"""Entries of the trail as lines of CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from accounts.audit.models import AuditEntry

COLUMNS = (
    *("id", "at", "tenant", "actor", "action", "target", "target_id", "target_name", "changes", "note", "outcome"),
    *("via", "address", "request_id", "method", "path"),
)
FORMATS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
# What makes a spreadsheet run a cell instead of showing it.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}")


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
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def _as_csv(rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
