"""Refuses values that are too large, too deep or not JSON, before anything more expensive looks at them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from templates_registry.schema.paths import ROOT, extend


@dataclass(frozen=True)
class Bounds:
    size: int
    depth: int
    keys: int
    key_length: int = 200


PARAMETERS = Bounds(size=64 * 1024, depth=20, keys=2_000)
SCHEMAS = Bounds(size=256 * 1024, depth=60, keys=8_000, key_length=500)


def find_excess(value: object, bounds: Bounds = PARAMETERS) -> dict[str, list[str]]:
    """The first thing that is out of bounds, by its path; empty when nothing is. Never recurses."""
    size = keys = 0
    waiting: list[tuple[str, object, int]] = [(ROOT, value, 1)]
    while waiting:
        path, item, depth = waiting.pop()
        problem = _find_problem(item)
        if problem:
            return {path: [problem]}
        if isinstance(item, list | dict) and depth > bounds.depth:
            return {path: [f"must not be nested deeper than {bounds.depth} levels"]}
        size += len(item) + 2 if isinstance(item, str) else 2
        if isinstance(item, dict):
            keys += len(item)
            for key, child in item.items():
                if not isinstance(key, str) or _find_problem(key) or len(key) > bounds.key_length:
                    return {path: [f"must have names of plain text, of at most {bounds.key_length} characters"]}
                size += len(key) + 3
                waiting.append((extend(path, key), child, depth + 1))
        elif isinstance(item, list):
            waiting.extend((extend(path, index), child, depth + 1) for index, child in enumerate(item))
        if keys > bounds.keys:
            return {ROOT: [f"must have at most {bounds.keys} names in all"]}
        # A lower bound of the real size, so that a huge value is refused before all of it is visited.
        if size > 2 * bounds.size:
            return {ROOT: [_too_large(bounds)]}
    if len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()) > bounds.size:
        return {ROOT: [_too_large(bounds)]}
    return {}


def _too_large(bounds: Bounds) -> str:
    return f"must not be larger than {bounds.size // 1024} KB as JSON"


def _find_problem(item: object) -> str | None:
    if item is None or isinstance(item, bool | list | dict):
        return None
    if isinstance(item, str):
        if "\0" in item:
            return "must not contain the character NUL"  # PostgreSQL cannot store it in JSON
        if any("\ud800" <= character <= "\udfff" for character in item):
            return "must be text that can be written as UTF-8"
        return None
    if isinstance(item, int):
        return None if -(2**63) <= item < 2**63 else "must be a number of at most 64 bits"
    if isinstance(item, float):
        return None if math.isfinite(item) else "must be a finite number"
    return "must be a JSON value"
