"""A schema as rows of a table for people: name, type, whether it is needed, default, rules, meaning."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from templates_registry.schema import Schema
from templates_registry.schema.secrets import is_secret
from templates_registry.schema.walk import Unresolved, resolve

DEPTH = 4
BOUNDS = (
    ("minimum", "at least {}"),
    ("exclusiveMinimum", "more than {}"),
    ("maximum", "at most {}"),
    ("exclusiveMaximum", "less than {}"),
    ("multipleOf", "a multiple of {}"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minItems", "at least {} items"),
    ("maxItems", "at most {} items"),
)


@dataclass(frozen=True)
class Row:
    name: str
    type: str
    is_required: bool
    default: str
    rules: str
    description: str
    is_secret: bool


def rows(schema: Schema) -> list[Row]:
    return list(_rows(schema, schema, "", 0))


def _rows(root: Schema, schema: Any, prefix: str, depth: int) -> Iterator[Row]:
    required = schema.get("required", ())
    for name, given in schema.get("properties", {}).items():
        try:
            part = resolve(root, given)
        except Unresolved:
            part = {}
        yield Row(
            name=f"{prefix}{name}",
            type=_type(root, part),
            is_required=name in required,
            default="" if "default" not in part or is_secret(part) else _text(part["default"]),
            rules=_rules(part),
            description=str(part.get("description") or part.get("title") or ""),
            is_secret=is_secret(part),
        )
        if depth < DEPTH and part.get("properties"):
            yield from _rows(root, part, f"{prefix}{name}.", depth + 1)


def _type(root: Schema, part: Any) -> str:
    if "const" in part:
        return "constant"
    kinds = part.get("type")
    names = [kinds] if isinstance(kinds, str) else list(kinds or ())
    if names == ["array"] and isinstance(part.get("items"), dict):
        return f"list of {_type(root, resolve(root, part['items']))}"
    words = " or ".join({"object": "object", "integer": "whole number"}.get(name, str(name)) for name in names)
    words = words or (
        "one of several forms" if {"oneOf", "anyOf"} & set(part) else "choice" if "enum" in part else "any"
    )
    return f"{words} ({part['format']})" if "format" in part else words


def _rules(part: Any) -> str:
    found = [words.format(part[keyword]) for keyword, words in BOUNDS if keyword in part]
    if "enum" in part:
        found.append("one of " + ", ".join(_text(value) for value in part["enum"]))
    if "const" in part:
        found.append(_text(part["const"]))
    if "pattern" in part:
        found.append(str(part.get("x-pattern-hint") or f"matches {part['pattern']}"))
    return ", ".join(found)


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
