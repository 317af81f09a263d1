"""Reads a document strictly: its shape, its version, its names. What its jobs say is judged when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jobs.definition import FIELDS
from jobs.transfer.document import FORMAT, MOST_JOBS, VERSION
from scheduler_project.lib.input import InvalidInput

MOST_OTHERS = 5_000
ENTRIES: dict[str, tuple[str, ...]] = {
    "templates": ("name", "version"),
    "calendars": ("slug", "name", "timezone", "weekdays", "holidays", "blackouts"),
    "pools": ("slug", "name", "size"),
    "jobs": (*FIELDS, "enabled", "origin"),
    "dependencies": ("upstream", "downstream", "kind", "condition", "parameters", "gate_patience_seconds"),
}
KNOWN = ("format", "version", "exported_at", *ENTRIES)
NAMED_BY = {"calendars": ("slug",), "pools": ("slug",), "jobs": ("slug",), "dependencies": ("upstream", "downstream")}
# A tenant is never taken from a file, and an id means nothing elsewhere.


class InvalidImport(InvalidInput):
    """Not a document of ours; `fields` has the messages by path."""


@dataclass(frozen=True)
class Document:
    calendars: list[dict[str, Any]]
    pools: list[dict[str, Any]]
    jobs: list[dict[str, Any]]
    dependencies: list[dict[str, Any]]


def read(given: Any) -> Document:
    """Raises `InvalidImport`."""
    if not isinstance(given, dict):
        raise InvalidImport({"document": ["Write an object, as an export is one."]})
    if given.get("format") != FORMAT:
        raise InvalidImport({"document.format": [f"Is not {FORMAT}; only exports of jobs can be imported."]})
    if given.get("version") != VERSION or isinstance(given.get("version"), bool):
        text = f"Is {given.get('version')!r:.40}; this installation reads version {VERSION}."
        raise InvalidImport({"document.version": [text]})
    problems: dict[str, list[str]] = {
        f"document.{name:.60}": [f"Unknown. Known are {', '.join(KNOWN)}."] for name in given if name not in KNOWN
    }
    for part in ENTRIES:
        problems |= _problems_of(part, given.get(part, []))
    if problems:
        raise InvalidImport(dict(list(problems.items())[:100]))
    return Document(**{part: given.get(part, []) for part in ENTRIES if part != "templates"})


def _problems_of(part: str, entries: Any) -> dict[str, list[str]]:
    most = MOST_JOBS if part == "jobs" else MOST_OTHERS
    if not isinstance(entries, list) or len(entries) > most:
        return {f"document.{part}": [f"Write a list of at most {most}."]}
    problems: dict[str, list[str]] = {}
    seen: dict[tuple[Any, ...], int] = {}
    for index, entry in enumerate(entries):
        path = f"document.{part}[{index}]"
        if not isinstance(entry, dict):
            problems[path] = ["Write an object."]
            continue
        for name in entry:
            if name not in ENTRIES[part]:
                problems[f"{path}.{name:.60}"] = [f"Unknown. Known are {', '.join(ENTRIES[part])}."]
        name = tuple(entry.get(column) for column in NAMED_BY.get(part, ()))
        if not all(isinstance(one, str) and one for one in name):
            problems[f"{path}.{NAMED_BY[part][0]}"] = ["This field is required, and is a short name."]
        elif name and name in seen:
            problems[f"{path}.{NAMED_BY[part][0]}"] = [f"Is that of {part}[{seen[name]}] as well; name each once."]
        seen.setdefault(name, index)
        if part == "jobs" and not isinstance(entry.get("enabled", True), bool):
            problems[f"{path}.enabled"] = ["Write true or false."]
    return problems
