"""Reads an event hook from untrusted input, field by field, and collects every problem with its path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jobs.definition import Problems
from jobs.models import EventHook, Job
from jobs.rules.pointer import is_pointer
from scheduler_project.lib.input import InvalidInput, printable_text
from templates_registry import registry as templates

FIELDS = ("name", "enabled", "accepts_github", "mapping", "body_parameter", "calls_per_minute")
MOST_MAPPED = 50
MOST_CALLS = 6_000


class InvalidHook(InvalidInput):
    """Input that is no event hook; `fields` has the messages by path."""


@dataclass(frozen=True)
class HookInput:
    """An event hook as it is to be stored."""

    name: str = ""
    enabled: bool = True
    accepts_github: bool = False
    mapping: Mapping[str, str] = field(default_factory=dict)
    body_parameter: str = ""
    calls_per_minute: int = 60

    @classmethod
    def of(cls, hook: EventHook) -> HookInput:
        return cls(
            name=hook.name,
            enabled=hook.is_enabled,
            accepts_github=hook.accepts_github,
            mapping=hook.mapping,
            body_parameter=hook.body_parameter,
            calls_per_minute=hook.calls_per_minute,
        )

    def write_to(self, hook: EventHook) -> None:
        hook.name, hook.is_enabled, hook.accepts_github = self.name, self.enabled, self.accepts_github
        hook.mapping, hook.body_parameter = dict(self.mapping), self.body_parameter
        hook.calls_per_minute = self.calls_per_minute


def read(data: Mapping[str, Any], *, job: Job, current: HookInput | None = None) -> HookInput:
    """What `data` describes, on top of `current` when one is changed. Raises `InvalidHook`."""
    reader = Reader(data, current or HookInput(), job)
    found = reader.read()
    if reader.problems:
        raise InvalidHook(reader.problems)
    return found


class Reader:
    def __init__(self, data: Mapping[str, Any], base: HookInput, job: Job) -> None:
        self.data = data
        self.base = base
        self.job = job
        self.problems: Problems = {}

    def refuse(self, path: str, message: str) -> None:
        self.problems.setdefault(path, []).append(message)

    def read(self) -> HookInput:
        for name in self.data:
            if name not in FIELDS:
                self.refuse(str(name)[:100], f"Unknown field. Known are {', '.join(FIELDS)}.")
        readers = {name: getattr(self, name) for name in FIELDS if name in self.data or name == "name"}
        found = replace(
            self.base, **{name: read(self.data.get(name, self.base.name)) for name, read in readers.items()}
        )
        if found.body_parameter and found.body_parameter in found.mapping:
            self.refuse("body_parameter", "Is mapped as well; take it from one of the two.")
        return found

    def name(self, value: object) -> str:
        text, problem = printable_text(value, most=200)
        if problem:
            self.refuse("name", problem)
        return text

    def enabled(self, value: object) -> bool:
        return self._flag("enabled", value)

    def accepts_github(self, value: object) -> bool:
        return self._flag("accepts_github", value)

    def _flag(self, path: str, value: object) -> bool:
        if not isinstance(value, bool):
            self.refuse(path, "Write true or false.")
        return bool(value)

    def mapping(self, value: object) -> dict[str, str]:
        if not isinstance(value, dict) or len(value) > MOST_MAPPED:
            self.refuse(
                "mapping", f'Write an object with at most {MOST_MAPPED} entries, such as {{"text": "/message"}}.'
            )
            return {}
        for name, pointer in value.items():
            self._refuse_unknown("mapping", name)
            if not is_pointer(pointer) or not pointer:
                self.refuse(f"mapping.{name[:100]}", "Write a JSON pointer, such as /commits/0/id.")
        return value

    def body_parameter(self, value: object) -> str:
        if not isinstance(value, str):
            self.refuse("body_parameter", "Write the name of a parameter, or nothing.")
            return ""
        if value:
            self._refuse_unknown("body_parameter", value)
        return value

    def _refuse_unknown(self, path: str, name: str) -> None:
        known = parameters_of(self.job)
        if name not in known:
            names = ", ".join(known) or "none"
            self.refuse(
                path, f"The template {self.job.template.name} has no parameter {name[:100]!r}. Known are {names}."
            )

    def calls_per_minute(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_CALLS:
            self.refuse("calls_per_minute", f"Write a whole number from 1 to {MOST_CALLS}.")
            return 1
        return value


def parameters_of(job: Job) -> list[str]:
    """The parameters that a body can fill."""
    try:
        schema = templates.get(job.template.name, job.template.version).schema()
    except templates.UnknownTemplate:
        schema = job.template.schema
    return list(schema.get("properties", {}))
