"""What differs between the schemas of two versions of a template, field by field, for who decides about an upgrade."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from templates_registry.schema import Schema
from templates_registry.schema_table import Row, rows

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
WORDS = {"type": "type", "default": "default", "rules": "rules", "is_secret": "secret", "description": "meaning"}


@dataclass(frozen=True)
class Change:
    name: str
    kind: str
    # What it means in words: "now required", "default 10 → 20".
    details: tuple[str, ...] = ()

    @property
    def needs_attention(self) -> bool:
        """Whether a job that was fine may not be so any more."""
        return self.kind == REMOVED or any(text.startswith(("required", "now required")) for text in self.details)


def changes(before: Schema, after: Schema) -> list[Change]:
    old = {row.name: row for row in rows(before)}
    new = {row.name: row for row in rows(after)}
    added = [_added(row) for name, row in new.items() if name not in old]
    kept = [Change(name, CHANGED, tuple(_differences(old[name], row))) for name, row in new.items() if name in old]
    removed = [Change(name, REMOVED) for name in old if name not in new]
    return [*added, *(change for change in kept if change.details), *removed]


def _added(row: Row) -> Change:
    details = [row.type, *(["required"] if row.is_required else [])]
    if row.default:
        details.append(f"default {row.default}")
    return Change(row.name, ADDED, tuple(details))


def _differences(old: Row, new: Row) -> Iterator[str]:
    if old.is_required != new.is_required:
        yield "now required" if new.is_required else "now optional"
    for name in (item.name for item in fields(Row)):
        before, after = getattr(old, name), getattr(new, name)
        if name not in WORDS or before == after:
            continue
        if name == "is_secret":
            yield "now secret" if after else "no longer secret"
        elif name == "description":
            yield "explained anew"
        else:
            yield f"{WORDS[name]} {before or 'none'} → {after or 'none'}"
