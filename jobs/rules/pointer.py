"""JSON pointers (RFC 6901): one value out of a document."""

from __future__ import annotations

import re
from typing import Any

MOST = 500
POINTER = re.compile(r"(?:/(?:[^/~]|~[01])*)*")
INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


class NothingThere(LookupError):
    """The document has no value at that place."""


def is_pointer(text: object) -> bool:
    return isinstance(text, str) and len(text) <= MOST and POINTER.fullmatch(text) is not None


def value_at(document: Any, pointer: str) -> Any:
    """The value that the pointer names; an empty one names the whole document. Raises `NothingThere`."""
    value = document
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and INDEX.fullmatch(name) and int(name) < len(value):
            value = value[int(name)]
        else:
            raise NothingThere(f"There is nothing at {pointer}.")
    return value
