"""Takes secrets out of what leaves the product although nobody has said which of its values they are: by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from scheduler_project.lib.text_masking import IN_ADDRESS, MASK

NAMED = re.compile(
    r"pass(word|wd|phrase)|secret|token|authorization|cookie|credential|digest|signature|(api|access|private)[_-]?key",
    re.IGNORECASE,
)
OF_A_FIELD = re.compile(r"[.\-\[]|__")

_sources: list[Callable[[], frozenset[str]]] = []


def also_hide(names: Callable[[], frozenset[str]]) -> None:
    """From now on values of these names are masked, too, whatever the names look like."""
    if names not in _sources:
        _sources.append(names)


def masked(value: Any) -> Any:
    """A copy in which secrets are masked. Of fields of forms, such as `parameters.x`, each part of the name counts."""
    return _masked(value, frozenset().union(*(names() for names in _sources)))


def _masked(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {name: MASK if _is_secret(str(name), names) else _masked(part, names) for name, part in value.items()}
    if isinstance(value, list):
        return [_masked(part, names) for part in value]
    return IN_ADDRESS.sub(rf"\g<1>{MASK}", value) if isinstance(value, str) else value


def _is_secret(name: str, names: frozenset[str]) -> bool:
    return bool(NAMED.search(name)) or not names.isdisjoint((name, *OF_A_FIELD.split(name)))
