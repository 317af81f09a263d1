"""Schemas that several tests use."""

from __future__ import annotations

from typing import Any

EVERY_KIND: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["endpoint", "owner", "region", "limit"],
    "properties": {
        "endpoint": {"type": "string", "format": "uri", "title": "Endpoint"},
        "owner": {"type": "string", "format": "email"},
        "code": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{2}$"},
        "region": {"type": "string", "enum": ["eu", "us", "ap", "sa"]},
        "limit": {"type": "integer", "minimum": 1, "maximum": 365, "default": 30},
        "ratio": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.1},
        "verbose": {"type": "boolean", "default": True},
        "day": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "time"},
        "until": {"type": "string", "format": "date-time"},
        "notes": {"type": "array", "items": {"type": "string", "maxLength": 40}},
        "days": {"type": "array", "uniqueItems": True, "items": {"enum": ["mon", "tue", "wed"]}},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
        "server": {
            "type": "object",
            "additionalProperties": False,
            "required": ["host"],
            "properties": {"host": {"type": "string"}, "port": {"type": "integer", "default": 5432}},
        },
        "token": {"type": "string", "writeOnly": True},
        "window": {"$ref": "#/$defs/window"},
        "target": {
            "oneOf": [
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["kind", "path"],
                    "properties": {"kind": {"const": "file"}, "path": {"type": "string"}},
                },
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["kind", "url"],
                    "properties": {"kind": {"const": "http"}, "url": {"type": "string", "format": "uri"}},
                },
            ]
        },
        "comment": {"type": ["string", "null"]},
        "raw": {},
    },
    "if": {"properties": {"region": {"const": "us"}}, "required": ["region"]},
    "then": {"required": ["code"]},
    "$defs": {
        "window": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"hours": {"type": "integer", "minimum": 1}},
        }
    },
}

FILLED: dict[str, Any] = {
    "endpoint": "https://example.org/c",
    "owner": "ana@example.org",
    "code": "ABC-12",
    "region": "us",
    "limit": 3,
    "ratio": 0.3,
    "verbose": False,
    "day": "2026-01-31",
    "at": "14:30:00Z",
    "until": "2026-01-31T14:30:00Z",
    "notes": ["a", "b: c"],
    "days": ["mon", "wed"],
    "headers": {"x-y": "1: 2", "z": ""},
    "server": {"host": "db", "port": 1},
    "token": "s3cret-canary",
    "window": {"hours": 2},
    "target": {"kind": "http", "url": "http://a.example/"},
    "comment": None,
    "raw": {"a": [1, None]},
}


def having(**properties: Any) -> dict[str, Any]:
    """A closed schema with these properties."""
    return {"type": "object", "additionalProperties": False, "properties": properties}
