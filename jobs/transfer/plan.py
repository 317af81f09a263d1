"""What an import comes to, one item for each thing that it names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Change:
    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Item:
    """`action` is create, change, leave, archive, remove or refuse; `note` says why."""

    kind: str  # calendar, pool, job, dependency
    name: str
    action: str
    changes: tuple[Change, ...] = ()
    problems: Mapping[str, list[str]] | None = None
    note: str = ""

    @property
    def is_refused(self) -> bool:
        return self.action == "refuse"


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """Field by field; of objects, each name by itself."""
    return tuple(_differences("", before, after))


def _differences(path: str, before: Any, after: Any) -> Iterable[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            yield from _differences(f"{path}.{name}" if path else name, before.get(name), after.get(name))
    elif before != after:
        yield Change(path, before, after)


def hash_of(items: Iterable[Item], mode: str) -> str:
    """The same for the same plan, and for no other."""
    text = json.dumps([mode, *(asdict(item) for item in items)], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
