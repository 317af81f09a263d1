"""Puts the grammar of IRIs off until a schema asks for it: `jsonschema` would build it, for a second, at each start."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

from templates_registry.schema.time_limit import free

FORMATS = ("iri", "iri-reference")
_GRAMMAR = "rfc3987_syntax"


def load() -> ModuleType:
    """Build it now, so that no check of a value has to. No schema is charged with the time."""
    with free():
        return import_module(_GRAMMAR)


def _is_valid_syntax(term: str, text: str) -> bool:
    return bool(load().is_valid_syntax(term, text))


def _put_off() -> None:
    """`jsonschema` asks for one function while it is imported; it is given one that imports at its first call."""
    if _GRAMMAR not in sys.modules:
        stand_in = ModuleType(_GRAMMAR)
        vars(stand_in)["is_valid_syntax"] = _is_valid_syntax
        sys.modules[_GRAMMAR] = stand_in
        try:
            import_module("jsonschema")
        finally:
            del sys.modules[_GRAMMAR]


_put_off()
