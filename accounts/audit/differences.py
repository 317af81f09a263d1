"""What differs between two states of a row, field by field, without what is secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from scheduler_project.lib import sql
from scheduler_project.lib.masking import NAMED
from scheduler_project.lib.text_masking import MASK

LONGEST = 4_000  # characters of one value; what is longer is cut
ABSENT = None

Changes = dict[str, list[Any]]


def between(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Changes:
    """`{field: [before, after]}` of what differs; parts of a nested mapping are fields of their own (`policies.x`)."""
    old, new = plain(before or {}), plain(after or {})
    found: Changes = {}
    _compare(old, new, "", found)
    return found


def plain(value: Any) -> Any:
    """As JSON holds it: instants as texts, and nothing that PostgreSQL refuses."""
    return _storable(json.loads(json.dumps(value, cls=_Encoder)))


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return sql.text(value)
    if isinstance(value, list):
        return [_storable(part) for part in value]
    if isinstance(value, dict):
        return {sql.text(name): _storable(part) for name, part in value.items()}
    return value


class _Encoder(DjangoJSONEncoder):
    def default(self, o: Any) -> Any:
        try:
            return super().default(o)
        except TypeError:
            return sorted(o, key=str) if isinstance(o, set | frozenset) else str(o)


def _compare(old: Mapping[str, Any], new: Mapping[str, Any], path: str, found: Changes) -> None:
    for name in sorted({*old, *new}):
        before, after = old.get(name, ABSENT), new.get(name, ABSENT)
        if before == after:
            continue
        where = f"{path}.{name}" if path else name
        if NAMED.search(name):
            found[where] = [_masked(before), _masked(after)]
        elif isinstance(before, Mapping) and isinstance(after, Mapping):
            _compare(before, after, where, found)
        else:
            found[where] = [_shown(before), _shown(after)]


def _masked(value: Any) -> Any:
    return value if value is None or value in ("", [], {}) or isinstance(value, bool) else MASK


def _shown(value: Any) -> Any:
    """Without what a name inside says is secret, and not longer than a reader could bear."""
    value = _without_secrets(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _masked(part) if NAMED.search(name) else _without_secrets(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_secrets(part) for part in value]
    return value
