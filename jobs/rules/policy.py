"""How a job treats late and overlapping ticks, slow and failing runs: one frozen value, parsed and written as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, get_type_hints

from jobs.rules.states import FanIn, Misfire, OnLost, OnQueueFull, Overlap
from jobs.rules.stored import remembered
from scheduler_project.lib.input import InvalidInput

DAY = 86_400


class InvalidPolicy(InvalidInput):
    """Input that is no policy; `fields` says for each name what is wrong and what would be right."""


@dataclass(frozen=True)
class JobPolicy:
    misfire: Misfire = Misfire.LAST
    misfire_window_seconds: int = DAY
    misfire_cap: int = 10
    late_after_seconds: int = 60
    overlap: Overlap = Overlap.SKIP
    max_instances: int | None = None
    start_deadline_seconds: int | None = None
    max_runs: int | None = None
    pause_after_failures: int | None = None
    timeout_seconds: int = 3600
    soft_timeout_seconds: int | None = None
    run_lease_seconds: int | None = None
    max_retries: int = 3
    retry_base_seconds: float = 1.0
    retry_multiplier: float = 2.0
    retry_cap_seconds: float = 300.0
    on_lost: OnLost = OnLost.RETRY
    on_queue_full: OnQueueFull = OnQueueFull.SKIP
    requires_approval: bool = False
    fan_in: FanIn = FanIn.ALL

    @property
    def slots(self) -> int | None:
        """How many runs of the job may be running at once; None means any number."""
        if self.overlap is Overlap.ALLOW:
            return self.max_instances
        return self.max_instances or 1

    @property
    def max_attempts(self) -> int:
        return self.max_retries + 1

    def run_lease(self, default: timedelta) -> timedelta:
        return default if self.run_lease_seconds is None else timedelta(seconds=self.run_lease_seconds)

    def start_deadline_at(self, due_at: datetime) -> datetime | None:
        if self.start_deadline_seconds is None:
            return None
        return due_at + timedelta(seconds=self.start_deadline_seconds)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> JobPolicy:
        """A stored policy. Names and choices that only a newer release knows are ignored: its jobs must go on here."""
        return _read_stored(data)

    @classmethod
    def parse(cls, data: object) -> JobPolicy:
        """Untrusted input. Raises `InvalidPolicy`."""
        if not isinstance(data, Mapping):
            raise InvalidPolicy({"": ["Write an object with the names of policies."]})
        errors: dict[str, list[str]] = {}
        for name, value in data.items():
            if message := _problem(str(name), value):
                errors[str(name)] = [message]
        if errors:
            raise InvalidPolicy(errors)
        policy = cls.from_json(data)
        if policy.soft_timeout_seconds is not None and policy.soft_timeout_seconds >= policy.timeout_seconds:
            raise InvalidPolicy({"soft_timeout_seconds": ["Must be shorter than timeout_seconds."]})
        if policy.retry_cap_seconds < policy.retry_base_seconds:
            raise InvalidPolicy({"retry_cap_seconds": ["Must not be shorter than retry_base_seconds."]})
        return policy

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _NAMES}


@remembered
def _read_stored(data: Mapping[str, Any]) -> JobPolicy:
    known: dict[str, Any] = {}
    for name, value in data.items():
        if name in _ENUMS:
            if value in list(_ENUMS[name]):
                known[name] = _ENUMS[name](value)
        elif name in _NAMES:
            known[name] = value
    return JobPolicy(**known)


_NAMES = tuple(field.name for field in fields(JobPolicy))
_ENUMS: dict[str, type[StrEnum]] = {
    "misfire": Misfire,
    "overlap": Overlap,
    "on_lost": OnLost,
    "on_queue_full": OnQueueFull,
    "fan_in": FanIn,
}
_BOOLEANS = {name for name, hint in get_type_hints(JobPolicy).items() if hint is bool}
_OPTIONAL = {name for name, hint in get_type_hints(JobPolicy).items() if type(None) in getattr(hint, "__args__", ())}
_FLOATS = {name for name, hint in get_type_hints(JobPolicy).items() if hint is float}
_BOUNDS: dict[str, tuple[float, float]] = {
    "misfire_window_seconds": (0, 366 * DAY),
    "misfire_cap": (1, 1000),
    "late_after_seconds": (1, DAY),
    "max_instances": (1, 1000),
    "start_deadline_seconds": (1, 366 * DAY),
    "max_runs": (1, 1_000_000_000),
    "pause_after_failures": (1, 1000),
    "timeout_seconds": (1, 7 * DAY),
    "soft_timeout_seconds": (1, 7 * DAY),
    "run_lease_seconds": (2, 900),
    "max_retries": (0, 100),
    "retry_base_seconds": (0, DAY),
    "retry_multiplier": (1, 100),
    "retry_cap_seconds": (0, 7 * DAY),
}


def _problem(name: str, value: object) -> str | None:
    if name not in _NAMES:
        return f"Unknown policy. Known are {', '.join(_NAMES)}."
    if value is None and name in _OPTIONAL:
        return None
    if name in _ENUMS:
        allowed = [member.value for member in _ENUMS[name]]
        return None if value in allowed else f"Write one of {', '.join(allowed)}."
    if name in _BOOLEANS:
        return None if isinstance(value, bool) else "Write true or false."
    low, high = _BOUNDS[name]
    kind = "number" if name in _FLOATS else "whole number"
    if isinstance(value, bool) or not isinstance(value, (int, float) if name in _FLOATS else int):
        return f"Write a {kind} from {low:g} to {high:g}."
    if not low <= value <= high:
        return f"Write a {kind} from {low:g} to {high:g}."
    return None
