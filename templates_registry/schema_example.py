"""Parameters that a schema would take, to read and to copy. Made up where the schema says nothing better."""

from __future__ import annotations

from typing import Any

from templates_registry.schema import Schema
from templates_registry.schema.secrets import is_secret
from templates_registry.schema.walk import resolve
from templates_registry.schema.wording import find_discriminator

DEPTH = 6
OF_FORMAT = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T14:30:00Z",
    "time": "14:30:00Z",
    "email": "ana@example.org",
    "uri": "https://example.org/path",
    "hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "123e4567-e89b-12d3-a456-426614174000",
    "duration": "PT1H30M",
}
SECRET = "••••••"  # noqa: S105


def example(schema: Schema) -> dict[str, Any]:
    """What is required, and what has a default or an example."""
    return _object(schema, schema, 0)


def _object(root: Schema, part: Schema, depth: int) -> dict[str, Any]:
    required = part.get("required", ())
    found = {}
    for name, given in part.get("properties", {}).items():
        inner = resolve(root, given)
        if name in required or "default" in inner or inner.get("examples"):
            found[name] = _value(root, inner, depth + 1)
    return found


def _value(root: Schema, part: Schema, depth: int) -> Any:
    if is_secret(part):
        return SECRET
    if part.get("examples"):
        return part["examples"][0]
    for keyword in ("default", "const"):
        if keyword in part:
            return part[keyword]
    if part.get("enum"):
        return part["enum"][0]
    branches = [resolve(root, branch) for branch in part.get("oneOf", part.get("anyOf", ()))]
    if branches and depth < DEPTH:
        first = branches[0]
        discriminator = find_discriminator(branches)
        made = _value(root, first, depth + 1)
        return {discriminator[0]: discriminator[1][0], **made} if discriminator and isinstance(made, dict) else made
    kinds = part.get("type")
    kind = next((name for name in kinds if name != "null"), "null") if isinstance(kinds, list) else kinds
    if kind == "object":
        return _object(root, part, depth) if depth < DEPTH else {}
    if kind == "array":
        wanted = part.get("minItems", 1) if depth < DEPTH else 0
        return [_value(root, resolve(root, part.get("items", {})), depth + 1)] * min(wanted, 3)
    if kind in ("integer", "number"):
        return _number(part, is_whole=kind == "integer")
    return {"boolean": True, "null": None}.get(str(kind), _text(part) if kind == "string" else None)


def _number(part: Schema, *, is_whole: bool) -> float:
    step: float = part.get("multipleOf", 1)
    if "minimum" in part:
        lowest: float = part["minimum"]
        return lowest if lowest % step == 0 else step * (lowest // step + 1)
    if "exclusiveMinimum" in part:
        above: float = part["exclusiveMinimum"]
        return step * (above // step + 1)
    highest: float | None = part.get("maximum", part.get("exclusiveMaximum"))
    if highest is None or highest > step:
        return step
    return highest - step if is_whole else highest / 2


def _text(part: Schema) -> str:
    if part.get("format") in OF_FORMAT:
        return OF_FORMAT[part["format"]]
    text = "…" if "pattern" in part else "text"
    return text.ljust(part.get("minLength", 0), "x")[: part.get("maxLength", 100)]
