"""The names that tenants and keys may have."""

from __future__ import annotations

from scheduler_project.lib import plain_text
from scheduler_project.lib.input import InvalidInput

LONGEST_NAME = 200


def name_of(value: object) -> str:
    """Raises `InvalidInput`."""
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > LONGEST_NAME or not plain_text.is_printable(text):
        raise InvalidInput({"name": [f"A name has 1 to {LONGEST_NAME} printable characters."]})
    return text
