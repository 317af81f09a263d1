"""When a job is due, as a value: what operators choose, read from untrusted or stored JSON and written back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

from jobs.rules.cron import DayMatch
from jobs.rules.schedule_input import InvalidSchedule, read_schedule
from jobs.rules.stored import remembered
from jobs.rules.wall_clock import Fold, Gap

__all__ = ["InvalidSchedule", "Kind", "ScheduleSpec"]

Kind = Literal["cron", "interval", "once", "manual"]

_INSTANTS = ("anchor", "at", "start_at", "end_at")
_ALWAYS = ("kind", "timezone")
_OF_KIND: dict[Kind, tuple[str, ...]] = {
    "cron": ("cron", "day_match", "gap", "fold", "spread_seconds", "spread_offset_seconds"),
    "interval": ("every_seconds", "anchor", "spread_seconds", "spread_offset_seconds"),
    "once": ("at",),
    "manual": (),
}


@dataclass(frozen=True)
class ScheduleSpec:
    """Everything that decides what is due; two equal specs are due at the same instants.

    `start_at` (inclusive) and `end_at` (exclusive) bound the due instants themselves, spread included.
    """

    kind: Kind
    timezone: str = "UTC"
    cron: str = ""
    every_seconds: int = 0
    anchor: datetime | None = None
    at: datetime | None = None
    day_match: DayMatch | None = None
    gap: Gap = "shift"
    fold: Fold = "first"
    spread_seconds: int = 0
    spread_offset_seconds: int = 0
    start_at: datetime | None = None
    end_at: datetime | None = None

    @classmethod
    def parse(
        cls,
        data: Mapping[str, object],
        *,
        min_interval_seconds: int = 60,
        default_anchor: datetime | None = None,
    ) -> ScheduleSpec:
        """A spec from untrusted input, checked in full. Raises InvalidSchedule.

        An interval without `anchor` counts from its `start_at`, else from `default_anchor`, else from 1970.
        """
        return cls(**read_schedule(data, min_interval_seconds=min_interval_seconds, default_anchor=default_anchor))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ScheduleSpec:
        """A spec as `to_json` wrote it. The content is trusted: it was checked before it was stored.

        Raises InvalidSchedule where nothing could be due by mistake: it holds no kind that is known here."""
        if not isinstance(data, Mapping) or data.get("kind") not in _OF_KIND:
            raise InvalidSchedule({"kind": [f"The stored kind is none of {', '.join(_OF_KIND)}."]})
        return _read_stored(data)

    def to_json(self) -> dict[str, Any]:
        """The keys that belong to the kind and say something; instants in UTC."""
        written: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _ALWAYS or (value != field.default and self._is_relevant(field.name)):
                written[field.name] = value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        return written

    def _is_relevant(self, name: str) -> bool:
        return name in _OF_KIND[self.kind] or (name in ("start_at", "end_at") and self.kind != "manual")


@remembered
def _read_stored(data: Mapping[str, Any]) -> ScheduleSpec:
    values = dict(data)
    for name in _INSTANTS:
        if values.get(name) is not None:
            values[name] = datetime.fromisoformat(values[name]).astimezone(UTC)
    return ScheduleSpec(**values)
